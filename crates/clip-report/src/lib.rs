//! One self-contained page of all results and audits.
//!
//! ```text
//! results (JSON) ───────┐
//! published values ─────┴─▶ Suite ─▶ limits · tables · overview plots ┐
//! audits (JSON) ──────────▶ verdicts · tables and plots by group ─────┴─▶ what was run · one fold for each record ─▶ HTML
//! ```
//!
//! The page loads nothing: style, plots and pictures are in it, and a policy in its head forbids
//! the rest. It holds nothing that differs between runs of the same figures. Whatever came from a
//! file is text in it, never markup.

#![forbid(unsafe_code)]

mod audit;
mod c_search;
mod calibration;
pub mod card;
mod classes;
mod compare;
mod confusion;
mod curves;
mod few_shot_plot;
mod few_shot_table;
mod markup;
mod numbers;
pub mod plain;
mod plot;
pub mod published;
mod record;
mod robustness_plot;
mod robustness_table;
mod run;
mod scaling_plot;
mod shift_means;
mod standing;
mod suite;
mod task_table;
mod widgets;
mod wrong;

use std::io::Write;
use std::path::Path;

pub use crate::compare::{Measured, measured};
pub use crate::curves::{Curve, CurvePoint, Curves};
pub use crate::shift_means::OverShifts;

use crate::markup::Markup;
use crate::numbers::{capital, display_name};
use crate::published::Origin;
use crate::standing::Standing;
use crate::suite::{Suite, shown};
use clip_audit::AuditRecord;
use clip_eval::EvalError;
use clip_eval::results::{Figure, Record};

const STYLE: &str = include_str!("../assets/report.css");

/// What a page is made of.
pub struct Report<'a> {
    /// The results.
    pub records: &'a [Record],
    /// The audits.
    pub audits: &'a [AuditRecord],
    /// Files that could not be read, or were changed by hand; the page names them.
    pub unreadable: &'a [EvalError],
    /// Published values of a record's figure, at most one of each source.
    pub published: &'a dyn Fn(&Record, &Figure) -> Vec<Measured>,
}

/// What a page says, in numbers.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Results shown.
    pub cells: usize,
    /// Different models.
    pub models: usize,
    /// Different data sets.
    pub datasets: usize,
    /// Different tasks.
    pub tasks: usize,
    /// Records of other items, of another split or with other prompts than the published values
    /// are.
    pub not_comparable: usize,
    /// Figures compared with the paper's.
    pub compared: usize,
    /// Of those, how many intervals cover the paper's value.
    pub covered: usize,
    /// Files that could not be read, or were changed by hand.
    pub unreadable: usize,
    /// Audits shown.
    pub audits: usize,
    /// Audits with a verdict that is not met.
    pub verdicts_not_met: usize,
    /// Length of the page.
    pub bytes: usize,
    /// Each model over the natural shifts that all models have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over_shifts: Vec<OverShifts>,
}

impl Report<'_> {
    /// The page, and what it says in numbers.
    pub fn page(&self) -> (String, Summary) {
        let suite = Suite::new(self.records, self.published);
        let mut summary = self.summary(&suite);
        let mut page = Markup::default();
        let parts = Parts {
            suite: &suite,
            audits: &audit::in_order(self.audits),
            unreadable: self.unreadable,
            summary: &summary,
        };
        parts.document(&mut page);
        let page = page.finish();
        summary.bytes = page.len();
        (page, summary)
    }

    /// Writes the page whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<Summary, EvalError> {
        let (page, summary) = self.page();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(EvalError::io(folder))?;
        }
        clip_files::write_whole(path, |file| file.write_all(page.as_bytes()))
            .map_err(EvalError::io(path))?;
        Ok(summary)
    }

    fn summary(&self, suite: &Suite<'_>) -> Summary {
        let mut datasets: Vec<&str> =
            self.records.iter().map(|record| record.dataset.as_str()).collect();
        datasets.sort_unstable();
        datasets.dedup();
        let figures = suite
            .records
            .iter()
            .flat_map(|record| shown(record).into_iter().map(move |figure| (record, figure)));
        let covered: Vec<bool> = figures
            .filter_map(|(record, figure)| {
                suite.difference(record, figure, Origin::Paper)?.is_covered
            })
            .collect();
        Summary {
            cells: self.records.len(),
            models: suite.models.len(),
            datasets: datasets.len(),
            tasks: suite.tasks().len(),
            not_comparable: self
                .records
                .iter()
                .filter(|record| !Standing::of(record).is_comparable())
                .count(),
            compared: covered.len(),
            covered: covered.iter().filter(|covered| **covered).count(),
            unreadable: self.unreadable.len(),
            audits: self.audits.len(),
            verdicts_not_met: self
                .audits
                .iter()
                .filter(|audit| audit.verdict.as_ref().is_some_and(|verdict| !verdict.met))
                .count(),
            bytes: 0,
            over_shifts: shift_means::over_shifts(suite),
        }
    }
}

/// What stands in the page, in order.
struct Parts<'p> {
    suite: &'p Suite<'p>,
    audits: &'p [&'p AuditRecord],
    unreadable: &'p [EvalError],
    summary: &'p Summary,
}

