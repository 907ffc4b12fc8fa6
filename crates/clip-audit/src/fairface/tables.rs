//! How often answers are right, by group: every question by race, gender, age and all of their
//! combinations.

use super::faces::{Faces, NON_WHITE, Question, WHITE, WHITE_OR_NOT};
use super::system::{System, SystemKind};
use crate::groups::Grouping;
use crate::options::GroupOptions;
use crate::phrases;
use crate::published::{self, TABLE_3, TABLE_4, TABLE_5};
use crate::rates::{self, Counted, rate_table};
use crate::section::{Body, Conclusion, Direction, Disparity, RateTable, Section};

/// What faces are grouped by.
const GROUPINGS: [&[&str]; 8] = [
    &[WHITE_OR_NOT],
    &["race"],
    &["gender"],
    &["age"],
    &["race", "gender"],
    &["race", "age"],
    &["gender", "age"],
    &["race", "gender", "age"],
];

/// What the question for White or not asks.
pub(super) const READ_AS_TWO: &str = "race as White or not: the answer for race read as one of two, as FairFace's \
    own model has it in the paper; any other race is right for a face that is not White";

/// One table with what it is about.
pub(super) struct Table {
    pub(super) system: SystemKind,
    pub(super) question: Question,
    pub(super) rates: RateTable,
    not_comparable: Option<&'static str>,
}

/// All tables of a system, its tests not yet corrected.
pub(super) fn tables(system: &System, faces: &Faces, options: &GroupOptions) -> Vec<Table> {
    let groupings: Vec<Grouping> =
        GROUPINGS.iter().filter_map(|names| faces.groups.by(names)).collect();
    let of = |question: Question| {
        let hits = system.hits(question, faces);
        let rate = format!("{} is right", question.name());
        let counted = Counted { rate: &rate, good: Direction::Higher };
        let table = |grouping: &Grouping| {
            let mut rates = rate_table(counted, &hits, grouping, options);
            enter_published(&mut rates, system.kind, question);
            Table { system: system.kind, question, rates, not_comparable: system.not_comparable }
        };
        groupings.iter().map(table).collect::<Vec<Table>>()
    };
    Question::ALL.into_iter().flat_map(of).collect()
}

/// Corrects the tests of all tables together.
pub(super) fn correct(tables: &mut [Table]) {
    let tests = tables.iter_mut().filter_map(|table| table.rates.disparity.as_mut());
    rates::correct(tests.map(|disparity| &mut disparity.test));
}

/// Values of Tables 3, 4 and 5 beside the groups that they are about.
fn enter_published(rates: &mut RateTable, system: SystemKind, question: Question) {
    let by: Vec<&str> = rates.by.iter().map(String::as_str).collect();
    for row in &mut rates.rows {
        let group: Vec<&str> = row.group.iter().map(String::as_str).collect();
        row.published = match (by.as_slice(), group.as_slice(), question) {
            ([WHITE_OR_NOT], [group], _) => of_tables_3_and_4(system, group, question),
            (["race"], [race], Question::Gender) => of_table_5(system.published(), "both", race),
            (["race", "gender"], [race, gender], Question::Gender) => {
                of_table_5(system.published(), &gender.to_lowercase(), race)
            }
            _ => None,
        };
    }
}

fn of_tables_3_and_4(system: SystemKind, group: &str, question: Question) -> Option<f64> {
    let table = match group {
        WHITE => TABLE_3,
        NON_WHITE => TABLE_4,
        _ => return None,
    };
    // The paper has one value for race; FairFace's own model alone is said to be of two classes.
    (question != Question::WhiteOrNot)
        .then(|| published::value(table, system.published(), question.name()))
        .flatten()
}

/// - `system`: as the paper calls it
/// - `whom`: `male`, `female`, `both`
pub(super) fn of_table_5(system: &str, whom: &str, race: &str) -> Option<f64> {
    published::value(TABLE_5, &format!("{system} / {whom}"), race)
}

impl Table {
    /// With what may and what may not be concluded.
    pub(super) fn section(self) -> Section {
        let by: Vec<&str> = self.rates.by.iter().map(String::as_str).collect();
        let (system, question) = (self.system, self.question);
        let slug = by.join("-").to_lowercase().replace(' ', "-");
        let id = format!("{}-{}-by-{slug}", system.id(), question.id());
        let title = format!(
            "Accuracy of {} by {}, {}",
            question.name(),
            phrases::list(&by, "and"),
            system.name()
        );
        let conclusion = Conclusion::new(may(&self), may_not(&self));
        let notes = if question == Question::WhiteOrNot {
            vec![READ_AS_TWO.to_owned()]
        } else {
            Vec::new()
        };
        Section::new(&id, title, Body::Rates(self.rates), conclusion).with_notes(notes)
    }
}

fn may(table: &Table) -> String {
    let rates = &table.rates;
    let (what, system) = (table.question.name(), table.system.name());
    let all = match &rates.all.share {
        Some(share) => phrases::with_interval(share),
        None => return format!("The {} images are too few for a figure.", rates.all.items),
    };
    let images = rates.all.items;
    let Some(disparity) = &rates.disparity else {
        return format!(
            "By {system}, {what} is right for {all} of these {images} images; fewer than two groups have {} images, \
             so that none is compared.",
            rates.min_group
        );
    };
    let Disparity { worst, best, gap, ratio, test } = disparity;
    if disparity.is_even() {
        return format!(
            "By {system}, {what} is right for {all} of these {images} images, and for no group more often than for \
             another ({}).",
            phrases::corrected(test)
        );
    }
    let (worst, best) = (phrases::group(worst), phrases::group(best));
    let ratio = ratio.value.map_or_else(String::new, |ratio| format!(", ratio {ratio:.2}"));
    let said = match phrases::is_shown(disparity) {
        true => "the groups differ by more than chance explains",
        false => "chance alone may explain it",
    };
    format!(
        "By {system}, {what} is right for {all} of these {images} images, least often for {worst} and most often for \
         {best}, a gap of {}{ratio}; {said} ({}).",
        phrases::points(gap),
        phrases::corrected(test)
    )
}

fn may_not(table: &Table) -> String {
    let rates = &table.rates;
    let small = rates.rows.iter().filter(|row| row.rate.share.is_none()).count();
    let mut reasons = Vec::new();
    if small > 0 {
        reasons.push(format!(
            "nothing is known of {small} of the {} groups, which have fewer than {} images",
            rates.rows.len(),
            rates.min_group
        ));
    }
    if rates.disparity.as_ref().is_some_and(|disparity| !phrases::is_shown(disparity)) {
        reasons.push("a difference that is not shown is not shown to be absent".to_owned());
    }
    if rates.rows.iter().any(|row| row.published.is_some()) {
        let caution = match table.not_comparable {
            Some(reason) => format!(" and {reason}"),
            None => String::new(),
        };
        reasons.push(format!("the published values are those of {}{caution}", published::MEASURED));
    }
    reasons.push(
        "the groups are what annotators saw in a face, not what people say of themselves"
            .to_owned(),
    );
    format!(
        "How the model treats these groups elsewhere may not be concluded: {}.",
        reasons.join("; ")
    )
}
