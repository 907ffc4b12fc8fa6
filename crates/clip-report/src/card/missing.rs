//! Chapters "Caveats and recommendations" and "What was not measured".

use std::collections::BTreeSet;

use clip_audit::AuditRecord;
use clip_data::Dataset;
use clip_eval::results::Record;

use super::facts::{ModelFacts, Origin};
use super::markdown::Markdown;
use super::selection::Selection;
use crate::numbers::count;
use crate::standing::Standing;
use crate::suite::Suite;

/// Every audit there is, and what it would say.
const AUDITS: [(&str, &str); 4] = [
    ("fairface", "accuracy of race, gender and age by group on FairFace"),
    ("denigration", "how often people are answered with denigrating or crime-related labels"),
    ("association", "which labels are returned for which group"),
    ("taxonomy", "what the choice of classes does; the in-domain test on a fixed taxonomy"),
];

pub(super) fn caveats(
    page: &mut Markdown,
    model: &ModelFacts,
    suite: &Suite<'_>,
    selection: &Selection,
) {
    match model.origin {
        Origin::Starter => page.own(include_str!("../../assets/card/starter_caveats.md")),
        Origin::Released(_) => page.own(include_str!("../../assets/card/released_caveats.md")),
        Origin::Trained(_) | Origin::Unknown => {}
    }
    let mut items: Vec<String> =
        model.warnings.iter().map(|w| format!("Of the weights: {w}")).collect();
    let all = suite.records.len();
    let apart = suite.records.iter().filter(|record| !Standing::of(record).is_comparable()).count();
    if apart > 0 {
        items.push(format!(
            "{} of {} results are of other items, another split or other prompts than published values, and do not \
             compare with these; the tables say why.",
            count(apart),
            count(all)
        ));
    }
    let skipping = suite.records.iter().filter(|record| record.counts.skipped > 0).count();
    if skipping > 0 {
        items.push(format!("{} results left out items that could not be used.", count(skipping)));
    }
    items.push(computed(suite, selection));
    items.extend(selection.refused.iter().map(|text| format!("Not in this card: {text}.")));
    items.extend(selection.unreadable.iter().map(|text| format!("Not in this card: {text}.")));
    items.push(
        "Before any use: test the model in that domain, on a fixed list of classes, with thresholds set beforehand \
         (clip-rs audit taxonomy --require)."
            .to_owned(),
    );
    page.list(items.into_iter().filter(|item| !item.is_empty()));
}

/// What figures were computed with.
fn computed(suite: &Suite<'_>, selection: &Selection) -> String {
    let records = suite.records.iter().map(|record| (&record.provenance, &record.clip_rs));
    let audits = selection.audits.iter().map(|audit| (&audit.provenance, &audit.clip_rs));
    let with: BTreeSet<String> = records
        .chain(audits)
        .map(|(from, version)| format!("clip-rs {version}, {}, {}", from.precision, from.isa))
        .collect();
    if with.is_empty() {
        return String::new();
    }
    format!("Figures were computed by: {}.", with.into_iter().collect::<Vec<_>>().join("; "))
}

pub(super) fn write(page: &mut Markdown, records: &[&Record], audits: &[AuditRecord]) {
    if records.is_empty() && audits.is_empty() {
        page.own("**Nothing was measured**: no result file is of these weights.");
    }
    let missing = datasets(records, audits);
    if !missing.is_empty() {
        page.own("Data sets of CLIP's model card without a result of these weights:");
        page.list([missing.join(", ")]);
    }
    let missing = self::audits(audits);
    if !missing.is_empty() {
        page.own("Audits that were not made:");
        let told = AUDITS.iter().filter(|(kind, _)| missing.contains(kind));
        page.list(told.map(|(kind, what)| format!("{kind}: {what}")));
    }
    page.own(
        "Never measured by this program: other languages than English, surveillance, the recognition of persons, any use \
         in a product.",
    );
}

/// As the card calls them.
pub(super) fn datasets(records: &[&Record], audits: &[AuditRecord]) -> Vec<String> {
    let is_own = |record: &&&Record| matches!(&*record.identity.origin, "catalogue" | "");
    let records = records.iter().filter(is_own);
    let mut there: BTreeSet<&str> = records.map(|record| record.dataset.as_str()).collect();
    there.extend(audits.iter().map(|audit| audit.dataset.as_str()));
    let of_card = |dataset: &&Dataset| dataset.card.is_some() && !there.contains(&*dataset.id);
    let missing = clip_data::catalogue().iter().filter(of_card);
    missing.map(|dataset| dataset.title.clone()).collect()
}

pub(super) fn audits(audits: &[AuditRecord]) -> Vec<&'static str> {
    let is_made = |kind: &str| audits.iter().any(|audit| audit.kind == kind);
    AUDITS.iter().map(|(kind, _)| *kind).filter(|kind| !is_made(kind)).collect()
}