impl Parts<'_> {
    fn document(&self, page: &mut Markup) {
        page.own("<!DOCTYPE html>\n");
        page.element("html", &[("lang", &"en")], |page| {
            page.element("head", &[], |page| {
                page.empty("meta", &[("charset", &"utf-8")]);
                let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                page.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &policy)]);
                page.empty("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
                page.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
                page.leaf("title", &[], self.title());
                page.element("style", &[], |page| page.own(STYLE));
            });
            page.line();
            page.element("body", &[], |page| {
                page.leaf("a", &[("class", &"skip"), ("href", &"#main")], "Skip to the figures");
                self.heading(page);
                page.element("main", &[("id", &"main"), ("tabindex", &"-1")], |page| self.main(page));
                page.leaf(
                    "footer",
                    &[],
                    format_args!(
                        "Written by clip-rs {}. Accuracies are in per cent, differences in points. Published values: the \
                         tables of arXiv 2103.00020, open_clip's and CLIP_benchmark's own measurements, the ImageNet \
                         testbed. On paper, folds that are open are printed.",
                        env!("CARGO_PKG_VERSION")
                    ),
                );
            });
        });
        page.line();
    }

    fn title(&self) -> &'static str {
        match (self.has_results(), self.audits.is_empty()) {
            (true, false) => "CLIP evaluation and audit",
            (false, false) => "CLIP audit",
            _ => "CLIP evaluation",
        }
    }

    fn has_results(&self) -> bool {
        !self.suite.records.is_empty()
    }

    /// A page of audits alone has no empty tables of results.
    fn has_results_or_nothing(&self) -> bool {
        self.has_results() || self.audits.is_empty()
    }

    fn main(&self, page: &mut Markup) {
        let suite = self.suite;
        if self.has_results_or_nothing() {
            tables(page, suite);
            plots(page, suite);
        }
        if !self.audits.is_empty() {
            audit::section(page, self.audits);
        }
        run::section(page, suite, self.unreadable);
        if self.has_results_or_nothing() {
            record::section(page, suite);
        }
    }

    fn heading(&self, page: &mut Markup) {
        page.element("header", &[], |page| {
            page.leaf("h1", &[], self.title());
            page.leaf("p", &[("class", &"limits"), ("role", &"note")], clip_rs::LIMITS);
            page.leaf("p", &[("class", &"summary")], self.summary.said());
            page.element("nav", &[("aria-label", &"Sections")], |page| {
                let results = self.has_results_or_nothing();
                let entries = [
                    ("#results", "Results", results),
                    ("#plots", "Plots", has_plots(self.suite)),
                    ("#audits", "Audits", !self.audits.is_empty()),
                    ("#run", "What was run", run::is_shown(self.suite, self.unreadable)),
                    ("#cells", "Every result", results),
                ];
                for (anchor, name, _) in entries.iter().filter(|(.., is_there)| *is_there) {
                    page.leaf("a", &[("href", anchor)], name);
                }
            });
        });
        page.line();
    }
}

impl Summary {
    /// In a few sentences.
    fn said(&self) -> String {
        let plural =
            |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let mut sentences = Vec::new();
        if self.cells > 0 || self.audits == 0 {
            sentences.push(format!(
                "{} of {}, {} and {}.",
                plural(self.cells, "result"),
                plural(self.models, "model"),
                plural(self.datasets, "data set"),
                plural(self.tasks, "task")
            ));
        }
        if self.compared > 0 {
            sentences.push(format!(
                "{} of {} intervals cover the value in the paper.",
                self.covered, self.compared
            ));
        }
        if self.not_comparable > 0 {
            sentences.push(format!(
                "{} of other items or other prompts than published values: not comparable.",
                plural(self.not_comparable, "result")
            ));
        }
        if self.audits > 0 {
            sentences.push(format!("{}.", plural(self.audits, "audit")));
        }
        if self.verdicts_not_met > 0 {
            sentences.push(format!("{} not met.", plural(self.verdicts_not_met, "verdict")));
        }
        sentences.join(" ")
    }
}

fn tables(page: &mut Markup, suite: &Suite<'_>) {
    page.element("section", &[("id", &"results")], |page| {
        page.leaf("h2", &[], "Results");
        for task in suite.tasks() {
            page.leaf("h3", &[], capital(&display_name(task)));
            match task {
                "few_shot" => few_shot_table::draw(page, suite),
                "robustness" => {
                    robustness_table::draw(page, suite);
                    shift_means::draw(page, suite);
                }
                task => task_table::draw(page, suite, task),
            }
        }
    });
    page.line();
}

fn has_plots(suite: &Suite<'_>) -> bool {
    scaling_plot::is_possible(suite)
        || robustness_plot::is_possible(suite)
        || few_shot_plot::is_possible(suite)
}

fn plots(page: &mut Markup, suite: &Suite<'_>) {
    if !has_plots(suite) {
        return;
    }
    page.element("section", &[("id", &"plots")], |page| {
        page.leaf("h2", &[], "Plots");
        page.element("div", &[("class", &"figures")], |page| {
            scaling_plot::figures(page, suite);
            few_shot_plot::figures(page, suite);
            robustness_plot::figures(page, suite);
        });
    });
    page.line();
}
