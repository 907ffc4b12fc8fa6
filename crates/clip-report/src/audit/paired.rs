//! The same share before and after a change: two dots a group, and the table.

use clip_audit::section::{Change, PairedRow, PairedTable, Rate};
use clip_eval::results::Figure;

use super::words::{
    direction, folded, group, images, in_words, intervals, p_entry, picture, points_entry,
    rate_entry, rate_in_words,
};
use crate::markup::Markup;
use crate::numbers::{MISSING, capital, count, percent, points};
use crate::plot::{Axis, Dot, DotPlot, Key, Kind, Row, Scale};
use crate::widgets::{note, numeric, row_head, scrolled};

/// Groups that a plot shows; of more those that change most.
const MOST_DRAWN: usize = 24;

/// Colours and shapes.
const BEFORE: usize = 1;
const AFTER: usize = 0;

/// The plot and the table.
pub(super) fn draw(page: &mut Markup, title: &str, table: &PairedTable) {
    plot(page, title, table);
    page.element("div", &[], |page| {
        page.leaf(
            "p",
            &[("class", &"finding")],
            format_args!("{}.", capital(&main_figures(table))),
        );
        small_groups(page, table);
        let what = format!("All {} groups", table.rows.len());
        folded(page, table.rows.len() > MOST_DRAWN, &what, |page| rows(page, table));
    });
}

fn small_groups(page: &mut Markup, table: &PairedTable) {
    let small: Vec<String> = table
        .rows
        .iter()
        .filter(|row| row.change.is_none())
        .map(|row| format!("{} ({})", group(&row.group), count(row.before.items)))
        .collect();
    if !small.is_empty() {
        note(
            page,
            format_args!(
                "Too few images for a figure, fewer than {}: {}.",
                table.min_group,
                small.join(", ")
            ),
        );
    }
}

/// What changed for all, and for the group that changed most.
pub(super) fn main_figures(table: &PairedTable) -> String {
    let said = |row: &PairedRow, change: &Change| {
        format!(
            "{} {} → {} ({})",
            group(&row.group),
            share(&row.before),
            share(&row.after),
            in_words(&change.difference)
        )
    };
    let all = table.all.change.as_ref().map(|change| said(&table.all, change));
    let most = table
        .rows
        .iter()
        .filter_map(|row| Some((row, row.change.as_ref()?)))
        .max_by(|a, b| size(a.1).total_cmp(&size(b.1)))
        .filter(|_| !table.by.is_empty())
        .map(|(row, change)| match size(change) > 0.0 {
            true => format!("most: {}", said(row, change)),
            false => "no group has another share".to_owned(),
        });
    let parts: Vec<String> = [all, most].into_iter().flatten().collect();
    if parts.is_empty() { "too few images".to_owned() } else { parts.join("; ") }
}

fn size(change: &Change) -> f64 {
    change.difference.value.unwrap_or_default().abs()
}

fn share(rate: &Rate) -> String {
    value(rate).map_or_else(|| MISSING.to_owned(), |share| format!("{} %", percent(share)))
}

fn value(rate: &Rate) -> Option<f64> {
    rate.share.as_ref()?.value
}

/// Whether all images together are a row of their own.
fn has_all_apart(table: &PairedTable) -> bool {
    !table.by.is_empty() || table.rows.is_empty()
}

