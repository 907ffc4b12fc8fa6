//! Whether what was required holds: each threshold beside what was measured.

use clip_audit::section::{Direction, Requirement, Verdict};
use clip_eval::results::{Figure, Unit};

use super::words::{figure_entry, size_in_words};
use crate::markup::Markup;
use crate::numbers::{MISSING, display_name, figure_value, how, or_missing};
use crate::widgets::{entry, mark, numeric, row_head, table};

/// Heading, text and table.
pub(super) fn draw(page: &mut Markup, verdict: &Verdict) {
    page.element("h4", &[], |page| {
        page.text("Verdict: ");
        said(page, verdict.met);
    });
    page.leaf("p", &[("class", &"finding")], &verdict.text);
    let caption = "Each requirement is held against the unfavourable end of the interval of what was measured; without \
                   an interval it is not met.";
    let columns = ["requirement", "result", "#asked", "#compared", "#measured", "of", "interval"];
    table(page, caption, &columns, |page| {
        for requirement in &verdict.requirements {
            page.element("tr", &[], |page| row(page, requirement));
        }
    });
}

fn row(page: &mut Markup, requirement: &Requirement) {
    let figure = &requirement.figure;
    let (asked, end) = match requirement.good {
        Direction::Higher => ("at least", "lower end"),
        Direction::Lower => ("at most", "upper end"),
    };
    row_head(page, display_name(&requirement.name));
    page.element("td", &[], |page| said(page, requirement.met));
    numeric(page, format_args!("{asked} {}", in_unit(figure, requirement.threshold)));
    let compared = requirement.compared.map(|end| in_unit(figure, end));
    numeric(page, or_missing(compared, |compared| format!("{compared} ({end})")));
    match figure.unit {
        Unit::Points => numeric(page, size_in_words(figure)),
        _ => figure_entry(page, figure),
    }
    entry(page, &requirement.of);
    let how = how(figure);
    let missing = || figure.note.clone().unwrap_or_else(|| MISSING.to_owned());
    page.leaf("td", &[("class", &"tight")], if how.is_empty() { missing() } else { how });
}

/// A sign, a word and a colour.
pub(super) fn said(page: &mut Markup, met: bool) {
    if met { mark(page, "good", "✓ met") } else { mark(page, "bad", "✗ not met") }
}

/// A number in the figure's unit, without a sign in front.
fn in_unit(figure: &Figure, value: f64) -> String {
    figure_value(&Figure::plain(&figure.name, figure.unit, value)).replace('+', "")
}
