//! The main figures in a line each, with the way to where they stand.

use clip_audit::AuditRecord;
use clip_audit::section::{Body, Section};

use super::head::{anchor, section_anchor, title};
use super::{associations, confusions, curves, figures, flow, paired, rates, reliability, verdict};
use crate::markup::Markup;
use crate::numbers::count;
use crate::widgets::{entry, numeric, table};

/// All audits of the page.
pub(super) fn audits(page: &mut Markup, audits: &[&AuditRecord]) {
    let columns = ["audit", "verdict", "#images", "#sections", "split"];
    table(page, "Audits in this page", &columns, |page| {
        for (index, audit) in audits.iter().enumerate() {
            page.element("tr", &[], |page| {
                link(page, &anchor(index + 1), &title(audit));
                page.element("td", &[], |page| match &audit.verdict {
                    None => page.text("none asked"),
                    Some(verdict) => verdict::said(page, verdict.met),
                });
                numeric(page, count(audit.counts.scored));
                numeric(page, audit.sections.len());
                entry(page, &audit.split);
            });
        }
    });
}

/// All sections of an audit.
pub(super) fn sections(page: &mut Markup, audit: usize, sections: &[Section]) {
    page.leaf("h4", &[], "At a glance");
    let caption = "The main figures of each section; what they are worth stands there";
    table(page, caption, &["section", "main figures"], |page| {
        for (index, section) in sections.iter().enumerate() {
            page.element("tr", &[], |page| {
                link(page, &section_anchor(audit, index), &section.title);
                entry(page, main_figures(&section.body));
            });
        }
    });
}

fn link(page: &mut Markup, anchor: &str, text: &str) {
    page.element("th", &[("scope", &"row")], |page| {
        page.leaf("a", &[("href", &format_args!("#{anchor}"))], text);
    });
}

/// What a section shows, in a line: worst and best group with the gap, what changed most, ….
pub fn main_figures(body: &Body) -> String {
    match body {
        Body::Rates(table) => rates::main_figures(table),
        Body::Paired(table) => paired::main_figures(table),
        Body::Associations(table) => associations::main_figures(table),
        Body::Figures(table) => figures::main_figures(table),
        Body::Flow(flow) => flow::main_figures(flow),
        Body::Confusions { pairs } => confusions::main_figures(pairs),
        Body::Reliability { bins } => reliability::main_figures(bins),
        Body::Curves(curves) => curves::main_figures(curves),
    }
}
