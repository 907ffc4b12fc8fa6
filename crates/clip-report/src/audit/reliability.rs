//! Whether probabilities mean what they say.

use clip_eval::results::ReliabilityBin;

use super::words::picture;
use crate::calibration::{caption, expected_error, filled, pictures};
use crate::markup::Markup;
use crate::numbers::{count, percent, total};
use crate::widgets::{numeric, row_head, table};

/// The diagram with its histogram, and the table.
pub(super) fn draw(page: &mut Markup, bins: &[ReliabilityBin]) {
    let bins = filled(bins);
    if bins.is_empty() {
        page.leaf("p", &[("class", &"note")], "No images.");
        return;
    }
    picture(page, |page| pictures(page, &bins), &caption(&bins));
    let columns = ["probability, %", "#images", "#mean probability", "#right"];
    page.element("div", &[], |page| {
        table(page, "Bins of the probability of the answer", &columns, |page| {
            for bin in &bins {
                page.element("tr", &[], |page| {
                    row_head(page, format_args!("{}–{}", percent(bin.low), percent(bin.high)));
                    numeric(page, count(bin.items));
                    for share in [bin.confidence, bin.accuracy] {
                        numeric(page, format_args!("{} %", percent(share)));
                    }
                });
            }
        });
    });
}

/// The expected calibration error.
pub(super) fn main_figures(bins: &[ReliabilityBin]) -> String {
    let bins = filled(bins);
    let items = total(bins.iter().map(|bin| bin.items));
    format!("expected calibration error {} %, n = {}", percent(expected_error(&bins)), count(items))
}
