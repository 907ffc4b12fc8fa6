//! The tables of results: ours with its interval, the paper's value, the difference, independent measurements.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::Difference;
use crate::markup::Markup;
use crate::numbers::{
    MISSING, count, figure_interval, figure_value, how, interval, percent, points, words,
};
use crate::published::Origin;
use crate::run::{head, row_class, state, title};
use crate::standing::Standing;
use crate::suite::{Suite, shown};
use clip_eval::results::{Figure, Record};

/// One table of a task whose figures are single numbers.
pub(crate) fn of_task(page: &mut Markup, suite: &Suite<'_>, task: &str) {
    let rows: Vec<(&Record, &Figure)> = suite
        .of_task(task)
        .flat_map(|cell| shown(cell).into_iter().map(move |figure| (cell, figure)))
        .collect();
    let has = |source| rows.iter().any(|(cell, figure)| suite.is_published(cell, figure, source));
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
    scrolled(
        page,
        &format!("{}: per cent and interval, by data set and model", words(task)),
        |page| {
            head(page, &columns);
            for group in rows.chunk_by(|(a, _), (b, _)| same_items(a, b)) {
                page.element("tbody", &[], |page| {
                    opening(page, group[0].0, columns.len());
                    for (cell, figure) in group {
                        row(page, suite, cell, figure, several_figures, &sources);
                    }
                });
                page.line();
            }
            means(page, suite, task, columns.len());
        },
    );
    notes(page, suite, &rows, &sources);
}

fn same_items(a: &Record, b: &Record) -> bool {
    let asked = |cell: &Record| {
        (cell.provenance.split_blake3.clone(), cell.provenance.prompts_blake3.clone())
    };
    // A folder of one's own may be called like a data set.
    title(a) == title(b)
        && a.dataset == b.dataset
        && a.split == b.split
        && a.counts == b.counts
        && asked(a) == asked(b)
}

/// The row of a data set, above those of its models.
fn opening(page: &mut Markup, cell: &Record, columns: usize) {
    page.element("tr", &[("class", &row_class(cell))], |page| {
        page.element("th", &[("scope", &"rowgroup"), ("colspan", &columns)], |page| {
            // As long as the box, not as the table: in sight when the table is moved.
            page.element("span", &[("class", &"stay")], |page| {
                page.text(title(cell));
                page.leaf(
                    "span",
                    &[("class", &"soft")],
                    format_args!(" n = {} ", count(cell.counts.scored)),
                );
                if !Standing::of(cell).warnings().is_empty() || cell.counts.skipped > 0 {
                    state(page, cell);
                }
            });
        });
    });
}

fn row(
    page: &mut Markup,
    suite: &Suite<'_>,
    cell: &Record,
    figure: &Figure,
    several_figures: bool,
    sources: &[Origin],
) {
    page.element("tr", &[("class", &row_class(cell))], |page| {
        model(page, suite, cell);
        if several_figures {
            page.leaf("td", &[], words(&figure.name));
        }
        ours(page, figure);
        for source in sources {
            published(page, suite, cell, figure, *source);
        }
    });
}

/// The model's name, which leads to everything about the result.
fn model(page: &mut Markup, suite: &Suite<'_>, cell: &Record) {
    page.element("td", &[("class", &"model")], |page| {
        let anchor = format!("#cell-{}", suite.number(cell));
        page.leaf("a", &[("href", &anchor)], &cell.model);
        if !cell.identity.variant.is_empty() {
            page.leaf("span", &[("class", &"soft")], format_args!(" {}", cell.identity.variant));
        }
    });
}

/// A figure and its interval.
pub(crate) fn ours(page: &mut Markup, figure: &Figure) {
    page.element("td", &[("class", &"num ours")], |page| {
        let value = figure_value(figure);
        page.leaf("b", &[], value.trim_end_matches(" %"));
        if let Some(interval) = figure_interval(figure) {
            page.text(" ");
            page.leaf("span", &[("class", &"soft"), ("title", &how(figure))], interval);
        }
    });
}

