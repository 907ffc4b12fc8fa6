//! RareAct: one verb with one noun, found among segments of videos (PROTOCOL_EVAL 7.7).
//!
//! ```text
//! class (verb, noun) ─▶ positives        rows annotated 1 for it
//!                       hard negatives   its rows annotated 2, 3, 4; positives of classes with its verb or its noun
//!                       negatives        its rows annotated 0; positives of all other classes
//! ```
//!
//! In each of the three sets all rows of a video count together as one: by weight (mWAP), or by
//! drawing one of them (mSAP). The paper's second column, "mWSAP", is taken to be mSAP.

use std::collections::BTreeMap;

use clip_data::random::Seeded;

use super::error::{MetricError, check_scores};
use super::ranking::Ranking;
use crate::statistics::{Bootstrap, Interval};

/// What a segment shows of the class it is annotated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotation {
    /// 0: neither verb nor noun.
    Negative,
    /// 1: the action.
    Positive,
    /// 2, 3, 4: the verb alone, the noun alone, or both but not together.
    Hard,
}

impl Annotation {
    /// By its number in the table.
    pub fn of(number: u8) -> Option<Annotation> {
        match number {
            0 => Some(Self::Negative),
            1 => Some(Self::Positive),
            2..=4 => Some(Self::Hard),
            _ => None,
        }
    }
}

/// One row of RareAct's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Position of the class asked about.
    pub class: u32,
    /// What is to be seen of it.
    pub annotation: Annotation,
    /// The video it is cut from.
    pub video: &'a str,
}

/// Average precision of every class, and its mean over those that have positives.
#[derive(Debug, Clone, PartialEq)]
pub struct RareActionScore {
    /// Mean over the classes with positives.
    pub mean: f64,
    /// `[classes]`; none for a class without positives.
    pub per_class: Vec<Option<f64>>,
}

/// For each class the rows that are ranked, set by set, video by video.
#[derive(Debug, Clone)]
pub struct RareActions {
    classes: Vec<Sets>,
    segments: usize,
    /// `[segments]`: the number of its video.
    video_of: Vec<u32>,
}

/// Rows of each video in each set, in order of the videos' names.
#[derive(Debug, Clone, Default)]
struct Sets {
    positives: Vec<Vec<u32>>,
    hard_negatives: Vec<Vec<u32>>,
    negatives: Vec<Vec<u32>>,
}

