//! What images are called: the best of some classes, and the category it belongs to.

use clip_eval::metrics::{MetricError, predictions};
use clip_rs::joint_space::softmax;

use crate::label_list::LabelList;

/// All classes that images may be called: those of a list, and behind them the added ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classes {
    /// As people read them.
    pub(super) names: Vec<String>,
    /// In the list's order.
    pub(super) categories: Vec<String>,
    /// Position in `categories` of each class.
    pub(super) category_of: Vec<Option<usize>>,
    /// How many are of the list.
    pub(super) listed: usize,
}

/// Classes that may be the answer at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassSet {
    /// `the label list`, `with the class child`.
    pub(super) name: String,
    /// Positions among all classes, in their order.
    pub(super) classes: Vec<usize>,
}

/// The answer to every image under one set of classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answers {
    /// Position among all classes; of equal logits the first.
    pub(super) class: Vec<usize>,
    /// Its probability over the set.
    pub(super) probability: Vec<f64>,
}

impl Classes {
    /// - `added`: classes of no category behind those of the list
    pub(super) fn new(list: &LabelList, added: &[String], show_labels: bool) -> Classes {
        let categories = list.categories();
        let position = |category: &Option<String>| {
            categories.iter().position(|name| Some(name) == category.as_ref())
        };
        let of_list = list.labels.iter().map(|label| position(&label.category));
        let category_of = of_list.chain(added.iter().map(|_| None)).collect();
        let names = [&list.names(show_labels)[..], added].concat();
        Classes { names, categories, category_of, listed: list.labels.len() }
    }

    /// The list as it is; with each added class; and with all of them where there are several.
    pub(super) fn sets(&self) -> Vec<ClassSet> {
        let list: Vec<usize> = (0..self.listed).collect();
        let added: Vec<usize> = (self.listed..self.names.len()).collect();
        let with = |name: String, more: &[usize]| ClassSet {
            name,
            classes: list.iter().chain(more).copied().collect(),
        };
        let mut sets = vec![with("the label list".to_owned(), &[])];
        for &class in &added {
            sets.push(with(format!("with the class {}", self.names[class]), &[class]));
        }
        if added.len() > 1 {
            sets.push(with(format!("with all {} added classes", added.len()), &added));
        }
        sets
    }

    /// How many answers are of each category, and of none; all of them together.
    pub(super) fn counts(&self, answers: &Answers) -> Vec<usize> {
        let mut counts = vec![0; self.categories.len() + 1];
        for &class in &answers.class {
            counts[self.category_of[class].unwrap_or(self.categories.len())] += 1;
        }
        counts
    }
}