fn published(page: &mut Markup, suite: &Suite<'_>, cell: &Record, figure: &Figure, source: Origin) {
    let value = suite.published(cell, figure, source);
    let difference = suite.difference(cell, figure, source);
    let mut text = value.as_ref().map_or_else(|| MISSING.to_owned(), |value| percent(value.value));
    if value.as_ref().is_some_and(|value| value.caution.is_some()) {
        text.push('†');
    }
    if source != Origin::Paper {
        page.element("td", &[("class", &"num")], |page| {
            page.text(text);
            if let Some(difference) = difference {
                page.text(" ");
                page.leaf(
                    "span",
                    &[("class", &"soft")],
                    format_args!("({})", points(difference.value)),
                );
            }
        });
        return;
    }
    page.leaf("td", &[("class", &"num")], text);
    page.element("td", &[("class", &"num")], |page| match difference {
        None if value.is_some() || suite.is_published(cell, figure, source) => {
            page.leaf("span", &[("class", &"soft")], "not comparable");
        }
        None => page.text(MISSING),
        Some(difference) => {
            page.text(points(difference.value));
            if let Some((low, high)) = difference.interval {
                page.text(" ");
                page.leaf(
                    "span",
                    &[("class", &"soft")],
                    format_args!("[{}, {}]", points(low), points(high)),
                );
            }
        }
    });
    page.element("td", &[], |page| covered(page, difference));
}

fn covered(page: &mut Markup, difference: Option<Difference>) {
    match difference.and_then(|difference| difference.is_covered) {
        Some(true) => page.leaf("span", &[("class", &"mark good")], "yes"),
        Some(false) => page.leaf("span", &[("class", &"mark bad")], "no"),
        None => page.text(MISSING),
    }
}

