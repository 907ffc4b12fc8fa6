//! Lists of labels and sets of sentences beside each other, on the same images.

use super::cell::{Cell, RIGHT};
use super::flow::{confusions, flow, moved, widest};
use super::images::{Images, said};
use super::lists::LabelSet;
use crate::groups::Grouping;
use crate::paired::paired_table;
use crate::phrases;
use crate::section::{Body, Conclusion, FigureTable, PairedTable, Rate, Section};

/// What a figure of these images cannot say.
const THESE_IMAGES: &str = "The images are those of the data set: what other images would be answered with \
does not follow, nor does any use of the labels that was not measured here.";

/// Figures of every cell; then what each has by group, and what it is taken for.
pub(super) fn measured(images: &Images, lists: &[LabelSet], cells: &[Cell]) -> Vec<Section> {
    let mut sections = vec![figures(images, cells)];
    for (number, cell) in (1..).zip(cells) {
        sections.extend(by_group(number, cell));
    }
    for (at, list) in lists.iter().enumerate() {
        sections.extend(
            cells.iter().find(|cell| cell.list == at).map(|cell| confused(images, list, cell)),
        );
    }
    sections
}

fn figures(images: &Images, cells: &[Cell]) -> Section {
    let rows = cells.iter().map(|cell| (cell.name.clone(), cell.figures.clone())).collect();
    let of = |cell: &Cell| {
        let accuracy = cell.figure("accuracy").map_or_else(String::new, said);
        format!("{} {accuracy}", cell.name)
    };
    let accuracies: Vec<String> = cells.iter().map(of).collect();
    let may = format!(
        "Of {} images, answered with the right class: {}.",
        images.len(),
        accuracies.join("; ")
    );
    let body = Body::Figures(FigureTable { of: "label list".to_owned(), rows });
    let mut notes = vec![
        "images whose class has no label count as wrong, but have no part in the negative log likelihood".to_owned(),
        "the interval of the expected calibration error is wider than need be, as resamples are less well calibrated than \
         the images they are drawn from"
            .to_owned(),
    ];
    notes.extend(cells.iter().filter_map(lowest));
    Section::new("figures", "Label lists and prompts", body, Conclusion::new(may, THESE_IMAGES))
        .with_notes(notes)
}

/// Which class is served worst, in words.
fn lowest(cell: &Cell) -> Option<String> {
    let value = |rate: &Rate| rate.share.as_ref().and_then(|share| share.value);
    let (name, rate) =
        (cell.classes.iter()).filter(|(_, rate)| rate.share.is_some()).min_by(|a, b| {
            value(&a.1).partial_cmp(&value(&b.1)).unwrap_or(std::cmp::Ordering::Equal)
        })?;
    Some(format!("{}: worst class {name}, {} of {} images", cell.name, rate.hits?, rate.items))
}

fn by_group(number: usize, cell: &Cell) -> impl Iterator<Item = Section> {
    (1..).zip(&cell.groups).map(move |(group, table): (usize, _)| {
        let by = table.by.join(" x ");
        let may = match &table.disparity {
            Some(found) if found.is_even() => format!(
                "With {} the share of right answers is the same for every group by {by} that has a figure",
                cell.name
            ),
            Some(found) => format!(
                "With {} the share of right answers is lowest for {} and highest for {}; they are {} apart.",
                cell.name, found.worst.join(", "), found.best.join(", "), said(&found.gap)
            ),
            None => format!(
                "With {} fewer than two groups by {by} have {} images, so that nothing follows about groups.",
                cell.name, table.min_group
            ),
        };
        let may_not = "Why groups differ is not shown: their images may differ in class, place or quality; of a group \
            without a figure nothing is known.";
        let title = format!("Right answers by {by}: {}", cell.name);
        let body = Body::Rates(table.clone());
        let id = format!("group-{group}-{number}");
        Section::new(&id, title, body, Conclusion::new(may, may_not))
    })
}

fn confused(images: &Images, list: &LabelSet, cell: &Cell) -> Section {
    let pairs = confusions(images, list, &cell.answers);
    let wrong = cell.hits.iter().filter(|&&hit| !hit).count();
    let first = pairs.first().map_or_else(String::new, |pair| {
        format!(
            " Most often {} is taken for {} ({} images).",
            pair.truth, pair.prediction, pair.count
        )
    });
    let may = format!(
        "With {} {wrong} of {} images are answered wrongly.{first}",
        cell.name,
        images.len()
    );
    let may_not = "A pair with few images may change places with another in a new sample; the counts have no intervals.";
    let title = format!("What is taken for what: {}", cell.name);
    let body = Body::Confusions { pairs };
    Section::new(
        &format!("confusions-{}", cell.list + 1),
        title,
        body,
        Conclusion::new(may, may_not),
    )
    .with_notes(images.without_small_classes().into_iter().collect())
}

