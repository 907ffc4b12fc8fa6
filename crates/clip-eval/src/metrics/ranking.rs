//! Items of one class in order of their scores: the curve under which areas are measured.

use clip_data::Presence;

use super::error::{MetricError, check_scores};

/// Items by falling score, equal ones in input order; difficult ones left out.
///
/// Sorted once, it can be measured many times: `weights` counts how often a resample holds each
/// item (of the input, `None` for once each).
#[derive(Debug, Clone)]
pub struct Ranking {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    item: u32,
    positive: bool,
    /// Whether the next entry has a lower score.
    last_of_equals: bool,
}

/// Weights on both sides, up to a threshold.
#[derive(Clone, Copy, Default)]
struct Found {
    positives: f64,
    negatives: f64,
}

impl Ranking {
    /// Every item counts.
    ///
    /// # Errors
    /// A score that is no number, no items.
    ///
    /// # Panics
    /// When the numbers of items differ.
    pub fn new(scores: &[f32], positive: &[bool]) -> Result<Ranking, MetricError> {
        assert_eq!(scores.len(), positive.len(), "labels of {} items", scores.len());
        Self::sort(scores, (0..).zip(positive.iter().copied()))
    }

    /// Items in which the class is marked difficult are left out.
    ///
    /// # Errors
    /// A score that is no number, no items.
    ///
    /// # Panics
    /// When the numbers of items differ.
    pub fn without_difficult(
        scores: &[f32],
        presence: &[Presence],
    ) -> Result<Ranking, MetricError> {
        assert_eq!(scores.len(), presence.len(), "labels of {} items", scores.len());
        let kept = (0..).zip(presence).filter(|(_, presence)| **presence != Presence::Difficult);
        Self::sort(scores, kept.map(|(item, presence)| (item, *presence == Presence::Present)))
    }

    fn sort(
        scores: &[f32],
        kept: impl Iterator<Item = (u32, bool)>,
    ) -> Result<Ranking, MetricError> {
        check_scores(scores, 1)?;
        let score = |entry: &Entry| scores[entry.item as usize];
        let entry = |(item, positive)| Entry { item, positive, last_of_equals: true };
        let mut entries: Vec<Entry> = kept.map(entry).collect();
        // Numbers all (checked): adding 0.0 makes -0.0 equal to 0.0.
        entries.sort_by(|a, b| (score(b) + 0.0).total_cmp(&(score(a) + 0.0)));
        for at in 1..entries.len() {
            entries[at - 1].last_of_equals = score(&entries[at - 1]) != score(&entries[at]);
        }
        Ok(Ranking { entries })
    }

    /// VOC2007's average precision: mean over the recalls 0, 0.1 .. 1 of the greatest precision at
    /// any cut whose recall is at least that; recall compared in integers.
    ///
    /// # Errors
    /// Nothing to find.
    pub fn average_precision_11(&self, weights: Option<&[u32]>) -> Result<f64, MetricError> {
        let times =
            |entry: &Entry| weights.map_or(1, |weights| u64::from(weights[entry.item as usize]));
        let positives: u64 = self.entries.iter().filter(|entry| entry.positive).map(times).sum();
        if positives == 0 {
            return Err(MetricError::NoPositives { items: self.entries.len() });
        }
        let mut best = [0.0_f64; 11]; // greatest precision at the cuts whose recall is in [level, next level)
        let (mut found, mut cut) = (0, 0);
        for entry in &self.entries {
            for _ in 0..times(entry) {
                cut += 1;
                if entry.positive {
                    found += 1;
                    let level = (10 * found / positives) as usize;
                    best[level] = best[level].max(found as f64 / cut as f64);
                }
            }
        }
        let from_level_on = |greatest: &mut f64, precision: &f64| {
            *greatest = greatest.max(*precision);
            Some(*greatest)
        };
        Ok(best.iter().rev().scan(0.0, from_level_on).sum::<f64>() / 11.0)
    }

