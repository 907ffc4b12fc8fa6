//! Which classes take whose images when one is left out, and what a class that is added takes.

use clip_eval::results::{Figure, Unit};

use super::cell::{RIGHT, hits};
use super::comparison::{changed, groupings};
use super::flow::{flow, moved, widest};
use super::images::Images;
use super::lists::LabelSet;
use super::scores::{Look, Scores};
use crate::paired::paired_table;
use crate::section::{Body, Conclusion, FigureTable, Section};

/// Classes with a row of their own in a table, at most: those with the most images.
const MOST_ROWS: usize = 100;

/// Name of a figure.
const OWN: &str = "own_among_them";

/// Every answer of a list left out in turn: its images go to their second best, all others stay.
pub(super) fn left_out(
    images: &Images,
    at: usize,
    list: &LabelSet,
    looks: &[Look],
) -> Vec<Section> {
    let ways = looks.iter().map(|look| (list.name(look.answer), list.name(look.second)));
    let ways = flow("the answer", "the answer when that class is left out", ways);
    let may = format!(
        "When one class is left out of {}, the images that it was the answer to go to their second best, and all others \
         stay; the widest ways: {}.",
        list.name,
        widest(&ways, 3)
    );
    let may_not = "What two classes left out together would do is not the sum of both, and which class should be left out \
        is not said.";
    let conclusion = Conclusion::new(may, may_not);
    let title = format!("Which classes take a class's images when it is left out: {}", list.name);
    let id = format!("absorption-{}", at + 1);
    vec![Section::new(&id, title, Body::Flow(ways), conclusion), table(images, at, list, looks)]
}

/// What leaving each class out does to its own images and to those of others.
fn table(images: &Images, at: usize, list: &LabelSet, looks: &[Look]) -> Section {
    let rows = left_out_counts(images, list, looks);
    let of_class = images.of_classes();
    let is_small = |images_of: usize| (1..images.options.least_group()).contains(&images_of);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&answer| std::cmp::Reverse(rows[answer].moved));
    order.truncate(MOST_ROWS);
    let figures = |&answer: &usize| {
        let LeftOut { moved, own, set_right, others } = rows[answer];
        let class = list.answers[answer].class;
        // How many of a small class are answered with it is a figure of that class.
        let own = match class.is_some_and(|class| is_small(of_class[class as usize])) {
            true => Figure::undefined(OWN, Unit::Share, "too few images of the class itself"),
            false => images.share(OWN, own, moved),
        };
        let figures = vec![
            images.share("images_that_move", moved, images.len()),
            own,
            images.share("others_set_right", set_right, others),
        ];
        (list.name(answer as u32).to_owned(), figures)
    };
    let best =
        (0..rows.len()).max_by_key(|&answer| (rows[answer].set_right, std::cmp::Reverse(answer)));
    let may = match best.filter(|&answer| rows[answer].set_right > 0) {
        // What they would be is a figure of them, and they may be too few for one.
        Some(answer) if rows[answer].others < images.options.least_group() => {
            format!(
                "Too few images are of other classes than {} to say more.",
                list.name(answer as u32)
            )
        }
        Some(answer) => format!(
            "Without {} {} images of other classes would be right that are wrong now, the most of any class of {}.",
            list.name(answer as u32),
            rows[answer].set_right,
            list.name
        ),
        None => format!("No class of {} takes an image from its right answer.", list.name),
    };
    let may_not = "A class that takes images of others is not wrong to have: its own images would have no answer without it.";
    let body = Body::Figures(FigureTable {
        of: "class left out".to_owned(),
        rows: order.iter().map(figures).collect(),
    });
    let title = format!("What leaving a class out does: {}", list.name);
    let id = format!("left-out-{}", at + 1);
    let mut notes = vec![
        "own among them: of the images that move, those of the class itself; others set right: of all images of other \
         classes, those that are right without the class alone"
            .to_owned(),
    ];
    if rows.len() > MOST_ROWS {
        notes.push(format!("the {MOST_ROWS} classes with the most images of {}", rows.len()));
    }
    Section::new(&id, title, body, Conclusion::new(may, may_not)).with_notes(notes)
}

/// Images that leaving one answer out concerns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct LeftOut {
    /// Answered with it.
    moved: usize,
    /// Those of its own class.
    own: usize,
    /// Those of other classes that are right without it.
    set_right: usize,
    /// Images of other classes.
    others: usize,
}