fn plot(page: &mut Markup, title: &str, table: &PairedTable) {
    let is_whole = |row: &&PairedRow| value(&row.before).is_some() && value(&row.after).is_some();
    let mut shown: Vec<&PairedRow> = table.rows.iter().filter(is_whole).collect();
    let known = shown.len();
    if known > MOST_DRAWN {
        let size = |row: &PairedRow| row.change.as_ref().map_or(0.0, size);
        shown.sort_by(|a, b| size(b).total_cmp(&size(a)));
        shown.truncate(MOST_DRAWN);
    }
    let all = Some(&table.all).filter(is_whole).filter(|_| has_all_apart(table));
    let drawn = || shown.iter().copied().chain(all);
    if drawn().next().is_none() {
        return;
    }
    let shares = || drawn().flat_map(|row| [&row.before, &row.after]);
    let ends = shares().filter_map(|rate| rate.share.as_ref()).flat_map(|share| {
        let (low, high) = share.interval().unzip();
        [share.value, low, high]
    });
    let axis = Axis::percent("share of images, %", Scale::linear(ends.flatten(), (0.0, 1.0)));
    let keys = [
        Key::new(BEFORE, Kind::Hollow, &format!("before: {}", table.before)),
        Key::new(AFTER, Kind::Mark, &format!("after: {}", table.after)),
    ];
    let mut rows: Vec<Row> = drawn().map(dots).collect();
    if let (Some(_), false, Some(last)) = (all, shown.is_empty(), rows.last_mut()) {
        last.apart = true;
    }
    let plot = DotPlot {
        title,
        axis: &axis,
        keys: &keys,
        rows: &rows,
        note_head: "points",
        reference: None,
    };
    let said: Vec<String> = drawn()
        .map(|row| {
            let (before, after) = (rate_in_words(&row.before), rate_in_words(&row.after));
            format!("{}: {before}, then {after}", group(&row.group))
        })
        .collect();
    let description = format!("{}. {}", capital(&main_figures(table)), said.join("; "));
    let part = match known > MOST_DRAWN {
        true => format!(" Drawn: the {MOST_DRAWN} groups of {known} that change most."),
        false => String::new(),
    };
    let caption = format!(
        "{}: before ({}) and after ({}), on the same images; {}. At the right: after minus before.{}{part}",
        capital(&table.rate),
        table.before,
        table.after,
        direction(table.good),
        intervals(shares().filter_map(|rate| rate.share.as_ref()))
    );
    picture(page, |page| plot.draw(page, &description), &caption);
}

fn dots(row: &PairedRow) -> Row {
    let name = group(&row.group);
    let dot = |series, kind, rate: &Rate, word: &str| Dot {
        series,
        kind,
        value: value(rate).unwrap_or(f64::NAN),
        interval: rate.share.as_ref().and_then(Figure::interval),
        tip: format!("{name}, {word}: {} of {}", rate_in_words(rate), images(rate.items)),
    };
    let change = row.change.as_ref().and_then(|change| change.difference.value);
    Row {
        dots: vec![
            dot(BEFORE, Kind::Hollow, &row.before, "before"),
            dot(AFTER, Kind::Mark, &row.after, "after"),
        ],
        note: change.map(points).unwrap_or_default(),
        apart: false,
        joined: true,
        name,
    }
}

fn rows(page: &mut Markup, table: &PairedTable) {
    let is_published = table.rows.iter().chain([&table.all]).any(|row| row.published.is_some());
    let by = if table.by.is_empty() { "images".to_owned() } else { table.by.join(" · ") };
    let mut columns = vec![
        by.as_str(),
        "#before",
        "#after",
        "#after − before, points",
        "#images",
        "#only before / only after",
        "#p, Holm",
    ];
    if is_published {
        columns.push("#published");
    }
    let tests = table.rows.iter().chain([&table.all]).filter_map(|row| row.change.as_ref());
    let test = tests.map(|change| &change.test).next();
    let test = test.map_or_else(String::new, |test| {
        format!(" p: {}, corrected by Holm for {} tests.", test.name, test.family)
    });
    let caption = format!(
        "{}: before ({}) and after ({}). No figure below {}.{test}",
        capital(&table.rate),
        table.before,
        table.after,
        images(table.min_group)
    );
    scrolled(page, &caption, &columns, |page| {
        page.element("tbody", &[], |page| {
            table.rows.iter().for_each(|paired| row(page, paired, is_published));
        });
        if has_all_apart(table) {
            page.element("tfoot", &[], |page| row(page, &table.all, is_published));
        }
    });
}

fn row(page: &mut Markup, row: &PairedRow, is_published: bool) {
    page.element("tr", &[], |page| {
        row_head(page, group(&row.group));
        rate_entry(page, &row.before);
        rate_entry(page, &row.after);
        match &row.change {
            Some(change) => points_entry(page, &change.difference),
            None => numeric(page, MISSING),
        }
        numeric(page, count(row.before.items));
        let changed = row.change.as_ref();
        let changed = changed
            .map(|change| format!("{} / {}", count(change.only_before), count(change.only_after)));
        numeric(page, changed.as_deref().unwrap_or(MISSING));
        p_entry(page, row.change.as_ref().map(|change| &change.test));
        if is_published {
            let said = row
                .published
                .map(|(before, after)| format!("{} % → {} %", percent(before), percent(after)));
            numeric(page, said.unwrap_or_else(|| MISSING.to_owned()));
        }
    });
}
