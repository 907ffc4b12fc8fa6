//! Answers over the number of classes: random classes beside the true one.

use clip_data::random::Seeded;
use clip_eval::results::{Figure, Unit};
use clip_eval::statistics::Interval;

use super::images::Images;
use super::scores::Scores;
use crate::section::{Body, Conclusion, CurvePoint, Curves, Section};

/// Numbers of classes: 2, 5, 10, 20, 50, …, and all.
fn sizes(answers: usize) -> Vec<usize> {
    let decades = (0..).map(|power| 10_usize.pow(power));
    let steps = decades.flat_map(|ten| [1, 2, 5].map(|step| step * ten)).skip(1);
    steps.take_while(|&size| size < answers).collect()
}

/// How the answers of a list depend on how many of its classes there are.
pub(super) struct SubsetCurves {
    /// Share that is right.
    right: Vec<CurvePoint>,
    /// Share that is answered as with all classes.
    unchanged: Vec<CurvePoint>,
    /// Images whose class has a label.
    items: usize,
}

impl SubsetCurves {
    /// Draws classes for every image anew, the true one always among them.
    ///
    /// - `truth`: `[images]`: the answer that is right; images without one are left out
    /// - `answers`: `[images]`: with all classes
    pub(super) fn of(
        images: &Images,
        scores: &Scores,
        truth: &[Option<u32>],
        answers: &[u32],
        draws: usize,
    ) -> SubsetCurves {
        let sizes = sizes(scores.answers);
        let mut shares = vec![(Vec::new(), Vec::new()); sizes.len()];
        let (mut hits, mut items) = (0, 0);
        for (item, row) in scores.images().enumerate() {
            let Some(truth) = truth[item] else { continue };
            items += 1;
            hits += usize::from(answers[item] == truth);
            let mut generator = Seeded::named(images.options.seed, &format!("classes of {item}"));
            let mut sums = vec![(0_usize, 0_usize); sizes.len()];
            let mut others: Vec<u32> =
                (0..row.len() as u32).filter(|&answer| answer != truth).collect();
            for _ in 0..draws {
                generator.shuffle(&mut others);
                for ((right, same), answer) in
                    sums.iter_mut().zip(best_of(row, truth, &others, &sizes))
                {
                    *right += usize::from(answer == truth);
                    *same += usize::from(answer == answers[item]);
                }
            }
            for ((right, same), sum) in shares.iter_mut().zip(sums) {
                right.push(sum.0 as f64 / draws as f64);
                same.push(sum.1 as f64 / draws as f64);
            }
        }
        let (right, same): (Vec<Vec<f64>>, Vec<Vec<f64>>) = shares.into_iter().unzip();
        let mut curves = SubsetCurves {
            right: points(images, "accuracy", &sizes, &right),
            unchanged: points(images, "answers_unchanged", &sizes, &same),
            items,
        };
        let all = |name, hits| CurvePoint {
            x: scores.answers as f64,
            y: images.share(name, hits, items),
        };
        curves.right.push(all("accuracy", hits));
        curves
    }
}

/// The best answer among the true one and the first of the others, for every size.
fn best_of<'a>(
    row: &'a [f32],
    truth: u32,
    others: &'a [u32],
    sizes: &'a [usize],
) -> impl Iterator<Item = u32> + 'a {
    let (mut best, mut taken) = (truth, 0);
    sizes.iter().map(move |&size| {
        for &other in &others[taken..size - 1] {
            let (score, highest) = (row[other as usize], row[best as usize]);
            if score > highest || (score == highest && other < best) {
                best = other;
            }
        }
        taken = size - 1;
        best
    })
}

/// Means over images with their intervals, of the same resamples for all sizes.
///
/// - `shares`: `[sizes][images]`
fn points(images: &Images, name: &str, sizes: &[usize], shares: &[Vec<f64>]) -> Vec<CurvePoint> {
    let items = shares.first().map_or(0, Vec::len);
    let point = |(&size, y)| CurvePoint { x: size as f64, y };
    if items < images.options.least_group() {
        let none = Figure::undefined(name, Unit::Share, &images.too_few(items));
        return sizes.iter().map(|size| point((size, none.clone()))).collect();
    }
    let mean = |weights: &[u32], shares: &[f64]| {
        let weighted = weights.iter().zip(shares).map(|(&times, share)| f64::from(times) * share);
        weighted.sum::<f64>() / items as f64
    };
    let intervals = images
        .options
        .bootstrap()
        .intervals(items, |weights| shares.iter().map(|shares| mean(weights, shares)).collect());
    let figure = |(shares, interval): (&Vec<f64>, Option<Interval>)| {
        let value = shares.iter().sum::<f64>() / items as f64;
        Figure::share(name, value).within(interval, "images")
    };
    sizes.iter().zip(shares.iter().zip(intervals).map(figure)).map(point).collect()
}

