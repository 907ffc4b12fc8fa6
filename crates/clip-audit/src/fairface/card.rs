//! The model card's sentence on FairFace, claim by claim: does it hold for this model on these
//! images?
//!
//! A claim holds where the unfavourable end of the interval meets it, and does not where even the
//! favourable end fails; between the two these images do not decide. "About 93 %" is taken for what
//! rounds to it, or more.

use clip_eval::results::{Figure, Unit};

use super::columns;
use super::faces::Question;
use super::system::{System, SystemKind};
use super::tables::Table;
use crate::options::GroupOptions;
use crate::phrases;
use crate::published::{self, MEASURED, MODEL_CARD};
use crate::section::{Body, Conclusion, FigureTable, RateTable, Section};

/// What rounds up to a whole per cent lies at most this far below it.
const ROUNDING: f64 = 0.005;

/// Whether a claim holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Holds,
    Fails,
    Undecided,
    /// Too few images for a figure.
    NotTested,
}

impl Standing {
    /// Of a share that is to be at least `least`.
    fn at_least(figure: &Figure, least: f64) -> Standing {
        match figure.interval() {
            None => Standing::NotTested,
            Some((low, _)) if low >= least => Standing::Holds,
            Some((_, high)) if high < least => Standing::Fails,
            Some(_) => Standing::Undecided,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Standing::Holds => "holds",
            Standing::Fails => "does not hold",
            Standing::Undecided => "is not decided by these images",
            Standing::NotTested => "is not tested, there are too few images",
        }
    }
}

/// One claim with what was found.
struct Claim {
    text: String,
    /// As the card has it.
    claimed: Option<f64>,
    found: Figure,
    standing: Standing,
    /// Which figure was compared with what.
    why: String,
}

/// The card's sentence for the answers of one system.
pub(super) fn sentence(system: &System, tables: &[Table], options: &GroupOptions) -> Section {
    let claims = claims(system.kind, tables, options);
    let count = |standing| claims.iter().filter(|claim| claim.standing == standing).count();
    let (holds, all) = (count(Standing::Holds), claims.len());
    let may = format!(
        "Of the model card's {all} claims about FairFace {holds} hold for the {} of this model on these images, {} do \
         not, {} are not decided and {} cannot be tested.",
        system.kind.name(),
        count(Standing::Fails),
        count(Standing::Undecided),
        count(Standing::NotTested)
    );
    let mut reasons = vec![format!("they are claims about the linear probe of {MEASURED}")];
    if system.kind == SystemKind::ZeroShot {
        reasons.push("what was measured here is zero-shot".to_owned());
    }
    reasons.extend(system.not_comparable.map(str::to_owned));
    let may_not = format!(
        "That the card is right or wrong about the model it describes may not be concluded: {}.",
        reasons.join("; ")
    );
    let notes: Vec<String> = claims
        .iter()
        .map(|claim| format!("{}: {}; {}", claim.text, claim.standing.words(), claim.why))
        .collect();
    let rows = claims.into_iter().map(|claim| {
        let claimed = claim.claimed.map(|claimed| Figure::share("the card", claimed));
        (claim.text, std::iter::once(claim.found.named("found")).chain(claimed).collect())
    });
    let body =
        Body::Figures(FigureTable { of: "claim of the card".to_owned(), rows: rows.collect() });
    let title = format!("The model card's sentence, {}", system.kind.name());
    Section::new("card-sentence", title, body, Conclusion::new(may, may_not)).with_notes(notes)
}

fn claims(system: SystemKind, tables: &[Table], options: &GroupOptions) -> Vec<Claim> {
    let table = |question, by: &str| {
        let found = tables.iter().find(|table| {
            table.system == system && table.question == question && table.rates.by == [by]
        });
        found.map(|table| &table.rates)
    };
    let mut claims = Vec::new();
    if let Some(gender) = table(Question::Gender, "race") {
        claims.push(every_race(gender, options));
        claims.extend(
            [("Middle Eastern", End::Highest), ("White", End::Lowest)]
                .map(|(race, end)| extreme(gender, race, end, options)),
        );
    }
    for (question, row) in [
        (Question::Race, "race accuracy, about"),
        (Question::WhiteOrNot, "race accuracy, about"),
        (Question::Age, "age accuracy, about"),
    ] {
        claims.extend(table(question, "race").map(|rates| about(rates, question, row, options)));
    }
    claims
}

