//! A temperature and thresholds fitted on one half of the images, and what they do on the other:
//! fewer answers, more of them right, "none of these" for the rest.

use clip_data::random::Seeded;
use clip_eval::metrics::{MetricError, TemperatureFit, fit_temperature};
use clip_eval::results::{Figure, Unit};

use super::calibration::{Answered, ECE, NLL};
use super::images::{Images, said};
use super::lists::LabelSet;
use super::scores::{Look, Scores};
use crate::section::{Body, Conclusion, FigureTable, Section};

/// Held answers that a class needs for a threshold of its own.
const FEWEST_HELD: usize = 10;

/// What was fitted for a list, and what became of the other half.
pub(super) struct Fitted {
    name: String,
    figures: Vec<Figure>,
    thresholds: Vec<(String, Vec<Figure>)>,
    before: Answered,
    after: Answered,
    notes: Vec<String>,
}

/// Where a threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Threshold {
    /// Of the class.
    Own(f64),
    /// Of all classes with few answers together.
    Shared(f64),
    /// The precision is never reached.
    Never,
}

impl Threshold {
    /// Whether an answer of that probability is given.
    fn is_reached(self, confidence: f64) -> bool {
        match self {
            Threshold::Own(least) | Threshold::Shared(least) => confidence >= least,
            Threshold::Never => false,
        }
    }
}

impl Fitted {
    /// Fits on half of the images of each class, rounded down, drawn by the seed.
    ///
    /// - `truth`: `[images]`: the answer that is right; none where no label stands for it
    /// - `before`: `[images]`, at the model's own temperature
    /// - `scale`: the model's, `exp(logit_scale)`
    ///
    /// # Errors
    /// A score that is no number.
    pub(super) fn of(
        images: &Images,
        list: &LabelSet,
        (scores, before): (&Scores, &[Look]),
        truth: &[Option<u32>],
        (precision, scale): (f64, f32),
    ) -> Result<Fitted, MetricError> {
        let is_held = held(images);
        let (temperature, kept) = fit(images, scores, truth, &is_held)?;
        let notes = kept.map(|reason| format!("{}: the temperature stays 1: {reason}", list.name));
        let after = scores.looks(truth, temperature)?;
        let is_right = |item: usize| truth[item] == Some(after[item].answer);
        let answers = (0..images.len()).filter(|&item| is_held[item]).map(|item| {
            let Look { answer, confidence, .. } = after[item];
            (answer, confidence, is_right(item))
        });
        let thresholds = thresholds(list, answers.collect(), precision);
        let measured: Vec<usize> = (0..images.len()).filter(|&item| !is_held[item]).collect();
        let of = |looks: &[Look]| {
            let looks: Vec<Look> = measured.iter().map(|&item| looks[item]).collect();
            let hits: Vec<bool> = measured
                .iter()
                .zip(&looks)
                .map(|(&item, look)| truth[item] == Some(look.answer))
                .collect();
            Answered::of(&looks, &hits)
        };
        let (calibrated_before, calibrated_after) = (of(before), of(&after));
        let mut figures = vec![
            Figure::plain("temperature", Unit::Number, temperature).without("fitted, not measured"),
            Figure::plain("logit_scale", Unit::Number, f64::from(scale) / temperature)
                .without("fitted, not measured"),
        ];
        figures.extend(named(calibrated_before.figures(images), "before"));
        figures.extend(named(calibrated_after.figures(images), "after"));
        let looks: Vec<(&Look, bool)> =
            measured.iter().map(|&item| (&after[item], is_right(item))).collect();
        figures.extend(what_is_answered(images, &thresholds, &looks));
        Ok(Fitted {
            name: list.name.clone(),
            figures,
            thresholds: rows(list, &thresholds, precision),
            before: calibrated_before,
            after: calibrated_after,
            notes: notes.into_iter().collect(),
        })
    }

    fn figure(&self, name: &str) -> String {
        self.figures.iter().find(|figure| figure.name == name).map_or_else(String::new, said)
    }
}

fn named(figures: Vec<Figure>, when: &str) -> impl Iterator<Item = Figure> {
    figures.into_iter().map(move |figure| {
        let name = format!("{}_{when}", figure.name);
        figure.named(&name)
    })
}

/// Which images are held: half of each class, rounded down.
fn held(images: &Images) -> Vec<bool> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); images.classes.len()];
    for (item, &truth) in images.truth.iter().enumerate() {
        members[truth as usize].push(item);
    }
    let mut is_held = vec![false; images.len()];
    for (class, members) in members.iter_mut().enumerate() {
        Seeded::named(images.options.seed, &format!("held of {class}")).shuffle(members);
        members[..members.len() / 2].iter().for_each(|&item| is_held[item] = true);
    }
    is_held
}