fn left_out_counts(images: &Images, list: &LabelSet, looks: &[Look]) -> Vec<LeftOut> {
    let of_class = images.of_classes();
    let others =
        |class: Option<u32>| images.len() - class.map_or(0, |class| of_class[class as usize]);
    let empty = |answer: &super::lists::Answer| LeftOut {
        others: others(answer.class),
        ..LeftOut::default()
    };
    let mut rows: Vec<LeftOut> = list.answers.iter().map(empty).collect();
    for (&truth, look) in images.truth.iter().zip(looks) {
        let row = &mut rows[look.answer as usize];
        let is = |answer: u32| list.answers[answer as usize].class == Some(truth);
        row.moved += 1;
        row.own += usize::from(is(look.answer));
        row.set_right += usize::from(!is(look.answer) && is(look.second));
    }
    rows
}

/// A label that is added to a list: `zebra`, or `zebra -> horse`.
pub(super) struct Added<'a> {
    /// Its text.
    pub(super) label: &'a str,
    /// The class of the data set that it stands for.
    pub(super) class: Option<u32>,
    /// `[images]`
    pub(super) logits: Vec<f32>,
}

/// What it takes: the images that it beats, and no others.
///
/// - `id`: unique beside other lists and labels
pub(super) fn added(
    images: &Images,
    id: &str,
    (list, scores, before): (&LabelSet, &Scores, &[u32]),
    added: &Added<'_>,
) -> Vec<Section> {
    let known =
        added.class.and_then(|class| list.answer_of_class(images.classes.len())[class as usize]);
    let after = scores.best_with(&added.logits, known);
    let new = match (known, added.class) {
        (Some(answer), _) => list.name(answer).to_owned(),
        (None, Some(class)) => images.classes[class as usize].clone(),
        (None, None) => added.label.to_owned(),
    };
    let name = |answer: &Option<u32>| answer.map_or(&*new, |answer| list.name(answer));
    let with = format!("{} with {}", list.name, added.label);
    let ways = before.iter().zip(&after).map(|(&from, to)| (list.name(from), name(to)));
    let ways = flow(&list.name, &with, ways);
    let before = hits(images, list, before);
    let is_right = |(&truth, answer): (&u32, &Option<u32>)| match answer {
        Some(answer) => list.answers[*answer as usize].class == Some(truth),
        None => added.class == Some(truth),
    };
    let after: Vec<bool> = images.truth.iter().zip(&after).map(is_right).collect();
    let may = format!(
        "With the label {} {} of {} images change their answer; the widest ways: {}.",
        added.label,
        moved(&ways),
        ways.items,
        widest(&ways, 3)
    );
    let may_not = "Another label, or another word for this one, may take other images.";
    let title = format!("What the label {} takes: {}", added.label, list.name);
    let mut sections = vec![Section::new(
        &format!("added-{id}"),
        title,
        Body::Flow(ways),
        Conclusion::new(may, may_not),
    )];
    for (word, grouping) in groupings(images) {
        let names = [&*list.name, &*with];
        let table = paired_table(RIGHT, names, &before, &after, grouping, &images.options);
        let id = format!("added-{word}-{id}");
        sections.push(changed(&id, table, grouping));
    }
    sections
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::options::GroupOptions;
    use crate::section::Flow;
    use crate::taxonomy::constructed::{images, list, right_answers, scores};

    const CLASSES: u32 = 4;

    /// Twelve images of four classes, one label of which has no class and one class no label.
    fn looked(rows: &[f32]) -> (Images, LabelSet, Scores, Vec<Look>) {
        let images = images((0..12).map(|item| item % CLASSES).collect(), CLASSES);
        let list = list(&[Some(0), Some(1), Some(2), None]);
        let scores = scores(4, rows.to_vec());
        let looks = scores.looks(&right_answers(&images, &list), 1.0).expect("numbers");
        (images, list, scores, looks)
    }

    fn flow_of(section: &Section) -> &Flow {
        match &section.body {
            Body::Flow(flow) => flow,
            other => panic!("{other:?}"),
        }
    }

    fn total(flow: &Flow) -> usize {
        flow.cells.iter().map(|cell| cell.items).sum()
    }

    proptest! {
        /// Leaving an answer out is the same as never having had it: its images go where they go
        /// without its score, and no other image moves.
        #[test]
        fn leaving_one_out_moves_its_images_alone(rows in prop::collection::vec(-5.0_f32..5.0, 48)) {
            let (images, list, scores, looks) = looked(&rows);
            let sections = left_out(&images, 0, &list, &looks);
            prop_assert_eq!((flow_of(&sections[0]).items, total(flow_of(&sections[0]))), (12, 12));
            let counts = left_out_counts(&images, &list, &looks);
            prop_assert_eq!(counts.iter().map(|count| count.moved).sum::<usize>(), 12);
            for out in 0..4_u32 {
                let mut without = scores.clone();
                without.rows.iter_mut().skip(out as usize).step_by(4).for_each(|score| *score = f32::MIN);
                let after = without.best().expect("numbers");
                let (mut set_right, mut own) = (0, 0);
                for (item, (look, &after)) in looks.iter().zip(&after).enumerate() {
                    let expected = if look.answer == out { look.second } else { look.answer };
                    prop_assert_eq!(after, expected);
                    let is_right = |answer: u32| list.answers[answer as usize].class == Some(images.truth[item]);
                    set_right += usize::from(!is_right(look.answer) && is_right(after));
                    own += usize::from(is_right(look.answer) && look.answer == out);
                }
                let count = counts[out as usize];
                prop_assert_eq!((count.set_right, count.own), (set_right, own));
            }
        }

        /// A label that is added takes the images on which it scores higher than all others, and
        /// no other image moves.
        #[test]
        fn adding_one_moves_the_images_that_it_beats_alone(
            rows in prop::collection::vec(-5.0_f32..5.0, 48),
            logits in prop::collection::vec(-5.0_f32..5.0, 12),
        ) {
            let (images, list, scores, looks) = looked(&rows);
            let before: Vec<u32> = looks.iter().map(|look| look.answer).collect();
            let beaten = (0..12).filter(|&item| logits[item] > scores.rows[item * 4 + before[item] as usize]);
            let beaten: Vec<usize> = beaten.collect();
            let label = Added { label: "zebra", class: Some(3), logits };
            let sections = added(&images, "1-1", (&list, &scores, &before), &label);
            let flow = flow_of(&sections[0]);
            prop_assert_eq!((total(flow), moved(flow)), (12, beaten.len()));
            prop_assert!(flow.cells.iter().all(|cell| cell.from == cell.to || cell.to == "3"));
            let Body::Paired(table) = &sections[1].body else { panic!("{:?}", sections[1].body) };
            let change = table.all.change.as_ref().expect("twelve images, of at least ten");
            let gained = beaten.iter().filter(|&&item| images.truth[item] == 3).count();
            let lost = beaten.iter().filter(|&&item| list.answers[before[item] as usize].class == Some(images.truth[item])).count();
            prop_assert_eq!((change.only_after, change.only_before), (gained, lost));
        }
    }

    #[test]
    fn how_many_of_a_small_class_are_answered_with_it_is_not_said() {
        let images = images([vec![0; 9], vec![1; 10]].concat(), 2); // groups of ten
        let list = list(&[Some(0), Some(1), None]);
        let scores = scores(3, [[2.0, 1.0, 0.0]; 19].concat());
        let looks = scores.looks(&right_answers(&images, &list), 1.0).expect("numbers");
        let Body::Figures(table) = table(&images, 0, &list, &looks).body else { panic!("figures") };
        let own = |name: &str| {
            let (_, figures) = table.rows.iter().find(|(of, _)| of == name).expect("a row");
            figures.iter().find(|figure| figure.name == OWN).expect("there").clone()
        };
        assert_eq!(own("0").value, None);
        let few = super::table(&images, 0, &list, &looks);
        assert!(few.conclusion.may.starts_with("Without 0 10 images"), "{:?}", few.conclusion);
        let few = GroupOptions { min_group: 11, ..images.options.clone() };
        let few = Images::new(images.truth.clone(), images.classes.clone(), Vec::new(), few);
        let few = super::table(&few, 0, &list, &looks).conclusion.may;
        assert!(few.starts_with("Too few images are of other classes than 0"), "{few}");
        assert!(own("0").note.is_some_and(|note| note.contains("of the class itself")));
        let large = Images::new(vec![0; 10], images.classes, Vec::new(), images.options);
        let Body::Figures(table) = super::table(&large, 0, &list, &looks[..10]).body else {
            panic!("figures")
        };
        assert_eq!(table.rows[0].1[1].value, Some(1.0));
    }

    #[test]
    fn a_label_for_a_class_that_is_there_joins_it() {
        // Two images of class 0, answered 1; the new label for 0 lifts the first of them over it.
        let rows = [[1.0, 2.0, 0.0, 0.0]; 12].concat();
        let (images, list, scores, looks) = looked(&rows);
        let before: Vec<u32> = looks.iter().map(|look| look.answer).collect();
        let mut logits = vec![-9.0; 12];
        logits[0] = 2.0; // ln(e + e²) > 2
        let label = Added { label: "tabby", class: Some(0), logits };
        let sections = added(&images, "1-1", (&list, &scores, &before), &label);
        let flow = flow_of(&sections[0]);
        assert_eq!(moved(flow), 1);
        assert!(
            flow.cells.iter().any(|cell| cell.from == "1" && cell.to == "0" && cell.items == 1)
        );
    }
}