/// Gender above 96 % for every race: of all lower ends the least is compared.
fn every_race(gender: &RateTable, options: &GroupOptions) -> Claim {
    let claimed = card("gender accuracy, every race, above");
    let least = claimed.unwrap_or_default();
    let text = format!("gender above {} for every race", phrases::percent(least));
    let shares = gender.rows.iter().map(|row| row.rate.share.as_ref());
    let low = |share: &Figure| share.low.unwrap_or_default();
    let worst = gender
        .rows
        .iter()
        .filter_map(|row| Some((phrases::group(&row.group), row.rate.share.clone()?)))
        .min_by(|a, b| low(&a.1).total_cmp(&low(&b.1)));
    let is_below = |share: Option<&Figure>| {
        share.is_some_and(|share| share.high.is_some_and(|high| high < least))
    };
    let Some((race, found)) = worst else {
        let why = format!("no race has {} images", options.least_group());
        let found = Figure::undefined("found", Unit::Share, &why);
        return Claim { text, claimed, found, standing: Standing::NotTested, why };
    };
    let small = gender.rows.iter().filter(|row| row.rate.share.is_none()).count();
    let standing = match Standing::at_least(&found, least) {
        _ if shares.clone().any(is_below) => Standing::Fails,
        Standing::Holds if small > 0 => Standing::Undecided,
        standing => standing,
    };
    let mut why =
        format!("the least lower end is that of {race}, {}", phrases::with_interval(&found));
    if small > 0 {
        why += &format!("; {small} races have fewer than {} images", options.least_group());
    }
    Claim { text, claimed, found, standing, why }
}

/// Which end of the races.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Highest,
    Lowest,
}

/// Gender of one race the highest, or lowest, of all.
fn extreme(gender: &RateTable, race: &str, end: End, options: &GroupOptions) -> Claim {
    let word = if end == End::Highest { "highest" } else { "lowest" };
    let claimed = card(&format!("gender accuracy, {race} ({word})"));
    let text = format!("gender of {race} faces the {word}");
    let share = columns::row_of(gender, race).and_then(|row| row.rate.share.clone());
    let others: Vec<(String, &Figure)> = gender
        .rows
        .iter()
        .filter(|row| row.group != [race])
        .filter_map(|row| Some((phrases::group(&row.group), row.rate.share.as_ref()?)))
        .collect();
    let (Some(found), false) = (share, others.is_empty()) else {
        let why =
            format!("{race}, or every other race, has fewer than {} images", options.least_group());
        let found = Figure::undefined("found", Unit::Share, &why);
        return Claim { text, claimed, found, standing: Standing::NotTested, why };
    };
    // Seen from the lowest, shares change their sign.
    let ends = |figure: &Figure| {
        let (low, high) = figure.interval().unwrap_or((0.0, 1.0));
        if end == End::Highest { (low, high) } else { (-high, -low) }
    };
    let (low, high) = ends(&found);
    let is_complete = others.len() + 1 == gender.rows.len();
    let standing = if others.iter().any(|(_, other)| high < ends(other).0) {
        Standing::Fails
    } else if is_complete && others.iter().all(|(_, other)| low > ends(other).1) {
        Standing::Holds
    } else {
        Standing::Undecided
    };
    let value = |figure: &Figure| {
        let value = figure.value.unwrap_or_default();
        if end == End::Highest { value } else { -value }
    };
    let rival = others.iter().max_by(|a, b| value(a.1).total_cmp(&value(b.1)));
    let rival = rival.map_or_else(String::new, |(name, figure)| {
        format!(", the {word} of the others is {name}, {}", phrases::with_interval(figure))
    });
    let why = format!("{race} {}{rival}", phrases::with_interval(&found));
    Claim { text, claimed, found, standing, why }
}

/// A mean over all images that the card gives in round figures.
fn about(rates: &RateTable, question: Question, row: &str, options: &GroupOptions) -> Claim {
    let claimed = card(row);
    let value = claimed.unwrap_or_default();
    let text = format!("{} about {}", question.name(), phrases::percent(value));
    let found = columns::figure("found", &rates.all, options.least_group());
    let least = value - ROUNDING;
    let standing = Standing::at_least(&found, least);
    let why = format!(
        "{} on all images, at least {} asked",
        phrases::with_interval(&found),
        phrases::percent(least)
    );
    Claim { text, claimed, found, standing, why }
}

fn card(row: &str) -> Option<f64> {
    published::value(MODEL_CARD, row, "accuracy")
}
