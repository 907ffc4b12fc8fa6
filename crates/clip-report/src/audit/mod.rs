//! Audits: what each is of, its verdict, its tables and plots with what may be concluded of them.
//!
//! ```text
//! audits ─▶ head (of what, warnings) · verdict · glance (one line a section)
//!        ─▶ section: conclusion · body (a file for each kind: rates, paired, …) · notes
//! ```

mod associations;
mod confusions;
mod curves;
mod figures;
mod flow;
mod glance;
mod head;
mod paired;
mod rates;
mod reliability;
mod verdict;
mod words;

pub use glance::main_figures;

use clip_audit::section::{Body, Section};
use clip_audit::{AuditRecord, PURPOSE};

use crate::markup::Markup;

/// All audits in the order of the page, whatever the order in which they come.
pub(crate) fn in_order(audits: &[AuditRecord]) -> Vec<&AuditRecord> {
    let mut audits: Vec<&AuditRecord> = audits.iter().collect();
    audits.sort_by_key(|audit| {
        let of = [&audit.dataset, &audit.split, &audit.kind, &audit.model];
        (head::dataset(audit).to_lowercase(), of, &audit.identity.variant, &audit.identity.place)
    });
    audits
}

/// The section of the page.
pub(crate) fn section(page: &mut Markup, audits: &[&AuditRecord]) {
    page.element("section", &[("id", &"audits")], |page| {
        page.leaf("h2", &[], "Audits");
        page.leaf("p", &[("class", &"limits"), ("role", &"note")], PURPOSE);
        if audits.len() > 1 {
            glance::audits(page, audits);
        }
        for (number, audit) in audits.iter().enumerate() {
            draw(page, number + 1, audit);
        }
    });
    page.line();
}

fn draw(page: &mut Markup, number: usize, audit: &AuditRecord) {
    head::draw(page, &head::anchor(number), audit);
    if let Some(verdict) = &audit.verdict {
        verdict::draw(page, verdict);
    }
    if audit.sections.len() > 1 {
        glance::sections(page, number, &audit.sections);
    }
    for (index, section) in audit.sections.iter().enumerate() {
        let is_folded = is_folded(section, audit.sections.len());
        draw_section(page, &head::section_anchor(number, index), section, is_folded);
    }
    head::provenance(page, audit);
}

/// Sections of an audit that stand open, whatever they are.
const MOST_OPEN: usize = 16;

/// Of many sections, those by combinations of attributes are folded away.
fn is_folded(section: &Section, sections: usize) -> bool {
    sections > MOST_OPEN && matches!(&section.body, Body::Rates(table) if table.by.len() > 1)
}

fn draw_section(page: &mut Markup, anchor: &str, section: &Section, is_folded: bool) {
    if is_folded {
        page.element("details", &[], |page| {
            page.leaf("summary", &[], &section.title);
            page.element("div", &[("id", &anchor), ("class", &"cell")], |page| {
                page.leaf("h4", &[], &section.title);
                inside(page, section);
            });
        });
    } else {
        page.element("div", &[("class", &"part-of")], |page| {
            page.leaf("h4", &[("id", &anchor)], &section.title);
            inside(page, section);
        });
    }
    page.line();
}

/// What may be concluded, picture and table, notes.
fn inside(page: &mut Markup, section: &Section) {
    page.element("div", &[("class", &"conclusion")], |page| {
        for (lead, sentence) in [
            ("May be concluded: ", &section.conclusion.may),
            ("May not: ", &section.conclusion.may_not),
        ] {
            page.element("p", &[], |page| {
                page.leaf("b", &[], lead);
                page.text(sentence);
            });
        }
    });
    page.element("div", &[("class", &"beside")], |page| body(page, section));
    words::list(page, "note", &section.notes);
}

fn body(page: &mut Markup, section: &Section) {
    let title = &section.title;
    match &section.body {
        Body::Rates(table) => rates::draw(page, title, table),
        Body::Paired(table) => paired::draw(page, title, table),
        Body::Associations(table) => associations::draw(page, title, table),
        Body::Figures(table) => figures::draw(page, title, table),
        Body::Flow(flow) => flow::draw(page, title, flow),
        Body::Confusions { pairs } => confusions::draw(page, pairs),
        Body::Reliability { bins } => reliability::draw(page, bins),
        Body::Curves(curves) => curves::draw(page, title, curves),
    }
}
