//! `clip-rs datasets`

use std::path::PathBuf;

use clip_data::{
    ArchiveReport, CheckReport, CheckStep, Dataset, PromptSet, SplitReport, Status, catalogue,
    check, find, packed, present,
};

use crate::console::{Console, Unit, Usage};
use crate::exit::Exit;
use crate::table::{columns, fit, fit_end, width, wrapped};

/// List, describe and check the benchmark data sets
///
/// The sets of CLIP's model card and paper, read as their authors publish them. Nothing is
/// downloaded: `info` says where to get a set, `check` whether what you have is whole.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs datasets list
  clip-rs datasets info voc2007
  clip-rs datasets check /data --dataset dtd,food101")]
pub(crate) struct Datasets {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(clap::Subcommand)]
enum Verb {
    List(List),
    Info(Info),
    Check(Check),
}

/// List the data sets: images of the scored split, classes, metric, whether they can be had
///
/// `–`: no classes (captions, words, numbers, people), or no published count. Metrics are cut with
/// `…` where the terminal is narrow; `info` and --json have them whole.
#[derive(clap::Args, Default)]
#[command(after_help = "Example:\n  clip-rs datasets list")]
struct List {
    /// One JSON array
    #[arg(long)]
    json: bool,
}

/// Describe a data set: splits, archives, where to get it, and what trips its readers up
#[derive(clap::Args)]
#[command(after_help = "Example:\n  clip-rs datasets info oxford_pets")]
struct Info {
    /// Its name in `clip-rs datasets list`
    #[arg(value_name = "NAME")]
    name: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Compare what is below a folder with what is published
///
/// Counts of every split, files that lists name and that are not there, checksums of archives that
/// lie beside. Exits with 1 if anything is wrong. Without --dataset: every set that is found. `–`
/// is a split that is not here, or a count that is not published.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  clip-rs datasets check data
  clip-rs datasets check data --dataset dtd,food101 --json")]
struct Check {
    /// The folder that holds one data set or many
    #[arg(value_name = "ROOT")]
    root: PathBuf,
    /// Names in `clip-rs datasets list`
    #[arg(long = "dataset", value_name = "NAME", value_delimiter = ',')]
    datasets: Vec<String>,
    /// One JSON array
    #[arg(long)]
    json: bool,
}

impl Datasets {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        match self.verb.unwrap_or(Verb::List(List::default())) {
            Verb::List(verb) => verb.run(console),
            Verb::Info(verb) => verb.run(console),
            Verb::Check(verb) => verb.run(console),
        }
    }
}

impl List {
    fn run(self, console: &Console) -> anyhow::Result<Exit> {
        if self.json {
            console.json(&catalogue())?;
            return Ok(Exit::Ok);
        }
        let sets = catalogue().iter().map(Row::of).collect::<anyhow::Result<Vec<_>>>()?;
        console.print(&list(&sets, columns()))?;
        console.note(
            "–: no classes (captions, words, numbers, people), or no published count of images",
        );
        Ok(Exit::Ok)
    }
}

/// A data set in the list.
struct Row {
    id: String,
    images: String,
    classes: String,
    metric: String,
    to_be_had: &'static str,
}

impl Row {
    fn of(dataset: &Dataset) -> anyhow::Result<Row> {
        let classes =
            PromptSet::of(dataset.prompts_id()).map_or(0, |prompts| prompts.classes.len());
        Ok(Row {
            id: dataset.id.clone(),
            images: count(dataset.split(&dataset.test)?.expected),
            classes: count(Some(classes).filter(|&classes| classes > 0)),
            metric: word(&dataset.metric),
            to_be_had: availability(dataset),
        })
    }

    /// The metric, and only it, is cut where the terminal is narrow.
    fn line(&self, id_width: usize, metric_width: usize) -> String {
        let Row { id, images, classes, metric, to_be_had } = self;
        let (id, metric) = (fit(id, id_width), fit(metric, metric_width));
        format!("{id} {images:>7} {classes:>7}  {metric} {to_be_had}\n")
    }
}

