//! What a model answers when the true class is not among the labels, and how sure it is.

use clip_eval::metrics::Ranking;
use clip_eval::results::{Figure, Unit};

use super::flow::{flow, widest};
use super::images::{Images, said};
use super::lists::LabelSet;
use super::scores::Look;
use crate::section::{Body, Conclusion, FigureTable, Section};

/// Name of the figure that tells present from absent.
pub(super) const AUROC: &str = "absent_auroc";
/// Fewer answers than this leave one alone.
const FEWEST_ANSWERS: usize = 3;
/// Why two answers have no figure.
const ONE_LEFT: &str = "without the true class one answer is left, whose probability is always 1: give at least \
three labels";

/// How sure the wrong answer is once the labels of each image's own class are gone.
///
/// - `truth`: `[images]`: the answer that is right; none where no label stands for it
pub(super) fn figures(
    images: &Images,
    list: &LabelSet,
    truth: &[Option<u32>],
    looks: &[Look],
) -> Vec<Figure> {
    let names = ["present_median", "absent_10th", "absent_median", "absent_90th"];
    let reason = match () {
        () if list.answers.len() < FEWEST_ANSWERS => ONE_LEFT.to_owned(),
        () if looks.len() < images.options.least_group() => images.too_few(looks.len()),
        () => {
            let present = looks.iter().zip(truth).filter(|(_, truth)| truth.is_some());
            let present: Vec<f64> = present.map(|(look, _)| look.confidence).collect();
            let absent: Vec<f64> = looks.iter().map(|look| look.absent_confidence).collect();
            let quantile = |(name, of, share): (&str, &[f64], f64)| match of.len() {
                few if few < images.options.least_group() => {
                    Figure::undefined(name, Unit::Share, &images.too_few(few))
                }
                _ => Figure::share(name, quantile(of, share)).without("a quantile of these images"),
            };
            let quantiles = [
                (names[0], &*present, 0.5),
                (names[1], &*absent, 0.1),
                (names[2], &*absent, 0.5),
                (names[3], &*absent, 0.9),
            ];
            let above = |name, least: f64| images.share_of(name, absent.iter().map(|&p| p > least));
            let mut figures: Vec<Figure> = quantiles.map(quantile).to_vec();
            figures.extend([above("absent_above_0.5", 0.5), above("absent_above_0.9", 0.9)]);
            figures.push(auroc(images, truth, looks));
            return figures;
        }
    };
    let shares = names.into_iter().chain(["absent_above_0.5", "absent_above_0.9", AUROC]);
    shares.map(|name| Figure::undefined(name, Unit::Share, &reason)).collect()
}

/// How well the probability of the answer tells images whose class is among the labels from the same
/// images without it; the interval draws images.
fn auroc(images: &Images, truth: &[Option<u32>], looks: &[Look]) -> Figure {
    let (mut scores, mut is_present, mut of_image) = (Vec::new(), Vec::new(), Vec::new());
    for (item, (look, truth)) in looks.iter().zip(truth).enumerate() {
        let present = truth.map(|_| (look.confidence, true));
        for (score, present) in present.into_iter().chain([(look.absent_confidence, false)]) {
            scores.push(score as f32);
            is_present.push(present);
            of_image.push(item);
        }
    }
    let undefined =
        |error: &dyn std::fmt::Display| Figure::undefined(AUROC, Unit::Share, &error.to_string());
    let present = truth.iter().flatten().count();
    if present < images.options.least_group() {
        return undefined(&format!("with the true class {}", images.too_few(present)));
    }
    let ranking = match Ranking::new(&scores, &is_present) {
        Ok(ranking) => ranking,
        Err(error) => return undefined(&error),
    };
    let value = match ranking.roc_auc(None) {
        Ok(value) => value,
        Err(error) => return undefined(&error),
    };
    let interval = images.options.bootstrap().interval(images.len(), |weights| {
        let weights: Vec<u32> = of_image.iter().map(|&item| weights[item]).collect();
        ranking.roc_auc(Some(&weights)).unwrap_or(f64::NAN)
    });
    Figure::share(AUROC, value).within(interval, "images")
}

/// Linear between two values.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The figures of all cells beside each other.
pub(super) fn table(rows: Vec<(String, Vec<Figure>)>) -> Section {
    let of = |(name, figures): &(String, Vec<Figure>)| {
        let figure = |name: &str| figures.iter().find(|figure| figure.name == name);
        match (figure("absent_above_0.9"), figure(AUROC)) {
            (Some(sure), Some(auroc)) if sure.value.is_some() => format!(
                "{name}: {} of the wrong answers have a probability above 0.9, AUROC {}",
                said(sure),
                said(auroc)
            ),
            (sure, _) => format!("{name}: {}", sure.map_or_else(String::new, said)),
        }
    };
    let may: Vec<String> = rows.iter().map(of).collect();
    let may = format!("When the labels of an image's own class are removed: {}.", may.join("; "));
    let may_not = "The images are of classes that the data set has: how sure the model is of images of anything else was \
        not measured.";
    let notes = vec![format!(
        "{AUROC}: the probability that an answer is surer with the true class among the labels than another without it; \
         0.5 tells nothing"
    )];
    let body = Body::Figures(FigureTable { of: "label list".to_owned(), rows });
    let title = "How sure a wrong answer is when the true class is absent";
    Section::new("absent", title, body, Conclusion::new(may, may_not)).with_notes(notes)
}

