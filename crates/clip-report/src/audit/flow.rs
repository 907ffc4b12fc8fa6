//! Where images go when the labels change: ribbons from the answers before to those after, and the
//! table.

use std::collections::BTreeMap;

use clip_audit::section::{Flow, FlowCell};

use super::words::{images, picture};
use crate::markup::Markup;
use crate::numbers::{count, percent, total};
use crate::plot::{Ribbon, Side, ribbons};
use crate::widgets::{numeric, row_head, soft, table as page_table};

/// Flows that are shown all.
const ALL_SHOWN: usize = 14;
/// Of more, the largest that change the answer.
const MOST_SHOWN: usize = 12;

/// The picture and the table.
pub(super) fn draw(page: &mut Markup, title: &str, flow: &Flow) {
    let drawn = shown(flow);
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
fn shown(flow: &Flow) -> Vec<&FlowCell> {
    if flow.cells.len() <= ALL_SHOWN {
        return flow.cells.iter().collect();
    }
    let mut largest: Vec<&FlowCell> = changed(flow).collect();
    largest.sort_by_key(|cell| std::cmp::Reverse(cell.items));
    largest.truncate(MOST_SHOWN);
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

/// Answers after, in the order of what comes to them: few ribbons cross.
fn opposite<'f>(cells: &[&'f FlowCell], before: &[&str]) -> Vec<&'f str> {
    let height = |name: &str| {
        let of = cells.iter().filter(|cell| cell.to == name);
        let (sum, items) = of.fold((0.0, 0.0), |(sum, items), cell| {
            let place = before.iter().position(|other| *other == cell.from).unwrap_or(0);
            (sum + place as f64 * cell.items as f64, items + cell.items as f64)
        });
        sum / f64::max(items, 1.0)
    };
    let mut names = side(cells, |cell| &cell.to);
    names.sort_by(|a, b| height(a).total_cmp(&height(b)));
    names
}

fn plot(page: &mut Markup, title: &str, flow: &Flow, drawn: &[&FlowCell]) {
    let left = Side { title: &flow.before, names: side(drawn, |cell| &cell.from) };
    let right = Side { title: &flow.after, names: opposite(drawn, &left.names) };
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
    let is_grey = drawn.iter().any(|cell| cell.from == cell.to);
    let grey = if is_grey { " Grey: an answer of the same name." } else { "" };
    format!("Left: {}; right: {}. {}{grey}", flow.before, flow.after, part(flow, drawn))
}

/// Which flows are shown, and how many images the others have.
fn part(flow: &Flow, shown: &[&FlowCell]) -> String {
    if shown.len() == flow.cells.len() {
        return format!("All {} flows of {}.", count(shown.len()), images(flow.items));
    }
    let moved = total(changed(flow).map(|cell| cell.items));
    let among = total(shown.iter().map(|cell| cell.items));
    format!(
        "The {} largest flows between answers of different names, {}; {} smaller ones have {}. Of {}, {} keep an answer \
         of the same name.",
        shown.len(),
        images(among),
        changed(flow).count().saturating_sub(shown.len()),
        images(moved.saturating_sub(among)),
        images(flow.items),
        count(flow.items.saturating_sub(moved))
    )
}

fn rows(page: &mut Markup, flow: &Flow) {
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in &flow.cells {
        let size = before.entry(&cell.from).or_default();
        *size = size.saturating_add(cell.items);
    }
    let columns = ["before", "after", "#images", "#of the answer before"];
    let shown = shown(flow);
    let caption = format!("Before: {}. After: {}. {}", flow.before, flow.after, part(flow, &shown));
    page_table(page, &caption, &columns, |page| {
        for cell in shown {
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