fn list(sets: &[Row], columns: usize) -> String {
    let head = ["data set", "images", "classes", "metric", "can be had"].map(str::to_owned);
    let [id, images, classes, metric, _] = head;
    let head = Row { id, images, classes, metric, to_be_had: "can be had" };
    let widest =
        |part: fn(&Row) -> &str| sets.iter().map(|row| width(part(row))).max().unwrap_or(0);
    let (id, metric, had) =
        (widest(|row| &row.id), widest(|row| &row.metric), head.to_be_had.len());
    let metric = metric.min(columns.saturating_sub(id + 2 * 8 + 2 + 1 + had));
    std::iter::once(&head).chain(sets).map(|row| row.line(id, metric)).collect()
}

impl Info {
    fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let dataset = known(&self.name)?;
        let prompts = PromptSet::of(dataset.prompts_id())?;
        if self.json {
            let mut facts = serde_json::to_value(dataset)?;
            facts["n_classes"] = prompts.classes.len().into();
            facts["n_templates"] = prompts.templates.len().into();
            facts["prompts_source"] = prompts.source.into();
            console.json(&facts)?;
            return Ok(Exit::Ok);
        }
        let names = || {
            prompts
                .classes
                .iter()
                .flatten()
                .take(3)
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut text = format!("{}  {}\n\n", dataset.id, dataset.title);
        let mut line = |key: &str, value: &str| text += &wrapped(key, 11, value, columns());
        line("model card", dataset.card.as_deref().unwrap_or("– (not named there)"));
        line("metric", &word(&dataset.metric));
        line("classes", &format!("{} ({}, …)", prompts.classes.len(), names()));
        line(
            "templates",
            &format!("{} ({})", prompts.templates.len(), prompts.templates.join(" | ")),
        );
        line("prompts", &prompts.source);
        for split in &dataset.splits {
            let scored = if split.name == dataset.test { ", scored" } else { "" };
            line("split", &format!("{}: {}{scored}", split.name, count(split.expected)));
        }
        for archive in &dataset.archives {
            line(
                "archive",
                &format!("{}  md5 {}", archive.file, archive.md5.as_deref().unwrap_or("–")),
            );
        }
        line("from", &dataset.url);
        line("can be had", availability(dataset));
        line("licence", &dataset.licence);
        line("looked for", &dataset.marker.replace('|', " or "));
        for copy in &dataset.files.recognised {
            line("copies", &format!("{}: {}", copy.what, copy.way));
        }
        for trap in &dataset.traps {
            line("mind", trap);
        }
        console.print(&text)?;
        Ok(Exit::Ok)
    }
}

impl Check {
    fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let asked: Vec<&'static Dataset> = if self.datasets.is_empty() {
            self.found()
        } else {
            self.datasets.iter().map(|name| known(name)).collect::<Result<_, _>>()?
        };
        if asked.is_empty() {
            return Err(self.nothing());
        }
        let mut reports = Vec::with_capacity(asked.len());
        for dataset in &asked {
            let bar = console.progress(0, Unit::Bytes);
            let report = check(dataset, &self.root, &mut |step| match step {
                CheckStep::Bytes(bytes) => bar.set_length(bytes),
                CheckStep::Read(bytes) => bar.inc(bytes),
            });
            bar.finish_and_clear();
            reports.push(report?);
        }
        if self.json {
            console.json(&reports)?;
        } else {
            for report in &reports {
                console.print(&table(report))?;
            }
        }
        let wrong: Vec<&CheckReport> =
            reports.iter().filter(|report| !report.problems.is_empty()).collect();
        for report in &wrong {
            for problem in &report.problems {
                console.warn(&format!("{}: {problem}", report.dataset));
            }
        }
        if let [report] = wrong.as_slice() {
            let message = format!("{} is not whole", report.dataset);
            let help = format!(
                "`clip-rs datasets info {}` says where its files are published",
                report.dataset
            );
            return Err(Usage::error(message, help));
        }
        if !wrong.is_empty() {
            let message = format!("{} of {} data sets are not whole", wrong.len(), reports.len());
            return Err(Usage::error(
                message,
                "`clip-rs datasets info NAME` says where their files are published",
            ));
        }
        Ok(Exit::Ok)
    }

    /// The sets that are unpacked below the root, and those of which an archive lies there.
    fn found(&self) -> Vec<&'static Dataset> {
        let mut found = present(&self.root);
        let unpacked =
            |other: &Dataset, found: &[&Dataset]| found.iter().any(|known| known.id == other.id);
        for dataset in packed(&self.root) {
            if !unpacked(dataset, &found) {
                found.push(dataset);
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }

    fn nothing(&self) -> anyhow::Error {
        let root = self.root.display();
        let message =
            match std::fs::read_dir(&self.root).map(|mut entries| entries.next().is_none()) {
                Ok(true) => format!("{root} is empty"),
                Ok(false) => format!("{root} holds none of the {} data sets", catalogue().len()),
                Err(error) => format!("cannot read {root}: {error}"),
            };
        let help = "name one with --dataset to see what was looked for; `clip-rs datasets info NAME` says where to get it";
        Usage::error(message, help)
    }
}