/// Which answers take the images of a class that is absent; of classes that are large enough.
pub(super) fn taken_by(images: &Images, at: usize, list: &LabelSet, looks: &[Look]) -> Section {
    let is_large = images.are_large();
    let ways = images.truth.iter().zip(looks).filter(|(truth, _)| is_large[**truth as usize]);
    let ways =
        ways.map(|(&truth, look)| (&*images.classes[truth as usize], list.name(look.absent)));
    let ways = flow("the true class, absent", "the answer", ways);
    let may = format!(
        "With {}, images whose own class has no label go to: {}.",
        list.name,
        widest(&ways, 3)
    );
    let may_not = "Where images of classes that are in no list would go is not shown.";
    let title = format!("Which classes take images of an absent class: {}", list.name);
    let id = format!("absent-{}", at + 1);
    Section::new(&id, title, Body::Flow(ways), Conclusion::new(may, may_not))
        .with_notes(images.without_small_classes().into_iter().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::taxonomy::constructed::{images, list, right_answers, scores};

    fn look(
        truth: Vec<u32>,
        classes: &[Option<u32>],
        rows: Vec<f32>,
    ) -> (Images, LabelSet, Vec<Option<u32>>, Vec<Look>) {
        let images = images(truth, 3);
        let list = list(classes);
        let truth = right_answers(&images, &list);
        let looks = scores(classes.len(), rows).looks(&truth, 1.0).expect("numbers");
        (images, list, truth, looks)
    }

    fn value(figures: &[Figure], name: &str) -> Option<f64> {
        figures.iter().find(|figure| figure.name == name).expect("there").value
    }

    proptest! {
        #[test]
        fn figures_are_those_of_scores_without_the_true_class(rows in prop::collection::vec(-5.0_f32..5.0, 108)) {
            let truth: Vec<u32> = (0..36).map(|item| item % 3).collect();
            let (images, list, right, looks) = look(truth.clone(), &[Some(0), Some(1), None], rows.clone());
            let mut sure = Vec::new();
            for (item, row) in rows.chunks_exact(3).enumerate() {
                let left = (0..3).filter(|&answer| Some(answer as u32) != right[item]);
                let left: Vec<f64> = left.map(|answer| f64::from(row[answer])).collect();
                let sum: f64 = left.iter().map(|score| score.exp()).sum();
                sure.push(left.iter().map(|score| score.exp() / sum).fold(0.0, f64::max));
            }
            let figures = figures(&images, &list, &right, &looks);
            let above = sure.iter().filter(|&&p| p > 0.5).count() as f64 / 36.0;
            prop_assert_eq!(value(&figures, "absent_above_0.5"), Some(above));
            // Of each pair the share in which the image with its class is surer.
            let present: Vec<f64> = looks.iter().zip(&right).filter(|(_, right)| right.is_some()).map(|(look, _)| look.confidence).collect();
            let ahead: f64 = present.iter().flat_map(|&a| sure.iter().map(move |&b| {
                let (a, b) = (a as f32, b as f32);
                if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 }
            })).sum();
            let expected = ahead / (present.len() * sure.len()) as f64;
            prop_assert!((value(&figures, AUROC).unwrap() - expected).abs() < 1e-3);
            let section = taken_by(&images, 0, &list, &looks);
            let Body::Flow(flow) = section.body else { panic!("{:?}", section.body) };
            prop_assert_eq!(flow.cells.iter().map(|cell| cell.items).sum::<usize>(), 36);
            prop_assert!(flow.cells.iter().all(|cell| cell.from != cell.to), "its own class is gone");
        }
    }

    #[test]
    fn two_answers_leave_one_and_few_images_leave_none() {
        let (images, list, right, looks) = look(vec![0; 20], &[Some(0), Some(1)], vec![1.0; 40]);
        let figures = figures(&images, &list, &right, &looks);
        assert_eq!(figures.len(), 7);
        assert!(figures.iter().all(|figure| figure.value.is_none()));
        assert!(
            figures[6].note.as_ref().is_some_and(|note| note.contains("at least three labels"))
        );
        let said = table(vec![("v1".to_owned(), figures)]).conclusion.may;
        assert_eq!(said.matches("no figure").count(), 1, "{said}");
        assert!(!said.contains("of the wrong answers"), "{said}");
    }

    #[test]
    fn few_images_whose_class_has_a_label_have_no_median_and_tell_nothing() {
        let truth = [vec![0; 9], vec![1; 20]].concat(); // groups of ten; no label for 1
        let classes = [Some(0), None, Some(2)];
        let (images, list, right, looks) = look(truth, &classes, vec![1.0; 87]);
        let found = figures(&images, &list, &right, &looks);
        for name in ["present_median", AUROC] {
            let figure = found.iter().find(|figure| figure.name == name).expect("there");
            assert_eq!(figure.value, None, "{name}");
            assert!(figure.note.as_ref().is_some_and(|note| note.contains("too few images: 9")));
        }
        assert!(value(&found, "absent_median").is_some());
    }

    #[test]
    fn quantiles_are_linear_between_two() {
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0, 0.0], 0.5), 2.0);
        assert_eq!(quantile(&[0.0, 1.0], 0.1), 0.1);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