/// The temperature with the least loss on the held images whose class has a label, or 1 and why.
fn fit(
    images: &Images,
    scores: &Scores,
    truth: &[Option<u32>],
    is_held: &[bool],
) -> Result<(f64, Option<&'static str>), MetricError> {
    let (mut rows, mut classes) = (Vec::new(), Vec::new());
    for ((row, truth), _) in scores.images().zip(truth).zip(is_held).filter(|(_, held)| **held) {
        if let Some(truth) = truth {
            rows.extend_from_slice(row);
            classes.push(*truth);
        }
    }
    if classes.len() < images.options.least_group() / 2 {
        return Ok((1.0, Some("too few images are held")));
    }
    Ok(match fit_temperature(&rows, scores.answers, &classes)? {
        TemperatureFit::Minimum { temperature, .. } => (temperature, None),
        TemperatureFit::Separable => {
            (1.0, Some("every held image is answered rightly, which cannot tell how sure to be"))
        }
        TemperatureFit::Uninformative => {
            (1.0, Some("held images are answered no better than by chance"))
        }
    })
}

/// A threshold for every answer.
///
/// - `held`: answers with their probability, and whether they are right
fn thresholds(list: &LabelSet, held: Vec<(u32, f64, bool)>, precision: f64) -> Vec<Threshold> {
    let mut of_answer: Vec<Vec<(f64, bool)>> = vec![Vec::new(); list.answers.len()];
    held.iter().for_each(|&(answer, p, right)| of_answer[answer as usize].push((p, right)));
    let few = of_answer.iter().filter(|of| of.len() < FEWEST_HELD).flatten().copied().collect();
    let shared = least_threshold(few, precision);
    let of = |(answer, held): (&super::lists::Answer, Vec<(f64, bool)>)| match answer.class {
        None => Threshold::Never,
        Some(_) if held.len() < FEWEST_HELD => shared.map_or(Threshold::Never, Threshold::Shared),
        Some(_) => least_threshold(held, precision).map_or(Threshold::Never, Threshold::Own),
    };
    list.answers.iter().zip(of_answer).map(of).collect()
}

/// The least probability such that of the answers with it or more this share is right; none if there
/// is none.
fn least_threshold(mut answers: Vec<(f64, bool)>, precision: f64) -> Option<f64> {
    answers.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut least, mut right, mut all) = (None, 0, 0);
    for equal in answers.chunk_by(|a, b| a.0 == b.0) {
        all += equal.len();
        right += equal.iter().filter(|(_, right)| *right).count();
        if right as f64 / all as f64 >= precision {
            least = Some(equal[0].0);
        }
    }
    least
}

/// What the thresholds do on the measured half.
fn what_is_answered(
    images: &Images,
    thresholds: &[Threshold],
    measured: &[(&Look, bool)],
) -> Vec<Figure> {
    let is_given = |look: &Look| thresholds[look.answer as usize].is_reached(look.confidence);
    let given: Vec<bool> = measured.iter().map(|(look, _)| is_given(look)).collect();
    let count = |holds: &dyn Fn(bool, bool) -> bool| {
        measured.iter().zip(&given).filter(|((_, right), given)| holds(*right, **given)).count()
    };
    let wrong = count(&|right, _| !right);
    let is_rejected =
        |look: &Look| !thresholds[look.absent as usize].is_reached(look.absent_confidence);
    vec![
        images.share("coverage", count(&|_, given| given), measured.len()),
        images.share(
            "accuracy_of_answered",
            count(&|right, given| right && given),
            count(&|_, given| given),
        ),
        images.share("wrong_rejected", count(&|right, given| !right && !given), wrong),
        images.share_of("absent_rejected", measured.iter().map(|(look, _)| is_rejected(look))),
    ]
}

fn rows(list: &LabelSet, thresholds: &[Threshold], precision: f64) -> Vec<(String, Vec<Figure>)> {
    let figure = |threshold: &Threshold| match threshold {
        Threshold::Own(least) => Figure::share("threshold", *least).without("fitted, not measured"),
        Threshold::Shared(least) => {
            let reason =
                format!("fewer than {FEWEST_HELD} held answers: that of all such classes together");
            Figure::share("threshold", *least).without(&reason)
        }
        Threshold::Never => {
            let reason = format!(
                "no probability reaches a precision of {precision}: always \"none of these\""
            );
            Figure::undefined("threshold", Unit::Share, &reason)
        }
    };
    let of = |(answer, threshold)| (list.name(answer).to_owned(), vec![figure(threshold)]);
    (0..).zip(thresholds).map(of).collect()
}

