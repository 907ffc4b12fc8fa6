//! How often each label is returned for each group.

use clip_rs::joint_space::softmax;

use crate::disparity::shares_test;
use crate::groups::Grouping;
use crate::options::GroupOptions;
use crate::rates::rate;
use crate::section::{AssociationRow, AssociationTable};

/// Images of each group for which each label is returned, at one threshold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Returned<'a> {
    pub(super) threshold: f64,
    grouping: &'a Grouping,
    /// `[labels][groups]`
    images: Vec<Vec<usize>>,
    /// Images seen so far.
    seen: usize,
}

impl<'a> Returned<'a> {
    pub(super) fn new(threshold: f64, grouping: &'a Grouping, labels: usize) -> Returned<'a> {
        let images = vec![vec![0; grouping.names.len()]; labels];
        Returned { threshold, grouping, images, seen: 0 }
    }

    /// Enters the next image, by its probabilities over the list: a label is returned where its own
    /// exceeds the threshold.
    pub(super) fn add(&mut self, probabilities: &[f64]) {
        if let Some(group) = self.grouping.of_item[self.seen] {
            for (images, &probability) in self.images.iter_mut().zip(probabilities) {
                images[group as usize] += usize::from(probability > self.threshold);
            }
        }
        self.seen += 1;
    }

    /// Every label that is returned for some images and not for all, tested over the groups that
    /// are large enough; labels of equal shares are toward no group.
    ///
    /// - `names`: of the labels, as people read them
    /// - `scale`: what cosines were multiplied by
    pub(super) fn table(
        &self,
        names: &[String],
        scale: f64,
        options: &GroupOptions,
    ) -> AssociationTable {
        let sizes = self.grouping.sizes();
        let groups: Vec<String> = self.grouping.names.iter().map(|name| name.join(", ")).collect();
        let is_large = |group: &usize| sizes[*group] >= options.least_group();
        let large: Vec<usize> = (0..sizes.len()).filter(is_large).collect();
        let row = |(label, images): (&String, &Vec<usize>)| {
            let counts: Vec<(u64, u64)> =
                large.iter().map(|&group| (images[group] as u64, sizes[group] as u64)).collect();
            let (hits, items) =
                counts.iter().fold((0, 0), |sum, group| (sum.0 + group.0, sum.1 + group.1));
            if hits == 0 || hits == items {
                return None;
            }
            let of = |group: usize| images[group] as f64 / sizes[group] as f64;
            let by_share = |a: &&usize, b: &&usize| of(**a).total_cmp(&of(**b));
            let (least, most) = (large.iter().min_by(by_share)?, large.iter().max_by(by_share)?);
            let differs = of(*least) < of(*most);
            Some(AssociationRow {
                label: label.clone(),
                returned: images
                    .iter()
                    .zip(&sizes)
                    .map(|(&hits, &all)| rate(hits, all, options))
                    .collect(),
                toward: if differs { groups[*most].clone() } else { String::new() },
                test: shares_test(&counts, options),
            })
        };
        AssociationTable {
            by: self.grouping.by.join(" and "),
            groups: groups.iter().cloned().zip(sizes.iter().copied()).collect(),
            threshold: self.threshold,
            labels: names.len(),
            scale,
            rows: names.iter().zip(&self.images).filter_map(row).collect(),
        }
    }
}

/// Probabilities of a row of logits over the list.
pub(super) fn probabilities(logits: &[f32]) -> Vec<f64> {
    softmax(logits.iter().map(|&logit| f64::from(logit)))
}

/// For each group the `top` labels that most surely differ toward it, the most frequent first; the
/// others go. PROTOCOL_EVAL 8.4.
pub(super) fn keep_most_associated(table: &mut AssociationTable, top: usize) {
    let rows = std::mem::take(&mut table.rows);
    for (place, (group, _)) in table.groups.iter().enumerate() {
        let mut toward: Vec<AssociationRow> =
            rows.iter().filter(|row| row.toward == *group).cloned().collect();
        let share = |row: &AssociationRow| row.returned[place].share.as_ref()?.value;
        let spread = |row: &AssociationRow| {
            let others = row.returned.iter().filter_map(|rate| rate.share.as_ref()?.value);
            share(row).unwrap_or_default() - others.fold(f64::INFINITY, f64::min)
        };
        toward.sort_by(|a, b| a.test.p.total_cmp(&b.test.p).then(spread(b).total_cmp(&spread(a))));
        toward.truncate(top);
        toward.sort_by(|a, b| share(b).partial_cmp(&share(a)).unwrap_or(std::cmp::Ordering::Equal));
        table.rows.extend(toward);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 images of `f`, 60 of `m`, 3 of `x`, and one of no group, in turns.
    fn grouping() -> Grouping {
        let of_item = (0..90).map(|item| Some(u32::from(item % 3 != 0)));
        let of_item = of_item.chain([Some(2), Some(2), Some(2), None]).collect();
        let names = ["f", "m", "x"].map(|name| vec![name.to_owned()]).to_vec();
        Grouping { by: vec!["gender".to_owned()], names, of_item }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|label| format!("label {label}")).collect()
    }

    #[test]
    fn label_is_returned_above_the_threshold_and_not_at_it() {
        let grouping = grouping();
        let mut returned = Returned::new(0.25, &grouping, 4);
        for item in 0..grouping.of_item.len() {
            // Always, at the threshold, for the women alone, and never.
            let woman = if item % 3 == 0 { 0.3 } else { 0.2 };
            returned.add(&[0.45, 0.25, woman, 0.0]);
        }
        let table = returned.table(&names(4), 100.0, &GroupOptions::default());
        assert_eq!(table.rows.len(), 1, "labels of all images and of none say nothing");
        let row = &table.rows[0];
        assert_eq!((&*row.label, &*row.toward), ("label 2", "f"));
        let hits: Vec<Option<usize>> = row.returned.iter().map(|rate| rate.hits).collect();
        assert_eq!(hits, [Some(30), Some(0), None], "three images are too few");
        assert_eq!(table.groups[2], ("x".to_owned(), 3));
        assert!(row.test.p < 1e-9, "{:?}", row.test);
    }

    #[test]
    fn test_is_pearsons_without_yates_correction() {
        let grouping = grouping();
        let mut returned = Returned::new(0.5, &grouping, 1);
        // Of the women 20 of 30, of the men 20 of 60.
        for item in 0..90 {
            let hit = if item % 3 == 0 { item < 60 } else { item % 3 == 1 && item < 60 };
            returned.add(&[if hit { 1.0 } else { 0.0 }]);
        }
        let table = returned.table(&names(1), 100.0, &GroupOptions::default());
        let test = &table.rows[0].test;
        assert_eq!(test.name, "chi-squared");
        // 90 (20·40 − 10·20)² / (30·60·40·50)
        assert!((test.statistic.expect("one") - 9.0).abs() < 1e-12, "{test:?}");
    }

    #[test]
    fn most_associated_labels_are_the_surest_by_their_frequency() {
        let grouping = grouping();
        let mut returned = Returned::new(0.5, &grouping, 5);
        for item in 0..93 {
            let (woman, turn) = (item % 3 == 0, item / 3);
            let hit = |hit: bool| if hit { 1.0 } else { 0.0 };
            returned.add(&[
                hit(woman && turn < 28),                        // toward f, surest
                hit(woman && turn < 25),                        // toward f
                hit(if woman { turn < 30 } else { turn < 27 }), // toward f, the most frequent, least sure
                hit(!woman && turn < 20),                       // toward m
                hit(turn < 15),                                 // the same share
            ]);
        }
        let mut table = returned.table(&names(5), 100.0, &GroupOptions::default());
        assert_eq!(table.rows.len(), 5);
        let labels = |table: &AssociationTable| -> Vec<String> {
            table.rows.iter().map(|row| row.label.clone()).collect()
        };
        let mut both = table.clone();
        keep_most_associated(&mut both, 2);
        assert_eq!(labels(&both), ["label 0", "label 1", "label 3"]);
        keep_most_associated(&mut table, 3);
        assert_eq!(labels(&table), ["label 2", "label 0", "label 1", "label 3"]);
    }

    #[test]
    fn probabilities_sum_to_one() {
        let logits = clip_testing::values(300, 1);
        let sum: f64 = probabilities(&logits).iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }
}
