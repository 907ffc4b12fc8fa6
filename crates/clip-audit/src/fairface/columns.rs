//! Rates as columns of a table of figures.

use clip_eval::results::{Figure, Unit};

use crate::section::{Rate, RateRow, RateTable};

/// A rate as a column of a table of figures.
pub(super) fn figure(name: &str, rate: &Rate, min_group: usize) -> Figure {
    match &rate.share {
        Some(share) => share.clone().named(name),
        None => too_few(name, rate.items, min_group),
    }
}

/// A group that is too small for a figure.
pub(super) fn too_few(name: &str, items: usize, min_group: usize) -> Figure {
    let reason = format!("{items} images, fewer than {min_group}");
    Figure::undefined(name, Unit::Share, &reason)
}

/// A group of a table.
pub(super) fn row_of<'t>(table: &'t RateTable, level: &str) -> Option<&'t RateRow> {
    table.rows.iter().find(|row| row.group.iter().map(String::as_str).eq([level]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_images_have_a_reason_in_place_of_a_figure() {
        let rate = Rate { items: 7, hits: None, share: None };
        let figure = figure("race", &rate, 20);
        assert_eq!((figure.value, figure.note.as_deref()), (None, Some("7 images, fewer than 20")));
    }
}
