//! The tables of results: ours with its interval, the paper's value, the difference, independent
//! measurements.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::Measured;
use crate::markup::Markup;
use crate::numbers::{
    MISSING, count, display_name, figure_interval, figure_value, how, or_missing, percent, points,
};
use crate::published::Origin;
use crate::suite::{Suite, shown};
use crate::widgets::{doubts, entry, mark, note, numeric, record_row, scrolled, soft, title};
use clip_eval::results::{Figure, Record};

/// One table of a task whose figures are single numbers.
pub(crate) fn draw(page: &mut Markup, suite: &Suite<'_>, task: &str) {
    let rows: Vec<(&Record, &Figure)> = suite
        .of_task(task)
        .flat_map(|record| shown(record).into_iter().map(move |figure| (record, figure)))
        .collect();
    let has =
        |source| rows.iter().any(|(record, figure)| suite.is_published(record, figure, source));
    let sources: Vec<Origin> = [Origin::Paper, Origin::OpenClip, Origin::ClipBenchmark]
        .into_iter()
        .filter(|source| has(*source))
        .collect();
    let several_figures = rows.iter().any(|(_, figure)| figure.name != rows[0].1.name);
    let mut columns = vec!["model"];
    columns.extend(several_figures.then_some("figure"));
    columns.push("#clip-rs, %");
    for source in &sources {
        match source {
            Origin::Paper => columns.extend(["#paper, %", "#difference, points", "covered"]),
            Origin::OpenClip => columns.push("#open_clip, %"),
            Origin::ClipBenchmark => columns.push("#CLIP_benchmark, %"),
        }
    }
    let caption = format!("{}: per cent and interval, by data set and model", display_name(task));
    scrolled(page, &caption, &columns, |page| {
        for group in rows.chunk_by(|(a, _), (b, _)| same_items(a, b)) {
            page.element("tbody", &[], |page| {
                opening(page, group[0].0, columns.len());
                for (record, figure) in group {
                    row(page, suite, record, figure, several_figures, &sources);
                }
            });
            page.line();
        }
        means(page, suite, task, columns.len());
    });
    notes(page, suite, &rows, &sources);
}

fn same_items(a: &Record, b: &Record) -> bool {
    let asked = |record: &Record| {
        (record.provenance.split_blake3.clone(), record.provenance.prompts_blake3.clone())
    };
    // A folder of one's own may be called like a data set.
    title(a) == title(b)
        && a.dataset == b.dataset
        && a.split == b.split
        && a.counts == b.counts
        && asked(a) == asked(b)
}

/// The row of a data set, above those of its models.
fn opening(page: &mut Markup, record: &Record, columns: usize) {
    record_row(page, record, |page| {
        page.element("th", &[("scope", &"rowgroup"), ("colspan", &columns)], |page| {
            // As long as the box, not as the table: in sight when the table is moved.
            page.element("span", &[("class", &"stay")], |page| {
                page.text(title(record));
                soft(page, format_args!(" n = {} ", count(record.counts.scored)));
                doubts(page, record);
            });
        });
    });
}

fn row(
    page: &mut Markup,
    suite: &Suite<'_>,
    record: &Record,
    figure: &Figure,
    several_figures: bool,
    sources: &[Origin],
) {
    record_row(page, record, |page| {
        model(page, suite, record);
        if several_figures {
            entry(page, display_name(&figure.name));
        }
        ours(page, figure);
        for source in sources {
            match source {
                Origin::Paper => paper(page, suite, record, figure),
                _ => independent(page, suite, record, figure, *source),
            }
        }
    });
}

/// The model's name, which leads to everything about the result.
pub(crate) fn model(page: &mut Markup, suite: &Suite<'_>, record: &Record) {
    page.element("td", &[("class", &"model")], |page| {
        let anchor = format!("#cell-{}", suite.number(record));
        page.leaf("a", &[("href", &anchor)], &record.model);
        if !record.identity.variant.is_empty() {
            soft(page, format_args!(" {}", record.identity.variant));
        }
    });
}

/// A figure and its interval.
fn ours(page: &mut Markup, figure: &Figure) {
    let interval = figure_interval(figure);
    estimate(page, figure_value(figure).trim_end_matches(" %"), interval, figure);
}

/// A value in bold, and the interval of its figure where it has one.
pub(crate) fn estimate(page: &mut Markup, value: &str, interval: Option<String>, of: &Figure) {
    page.element("td", &[("class", &"num ours")], |page| {
        page.leaf("b", &[], value);
        if let Some(interval) = interval {
            page.text(" ");
            page.leaf("span", &[("class", &"soft"), ("title", &how(of))], interval);
        }
    });
}

/// A published value; `†` where it cannot be expected to agree.
fn value_of(published: Option<&Measured>) -> String {
    let text =
        |value: &Measured| percent(value.value) + if value.caution.is_some() { "†" } else { "" };
    or_missing(published, text)
}

