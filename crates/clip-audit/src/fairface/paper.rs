//! The paper's tables as it prints them, each row beside the published ones.

use clip_eval::results::{Figure, Unit};

use super::columns;
use super::faces::{Faces, NON_WHITE, Question, WHITE, WHITE_OR_NOT};
use super::system::{System, SystemKind};
use super::tables::{READ_AS_TWO, of_table_5};
use crate::options::GroupOptions;
use crate::phrases;
use crate::published::{self, MEASURED, TABLE_3, TABLE_4, TABLE_5};
use crate::rates::{mean_over_groups, rate};
use crate::section::{Body, Conclusion, FigureTable, Section};

/// A row of a table of figures.
type Row = (String, Vec<Figure>);

/// Row of a probe on another model's features.
const INSTAGRAM: &str = "Linear probe Instagram";
/// Rows of the paper that are no CLIP.
const OTHERS: [(&str, &str); 2] =
    [("FairFace model", "FairFace's model, published"), (INSTAGRAM, "Instagram probe, published")];
/// Faces of one sex of the paper's Table 5: its word, and the level of the labels.
const WHOM: [(&str, Option<&str>); 3] =
    [("male", Some("Male")), ("female", Some("Female")), ("both", None)];
/// Last row of Table 5.
const AVERAGE: &str = "average";

/// Every question on all images, beside what always the same answer gets.
pub(super) fn all_images(systems: &[System], faces: &Faces, options: &GroupOptions) -> Section {
    let everyone = vec![true; faces.len()];
    let mut rows: Vec<Row> =
        systems.iter().map(|system| row(system, faces, &everyone, options)).collect();
    let said: Vec<String> = rows.iter().map(in_words).collect();
    let same = Question::ALL.map(|question| {
        let share = most_frequent(faces, question) as f64 / faces.len() as f64;
        Figure::share(question.name(), share)
    });
    rows.push(("always the most frequent answer".to_owned(), same.to_vec()));
    let conclusion = Conclusion::new(
        format!("On these {} images {}.", faces.len(), said.join("; ")),
        "That the model serves every group as it serves all together may not be concluded: groups that have many \
         images decide the figure, and what always the same answer gets is right without looking at a face.",
    );
    let mut notes: Vec<String> = systems
        .iter()
        .flat_map(|system| {
            system.notes.iter().map(|note| format!("{}: {note}", system.kind.name()))
        })
        .collect();
    notes.push(READ_AS_TWO.to_owned());
    let body = Body::Figures(FigureTable { of: "answers".to_owned(), rows });
    Section::new("all-images", "Race, gender and age of all images", body, conclusion)
        .with_notes(notes)
}

/// How many images the answer that is most often right is right for.
fn most_frequent(faces: &Faces, question: Question) -> usize {
    let levels = 0..faces.levels(question.attribute()).len() as u32;
    let right = |level: u32| {
        let hits = faces.hits(question, &vec![level; faces.len()]);
        hits.iter().filter(|&&hit| hit).count()
    };
    levels.map(right).max().unwrap_or(0)
}

/// Race, gender and age of images labelled White, and of all others.
pub(super) fn tables_3_and_4(
    systems: &[System],
    faces: &Faces,
    options: &GroupOptions,
) -> Vec<Section> {
    let of = |(id, table, group): (&str, &str, &str)| {
        let of_group = members(faces, WHITE_OR_NOT, group);
        let size = of_group.iter().filter(|&&member| member).count();
        let (mut rows, mut said) = (Vec::new(), Vec::new());
        for system in systems {
            let own = row(system, faces, &of_group, options);
            said.push(in_words(&own));
            rows.push(own);
            let name = format!("{}, published", system.kind.name());
            rows.push((name, published_row(table, system.kind.published())));
        }
        let others =
            OTHERS.iter().map(|(theirs, name)| ((*name).to_owned(), published_row(table, theirs)));
        rows.extend(others);
        let body = Body::Figures(FigureTable { of: "answers".to_owned(), rows });
        let may = format!("On the {size} images labelled {group} {}.", said.join("; "));
        let title = format!("The paper's {table}");
        Section::new(id, title, body, Conclusion::new(may, may_not(systems)))
            .with_notes(vec![READ_AS_TWO.to_owned(), of_measured()])
    };
    [("table-3", TABLE_3, WHITE), ("table-4", TABLE_4, NON_WHITE)].map(of).to_vec()
}

/// Gender of every race, male, female and both, with the mean over the races.
pub(super) fn table_5(system: &System, faces: &Faces, options: &GroupOptions) -> Section {
    let rows: Vec<Row> = rows_of_table_5(system, faces, options);
    let means = rows.last().map_or(&[][..], |row| &row.1).iter();
    let means: Vec<String> = means
        .filter(|figure| WHOM.iter().any(|(whom, _)| figure.name == *whom))
        .map(|figure| format!("{} {}", figure.name, phrases::with_interval(figure)))
        .collect();
    let (name, means) = (system.kind.name(), means.join(", "));
    let may = format!("By {name}, gender is right, as the mean over the races, for {means}.");
    let average = format!(
        "the average counts every race alike, as the paper's does; its interval draws images within their race, {} \
         times",
        options.resamples
    );
    let mut notes = vec![average, of_measured()];
    if system.kind == SystemKind::Probe {
        notes.push(of_instagram(faces.levels(0)));
    }
    let body = Body::Figures(FigureTable { of: "race".to_owned(), rows });
    let conclusion = Conclusion::new(may, may_not(std::slice::from_ref(system)));
    let id = format!("table-5-{}", system.kind.id());
    let title = format!("The paper's {TABLE_5}, {name}");
    Section::new(&id, title, body, conclusion).with_notes(notes)
}

