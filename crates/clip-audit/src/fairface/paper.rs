//! The paper's tables as it prints them, each row beside the published ones.

use clip_eval::results::{Figure, Unit};

use super::faces::{Faces, NON_WHITE, Question, WHITE, WHITE_OR_NOT};
use super::system::System;
use super::tables::{READ_AS_TWO, of_table_5};
use super::words;
use crate::options::GroupOptions;
use crate::published::{self, MEASURED, TABLE_3, TABLE_4, TABLE_5};
use crate::rates::{mean_over_groups, rate};
use crate::section::{Body, Conclusion, FigureTable, Section};

/// A row of a table of figures.
type Row = (String, Vec<Figure>);

/// Rows of the paper that are no CLIP.
const OTHERS: [(&str, &str); 2] = [
    ("FairFace model", "FairFace's own model, published"),
    ("Linear probe Instagram", "linear probe, Instagram, published"),
];
/// Faces of one sex of the paper's Table 5: its word, and the level of the labels.
const WHOM: [(&str, Option<&str>); 3] =
    [("male", Some("Male")), ("female", Some("Female")), ("both", None)];
/// Column of Table 5.
const AVERAGE: &str = "average";

/// Every question on all images, beside what always the same answer gets.
pub(super) fn all_images(systems: &[System], faces: &Faces, options: &GroupOptions) -> Section {
    let everyone = vec![true; faces.len()];
    let mut rows: Vec<Row> =
        systems.iter().map(|system| row(system, faces, &everyone, options)).collect();
    let same = Question::ALL.map(|question| {
        let share = most_frequent(faces, question) as f64 / faces.len() as f64;
        let always = Figure::share(question.name(), share);
        always.without("no interval: it is what these images are")
    });
    rows.push(("always the most frequent answer".to_owned(), same.to_vec()));
    let said: Vec<String> =
        systems.iter().map(|system| in_words(&row(system, faces, &everyone, options))).collect();
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
            let name = format!("{}, {MEASURED}, published", system.kind.name());
            rows.push((name, published_row(table, system.kind.published())));
        }
        let others =
            OTHERS.iter().map(|(theirs, name)| ((*name).to_owned(), published_row(table, theirs)));
        rows.extend(others);
        let body = Body::Figures(FigureTable { of: "answers".to_owned(), rows });
        let may = format!("On the {size} images labelled {group} {}.", said.join("; "));
        let title = format!("The paper's {table}");
        Section::new(id, title, body, Conclusion::new(may, may_not(systems)))
            .with_notes(vec![READ_AS_TWO.to_owned()])
    };
    [("table-3", TABLE_3, WHITE), ("table-4", TABLE_4, NON_WHITE)].map(of).to_vec()
}

/// Gender of every race, male, female and both, with the mean over the races.
pub(super) fn table_5(systems: &[System], faces: &Faces, options: &GroupOptions) -> Section {
    let (mut rows, mut said) = (Vec::new(), Vec::new());
    for system in systems {
        let hits = system.hits(Question::Gender, faces);
        for (whom, gender) in WHOM {
            let of_gender =
                gender.map_or(vec![true; faces.len()], |gender| members(faces, "gender", gender));
            let mut figures = by_race(&hits, faces, &of_gender, options);
            figures.push(average(&hits, faces, &of_gender, options));
            let mean = figures.last().map_or_else(String::new, words::with_interval);
            said.push(format!("{} of {whom} {mean}", system.kind.name()));
            rows.push((format!("{}, {whom}", system.kind.name()), figures));
            let name = format!("{}, {whom}, {MEASURED}, published", system.kind.name());
            let columns = faces.levels(0).iter().map(String::as_str).chain([AVERAGE]);
            let theirs = columns.filter_map(|column| {
                of_table_5(system.kind, whom, column).map(|value| published_figure(column, value))
            });
            rows.push((name, theirs.collect()));
        }
    }
    for (whom, _) in WHOM {
        let columns = faces.levels(0).iter().map(String::as_str).chain([AVERAGE]);
        let theirs = columns.filter_map(|column| {
            let value =
                published::value(TABLE_5, &format!("Linear probe Instagram / {whom}"), column)?;
            Some(published_figure(column, value))
        });
        rows.push((format!("linear probe, Instagram, {whom}, published"), theirs.collect()));
    }
    let body = Body::Figures(FigureTable { of: "answers and images".to_owned(), rows });
    let may = format!("Gender is right, as the mean over the races, {}.", said.join("; "));
    let conclusion = Conclusion::new(may, may_not(systems));
    Section::new("table-5", format!("The paper's {TABLE_5}"), body, conclusion).with_notes(vec![
        format!(
            "the average counts every race alike, as the paper's does; its interval draws images within their race, \
             {} times",
            options.resamples
        ),
    ])
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
    words::figure(name, &rate(right, items, options), options.least_group())
}

/// `by zero-shot race is right for 58.3 % (57.0 to 59.6), gender …`
fn in_words((system, figures): &Row) -> String {
    let figures: Vec<String> = figures
        .iter()
        .map(|figure| format!("{} {}", figure.name, words::with_interval(figure)))
        .collect();
    format!("{system} is right for {}", figures.join(", "))
}

fn by_race(
    hits: &[bool],
    faces: &Faces,
    of_gender: &[bool],
    options: &GroupOptions,
) -> Vec<Figure> {
    let races = faces.levels(0).iter();
    let figure = |race: &String| {
        let of_race = members(faces, "race", race);
        let both: Vec<bool> = of_race.iter().zip(of_gender).map(|(&a, &b)| a && b).collect();
        share(race, hits, &both, options)
    };
    races.map(figure).collect()
}

/// The mean over the races; none where one of them has too few images.
fn average(hits: &[bool], faces: &Faces, of_gender: &[bool], options: &GroupOptions) -> Figure {
    let Some(mut races) = faces.groups.by(&["race"]) else {
        return words::too_few(AVERAGE, 0, options.least_group());
    };
    let of_them = races.of_item.iter_mut().zip(of_gender);
    of_them.filter(|(_, member)| !**member).for_each(|(race, _)| *race = None);
    let sizes = races.sizes();
    let small = sizes.iter().filter(|&&size| size < options.least_group()).count()
        + (faces.levels(0).len() - sizes.len());
    if small > 0 {
        let (races, least) = (faces.levels(0).len(), options.least_group());
        let reason = format!("{small} of {races} races have fewer than {least} images");
        return Figure::undefined(AVERAGE, Unit::Share, &reason);
    }
    mean_over_groups(hits, &races, options).named(AVERAGE)
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
        Some(published_figure(question.name(), value))
    };
    Question::ALL.into_iter().filter_map(figure).collect()
}

fn published_figure(name: &str, value: f64) -> Figure {
    Figure::share(name, value).without("published without an interval")
}