impl RareActions {
    /// - `verb_noun`: `[classes]`, different from each other
    ///
    /// # Panics
    /// When a segment's class is not among them.
    pub fn new<W: AsRef<str>>(verb_noun: &[(W, W)], segments: &[Segment<'_>]) -> RareActions {
        let shares = |class: usize, other: usize| {
            let ((verb, noun), (other_verb, other_noun)) = (&verb_noun[class], &verb_noun[other]);
            (verb.as_ref() == other_verb.as_ref()) != (noun.as_ref() == other_noun.as_ref())
        };
        let sets_of = |class: usize| {
            let mut sets: [BTreeMap<&str, Vec<u32>>; 3] = Default::default();
            for (row, segment) in (0_u32..).zip(segments) {
                let set = match segment.annotation {
                    Annotation::Positive if segment.class as usize == class => 0,
                    Annotation::Positive if shares(class, segment.class as usize) => 1,
                    Annotation::Positive => 2,
                    _ if segment.class as usize != class => continue,
                    Annotation::Hard => 1,
                    Annotation::Negative => 2,
                };
                sets[set].entry(segment.video).or_default().push(row);
            }
            let [positives, hard_negatives, negatives] =
                sets.map(|set| set.into_values().collect());
            Sets { positives, hard_negatives, negatives }
        };
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let video_of = segments.iter().map(|segment| {
            let next = numbers.len() as u32;
            *numbers.entry(segment.video).or_insert(next)
        });
        let video_of = video_of.collect();
        RareActions {
            classes: (0..verb_noun.len()).map(sets_of).collect(),
            segments: segments.len(),
            video_of,
        }
    }

    /// mWAP: every row weighs 1 / rows of its video in its set.
    ///
    /// - `scores`: `[segments, classes]`, comparable across segments
    ///
    /// # Errors
    /// A score that is no number; no class with positives.
    ///
    /// # Panics
    /// When `scores` are no rows of all classes for all segments.
    pub fn mean_weighted_average_precision(
        &self,
        scores: &[f32],
    ) -> Result<RareActionScore, MetricError> {
        self.mean_over_classes(scores, |_, column, sets| {
            let (ranking, rows) = sets.ranking(column)?;
            let weights: Vec<f64> = rows.iter().map(|&(_, weight)| weight).collect();
            ranking.average_precision(Some(&weights))
        })
    }

    /// The interval of mWAP: videos are drawn, each with all its rows. Classes of which a resample
    /// has no positive are left out of its mean.
    ///
    /// - `scores`: `[segments, classes]`, comparable across segments
    ///
    /// # Errors
    /// A score that is no number.
    ///
    /// # Panics
    /// When `scores` are no rows of all classes for all segments.
    pub fn weighted_interval(
        &self,
        scores: &[f32],
        bootstrap: &Bootstrap,
    ) -> Result<Option<Interval>, MetricError> {
        let classes = self.classes.len();
        assert_eq!(scores.len(), self.segments * classes, "scores of {} segments", self.segments);
        check_scores(scores, classes)?;
        let with_positives =
            self.classes.iter().enumerate().filter(|(_, sets)| !sets.positives.is_empty());
        let rankings: Vec<(Ranking, Vec<(u32, f64)>)> = with_positives
            .map(|(class, sets)| {
                let column: Vec<f32> =
                    scores.iter().skip(class).step_by(classes).copied().collect();
                sets.ranking(&column)
            })
            .collect::<Result<_, _>>()?;
        let videos = self.video_of.iter().max().map_or(0, |&last| last as usize + 1);
        Ok(bootstrap.interval(videos, |drawn| {
            let of_class = |(ranking, rows): &(Ranking, Vec<(u32, f64)>)| {
                let times = |row: u32| f64::from(drawn[self.video_of[row as usize] as usize]);
                let weights: Vec<f64> =
                    rows.iter().map(|&(row, weight)| weight * times(row)).collect();
                ranking.average_precision(Some(&weights)).ok()
            };
            let values: Vec<f64> = rankings.iter().filter_map(of_class).collect();
            values.iter().sum::<f64>() / values.len() as f64
        }))
    }

    /// mSAP: the mean over `draws` of the average precision of one row per video and set, drawn by
    /// a seeded generator.
    ///
    /// - `scores`: `[segments, classes]`, comparable across segments
    ///
    /// # Errors
    /// A score that is no number; no class with positives.
    ///
    /// # Panics
    /// When `scores` are no rows of all classes for all segments, or nothing is to be drawn.
    pub fn mean_sampled_average_precision(
        &self,
        scores: &[f32],
        draws: u32,
        seed: u64,
    ) -> Result<RareActionScore, MetricError> {
        assert!(draws > 0, "a mean over no draws");
        self.mean_over_classes(scores, |class, column, sets| {
            let mut generator = Seeded::named(seed, &class.to_string());
            let mut sum = 0.0;
            for _ in 0..draws {
                let one = |(is_positive, rows): (bool, &[u32])| {
                    (column[rows[generator.below(rows.len())] as usize], is_positive)
                };
                let (scores, positive): (Vec<f32>, Vec<bool>) = sets.videos().map(one).unzip();
                sum += Ranking::new(&scores, &positive)?.average_precision(None)?;
            }
            Ok(sum / f64::from(draws))
        })
    }

    fn mean_over_classes(
        &self,
        scores: &[f32],
        average_precision: impl Fn(usize, &[f32], &Sets) -> Result<f64, MetricError>,
    ) -> Result<RareActionScore, MetricError> {
        let classes = self.classes.len();
        assert_eq!(scores.len(), self.segments * classes, "scores of {} segments", self.segments);
        check_scores(scores, classes)?;
        let mut per_class = Vec::with_capacity(classes);
        for (class, sets) in self.classes.iter().enumerate() {
            let column: Vec<f32> = scores.iter().skip(class).step_by(classes).copied().collect();
            let value =
                (!sets.positives.is_empty()).then(|| average_precision(class, &column, sets));
            per_class.push(value.transpose()?);
        }
        let values: Vec<f64> = per_class.iter().flatten().copied().collect();
        match values.len() {
            0 => Err(MetricError::NoPositives { items: self.segments }),
            counted => {
                Ok(RareActionScore { mean: values.iter().sum::<f64>() / counted as f64, per_class })
            }
        }
    }
}

impl Sets {
    /// All rows in order of their scores; of each its number and 1 / rows of its video in its set.
    fn ranking(&self, column: &[f32]) -> Result<(Ranking, Vec<(u32, f64)>), MetricError> {
        let (mut scores, mut positive, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (is_positive, rows) in self.videos() {
            for &row in rows {
                scores.push(column[row as usize]);
                positive.push(is_positive);
                weights.push((row, 1.0 / rows.len() as f64));
            }
        }
        Ok((Ranking::new(&scores, &positive)?, weights))
    }

    /// Whether they are positive, and the rows of one video.
    fn videos(&self) -> impl Iterator<Item = (bool, &[u32])> {
        let negatives =
            self.hard_negatives.iter().chain(&self.negatives).map(|rows| (false, rows.as_slice()));
        self.positives.iter().map(|rows| (true, rows.as_slice())).chain(negatives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: [(&str, &str); 3] = [("cut", "rock"), ("cut", "phone"), ("wash", "phone")];

    fn segment(class: u32, number: u8, video: &str) -> Segment<'_> {
        Segment { class, annotation: Annotation::of(number).unwrap(), video }
    }

    #[test]
    fn sets_follow_annotations_and_shared_words() {
        let segments = [
            segment(0, 1, "a"),
            segment(0, 1, "a"),
            segment(1, 1, "b"), // shares `cut`
            segment(2, 1, "c"), // shares nothing
            segment(0, 3, "d"),
            segment(0, 0, "e"),
            segment(1, 2, "f"), // of another class, no positive
        ];
        let sets = &RareActions::new(&CLASSES, &segments).classes[0];
        assert_eq!(sets.positives, [vec![0, 1]]);
        assert_eq!(sets.hard_negatives, [vec![2], vec![4]]);
        assert_eq!(sets.negatives, [vec![3], vec![5]]);
    }

    #[test]
    fn one_row_per_video_makes_both_metrics_equal() {
        let segments =
            [segment(0, 1, "a"), segment(0, 0, "b"), segment(0, 4, "c"), segment(0, 1, "d")];
        let actions = RareActions::new(&CLASSES, &segments);
        let scores = [0.9, 0.0, 0.0, 0.7, 0.0, 0.0, 0.1, 0.0, 0.0, 0.5, 0.0, 0.0];
        let weighted = actions.mean_weighted_average_precision(&scores).unwrap();
        assert_eq!(weighted.per_class, [Some(0.5 + 0.5 * 2.0 / 3.0), None, None]);
        let sampled = actions.mean_sampled_average_precision(&scores, 7, 1).unwrap();
        assert!((sampled.mean - weighted.mean).abs() < 1e-15);
    }

    #[test]
    fn the_interval_draws_videos_and_not_their_rows() {
        // Two videos of ten equal rows each: the figure is known only as well as two videos are.
        let segments: Vec<Segment<'_>> = (0..20)
            .map(|row| if row < 10 { segment(0, 1, "a") } else { segment(0, 0, "b") })
            .chain([segment(0, 1, "c"), segment(0, 0, "d")])
            .collect();
        let actions = RareActions::new(&CLASSES, &segments);
        let of = |row: usize| match row {
            0..10 => 0.9,
            10..20 => 0.5,
            20 => 0.1,
            _ => 0.7,
        };
        let scores: Vec<f32> = (0..22).flat_map(|row| [of(row), 0.0, 0.0]).collect();
        let mean = actions.mean_weighted_average_precision(&scores).unwrap().mean;
        let interval = actions.weighted_interval(&scores, &Bootstrap::new(0.95)).unwrap().unwrap();
        assert!(
            interval.contains(mean) && interval.high - interval.low > 0.4,
            "{mean} {interval:?}"
        );
    }

    #[test]
    fn no_annotation_is_called_5() {
        assert_eq!(Annotation::of(5), None);
        let none = RareActions::new(&CLASSES, &[]).mean_weighted_average_precision(&[]);
        assert_eq!(none, Err(MetricError::NoItems));
    }
}