impl Answers {
    /// Enters images.
    ///
    /// - `logits`: `[images, classes]`
    ///
    /// # Errors
    /// A logit is no number.
    pub(super) fn add(
        &mut self,
        logits: &[f32],
        classes: usize,
        set: &ClassSet,
    ) -> Result<(), MetricError> {
        let rows = logits.chunks_exact(classes);
        let some: Vec<f32> =
            rows.flat_map(|row| set.classes.iter().map(|&class| row[class])).collect();
        let size = set.classes.len();
        for (row, best) in some.chunks_exact(size).zip(predictions(&some, size)?) {
            let probabilities = softmax(row.iter().map(|&logit| f64::from(logit)));
            self.class.push(set.classes[best as usize]);
            self.probability.push(probabilities[best as usize]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_list::Label;

    const IMAGES: usize = 500;

    fn classes(categories: [Option<&str>; 6], added: &[&str]) -> Classes {
        let label = |(number, category): (usize, Option<&str>)| Label {
            text: format!("class {number}"),
            category: category.map(str::to_owned),
        };
        let list = LabelList {
            name: "test".to_owned(),
            source: String::new(),
            status: None,
            content_warning: None,
            labels: categories.into_iter().enumerate().map(label).collect(),
        };
        let added: Vec<String> = added.iter().map(|&name| name.to_owned()).collect();
        Classes::new(&list, &added, false)
    }

    fn answers(logits: &[f32], classes: usize, set: &ClassSet) -> Answers {
        let mut answers = Answers::default();
        // In parts, as the audit has them.
        for part in logits.chunks(7 * classes) {
            answers.add(part, classes, set).expect("numbers");
        }
        answers
    }

    const CATEGORIES: [Option<&str>; 6] = [None, None, Some("a"), Some("b"), Some("a"), None];

    /// Scores in steps of 1/8, so that many are equal.
    fn scores(classes: usize, seed: u32) -> Vec<f32> {
        let values = clip_testing::values(IMAGES * classes, seed);
        values.into_iter().map(|value| (value * 8.0).round() / 8.0).collect()
    }

    #[test]
    fn added_class_takes_exactly_the_images_that_it_beats() {
        let all = classes(CATEGORIES, &["x", "y"]);
        let sets = all.sets();
        let names: Vec<&str> = sets.iter().map(|set| &*set.name).collect();
        assert_eq!(
            names,
            ["the label list", "with the class x", "with the class y", "with all 2 added classes"]
        );
        for seed in 0..20 {
            let logits = scores(8, seed);
            let of = |set: usize| answers(&logits, 8, &sets[set]).class;
            let (before, x, y, both) = (of(0), of(1), of(2), of(3));
            let mut taken = 0;
            for (image, row) in logits.chunks_exact(8).enumerate() {
                let best = row[..6].iter().copied().fold(f32::MIN, f32::max);
                assert_eq!(row[before[image]], best);
                assert!(
                    row[..before[image]].iter().all(|&logit| logit < best),
                    "the first of equals"
                );
                let with = |class: usize| if row[class] > best { class } else { before[image] };
                assert_eq!((x[image], y[image]), (with(6), with(7)));
                let expected = if row[7] > row[6].max(best) { 7 } else { with(6) };
                assert_eq!(both[image], expected);
                taken += usize::from(x[image] == 6);
            }
            assert!((1..IMAGES).contains(&taken), "the test has something to see: {taken}");
        }
    }

    #[test]
    fn removed_class_gives_its_own_images_to_their_second_best_and_no_others() {
        let set = |classes: &[usize]| ClassSet { name: String::new(), classes: classes.to_vec() };
        for seed in 0..20 {
            let logits = scores(6, seed);
            let before = answers(&logits, 6, &set(&[0, 1, 2, 3, 4, 5])).class;
            for removed in 0..6 {
                let others: Vec<usize> = (0..6).filter(|&class| class != removed).collect();
                let after = answers(&logits, 6, &set(&others)).class;
                for (image, row) in logits.chunks_exact(6).enumerate() {
                    if before[image] != removed {
                        assert_eq!(after[image], before[image]);
                        continue;
                    }
                    let second = others.iter().map(|&class| row[class]).fold(f32::MIN, f32::max);
                    let first = others.iter().find(|&&class| row[class] == second);
                    assert_eq!(Some(&after[image]), first);
                }
            }
        }
    }

    #[test]
    fn every_answer_is_of_one_category_or_of_none() {
        let all = classes(CATEGORIES, &["x"]);
        for seed in 0..20 {
            let logits = scores(7, seed);
            for set in all.sets() {
                let answers = answers(&logits, 7, &set);
                let counts = all.counts(&answers);
                assert_eq!(counts.len(), 3);
                assert_eq!(counts.iter().sum::<usize>(), IMAGES);
                let share = counts.iter().map(|&count| count as f64 / IMAGES as f64).sum::<f64>();
                assert!((share - 1.0).abs() < 1e-12, "{share}");
                let of_a = answers.class.iter().filter(|class| [2, 4].contains(*class)).count();
                assert_eq!(counts[0], of_a);
            }
        }
    }

    #[test]
    fn probability_is_that_over_the_set() {
        let set = |classes: &[usize]| ClassSet { name: String::new(), classes: classes.to_vec() };
        let logits = [0.0, 1.0, 3.0_f32];
        let (all, two) =
            (answers(&logits, 3, &set(&[0, 1, 2])), answers(&logits, 3, &set(&[0, 1])));
        let of_all = 3.0_f64.exp() / (1.0 + 1.0_f64.exp() + 3.0_f64.exp());
        assert!((all.probability[0] - of_all).abs() < 1e-12);
        assert!((two.probability[0] - 1.0_f64.exp() / (1.0 + 1.0_f64.exp())).abs() < 1e-12);
        assert!(Answers::default().add(&[f32::NAN, 0.0], 2, &set(&[0, 1])).is_err());
    }
}
