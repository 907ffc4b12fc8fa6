//! Whether an image keeps its answer when the sentence around the labels is another.

use clip_eval::results::{Figure, Unit};

use super::images::{Images, said};
use super::lists::LabelSet;
use crate::phrases;
use crate::rates::{Counted, rate_table};
use crate::section::{
    Body, Conclusion, CurvePoint, Curves, Direction, Disparity, FigureTable, RateRow, RateTable,
    Section,
};

/// Classes of a table, at most: the least stable.
const MOST_CLASSES: usize = 50;
/// Name of the figure over all images.
const SAME: &str = "same_under_every_sentence";
/// What is counted.
const ALIKE: Counted<'static> =
    Counted { rate: "answered alike under every sentence", good: Direction::Higher };

/// The answers of one list under every sentence alone.
pub(super) struct Stability {
    name: String,
    /// `[images]`: how many sentences give the commonest answer.
    agreeing: Vec<usize>,
    sentences: usize,
    figures: Vec<Figure>,
    /// Which sentence has most images right, and which fewest.
    extremes: String,
}

impl Stability {
    /// - `answers`: `[sentences][images]`
    pub(super) fn of(
        images: &Images,
        list: &LabelSet,
        sentences: &[String],
        answers: &[Vec<u32>],
    ) -> Stability {
        let agreeing: Vec<usize> = (0..images.len()).map(|item| commonest(answers, item)).collect();
        let same = images.share_of(SAME, agreeing.iter().map(|&agree| agree == sentences.len()));
        let shares: Vec<f64> =
            agreeing.iter().map(|&agree| agree as f64 / sentences.len() as f64).collect();
        let right = |answers: &Vec<u32>| {
            super::cell::hits(images, list, answers).into_iter().filter(|&hit| hit).count()
        };
        let rights: Vec<usize> = answers.iter().map(right).collect();
        let most =
            (0..rights.len()).max_by_key(|&at| (rights[at], std::cmp::Reverse(at))).unwrap_or(0);
        let least = (0..rights.len()).min_by_key(|&at| (rights[at], at)).unwrap_or(0);
        let figures = vec![
            same,
            mean(images, &shares),
            images.share("least_accuracy", rights[least], images.len()),
            images.share("greatest_accuracy", rights[most], images.len()),
        ];
        let extremes = format!(
            "{}: fewest right with \"{}\", most with \"{}\"",
            list.name, sentences[least], sentences[most]
        );
        Stability {
            name: list.name.clone(),
            agreeing,
            sentences: sentences.len(),
            figures,
            extremes,
        }
    }

    /// Share of images with the same answer under every sentence.
    pub(super) fn same(&self) -> &Figure {
        &self.figures[0]
    }

    /// Share of images by how many sentences give their commonest answer.
    fn histogram(&self, images: &Images) -> Vec<CurvePoint> {
        let point = |count: usize| CurvePoint {
            x: count as f64,
            y: images.share_of("share", self.agreeing.iter().map(|&agree| agree == count)),
        };
        (1..=self.sentences).map(point).collect()
    }

    /// By class, the least stable first, and how many classes there are.
    fn by_class(&self, images: &Images) -> (RateTable, usize) {
        let same: Vec<bool> = self.agreeing.iter().map(|&agree| agree == self.sentences).collect();
        let mut table = rate_table(ALIKE, &same, &images.by_class, &images.options);
        let classes = table.rows.len();
        let value = |row: &RateRow| {
            row.rate.share.as_ref().and_then(|share| share.value).unwrap_or(f64::INFINITY)
        };
        table.rows.sort_by(|a, b| value(a).total_cmp(&value(b)));
        table.rows.truncate(MOST_CLASSES);
        (table, classes)
    }
}

/// How many sentences give the answer that most of them give.
fn commonest(answers: &[Vec<u32>], item: usize) -> usize {
    let mut of_item: Vec<u32> = answers.iter().map(|answers| answers[item]).collect();
    of_item.sort_unstable();
    of_item.chunk_by(|a, b| a == b).map(<[u32]>::len).max().unwrap_or(0)
}