/// The figures of all lists, then thresholds and reliability of each.
pub(super) fn sections(lists: Vec<Fitted>, precision: f64) -> Vec<Section> {
    let of = |list: &Fitted| {
        format!(
            "{}: share of images that are answered {}, of these answers right {}, of images whose class is absent \
             rejected {}, calibration error {} before and {} after",
            list.name,
            list.figure("coverage"),
            list.figure("accuracy_of_answered"),
            list.figure("absent_rejected"),
            list.figure(&format!("{ECE}_before")),
            list.figure(&format!("{ECE}_after"))
        )
    };
    let may: Vec<String> = lists.iter().map(of).collect();
    let may = format!("On the half that nothing was fitted on, {}.", may.join("; "));
    let may_not = "Temperature and thresholds are fitted to images like these: for other images, labels or sentences they \
        must be fitted again.";
    let rows = lists.iter().map(|list| (list.name.clone(), list.figures.clone())).collect();
    let body = Body::Figures(FigureTable { of: "label list".to_owned(), rows });
    let mut notes = vec![
        format!(
            "half of each class (rounded down, drawn by the seed) is held to fit on, the other is measured; the temperature \
             divides the scores of classes and has the least {NLL} on the held half; logit_scale is the model's over it"
        ),
        format!(
            "threshold of a class: the least probability such that of the held answers with it or more at least {precision} \
             are right; with fewer than {FEWEST_HELD} held answers that of all such classes together; a class that never \
             reaches it, and a label that stands for no class, is always answered \"none of these\""
        ),
    ];
    notes.extend(lists.iter().flat_map(|list| list.notes.clone()));
    let title = "Temperature, thresholds and \"none of these\"";
    let conclusion = Conclusion::new(may, may_not);
    let mut sections =
        vec![Section::new("none-of-these", title, body, conclusion).with_notes(notes)];
    for (number, list) in (1..).zip(lists) {
        sections.extend(of_list(number, list));
    }
    sections
}