fn known(name: &str) -> anyhow::Result<&'static Dataset> {
    find(name).map_err(|error| {
        let start = name.get(..3).unwrap_or(name);
        let near: Vec<&str> = catalogue()
            .iter()
            .map(|dataset| dataset.id.as_str())
            .filter(|id| id.contains(start))
            .collect();
        if near.is_empty() {
            return Usage::error(
                error.to_string(),
                "ids are written as in the list: `oxford_pets`",
            );
        }
        Usage::error(error.to_string(), format!("did you mean {}?", near.join(" or ")))
    })
}

fn table(report: &CheckReport) -> String {
    let folder =
        report.folder.as_ref().map_or("–".to_owned(), |folder| folder.display().to_string());
    let mut table = format!("{}  {folder}\n", report.dataset);
    if !report.splits.is_empty() {
        table += &format!("  {:<18} {:>9} {:>10}\n", "split", "found", "published");
    }
    for split in &report.splits {
        let line = format!(
            "  {} {:>9} {:>10}  {}",
            fit(&split.name, 18),
            count(split.n_found),
            count(split.n_expected),
            state(split)
        );
        table += &format!("{}\n", line.trim_end());
        for note in &split.notes {
            table += &wrapped("  note", 11, note, columns());
        }
    }
    for archive in &report.archives {
        let name = archive.path.file_name().unwrap_or_default().to_string_lossy();
        table += &format!("  {} {}\n", fit_end(&name, 30), checksum(archive));
    }
    table + "\n"
}

fn state(split: &SplitReport) -> &'static str {
    match (&split.error, split.n_found) {
        (Some(_), _) => "cannot be read",
        (None, None) => "not here",
        (None, Some(_)) if split.n_absent > 0 => "files are missing",
        (None, Some(found)) if split.n_expected.is_some_and(|expected| expected != found) => {
            "count differs"
        }
        (None, Some(_)) => "",
    }
}

fn checksum(archive: &ArchiveReport) -> &'static str {
    match archive.agrees() {
        Some(true) => "md5 as published",
        Some(false) => "md5 is not the published one",
        None => "md5 not published",
    }
}

/// `25,250`, or `–`.
fn count(number: Option<usize>) -> String {
    let Some(number) = number else { return "–".to_owned() };
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn availability(dataset: &Dataset) -> &'static str {
    match dataset.status {
        Status::Ready => "yes",
        Status::NeedsManualDownload => "on request",
        Status::DeadLinks => "dead links",
    }
}

/// An enumeration's name as it is in the files.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        assert_eq!(
            ["–", "7", "1,000", "1,281,167"],
            [None, Some(7), Some(1000), Some(1_281_167)].map(count)
        );
    }

    #[test]
    fn the_list_fits_and_says_what_was_cut() {
        let sets: Vec<Row> = catalogue().iter().map(|dataset| Row::of(dataset).unwrap()).collect();
        for columns in [60, 80, 200] {
            let list = list(&sets, columns);
            assert!(list.lines().all(|line| width(line) <= columns), "{list}");
            assert!(sets.iter().all(|row| list.contains(&row.id)), "{list}");
            assert_eq!(list.contains('…'), columns == 60, "{list}");
        }
    }
}
