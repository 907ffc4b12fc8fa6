//! Chapter "Factors": which groups were compared.

use std::collections::BTreeSet;

use clip_audit::AuditRecord;
use clip_audit::section::Body;

use super::markdown::Markdown;

pub(super) fn write(page: &mut Markdown, audits: &[AuditRecord]) {
    let mut groups: BTreeSet<String> = BTreeSet::new();
    for audit in audits {
        for section in &audit.sections {
            let by = match &section.body {
                Body::Rates(table) => table.by.join(" x "),
                Body::Paired(table) => table.by.join(" x "),
                Body::Associations(table) => table.by.clone(),
                _ => continue,
            };
            if !by.is_empty() {
                let least = least_group(&section.body);
                groups.insert(format!("{}: {by}{least}", audit.dataset_title));
            }
        }
    }
    if groups.is_empty() {
        page.own(
            "No groups were compared: no audit by group is among the results. How the model does for groups of people, \
             places, cameras or styles is not known.",
        );
        return;
    }
    page.own("Groups that were compared, as labelled by the data sets; other factors were not looked at:");
    page.list(groups);
}

fn least_group(body: &Body) -> String {
    let least = match body {
        Body::Rates(table) => table.min_group,
        Body::Paired(table) => table.min_group,
        _ => return String::new(),
    };
    format!(", no figure of groups below {least} images")
}