/// Both ends of a curve in words.
fn ends(curve: &[CurvePoint]) -> String {
    let said =
        |point: &CurvePoint| Some(format!("{:.1} % with {}", point.y.value? * 100.0, point.x));
    let last = curve.last().filter(|_| curve.len() > 1);
    let ends = [curve.first(), last].into_iter().flatten().filter_map(said);
    ends.collect::<Vec<_>>().join(", ")
}

/// The curves of all lists.
pub(super) fn sections(lists: Vec<(String, SubsetCurves)>, draws: usize) -> Vec<Section> {
    let of = |curves: fn(&SubsetCurves) -> &Vec<CurvePoint>| -> Vec<String> {
        let one = |(name, of): &(String, SubsetCurves)| {
            format!("{name} {} ({} images)", ends(curves(of)), of.items)
        };
        lists.iter().map(one).collect()
    };
    let may = [
        format!(
            "Share of right answers by the number of classes to choose from: {}.",
            of(|of| &of.right).join("; ")
        ),
        format!(
            "Share of answers that are the same as with all classes: {}.",
            of(|of| &of.unchanged).join("; ")
        ),
    ];
    let may_not = "Classes drawn at random are not those that a person would choose: a few that are alike can be harder \
        than many that are not.";
    let (mut right, mut unchanged) = (Vec::new(), Vec::new());
    for (name, curves) in lists {
        right.push((name.clone(), curves.right));
        unchanged.push((name, curves.unchanged));
    }
    let note = format!(
        "for every image {draws} draws of classes, the true one always among them; the mean over draws is one value of \
         an image, and the interval draws images"
    );
    let section =
        |id: &str, title: &str, y: &str, curves: Vec<(String, Vec<CurvePoint>)>, may: &String| {
            let (x, y) = ("classes to choose from".to_owned(), y.to_owned());
            let conclusion = Conclusion::new(may, may_not);
            Section::new(id, title, Body::Curves(Curves { x, y, curves }), conclusion)
                .with_notes(vec![note.clone()])
        };
    let mut sections = vec![section(
        "classes-right",
        "Right answers over the number of classes",
        "share of right answers",
        right,
        &may[0],
    )];
    if unchanged.iter().any(|(_, points)| !points.is_empty()) {
        let title = "Answers that the number of classes does not change";
        sections.push(section(
            "classes-unchanged",
            title,
            "share of answers unchanged",
            unchanged,
            &may[1],
        ));
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::constructed::images;

    #[test]
    fn sizes_go_up_to_all() {
        assert!(sizes(2).is_empty());
        assert_eq!(sizes(10), [2, 5]);
        assert_eq!(sizes(101), [2, 5, 10, 20, 50, 100]);
    }

    /// The true class is second of ten: it is right in a subset of k exactly if the best is not
    /// drawn, with probability 1 − (k − 1) / 9.
    #[test]
    fn shares_are_those_of_the_draw() {
        let items = 400;
        let row = [0.0, 9.0, 8.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let scores = Scores { answers: 10, rows: row.repeat(items) };
        let images = images(vec![2; items], 10);
        let curves = SubsetCurves::of(&images, &scores, &vec![Some(2); items], &vec![1; items], 10);
        for (point, expected) in curves.right.iter().zip([8.0 / 9.0, 5.0 / 9.0, 0.0]) {
            let value = point.y.value.expect("a value");
            assert!((value - expected).abs() < 0.03, "{} {value} {expected}", point.x);
        }
        for (right, same) in curves.right.iter().zip(&curves.unchanged) {
            // Whatever is not right here is the best of all.
            assert!((right.y.value.unwrap() + same.y.value.unwrap() - 1.0).abs() < 1e-12);
        }
        let again = SubsetCurves::of(&images, &scores, &vec![Some(2); items], &vec![1; items], 10);
        assert_eq!(curves.right, again.right, "seeded");
    }

    #[test]
    fn more_classes_are_never_easier_and_two_alone_have_no_curve_of_change() {
        let mut generator = Seeded::new(3);
        let rows: Vec<f32> = (0..30 * 12).map(|_| generator.below(1000) as f32).collect();
        let scores = Scores { answers: 12, rows };
        let (truth, images) = (vec![Some(4); 30], images(vec![4; 30], 12));
        let answers = scores.best().unwrap();
        let curves = SubsetCurves::of(&images, &scores, &truth, &answers, 3);
        let values: Vec<f64> = curves.right.iter().filter_map(|point| point.y.value).collect();
        assert!(values.len() == 4 && values.is_sorted_by(|a, b| a >= b), "{values:?}");
        let two = Scores { answers: 2, rows: [1.0, 0.0].repeat(30) };
        let curves = SubsetCurves::of(&images, &two, &[Some(0); 30], &[0; 30], 3);
        assert_eq!((curves.right.len(), curves.unchanged.len()), (1, 0));
        assert_eq!(sections(vec![("two".to_owned(), curves)], 3).len(), 1);
    }
}
