//! What every section is made of: tables, their heads and entries, and how a result is named and
//! marked.

use std::fmt::Display;

use crate::markup::Markup;
use crate::numbers::count;
use crate::standing::Standing;
use clip_eval::results::Record;

/// A table with one body; `rows` writes its rows.
pub(crate) fn table(
    page: &mut Markup,
    caption: &str,
    columns: &[&str],
    rows: impl FnOnce(&mut Markup),
) {
    scrolled(page, caption, columns, |page| page.element("tbody", &[], rows));
}

/// A table that scrolls in its own box where the page is narrow. A column whose name begins with
/// `#` holds numbers.
pub(crate) fn scrolled(
    page: &mut Markup,
    caption: &str,
    columns: &[&str],
    bodies: impl FnOnce(&mut Markup),
) {
    page.element(
        "div",
        &[("class", &"box"), ("tabindex", &"0"), ("role", &"group"), ("aria-label", &caption)],
        |page| {
            page.element("table", &[], |page| {
                page.element("caption", &[], |page| page.leaf("span", &[], caption));
                head(page, columns);
                bodies(page);
            });
        },
    );
    page.line();
}

fn head(page: &mut Markup, columns: &[&str]) {
    page.element("thead", &[], |page| {
        page.element("tr", &[], |page| {
            for column in columns {
                match column.strip_prefix('#') {
                    Some(name) => page.leaf("th", &[("scope", &"col"), ("class", &"num")], name),
                    None => page.leaf("th", &[("scope", &"col")], column),
                }
            }
        });
    });
}

/// An entry that begins its row.
pub(crate) fn row_head(page: &mut Markup, text: impl Display) {
    page.leaf("th", &[("scope", &"row")], text);
}

/// An entry of words.
pub(crate) fn entry(page: &mut Markup, text: impl Display) {
    page.leaf("td", &[], text);
}

/// An entry under a head of numbers.
pub(crate) fn numeric(page: &mut Markup, text: impl Display) {
    page.leaf("td", &[("class", &"num")], text);
}

/// Less important than what stands before it.
pub(crate) fn soft(page: &mut Markup, text: impl Display) {
    page.leaf("span", &[("class", &"soft")], text);
}

/// What there is to know about the table above.
pub(crate) fn note(page: &mut Markup, text: impl Display) {
    page.leaf("p", &[("class", &"note")], text);
}

/// The row of a result: one whose items are not those of the published split looks different.
pub(crate) fn record_row(page: &mut Markup, record: &Record, entries: impl FnOnce(&mut Markup)) {
    let class = if Standing::of(record).is_comparable() { "whole" } else { "part" };
    page.element("tr", &[("class", &class)], entries);
}

/// A data set's title, or its id where it has none.
pub(crate) fn title(record: &Record) -> &str {
    if record.dataset_title.trim().is_empty() { &record.dataset } else { &record.dataset_title }
}

/// What is said of a result's items and prompts, as marks.
pub(crate) fn state(page: &mut Markup, record: &Record) {
    let standing = Standing::of(record);
    let warnings = standing.warnings();
    if warnings.is_empty() {
        mark(page, "good", "complete");
    }
    for (number, warning) in warnings.iter().enumerate() {
        if number > 0 {
            page.text(" ");
        }
        mark(page, if standing.is_comparable() { "odd" } else { "bad" }, warning);
    }
    if record.counts.skipped > 0 {
        page.text(" ");
        mark(page, "odd", format_args!("{} skipped", count(record.counts.skipped)));
    }
}

/// The same, where there is more to say than `complete`.
pub(crate) fn doubts(page: &mut Markup, record: &Record) {
    if !Standing::of(record).warnings().is_empty() || record.counts.skipped > 0 {
        state(page, record);
    }
}

/// A word in a coloured frame: `good`, `odd` or `bad`.
pub(crate) fn mark(page: &mut Markup, kind: &str, text: impl Display) {
    page.leaf("span", &[("class", &format_args!("mark {kind}"))], text);
}
