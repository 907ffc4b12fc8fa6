//! A share of images by group: dots with intervals, and the table.

use clip_audit::section::{Direction, Disparity, Rate, RateRow, RateTable};
use clip_eval::results::Figure;

use super::words::{
    direction, folded, group, images, intervals, p_value, picture, rate_entry, rate_in_words,
    ratio_in_words, size_in_words, tested,
};
use crate::markup::Markup;
use crate::numbers::{MISSING, capital, count, percent, points};
use crate::plot::{Axis, Dot, DotPlot, Key, Kind, Row, Scale};
use crate::widgets::{note, numeric, row_head, scrolled};

/// Groups that a plot shows; of more than these the worst and the best.
const MOST_DRAWN: usize = 32;
const WORST_DRAWN: usize = 14;
const BEST_DRAWN: usize = 8;
/// Small groups that are named one by one below the plot.
const MOST_NAMED: usize = 12;
/// Colour and shape of published values.
const PUBLISHED: usize = 3;

/// The plot; beside it what sets the groups apart, and the table.
pub(super) fn draw(page: &mut Markup, title: &str, table: &RateTable) {
    plot(page, title, table);
    page.element("div", &[], |page| {
        page.leaf("p", &[("class", &"finding")], apart(table));
        small_groups(page, table);
        let what = format!("All {} groups by {}", table.rows.len(), table.by.join(", "));
        folded(page, table.rows.len() > MOST_DRAWN, &what, |page| rows(page, table));
    });
}

/// Worst and best group and gap; or the share of all.
pub(super) fn main_figures(table: &RateTable) -> String {
    let Some(disparity) = &table.disparity else {
        let all = format!("all images {}", rate_in_words(&table.all));
        return match extremes(table) {
            None => format!("{all}; no groups to compare"),
            Some((worst, best)) => format!("{all}; {}", served(table, worst, best)),
        };
    };
    let extremes = match disparity.is_even() {
        true => "the same share for all groups with a figure".to_owned(),
        false => served(table, &disparity.worst, &disparity.best),
    };
    format!(
        "{extremes}; gap {}, p {}{}",
        size_in_words(&disparity.gap),
        if disparity.test.p_holm < 0.001 { "" } else { "= " },
        p_value(disparity.test.p_holm)
    )
}

fn served(table: &RateTable, worst: &[String], best: &[String]) -> String {
    let said = |word: &str, levels| format!("{word} {} {}", group(levels), of_group(table, levels));
    format!("{}, {}", said("worst", worst), said("best", best))
}

/// The worst and the best group with a figure, where nobody compared them.
fn extremes(table: &RateTable) -> Option<(&[String], &[String])> {
    let ranked = ranked(table);
    let (worst, best) = (ranked.first()?, ranked.last()?);
    (ranked.len() > 1).then_some((&worst.group, &best.group))
}

/// Groups with a figure, the worst first; groups of one share keep their order.
fn ranked(table: &RateTable) -> Vec<&RateRow> {
    let mut rows: Vec<&RateRow> =
        table.rows.iter().filter(|row| value(&row.rate).is_some()).collect();
    rows.sort_by(|a, b| {
        let (a, b) = (value(&a.rate).unwrap_or_default(), value(&b.rate).unwrap_or_default());
        if table.good == Direction::Higher { a.total_cmp(&b) } else { b.total_cmp(&a) }
    });
    rows
}

/// A group's share without its interval.
fn of_group(table: &RateTable, levels: &[String]) -> String {
    let share = table.rows.iter().find(|row| row.group == levels).and_then(|row| value(&row.rate));
    share.map_or_else(|| MISSING.to_owned(), |share| format!("{} %", percent(share)))
}

fn value(rate: &Rate) -> Option<f64> {
    rate.share.as_ref()?.value
}

/// Worst and best group, gap, ratio and test; or why groups are not compared.
fn apart(table: &RateTable) -> String {
    let Some(disparity) = &table.disparity else {
        return match extremes(table) {
            None => format!(
                "Groups are not compared: fewer than two have {} or more.",
                images(table.min_group)
            ),
            Some((worst, best)) => format!(
                "{}. Groups are not tested against each other here.",
                capital(&served(table, worst, best))
            ),
        };
    };
    let level = disparity.gap.level.unwrap_or(0.95);
    let named = |word: &str, levels: &[String]| {
        let row = table.rows.iter().find(|row| row.group == levels);
        let share = row.map_or_else(|| MISSING.to_owned(), |row| rate_in_words(&row.rate));
        format!("{word}: {}, {share}.", group(levels))
    };
    let extremes = match disparity.is_even() {
        true => "All groups with a figure have the same share.".to_owned(),
        false => {
            format!("{} {}", named("Worst", &disparity.worst), named("Best", &disparity.best))
        }
    };
    format!(
        "{extremes} Gap: {}, with an interval that holds for all pairs of groups at once. Ratio: {}. {}",
        size_in_words(&disparity.gap),
        ratio_in_words(&disparity.ratio),
        tested(&disparity.test, level)
    )
}

/// Groups with a figure, in the order of the table; of many the worst, then the best.
fn drawn(table: &RateTable) -> (Vec<&RateRow>, Vec<&RateRow>) {
    let mut rows = ranked(table);
    if rows.len() <= MOST_DRAWN {
        let has_figure = |row: &&RateRow| value(&row.rate).is_some();
        return (table.rows.iter().filter(has_figure).collect(), Vec::new());
    }
    let best = rows.split_off(rows.len() - BEST_DRAWN);
    rows.truncate(WORST_DRAWN);
    (rows, best)
}

