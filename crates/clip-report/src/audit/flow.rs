//! Where images go when the labels change: ribbons from the answers before to those after, and the
//! table.

use std::collections::BTreeMap;

use clip_audit::section::{Flow, FlowCell};

use super::words::{images, picture};
use crate::markup::Markup;
use crate::numbers::{count, percent, total};
use crate::plot::{Ribbon, Side, ribbons};
use crate::widgets::{numeric, row_head, soft, table as page_table};

/// Flows that are drawn all.
const ALL_DRAWN: usize = 14;
/// Of more, the largest that change the answer.
const MOST_DRAWN: usize = 12;
/// Rows of the table.
const MOST_ROWS: usize = 24;

/// The picture and the table.
pub(super) fn draw(page: &mut Markup, title: &str, flow: &Flow) {
    let drawn = drawn(flow);
    page.element("div", &[], |page| {
        if !drawn.is_empty() {
            plot(page, title, flow, &drawn);
        }
    });
    page.element("div", &[], |page| rows(page, flow));
}

/// How many images change their answer, and the largest of these flows.
pub(super) fn main_figures(flow: &Flow) -> String {
    let moved = total(changed(flow).map(|cell| cell.items));
    let largest = changed(flow).max_by_key(|cell| cell.items);
    let largest = largest.map_or_else(String::new, |cell| format!("; most {}", said(cell)));
    format!("{} of {} have another answer{largest}", count(moved), images(flow.items))
}

fn changed(flow: &Flow) -> impl Iterator<Item = &FlowCell> {
    flow.cells.iter().filter(|cell| cell.from != cell.to)
}

fn said(cell: &FlowCell) -> String {
    format!("{} → {} ({})", cell.from, cell.to, count(cell.items))
}

/// All flows of few; of many the largest of those that change the answer.
fn drawn(flow: &Flow) -> Vec<&FlowCell> {
    if flow.cells.len() <= ALL_DRAWN {
        return flow.cells.iter().collect();
    }
    let mut largest: Vec<&FlowCell> = changed(flow).collect();
    largest.sort_by_key(|cell| std::cmp::Reverse(cell.items));
    largest.truncate(MOST_DRAWN);
    largest
}

/// Answers of one side, the largest first.
fn side<'f>(cells: &[&'f FlowCell], of: impl Fn(&'f FlowCell) -> &'f str) -> Vec<&'f str> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in cells {
        let size = sizes.entry(of(cell)).or_default();
        *size = size.saturating_add(cell.items);
    }
    let mut names: Vec<(&str, usize)> = sizes.into_iter().collect();
    names.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    names.into_iter().map(|(name, _)| name).collect()
}

fn plot(page: &mut Markup, title: &str, flow: &Flow, drawn: &[&FlowCell]) {
    let left = Side { title: &flow.before, names: side(drawn, |cell| &cell.from) };
    // Answers of one name stand at one height where they can.
    let mut names = side(drawn, |cell| &cell.to);
    let place = |name: &str| left.names.iter().position(|other| *other == name);
    names.sort_by_key(|name| place(name).unwrap_or(usize::MAX));
    let right = Side { title: &flow.after, names };
    let position = |names: &[&str], name: &str| names.iter().position(|other| *other == name);
    let of = |cell: &&FlowCell| {
        Some(Ribbon {
            from: position(&left.names, &cell.from)?,
            to: position(&right.names, &cell.to)?,
            items: cell.items,
            same: cell.from == cell.to,
        })
    };
    let flows: Vec<Ribbon> = drawn.iter().filter_map(of).collect();
    let words: Vec<String> = drawn.iter().map(|cell| said(cell)).collect();
    let description = format!("{}. {}", main_figures(flow), words.join("; "));
    let caption = caption(flow, drawn);
    picture(page, |page| ribbons(page, title, &description, [&left, &right], &flows), &caption);
}

fn caption(flow: &Flow, drawn: &[&FlowCell]) -> String {
    let sides = format!("Left: answers with {}; right: with {}", flow.before, flow.after);
    if drawn.len() == flow.cells.len() {
        return format!(
            "{sides}. Every flow of n = {} is drawn; grey: same name.",
            count(flow.items)
        );
    }
    let moved = total(changed(flow).map(|cell| cell.items));
    let shown = total(drawn.iter().map(|cell| cell.items));
    let rest = changed(flow).count() - drawn.len();
    format!(
        "{sides}. Drawn: the {} largest flows between answers of different names, {}. Not drawn: {} in {rest} smaller \
         flows; {} keep an answer of the same name. n = {}.",
        drawn.len(),
        images(shown),
        images(moved.saturating_sub(shown)),
        images(flow.items.saturating_sub(moved)),
        count(flow.items)
    )
}

fn rows(page: &mut Markup, flow: &Flow) {
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in &flow.cells {
        let size = before.entry(&cell.from).or_default();
        *size = size.saturating_add(cell.items);
    }
    let columns = ["before", "after", "#images", "#of the answer before"];
    let shown = flow.cells.len().min(MOST_ROWS);
    let rest = total(flow.cells.iter().skip(shown).map(|cell| cell.items));
    let caption = format!(
        "Before: {}. After: {}. {}",
        flow.before,
        flow.after,
        match rest {
            0 => format!("All {} flows.", count(shown)),
            rest => format!(
                "The {} largest of {} flows; the others have {}.",
                count(shown),
                count(flow.cells.len()),
                images(rest)
            ),
        }
    );
    page_table(page, &caption, &columns, |page| {
        for cell in flow.cells.iter().take(shown) {
            page.element("tr", &[], |page| {
                row_head(page, &cell.from);
                page.element("td", &[], |page| {
                    page.text(&cell.to);
                    if cell.from == cell.to {
                        soft(page, " (the same)");
                    }
                });
                numeric(page, count(cell.items));
                let of = before.get(cell.from.as_str()).copied().unwrap_or_default().max(1);
                numeric(page, format_args!("{} %", percent(cell.items as f64 / of as f64)));
            });
        }
    });
}
