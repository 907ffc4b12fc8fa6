//! What is taken for what.

use clip_eval::results::Confusion;

use super::words::picture;
use crate::confusion::{Square, pairs_table, said};
use crate::markup::Markup;

/// Classes of the square, and pairs of the table.
const CLASSES: usize = 10;
const PAIRS: usize = 15;

/// The square and the table.
pub(super) fn draw(page: &mut Markup, pairs: &[Confusion]) {
    let square = Square::new(pairs, &[], CLASSES);
    if square.is_possible() {
        let caption = format!("{}.", square.caption());
        picture(page, |page| square.picture(page), &caption);
    }
    page.element("div", &[], |page| pairs_table(page, pairs, PAIRS));
}

/// The worst pairs.
pub(super) fn main_figures(pairs: &[Confusion]) -> String {
    let worst: Vec<String> = pairs.iter().take(3).map(said).collect();
    if worst.is_empty() { "none".to_owned() } else { worst.join("; ") }
}