/// Every other cell against the first: right answers by class and by group, and where images go.
pub(super) fn against_the_first(
    images: &Images,
    lists: &[LabelSet],
    cells: &[Cell],
) -> Vec<Section> {
    let Some((first, others)) = cells.split_first() else { return Vec::new() };
    let mut sections = Vec::new();
    for (number, other) in (2..).zip(others) {
        let names = [&*first.name, &*other.name];
        for (word, grouping) in groupings(images) {
            let id = format!("change-{word}-{number}");
            let table =
                paired_table(RIGHT, names, &first.hits, &other.hits, grouping, &images.options);
            sections.push(changed(&id, table, grouping));
        }
        let answer =
            |cell: &Cell, item: usize| lists[cell.list].name(cell.answers[item]).to_owned();
        let ways: Vec<(String, String)> =
            (0..images.len()).map(|item| (answer(first, item), answer(other, item))).collect();
        let ways = flow(names[0], names[1], ways.iter().map(|(from, to)| (&**from, &**to)));
        let may = format!(
            "{} of {} images are answered otherwise with {} than with {}; most go {}.",
            moved(&ways),
            ways.items,
            names[1],
            names[0],
            widest(&ways, 3)
        );
        let may_not = "Answers that stay may still be wrong, and answers that move may be wrong in both lists; the table \
            of right answers says which.";
        let title = format!("Where answers go: {} to {}", names[0], names[1]);
        let id = format!("flow-{number}");
        sections.push(Section::new(&id, title, Body::Flow(ways), Conclusion::new(may, may_not)));
    }
    sections
}

/// A paired table with what it says.
pub(super) fn changed(id: &str, table: PairedTable, grouping: &Grouping) -> Section {
    let by = grouping.by.join(" x ");
    let may = match &table.all.change {
        Some(change) => format!(
            "From {} to {} the share of right answers changes by {}: {} images are right before alone, {} after alone.",
            table.before,
            table.after,
            said(&change.difference),
            change.only_before,
            change.only_after,
        ),
        None => {
            format!("There are too few images to compare {} with {}.", table.before, table.after)
        }
    };
    let may_not = "A row whose corrected p is not small shows no difference, which is no proof that there is none; other \
        images may change otherwise.";
    let title = format!("Right answers by {by}, {} against {}", table.after, table.before);
    Section::new(id, title, Body::Paired(table), Conclusion::new(may, may_not))
}

/// Adds to sentences on differences what their tests say, once these are corrected.
pub(super) fn conclude(section: &mut Section) {
    let test = match &section.body {
        Body::Rates(table) => table.disparity.as_ref().map(|found| (&found.gap, &found.test)),
        Body::Paired(table) => {
            table.all.change.as_ref().map(|change| (&change.difference, &change.test))
        }
        _ => None,
    };
    let Some((difference, test)) = test else { return };
    let is_shown = test.p_holm <= 1.0 - difference.level.unwrap_or(0.95);
    let said = match is_shown {
        _ if difference.value == Some(0.0) => "",
        true => "; it is more than chance explains",
        false => "; chance alone may explain it",
    };
    let may = section.conclusion.may.trim_end_matches('.');
    section.conclusion.may = format!("{may}{said} ({}).", phrases::corrected(test));
}

/// What tables are made by, each with a word for their anchors: classes, then groups.
pub(super) fn groupings(images: &Images) -> impl Iterator<Item = (String, &Grouping)> {
    let groups = (1..).zip(&images.groupings);
    let groups = groups.map(|(number, by): (usize, _)| (format!("group-{number}"), by));
    std::iter::once(("class".to_owned(), &images.by_class)).chain(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::correct_sections;
    use crate::taxonomy::constructed::{grouped, list, right_answers, scores};

    /// What is said of two cameras with 100 images each, of which so many are right.
    fn said(right: [usize; 2]) -> String {
        let cameras = Grouping {
            by: vec!["camera".to_owned()],
            names: vec![vec!["a".to_owned()], vec!["b".to_owned()]],
            of_item: (0..200).map(|item| Some(item / 100)).collect(),
        };
        let images = grouped(vec![0; 200], 2, vec![cameras]);
        let list = list(&[Some(0), Some(1)]);
        let is_right = |item: usize| item % 100 < right[item / 100];
        let row = |item| if is_right(item) { [2.0, 0.0] } else { [0.0, 2.0] };
        let scores = scores(2, (0..200).flat_map(row).collect());
        let looks = scores.looks(&right_answers(&images, &list), 1.0).expect("numbers");
        let cell = Cell::of(&images, (0, &list), "v1", &looks);
        let mut sections: Vec<Section> = by_group(1, &cell).collect();
        correct_sections(&mut sections);
        sections.iter_mut().for_each(conclude);
        sections[0].conclusion.may.clone()
    }

    #[test]
    fn groups_are_said_to_differ_where_their_test_shows_it() {
        let wide = said([90, 50]);
        assert!(wide.contains("lowest for b and highest for a"), "{wide}");
        assert!(wide.contains("more than chance explains (p = "), "{wide}");
        let narrow = said([81, 80]);
        assert!(narrow.contains("chance alone may explain it (p = "), "{narrow}");
        let none = said([80, 80]);
        assert!(none.contains("is the same for every group by camera that has a figure"), "{none}");
        assert!(!none.contains("lowest") && !none.contains("chance"), "{none}");
    }
}