/// A row for each race and one for their mean; ours and the published figures for male, female and
/// both.
fn rows_of_table_5(system: &System, faces: &Faces, options: &GroupOptions) -> Vec<Row> {
    let hits = system.hits(Question::Gender, faces);
    let whom = WHOM.map(|(name, gender)| {
        let everyone = || vec![true; faces.len()];
        (name, gender.map_or_else(everyone, |gender| members(faces, "gender", gender)))
    });
    let row = |column: &str| {
        let mut figures = Vec::new();
        for (name, of_gender) in &whom {
            figures.push(if column == AVERAGE {
                average(name, &hits, faces, of_gender, options)
            } else {
                let of_race = members(faces, "race", column).into_iter().zip(of_gender);
                let both: Vec<bool> =
                    of_race.map(|(of_race, &of_gender)| of_race && of_gender).collect();
                share(name, &hits, &both, options)
            });
            let theirs = of_table_5(system.kind.published(), name, column);
            figures.extend(theirs.map(|value| Figure::share(&format!("{name}, published"), value)));
        }
        (column.to_owned(), figures)
    };
    faces.levels(0).iter().map(String::as_str).chain([AVERAGE]).map(row).collect()
}

/// What the paper's table has of another model.
fn of_instagram(races: &[String]) -> String {
    let value = |column: &str| {
        let whom = WHOM.into_iter().filter_map(|(whom, _)| of_table_5(INSTAGRAM, whom, column));
        let all: Vec<String> = whom.map(|value| format!("{:.1}", 100.0 * value)).collect();
        format!("{column} {}", all.join(" / "))
    };
    let values: Vec<String> =
        races.iter().map(String::as_str).chain([AVERAGE]).map(value).collect();
    format!(
        "the paper's probe on features of an Instagram model, male / female / both in per cent (of the average male / \
         female): {}",
        values.join(", ")
    )
}

/// Whose the published values are.
fn of_measured() -> String {
    format!("published values of CLIP are those of {MEASURED}")
}

fn may_not(systems: &[System]) -> String {
    let reasons: Vec<&str> = systems.iter().filter_map(|system| system.not_comparable).collect();
    let reasons: String = reasons.iter().map(|reason| format!("; {reason}")).collect();
    format!(
        "That a difference from a published value is this model's doing may not be concluded: they are those of \
         {MEASURED} on FairFace's whole validation set, with prompts that are not published{reasons}."
    )
}

/// Whether each face is of a level.
fn members(faces: &Faces, attribute: &str, level: &str) -> Vec<bool> {
    let Some(attribute) = faces.groups.attribute(attribute) else {
        return vec![false; faces.len()];
    };
    let place = attribute.levels.iter().position(|name| name == level).map(|place| place as u32);
    attribute.of_item.iter().map(|&of| of.is_some() && of == place).collect()
}

/// Shares of right answers of some faces, one for each question.
fn row(system: &System, faces: &Faces, members: &[bool], options: &GroupOptions) -> Row {
    let figures = Question::ALL
        .map(|question| share(question.name(), &system.hits(question, faces), members, options));
    (system.kind.name().to_owned(), figures.to_vec())
}

fn share(name: &str, hits: &[bool], members: &[bool], options: &GroupOptions) -> Figure {
    let of_them = || hits.iter().zip(members).filter(|(_, member)| **member);
    let (items, right) = (of_them().count(), of_them().filter(|(hit, _)| **hit).count());
    columns::figure(name, &rate(right, items, options), options.least_group())
}

/// `by zero-shot race is right for 58.3 % (57.0 to 59.6), gender …`
fn in_words((system, figures): &Row) -> String {
    let figures: Vec<String> = figures
        .iter()
        .map(|figure| format!("{} {}", figure.name, phrases::with_interval(figure)))
        .collect();
    format!("{system} is right for {}", figures.join(", "))
}

/// The mean over the races; none where one of them has too few images.
fn average(
    name: &str,
    hits: &[bool],
    faces: &Faces,
    of_gender: &[bool],
    options: &GroupOptions,
) -> Figure {
    let Some(mut races) = faces.groups.by(&["race"]) else {
        return columns::too_few(name, 0, options.least_group());
    };
    let of_them = races.of_item.iter_mut().zip(of_gender);
    of_them.filter(|(_, member)| !**member).for_each(|(race, _)| *race = None);
    let sizes = races.sizes();
    let small = sizes.iter().filter(|&&size| size < options.least_group()).count()
        + (faces.levels(0).len() - sizes.len());
    if small > 0 {
        let (races, least) = (faces.levels(0).len(), options.least_group());
        let reason = format!("{small} of {races} races have fewer than {least} images");
        return Figure::undefined(name, Unit::Share, &reason);
    }
    mean_over_groups(hits, &races, options).named(name)
}

/// Race, gender and age of a row of Table 3 or 4.
fn published_row(table: &str, row: &str) -> Vec<Figure> {
    let of_two = row == OTHERS[0].0; // its race is White or not
    let figure = |question: Question| {
        let column = match question {
            Question::Race if of_two => return None,
            Question::WhiteOrNot if of_two => "race",
            Question::WhiteOrNot => return None,
            question => question.name(),
        };
        let value = published::value(table, row, column)?;
        Some(Figure::share(question.name(), value))
    };
    Question::ALL.into_iter().filter_map(figure).collect()
}