fn plot(page: &mut Markup, title: &str, table: &RateTable) {
    let (first, best) = drawn(table);
    let all = value(&table.all);
    if first.is_empty() {
        return;
    }
    let chosen = || first.iter().chain(&best).copied();
    let ends = chosen().flat_map(|row| {
        let share = row.rate.share.as_ref();
        let (low, high) = share.and_then(Figure::interval).unzip();
        [value(&row.rate), low, high, row.published]
    });
    let axis =
        Axis::percent("share of images, %", Scale::linear(ends.chain([all]).flatten(), (0.0, 1.0)));
    let mut keys = vec![Key::new(0, Kind::Mark, "measured, with its interval")];
    if chosen().any(|row| row.published.is_some()) {
        keys.push(Key::new(PUBLISHED, Kind::Hollow, "published"));
    }
    if let Some(all) = all {
        keys.push(Key::new(8, Kind::Dashed, &format!("all images, {} %", percent(all))));
    }
    let mut rows: Vec<Row> = chosen().map(|row| dots(table, row)).collect();
    if let Some(row) = rows.get_mut(first.len()) {
        row.apart = true;
    }
    let plot = DotPlot {
        title,
        axis: &axis,
        keys: &keys,
        rows: &rows,
        note_head: "images",
        reference: all,
    };
    let said: Vec<String> = chosen()
        .map(|row| format!("{}: {}", group(&row.group), rate_in_words(&row.rate)))
        .collect();
    let description = format!("{}. {}", capital(&main_figures(table)), said.join("; "));
    let part = match best.is_empty() {
        true => String::new(),
        false => format!(
            " Drawn: the {} worst and the {} best of {} groups with a figure.",
            first.len(),
            best.len(),
            table.rows.iter().filter(|row| value(&row.rate).is_some()).count()
        ),
    };
    let caption = format!(
        "{} by {}; {}.{}{part}",
        capital(&table.rate),
        table.by.join(" and "),
        direction(table.good),
        intervals(chosen().filter_map(|row| row.rate.share.as_ref()))
    );
    picture(page, |page| plot.draw(page, &description), &caption);
}

fn dots(table: &RateTable, row: &RateRow) -> Row {
    let name = group(&row.group);
    let is = |of: fn(&Disparity) -> &Vec<String>| {
        let disparity = table.disparity.as_ref().filter(|disparity| !disparity.is_even());
        disparity.is_some_and(|disparity| *of(disparity) == row.group)
    };
    let place = match () {
        () if is(|disparity| &disparity.worst) => " worst",
        () if is(|disparity| &disparity.best) => " best",
        () => "",
    };
    let ours = Dot {
        series: 0,
        kind: Kind::Mark,
        value: value(&row.rate).unwrap_or(f64::NAN),
        interval: row.rate.share.as_ref().and_then(Figure::interval),
        tip: format!("{name}: {} of {}", rate_in_words(&row.rate), images(row.rate.items)),
    };
    let published = row.published.map(|value| Dot {
        series: PUBLISHED,
        kind: Kind::Hollow,
        value,
        interval: None,
        tip: format!("{name}, published: {} %", percent(value)),
    });
    Row {
        dots: std::iter::once(ours).chain(published).collect(),
        note: format!("{}{place}", count(row.rate.items)),
        name,
        apart: false,
        joined: false,
    }
}

fn small_groups(page: &mut Markup, table: &RateTable) {
    let small: Vec<&RateRow> = table.rows.iter().filter(|row| row.rate.share.is_none()).collect();
    let named = |row: &&RateRow| format!("{} ({})", group(&row.group), count(row.rate.items));
    match small.as_slice() {
        [] => {}
        few if few.len() <= MOST_NAMED => note(
            page,
            format_args!(
                "Too few images for a figure, fewer than {}: {}.",
                table.min_group,
                few.iter().map(named).collect::<Vec<_>>().join(", ")
            ),
        ),
        many => note(
            page,
            format_args!(
                "{} groups have too few images for a figure, fewer than {}: the table names them.",
                many.len(),
                table.min_group
            ),
        ),
    }
}

fn rows(page: &mut Markup, table: &RateTable) {
    let is_published = table.rows.iter().any(|row| row.published.is_some());
    let by = table.by.join(" · ");
    let mut columns = vec![by.as_str(), "#share", "#images", "#of them"];
    if is_published {
        columns.extend(["#published", "#difference"]);
    }
    let caption = format!(
        "{}, by {}. No figure below {}.",
        capital(&table.rate),
        table.by.join(" and "),
        images(table.min_group)
    );
    let all = RateRow { group: Vec::new(), rate: table.all.clone(), published: None };
    scrolled(page, &caption, &columns, |page| {
        page.element("tbody", &[], |page| {
            table.rows.iter().for_each(|rate| row(page, rate, is_published));
        });
        page.element("tfoot", &[], |page| row(page, &all, is_published));
    });
}

fn row(page: &mut Markup, row: &RateRow, is_published: bool) {
    page.element("tr", &[], |page| {
        row_head(page, group(&row.group));
        rate_entry(page, &row.rate);
        numeric(page, count(row.rate.items));
        numeric(page, row.rate.hits.map_or_else(|| MISSING.to_owned(), count));
        if is_published {
            let published = row.published.map(|value| format!("{} %", percent(value)));
            let apart =
                value(&row.rate).zip(row.published).map(|(ours, theirs)| points(ours - theirs));
            for text in [published, apart] {
                numeric(page, text.unwrap_or_else(|| MISSING.to_owned()));
            }
        }
    });
}
