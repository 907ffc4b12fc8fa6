//! What may be concluded of shares of images with labels of a category, and what may not.

use crate::phrases::{self, corrected, is_shown, points, with_interval};
use crate::published::MEASURED;
use crate::section::{Body, Change, Conclusion, PairedRow, PairedTable, RateTable, Section};

/// Of a section with tests, once they are corrected; others have theirs.
pub(super) fn conclude(section: &mut Section, level: f64) {
    match &section.body {
        Body::Rates(table) => section.conclusion = of_rates(table),
        Body::Paired(table) => section.conclusion = of_paired(table, level),
        _ => {}
    }
}

fn of_rates(table: &RateTable) -> Conclusion {
    let (rate, images) = (&table.rate, table.all.items);
    let may = match (&table.all.share, &table.disparity) {
        (None, _) => format!("{images} images are too few for a figure."),
        (Some(all), None) => format!(
            "{} of these {images} images are {rate}; fewer than two groups have {} images, so that none is compared.",
            with_interval(all),
            table.min_group
        ),
        (Some(all), Some(disparity)) if disparity.is_even() => format!(
            "{} of these {images} images are {rate}, and no group more often than another ({}).",
            with_interval(all),
            corrected(&disparity.test)
        ),
        (Some(all), Some(disparity)) => {
            let said = match is_shown(disparity) {
                true => "the groups differ by more than chance explains",
                false => "chance alone may explain it",
            };
            format!(
                "{} of these {images} images are {rate}, most often for {} and least often for {}, a gap of {}; \
                 {said} ({}).",
                with_interval(all),
                phrases::group(&disparity.worst),
                phrases::group(&disparity.best),
                points(&disparity.gap),
                corrected(&disparity.test)
            )
        }
    };
    let mut reasons =
        vec!["another list of labels, or other sentences, give other shares".to_owned()];
    let is_not_shown = |disparity| !is_shown(disparity);
    if table.disparity.as_ref().is_some_and(is_not_shown) {
        reasons.push("a difference that is not shown is not shown to be absent".to_owned());
    }
    let small = table.rows.iter().filter(|row| row.rate.share.is_none()).count();
    reasons.extend(of_small_groups(small, table.rows.len(), table.min_group));
    if table.rows.iter().any(|row| row.published.is_some()) {
        reasons.push(of_published());
    }
    Conclusion::new(may, how_often_elsewhere(&reasons))
}

fn of_paired(table: &PairedTable, level: f64) -> Conclusion {
    let (rate, after, images) = (&table.rate, &table.after, table.all.before.items);
    let may = match (&table.all.before.share, &table.all.after.share, &table.all.change) {
        (Some(share), Some(with), Some(change)) => format!(
            "{}, {} of these {images} images are {rate} instead of {}, a difference of {}{} ({}){}.",
            phrases::capital(after),
            with_interval(with),
            with_interval(share),
            points(&change.difference),
            by_chance(change, level),
            corrected(&change.test),
            most_changed(table, level)
        ),
        _ => format!("{images} images are too few for a figure."),
    };
    let mut reasons = vec![
        "the images only get another label of the list, right or wrong".to_owned(),
        "what one more class does is no measure of what the next one would".to_owned(),
    ];
    let small = table.rows.iter().filter(|row| row.change.is_none()).count();
    reasons.extend(of_small_groups(small, table.rows.len(), table.min_group));
    if table.rows.iter().any(|row| row.published.is_some()) {
        reasons.push(of_published());
    }
    let may_not = format!(
        "That a list with one more class is free of harm may not be concluded: {}.",
        reasons.join("; ")
    );
    Conclusion::new(may, may_not)
}

fn by_chance(change: &Change, level: f64) -> &'static str {
    if change.test.p_holm <= 1.0 - level { "" } else { ", which chance alone may explain" }
}

/// The group with the widest change of those that are shown.
fn most_changed(table: &PairedTable, level: f64) -> String {
    let widest = |row: &&PairedRow| {
        let change = row.change.as_ref().filter(|change| change.test.p_holm <= 1.0 - level)?;
        change.difference.value.map(f64::abs)
    };
    let by = table.by.join(" and ");
    let shown = table.rows.iter().filter(|row| widest(row).is_some());
    match shown
        .max_by(|a, b| widest(a).partial_cmp(&widest(b)).unwrap_or(std::cmp::Ordering::Equal))
    {
        Some(PairedRow { group, change: Some(change), .. }) => format!(
            "; by {by} the change is shown and widest for {}, {}",
            phrases::group(group),
            points(&change.difference)
        ),
        _ => format!("; by {by} no group has a change that is shown"),
    }
}

/// - `small`: groups without a figure, of `all`
fn of_small_groups(small: usize, all: usize, least: usize) -> Option<String> {
    (small > 0).then(|| {
        format!("nothing is known of {small} of {all} groups, which have fewer than {least} images")
    })
}

fn of_published() -> String {
    format!(
        "the published values are those of {MEASURED} on images that are not published, and two independent teams could not \
         reproduce them"
    )
}

/// The sentence with its reasons.
pub(super) fn how_often_elsewhere(reasons: &[String]) -> String {
    format!("How often the model does so elsewhere may not be concluded: {}.", reasons.join("; "))
}