fn mean(images: &Images, shares: &[f64]) -> Figure {
    let name = "mean_agreement";
    if shares.len() < images.options.least_group() {
        return Figure::undefined(name, Unit::Share, &images.too_few(shares.len()));
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    Figure::share(name, mean).within(images.options.bootstrap().mean(shares), "images")
}

/// All lists beside each other, then each by class.
pub(super) fn sections(images: &Images, lists: &[Stability], sentences: &str) -> Vec<Section> {
    let may: Vec<String> =
        lists.iter().map(|list| format!("{} {}", list.name, said(list.same()))).collect();
    let may =
        format!("Share of images with the same answer under every sentence: {}.", may.join("; "));
    let may_not =
        "Sentences that were not tried may give other answers; an answer that stays may be wrong.";
    let rows = lists.iter().map(|list| (list.name.clone(), list.figures.clone())).collect();
    let body = Body::Figures(FigureTable { of: "label list".to_owned(), rows });
    let mut notes = vec![sentences.to_owned()];
    notes.extend(lists.iter().map(|list| list.extremes.clone()));
    let title = "Stability over the sentence around the labels";
    let mut sections = vec![
        Section::new("stability", title, body, Conclusion::new(&may, may_not)).with_notes(notes),
    ];
    let curves = Curves {
        x: "sentences that give the commonest answer".to_owned(),
        y: "share of images".to_owned(),
        curves: lists.iter().map(|list| (list.name.clone(), list.histogram(images))).collect(),
    };
    let title = "How many sentences agree on an image";
    sections.push(Section::new(
        "agreement",
        title,
        Body::Curves(curves),
        Conclusion::new(&may, may_not),
    ));
    sections.extend((1..).zip(lists).map(|(number, list)| least_stable(images, number, list)));
    sections
}

fn least_stable(images: &Images, number: usize, list: &Stability) -> Section {
    let (table, classes) = list.by_class(images);
    let first = table.rows.first().filter(|row| row.rate.share.is_some());
    let is_even = table.disparity.as_ref().is_some_and(Disparity::is_even);
    let may = match first.and_then(|row| Some((row, row.rate.share.as_ref()?))) {
        Some((_, share)) if is_even => format!(
            "With {} the answers of all classes with a figure depend equally on the sentence: {} of their images keep theirs.",
            list.name,
            phrases::percent(share.value.unwrap_or_default())
        ),
        Some((row, share)) => format!(
            "With {} the answers of {} depend most on the sentence: {} of its images keep theirs.",
            list.name,
            row.group.join(", "),
            said(share)
        ),
        None => format!("With {} no class has enough images for a figure.", list.name),
    };
    let may_not =
        "The lowest of many shares is partly chance, and why classes differ is not shown.";
    let shown = table.rows.len();
    let title = format!("Least stable classes: {}", list.name);
    let id = format!("stability-{number}");
    let section = Section::new(&id, title, Body::Rates(table), Conclusion::new(may, may_not));
    match shown < classes {
        true => section.with_notes(vec![format!("the {shown} least stable of {classes} classes")]),
        false => section,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::taxonomy::constructed;

    fn stability(truth: Vec<u32>, answers: &[Vec<u32>]) -> (Images, Stability) {
        let images = constructed::images(truth, 3);
        let list = constructed::list(&[Some(0), Some(1), Some(2)]);
        let sentences: Vec<String> = (0..answers.len()).map(|at| format!("{at} {{}}")).collect();
        let found = Stability::of(&images, &list, &sentences, answers);
        (images, found)
    }

    #[test]
    fn an_image_is_stable_if_every_sentence_says_the_same() {
        let truth = [[0; 10], [1; 10]].concat();
        let mut other = truth.clone();
        other[15] = 2;
        other[16] = 2;
        let (images, found) = stability(truth.clone(), &[truth.clone(), other, truth.clone()]);
        assert_eq!(found.same().value, Some(18.0 / 20.0));
        assert_eq!(found.figures[1].value, Some((18.0 + 2.0 * 2.0 / 3.0) / 20.0));
        let accuracies = [found.figures[2].value, found.figures[3].value];
        assert_eq!(accuracies, [Some(0.9), Some(1.0)]);
        assert!(found.extremes.contains("fewest right with \"1 {}\", most with \"0 {}\""));
        let (table, classes) = found.by_class(&images);
        assert_eq!((classes, &table.rows[0].group[..]), (2, &["1".to_owned()][..]));
        assert_eq!((table.rows[0].rate.hits, table.all.hits), (Some(8), Some(18)));
        assert_eq!(sections(&images, &[found], "three").len(), 3);
    }

    proptest! {
        #[test]
        fn histogram_sums_to_one(answers in prop::collection::vec(prop::collection::vec(0_u32..3, 12), 1..6)) {
            let (images, found) = stability(vec![0; 12], &answers);
            let sum: f64 = found.histogram(&images).iter().filter_map(|point| point.y.value).sum();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }
    }
}