/// Unweighted means over the data sets that have a paper's value and all their items.
fn means(page: &mut Markup, suite: &Suite<'_>, task: &str, columns: usize) {
    let mut sums: BTreeMap<usize, (f64, f64, usize)> = BTreeMap::new();
    for cell in suite.of_task(task) {
        let published = suite.published(cell, &cell.score, Origin::Paper);
        let difference = suite.difference(cell, &cell.score, Origin::Paper);
        if let (Some(published), Some(_)) = (published, difference) {
            let (ours, theirs, sets) = sums.entry(suite.series(&cell.model)).or_default();
            *ours += cell.score.value.unwrap_or_default(); // a difference has a value
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
    page.leaf("p", &[("class", &"note")], text);
    cautions(page, suite, rows, sources);
}

/// Why some of the values cannot be expected to agree.
fn cautions(page: &mut Markup, suite: &Suite<'_>, rows: &[(&Record, &Figure)], origins: &[Origin]) {
    let mut cautions: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (cell, figure) in rows {
        for value in origins.iter().filter_map(|origin| suite.published(cell, figure, *origin)) {
            if let Some(caution) = value.caution {
                cautions.entry(caution).or_default().insert(title(cell));
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

/// Few-shot: one column for each number of examples.
pub(crate) fn few_shot(page: &mut Markup, suite: &Suite<'_>) {
    let mut shots: Vec<Option<usize>> = suite
        .of_task("few_shot")
        .flat_map(|cell| cell.details.shots.iter().map(|point| point.shots))
        .collect();
    shots.sort_by_key(|shots| shots.unwrap_or(usize::MAX));
    shots.dedup();
    let names: Vec<String> = shots
        .iter()
        .map(|shots| shots.map_or("#all".to_owned(), |shots| format!("#{shots} a class")))
        .collect();
    let mut columns = vec!["data set", "model", "#scored", "#zero-shot"];
    columns.extend(names.iter().map(String::as_str));
    scrolled(page, "few-shot: per cent, by examples a class", |page| {
        head(page, &columns);
        page.element("tbody", &[], |page| {
            for cell in suite.of_task("few_shot") {
                page.element("tr", &[("class", &row_class(cell))], |page| {
                    page.leaf("th", &[("scope", &"row")], title(cell));
                    model(page, suite, cell);
                    page.leaf("td", &[("class", &"num")], count(cell.counts.scored));
                    let zero_shot =
                        suite.zero_shot(cell).map_or_else(|| MISSING.to_owned(), percent);
                    page.leaf("td", &[("class", &"num")], zero_shot);
                    for shots in &shots {
                        page.element("td", &[("class", &"num")], |page| shot(page, cell, *shots));
                    }
                });
            }
        });
    });
    page.leaf(
        "p",
        &[("class", &"note")],
        "Mean over draws ± standard deviation; the interval of the mean stands in the plots and the cells.",
    );
}

fn shot(page: &mut Markup, cell: &Record, shots: Option<usize>) {
    match cell.details.shots.iter().find(|point| point.shots == shots) {
        None => page.text(MISSING),
        Some(point) => {
            page.text(percent(point.mean));
            if point.values.len() > 1 {
                page.leaf("span", &[("class", &"soft")], format_args!(" ± {}", percent(point.sd)));
            }
        }
    }
}

/// Robustness: the shift beside what ordinary models of equal accuracy have.
pub(crate) fn robustness(page: &mut Markup, suite: &Suite<'_>) {
    let columns = [
        "data set",
        "model",
        "#scored",
        "#matching ImageNet, %",
        "#under the shift, %",
        "#expected, %",
        "#effective robustness, points",
    ];
    scrolled(page, "robustness: accuracy under the shift and without it", |page| {
        head(page, &columns);
        page.element("tbody", &[], |page| {
            for cell in suite.of_task("robustness") {
                page.element("tr", &[("class", &row_class(cell))], |page| {
                    page.leaf("th", &[("scope", &"row")], title(cell));
                    model(page, suite, cell);
                    page.element("td", &[("class", &"num")], |page| {
                        page.text(count(cell.counts.scored));
                        page.text(" ");
                        state(page, cell);
                    });
                    let point = cell.details.robustness.as_ref();
                    let share =
                        |value: Option<f64>| value.map_or_else(|| MISSING.to_owned(), percent);
                    page.leaf("td", &[("class", &"num")], share(point.map(|point| point.x)));
                    page.element("td", &[("class", &"num ours")], |page| {
                        page.leaf(
                            "b",
                            &[],
                            share(point.map_or(cell.score.value, |point| Some(point.y))),
                        );
                        if let (Some(low), Some(high)) = (cell.score.low, cell.score.high) {
                            page.text(" ");
                            page.leaf(
                                "span",
                                &[("class", &"soft"), ("title", &how(&cell.score))],
                                interval(low, high),
                            );
                        }
                    });
                    page.leaf(
                        "td",
                        &[("class", &"num")],
                        share(point.map(|point| point.predicted)),
                    );
                    let effective =
                        point.map_or_else(|| MISSING.to_owned(), |point| points(point.effective));
                    page.leaf("td", &[("class", &"num")], effective);
                });
            }
        });
    });
    page.leaf(
        "p",
        &[("class", &"note")],
        "Expected: what the line through ordinary ImageNet models says for this accuracy. Effective robustness: what \
         is above it. A figure of a subset says little about the shift.",
    );
}

/// A table that scrolls in its own box where the page is narrow.
pub(crate) fn scrolled(page: &mut Markup, caption: &str, inner: impl FnOnce(&mut Markup)) {
    page.element(
        "div",
        &[("class", &"box"), ("tabindex", &"0"), ("role", &"region"), ("aria-label", &caption)],
        |page| {
            page.element("table", &[], |page| {
                page.leaf("caption", &[], caption);
                inner(page);
            });
        },
    );
    page.line();
}