fn of_list(number: usize, list: Fitted) -> [Section; 3] {
    let never = list.thresholds.iter().filter(|(_, figures)| figures[0].value.is_none()).count();
    let may = format!(
        "{never} of the {} answers of {} are always \"none of these\".",
        list.thresholds.len(),
        list.name
    );
    let may_not = "A threshold was chosen on few images: its precision on others is that of the measured half, not the one \
        asked for.";
    let reliability = |when: &str, answered: &Answered| {
        let error = list.figure(&format!("{ECE}_{when}"));
        let may =
            format!("With {} the calibration error {when} the temperature is {error}.", list.name);
        let may_not = "A bin with few images says little.";
        let title = format!("Reliability {when} the temperature: {}", list.name);
        let body = Body::Reliability { bins: answered.bins() };
        Section::new(
            &format!("reliability-{when}-{number}"),
            title,
            body,
            Conclusion::new(may, may_not),
        )
    };
    let (before, after) = (reliability("before", &list.before), reliability("after", &list.after));
    let title = format!("Thresholds: {}", list.name);
    let body = Body::Figures(FigureTable { of: "class".to_owned(), rows: list.thresholds });
    let conclusion = Conclusion::new(may, may_not);
    [Section::new(&format!("thresholds-{number}"), title, body, conclusion), before, after]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::taxonomy::constructed::{images, list, right_answers, scores};

    proptest! {
        #[test]
        fn threshold_is_the_least_that_keeps_the_precision(
            answers in prop::collection::vec((0_u8..8, any::<bool>()), 0..40), precision in 0.05_f64..1.0,
        ) {
            let answers: Vec<(f64, bool)> =
                answers.into_iter().map(|(p, right)| (f64::from(p) / 8.0, right)).collect();
            let keeps = |least: f64| {
                let given: Vec<bool> = answers.iter().filter(|(p, _)| *p >= least).map(|(_, right)| *right).collect();
                given.iter().filter(|&&right| right).count() as f64 / given.len() as f64 >= precision
            };
            let expected = answers.iter().map(|(p, _)| *p).filter(|&p| keeps(p)).min_by(f64::total_cmp);
            prop_assert_eq!(least_threshold(answers.clone(), precision), expected);
        }

        #[test]
        fn half_of_every_class_is_held(truth in prop::collection::vec(0_u32..3, 10..60)) {
            let images = images(truth.clone(), 3);
            let is_held = held(&images);
            for class in 0..3 {
                let of_class: Vec<bool> =
                    truth.iter().zip(&is_held).filter(|(of, _)| **of == class).map(|(_, held)| *held).collect();
                prop_assert_eq!(of_class.iter().filter(|&&held| held).count(), of_class.len() / 2);
            }
            prop_assert_eq!(held(&images), is_held, "by the seed alone");
        }
    }

    #[test]
    fn precision_that_is_reached_exactly_is_reached() {
        let answers = vec![(0.9, true), (0.8, true), (0.7, true), (0.6, false), (0.5, false)];
        assert_eq!(least_threshold(answers.clone(), 0.75), Some(0.6), "three of four");
        assert_eq!(least_threshold(answers.clone(), 0.76), Some(0.7));
        assert_eq!(least_threshold(answers[3..].to_vec(), 0.1), None);
        let nine = (0..10).map(|at| (0.5, at > 0)).collect();
        assert_eq!(least_threshold(nine, 0.9), Some(0.5), "equal probabilities go together");
    }

    #[test]
    fn classes_with_few_answers_share_a_threshold_and_labels_of_no_class_have_none() {
        let list = list(&[Some(0), Some(1), Some(2), None]);
        let mut held: Vec<(u32, f64, bool)> =
            (0..12).map(|at| (0, 0.5 + f64::from(at) / 100.0, true)).collect();
        held.extend([(1, 0.9, true), (2, 0.8, true), (2, 0.3, false), (3, 0.99, false)]);
        let found = thresholds(&list, held, 0.6);
        let expected =
            [Threshold::Own(0.5), Threshold::Shared(0.8), Threshold::Shared(0.8), Threshold::Never];
        assert_eq!(found, expected);
        assert!(
            found[0].is_reached(0.5) && !found[0].is_reached(0.499) && !found[3].is_reached(1.0)
        );
    }

    /// A model that is right nine times of ten, with this score above the others.
    fn fitted(score: impl Fn(u32, bool) -> f32) -> (Fitted, impl Fn(&Fitted, &str) -> f64) {
        let truth: Vec<u32> = (0..600).map(|item| item % 3).collect();
        let images = images(truth.clone(), 3);
        let list = list(&[Some(0), Some(1), Some(2)]);
        let mut rows = vec![0.0; 3 * truth.len()];
        for (item, &truth) in (0..).zip(&truth) {
            let right = item % 10 > 0;
            let answer = if right { truth } else { (truth + 1) % 3 };
            rows[3 * item as usize + answer as usize] = score(item, right);
        }
        let scores = scores(3, rows);
        let right = right_answers(&images, &list);
        let before = scores.looks(&right, 1.0).expect("numbers");
        let fitted = Fitted::of(&images, &list, (&scores, &before), &right, (0.95, 100.0));
        let value = |fitted: &Fitted, name: &str| {
            let figure = fitted.figures.iter().find(|figure| figure.name == name);
            figure.and_then(|figure| figure.value).expect("a figure")
        };
        (fitted.expect("fitted"), value)
    }

    #[test]
    fn temperature_makes_probabilities_mean_what_they_say() {
        let (fitted, value) = fitted(|item, _| 20.0 + (item % 7) as f32);
        let [before, after] =
            ["before", "after"].map(|when| value(&fitted, &format!("{ECE}_{when}")));
        assert!((before - 0.1).abs() < 0.03 && after < before / 2.0, "{before} {after}");
        assert!(value(&fitted, "temperature") > 2.0);
        let scale = value(&fitted, "logit_scale") * value(&fitted, "temperature");
        assert!((scale - 100.0).abs() < 1e-9);
        let sections = sections(vec![fitted], 0.95);
        assert_eq!(sections.len(), 4);
        let Body::Reliability { bins } = &sections[2].body else {
            panic!("{:?}", sections[2].body)
        };
        assert_eq!(bins.iter().map(|bin| bin.items).sum::<usize>(), 300, "the measured half");
    }

    #[test]
    fn answers_below_the_threshold_are_none_of_these() {
        let (fitted, value) =
            fitted(|item, right| if right { 20.0 + (item % 7) as f32 } else { 12.0 });
        let value = |name: &str| value(&fitted, name);
        assert!(value("accuracy_of_answered") > 0.94, "{}", value("accuracy_of_answered"));
        assert!(value("coverage") > 0.85 && value("absent_rejected") > 0.9);
        let [before, after] = ["before", "after"].map(|when| value(&format!("{NLL}_{when}")));
        assert!(after < before, "{before} {after}");
    }

    #[test]
    fn few_or_certain_images_keep_the_temperature_and_say_why() {
        let images = images(vec![0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2], 3);
        let list = list(&[Some(0), Some(1), Some(2)]);
        let right = right_answers(&images, &list);
        let mut rows = vec![0.0; 36];
        images
            .truth
            .iter()
            .enumerate()
            .for_each(|(item, &truth)| rows[3 * item + truth as usize] = 9.0);
        let scores = scores(3, rows);
        let looks = scores.looks(&right, 1.0).expect("numbers");
        let fitted =
            Fitted::of(&images, &list, (&scores, &looks), &right, (0.9, 1.0)).expect("fitted");
        assert!(
            fitted.notes[0].contains("every held image is answered rightly"),
            "{:?}",
            fitted.notes
        );
        let coverage =
            fitted.figures.iter().find(|figure| figure.name == "coverage").expect("there");
        assert!(
            coverage.value.is_none()
                && coverage.note.as_ref().is_some_and(|note| note.contains("too few images: 6"))
        );
    }
}
