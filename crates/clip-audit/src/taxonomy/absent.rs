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
            let quantile = |(name, of, share): (&str, &[f64], f64)| {
                Figure::share(name, quantile(of, share)).without("a quantile of these images")
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
    let figure = |figures: &[Figure], name: &str| {
        figures.iter().find(|figure| figure.name == name).map_or_else(String::new, said)
    };
    let of = |(name, figures): &(String, Vec<Figure>)| {
        format!(
            "{name}: {} of the wrong answers have a probability above 0.9, AUROC {}",
            figure(figures, "absent_above_0.9"),
            figure(figures, AUROC)
        )
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

/// Which answers take the images of a class that is absent.
pub(super) fn taken_by(images: &Images, at: usize, list: &LabelSet, looks: &[Look]) -> Section {
    let ways = images.truth.iter().zip(looks);
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
}
