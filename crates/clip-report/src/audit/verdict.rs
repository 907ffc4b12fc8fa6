//! Whether what was required holds: each threshold beside what was measured.

use clip_audit::section::{Direction, Requirement, Verdict};
use clip_eval::results::{Figure, Unit};

use super::words::{direction, figure_entry, size_in_words};
use crate::markup::Markup;
use crate::numbers::{MISSING, display_name, figure_value, how};
use crate::widgets::{entry, mark, numeric, row_head, soft, table};

/// Heading, text and table.
pub(super) fn draw(page: &mut Markup, verdict: &Verdict) {
    page.element("h4", &[], |page| {
        page.text("Verdict: ");
        said(page, verdict.met);
    });
    page.leaf("p", &[("class", &"finding")], &verdict.text);
    let caption = "Each requirement is held against the unfavourable end of the interval of what was measured; without \
                   an interval it is not met.";
    let columns = ["requirement", "of", "#asked", "#measured", "#compared", "result"];
    table(page, caption, &columns, |page| {
        for requirement in &verdict.requirements {
            page.element("tr", &[], |page| row(page, requirement));
        }
    });
}

fn row(page: &mut Markup, requirement: &Requirement) {
    let figure = &requirement.figure;
    row_head(page, display_name(&requirement.name));
    entry(page, &requirement.of);
    let (asked, end) = match requirement.good {
        Direction::Higher => ("at least", "lower end"),
        Direction::Lower => ("at most", "upper end"),
    };
    numeric(page, format_args!("{asked} {}", in_unit(figure, requirement.threshold)));
    match figure.unit {
        Unit::Points => numeric(page, size_in_words(figure)),
        _ => figure_entry(page, figure),
    }
    page.element("td", &[("class", &"num")], |page| match requirement.compared {
        Some(compared) => page.text(format_args!("{} ({end})", in_unit(figure, compared))),
        None => page.text(MISSING),
    });
    page.element("td", &[], |page| {
        said(page, requirement.met);
        let why = figure.note.clone().unwrap_or_else(|| how(figure));
        page.text(" ");
        soft(page, format_args!("{}; {why}", direction(requirement.good)));
    });
}

/// A sign, a word and a colour.
fn said(page: &mut Markup, met: bool) {
    if met { mark(page, "good", "✓ met") } else { mark(page, "bad", "✗ not met") }
}

/// A number in the figure's unit, without a sign in front.
fn in_unit(figure: &Figure, value: f64) -> String {
    figure_value(&Figure::plain(&figure.name, figure.unit, value)).replace('+', "")
}