    /// Step-wise average precision, Σ (Rₙ − Rₙ₋₁) · Pₙ over distinct scores.
    ///
    /// - `weights`: of every item of the input, at least 0; 1 each if none
    ///
    /// # Errors
    /// Nothing to find.
    pub fn average_precision(&self, weights: Option<&[f64]>) -> Result<f64, MetricError> {
        let weight = |entry: &Entry| weights.map_or(1.0, |weights| weights[entry.item as usize]);
        let mut found = Found::default();
        let (mut before, mut area) = (0.0, 0.0);
        for entry in &self.entries {
            found.add(entry.positive, weight(entry));
            if entry.last_of_equals && found.positives > before {
                area += (found.positives - before) * found.positives
                    / (found.positives + found.negatives);
                before = found.positives;
            }
        }
        match found.positives {
            0.0 => Err(MetricError::NoPositives { items: self.entries.len() }),
            all => Ok(area / all),
        }
    }

    /// Probability that a positive item scores higher than a negative one; equal scores count one
    /// half.
    ///
    /// # Errors
    /// One of the two kinds is missing.
    pub fn roc_auc(&self, weights: Option<&[u32]>) -> Result<f64, MetricError> {
        let times =
            |entry: &Entry| weights.map_or(1.0, |weights| f64::from(weights[entry.item as usize]));
        let (mut found, mut equal) = (Found::default(), Found::default());
        let mut outranked = 0.0; // pairs whose negative item is ahead, in whole and half pairs: exact below 2^52
        for entry in &self.entries {
            equal.add(entry.positive, times(entry));
            if entry.last_of_equals {
                outranked += equal.positives * (found.negatives + equal.negatives / 2.0);
                found.positives += equal.positives;
                found.negatives += equal.negatives;
                equal = Found::default();
            }
        }
        let items = self.entries.len();
        match (found.positives, found.negatives) {
            (0.0, _) => Err(MetricError::NoPositives { items }),
            (_, 0.0) => Err(MetricError::NoNegatives { items }),
            (positives, negatives) => {
                let pairs = positives * negatives;
                Ok((pairs - outranked) / pairs)
            }
        }
    }
}

impl Found {
    fn add(&mut self, positive: bool, weight: f64) {
        if positive {
            self.positives += weight;
        } else {
            self.negatives += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f32; 6] = [0.9, 0.8, 0.8, 0.5, 0.2, 0.1];
    const POSITIVE: [bool; 6] = [true, true, false, false, true, false];

    /// The items of a resample one by one.
    fn written_out(weights: &[u32]) -> (Vec<f32>, Vec<bool>) {
        let repeat = |(item, &times): (usize, &u32)| {
            std::iter::repeat_n((SCORES[item], POSITIVE[item]), times as usize).collect::<Vec<_>>()
        };
        weights.iter().enumerate().flat_map(repeat).unzip()
    }

    #[test]
    fn a_resample_measures_as_its_items_written_out() {
        let ranking = Ranking::new(&SCORES, &POSITIVE).unwrap();
        for weights in
            [[1, 1, 1, 1, 1, 1], [0, 2, 1, 0, 3, 0], [3, 0, 0, 1, 0, 2], [1, 4, 0, 2, 1, 3]]
        {
            let (scores, positive) = written_out(&weights);
            let expected = Ranking::new(&scores, &positive).unwrap();
            assert_eq!(ranking.roc_auc(Some(&weights)), expected.roc_auc(None), "{weights:?}");
            let eleven = expected.average_precision_11(None);
            assert_eq!(ranking.average_precision_11(Some(&weights)), eleven, "{weights:?}");
            let weights = weights.map(f64::from);
            assert_eq!(
                ranking.average_precision(Some(&weights)),
                expected.average_precision(None),
                "{weights:?}"
            );
        }
    }

    #[test]
    fn one_kind_alone_has_no_curve() {
        let roc_auc =
            |scores: &[f32], positive: &[bool]| Ranking::new(scores, positive)?.roc_auc(None);
        assert_eq!(roc_auc(&[0.5, 0.6], &[true, true]), Err(MetricError::NoNegatives { items: 2 }));
        assert_eq!(roc_auc(&[0.5], &[false]), Err(MetricError::NoPositives { items: 1 }));
        assert_eq!(roc_auc(&[], &[]), Err(MetricError::NoItems));
        let all_difficult = Ranking::without_difficult(&[0.5], &[Presence::Difficult]).unwrap();
        assert_eq!(
            all_difficult.average_precision_11(None),
            Err(MetricError::NoPositives { items: 0 })
        );
    }
}