/// Somebody else's measurement of the same weights, and how far ours is from it.
fn independent(page: &mut Markup, suite: &Suite<'_>, record: &Record, figure: &Figure, by: Origin) {
    page.element("td", &[("class", &"num")], |page| {
        page.text(value_of(suite.published(record, figure, by).as_ref()));
        if let Some(difference) = suite.difference(record, figure, by) {
            page.text(" ");
            soft(page, format_args!("({})", points(difference.value)));
        }
    });
}

/// The paper's value, ours minus it, and whether our interval covers it.
fn paper(page: &mut Markup, suite: &Suite<'_>, record: &Record, figure: &Figure) {
    let value = suite.published(record, figure, Origin::Paper);
    let difference = suite.difference(record, figure, Origin::Paper);
    numeric(page, value_of(value.as_ref()));
    page.element("td", &[("class", &"num")], |page| match difference {
        None if value.is_some() || suite.is_published(record, figure, Origin::Paper) => {
            soft(page, "not comparable");
        }
        None => page.text(MISSING),
        Some(difference) => {
            page.text(points(difference.value));
            if let Some((low, high)) = difference.interval {
                page.text(" ");
                soft(page, format_args!("[{}, {}]", points(low), points(high)));
            }
        }
    });
    page.element("td", &[], |page| match difference.and_then(|found| found.is_covered) {
        Some(true) => mark(page, "good", "yes"),
        Some(false) => mark(page, "bad", "no"),
        None => page.text(MISSING),
    });
}

/// Unweighted means over the data sets that have a paper's value and all their items.
fn means(page: &mut Markup, suite: &Suite<'_>, task: &str, columns: usize) {
    let mut sums: BTreeMap<usize, (f64, f64, usize)> = BTreeMap::new();
    for record in suite.of_task(task) {
        let published = suite.published(record, &record.score, Origin::Paper);
        let difference = suite.difference(record, &record.score, Origin::Paper);
        if let (Some(published), Some(_)) = (published, difference) {
            let (ours, theirs, sets) = sums.entry(suite.series(&record.model)).or_default();
            *ours += record.score.value.unwrap_or_default(); // a difference has a value
            *theirs += published.value;
            *sets += 1;
        }
    }
    sums.retain(|_, (_, _, sets)| *sets >= 2);
    if sums.is_empty() {
        return;
    }
    page.element("tfoot", &[], |page| {
        for (model, (ours, theirs, sets)) in sums {
            let (ours, theirs) = (ours / sets as f64, theirs / sets as f64);
            let difference = points(ours - theirs);
            let (ours, theirs) = (percent(ours), percent(theirs));
            let model = suite.models.get(model).copied().unwrap_or_default();
            page.element("tr", &[], |page| {
                let text = format!(
                    "{model}, mean of {sets} data sets: {ours} here, {theirs} in the paper ({difference})"
                );
                page.element("th", &[("scope", &"row"), ("colspan", &columns)], |page| {
                    page.leaf("span", &[("class", &"stay")], text);
                });
            });
        }
    });
}

fn notes(page: &mut Markup, suite: &Suite<'_>, rows: &[(&Record, &Figure)], sources: &[Origin]) {
    let mut methods: BTreeMap<String, usize> = BTreeMap::new();
    for (_, figure) in rows.iter().filter(|(_, figure)| figure.low.is_some()) {
        *methods.entry(how(figure)).or_default() += 1;
    }
    let methods: Vec<String> =
        methods.into_iter().map(|(method, rows)| format!("{method} ({rows} rows)")).collect();
    let mut text = match methods.as_slice() {
        [] => "No intervals.".to_owned(),
        methods => format!("Intervals: {}.", methods.join("; ")),
    };
    if !sources.is_empty() {
        text += " Covered: the interval reaches a value that rounds to the paper's. In brackets beside independent \
                 measurements: ours minus theirs. –: nothing published for this model and figure. Means: unweighted, over the data sets with all \
                 items, the published split, the data set's own prompts and a paper's value. Published values stand \
                 beside these alone.";
    }
    note(page, text);
    cautions(page, suite, rows, sources);
}

/// Why some of the values cannot be expected to agree.
fn cautions(page: &mut Markup, suite: &Suite<'_>, rows: &[(&Record, &Figure)], origins: &[Origin]) {
    let mut cautions: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (record, figure) in rows {
        for value in origins.iter().filter_map(|origin| suite.published(record, figure, *origin)) {
            if let Some(caution) = value.caution {
                cautions.entry(caution).or_default().insert(title(record));
            }
        }
    }
    if cautions.is_empty() {
        return;
    }
    page.element("ul", &[("class", &"note")], |page| {
        for (caution, datasets) in cautions {
            let datasets: Vec<&str> = datasets.into_iter().collect();
            page.leaf("li", &[], format_args!("† {}: {caution}", datasets.join(", ")));
        }
    });
}
