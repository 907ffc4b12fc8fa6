//! What holds for any scores: order of items, bounds, ties, definitions written out.

use clip_eval::metrics::{self, MetricError, Ranking};
use clip_eval::statistics::{Bootstrap, clopper_pearson, mcnemar_exact};
use clip_rs::joint_space::top_k;
use proptest::prelude::*;

/// Scores of few values, so that many are equal, and true classes.
fn scored(classes: usize) -> impl Strategy<Value = (Vec<f32>, Vec<u32>)> {
    let item = (prop::collection::vec(-3_i8..4, classes), 0..classes as u32);
    prop::collection::vec(item, 1..40).prop_map(|items| {
        let (rows, truth): (Vec<Vec<i8>>, Vec<u32>) = items.into_iter().unzip();
        (rows.concat().into_iter().map(f32::from).collect(), truth)
    })
}

fn labelled() -> impl Strategy<Value = (Vec<f32>, Vec<bool>)> {
    prop::collection::vec((-4_i8..5, any::<bool>()), 2..60).prop_map(|items| {
        items.into_iter().map(|(score, positive)| (f32::from(score), positive)).unzip()
    })
}

/// The items of every second list behind the others.
fn shuffled<T: Clone>(values: &[T], width: usize) -> Vec<T> {
    let rows = values.chunks_exact(width).enumerate();
    let (even, odd): (Vec<_>, Vec<_>) = rows.partition(|(index, _)| index % 2 == 0);
    odd.into_iter().chain(even.into_iter().rev()).flat_map(|(_, row)| row.to_vec()).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(1.0)
}

fn roc_auc(scores: &[f32], positive: &[bool]) -> Result<f64, MetricError> {
    Ranking::new(scores, positive)?.roc_auc(None)
}

proptest! {
    #[test]
    fn ranks_equal_a_sort_by_score_and_index((scores, truth) in scored(6)) {
        let ranks = metrics::ranks(&scores, 6, &truth).unwrap();
        for ((row, &class), rank) in scores.chunks_exact(6).zip(&truth).zip(ranks) {
            let mut order: Vec<usize> = (0..6).collect();
            order.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap().then(a.cmp(&b)));
            prop_assert_eq!(order.iter().position(|&at| at == class as usize), Some(rank as usize));
            prop_assert_eq!(top_k(row, 4), &order[..4]);
        }
    }

    #[test]
    fn the_order_of_items_changes_no_figure((scores, truth) in scored(5)) {
        let (other_scores, other_truth) = (shuffled(&scores, 5), shuffled(&truth, 1));
        let hits = |scores: &[f32], truth: &[u32]| metrics::top_k(scores, 5, truth, 1).unwrap();
        let (a, b) = (hits(&scores, &truth), hits(&other_scores, &other_truth));
        prop_assert_eq!(metrics::accuracy(&a), metrics::accuracy(&b));
        prop_assert!(close(metrics::mean_per_class(&a, &truth).unwrap(), metrics::mean_per_class(&b, &other_truth).unwrap()));
        let (a, b) = (metrics::calibration(&scores, 5, &truth).unwrap(), metrics::calibration(&other_scores, 5, &other_truth).unwrap());
        prop_assert!(close(a.expected_calibration_error, b.expected_calibration_error));
        prop_assert!(close(a.brier, b.brier) && close(a.negative_log_likelihood, b.negative_log_likelihood));
    }

    #[test]
    fn figures_stay_within_their_bounds((scores, truth) in scored(6)) {
        let ranks = metrics::ranks(&scores, 6, &truth).unwrap();
        let top1 = metrics::hits(&ranks, 1);
        let accuracy = metrics::accuracy(&top1).unwrap();
        prop_assert!(accuracy <= metrics::accuracy(&metrics::hits(&ranks, 5)).unwrap());
        prop_assert!((0.0..=1.0).contains(&metrics::mean_per_class(&top1, &truth).unwrap()));
        let calibration = metrics::calibration(&scores, 6, &truth).unwrap();
        prop_assert!(calibration.expected_calibration_error <= calibration.max_calibration_error + 1e-12);
        prop_assert!(calibration.max_calibration_error <= 1.0 && (0.0..=2.0).contains(&calibration.brier));
        prop_assert_eq!(calibration.bins.iter().map(|bin| bin.items).sum::<usize>(), truth.len());
    }

    #[test]
    fn auc_is_the_share_of_pairs_in_order_and_turns_with_the_labels((scores, positive) in labelled()) {
        let Ok(auc) = roc_auc(&scores, &positive) else { return Ok(()) };
        let (mut twice, mut pairs) = (0, 0);
        for (a, _) in scores.iter().zip(&positive).filter(|(_, positive)| **positive) {
            for (b, _) in scores.iter().zip(&positive).filter(|(_, positive)| !**positive) {
                twice += if a > b { 2 } else { i32::from(a == b) };
                pairs += 1;
            }
        }
        prop_assert!(close(auc, f64::from(twice) / f64::from(2 * pairs)));
        let turned: Vec<bool> = positive.iter().map(|positive| !positive).collect();
        prop_assert!(close(auc + roc_auc(&scores, &turned).unwrap(), 1.0));
        let negated: Vec<f32> = scores.iter().map(|score| -score).collect();
        prop_assert!(close(auc + roc_auc(&negated, &positive).unwrap(), 1.0));
    }

    #[test]
    fn average_precision_is_at_least_the_share_of_the_last_and_at_most_one((scores, positive) in labelled()) {
        let ranking = Ranking::new(&scores, &positive).unwrap();
        let Ok(area) = ranking.average_precision(None) else { return Ok(()) };
        let share = metrics::accuracy(&positive).unwrap();
        prop_assert!(area > 0.0 && area <= 1.0 + 1e-12);
        let eleven = ranking.average_precision_11(None).unwrap();
        prop_assert!(eleven >= share - 1e-12 && eleven <= 1.0 + 1e-12);
        let ones = vec![1.0; scores.len()];
        prop_assert_eq!(ranking.average_precision(Some(&ones)), ranking.average_precision(None));
        let once = vec![1; scores.len()];
        prop_assert_eq!(ranking.average_precision_11(Some(&once)), ranking.average_precision_11(None));
    }

    #[test]
    fn clopper_pearson_contains_the_share_and_widens_with_the_level(trials in 1_u64..3000, part in 0.0..=1.0_f64) {
        let hits = (part * trials as f64) as u64;
        let (narrow, wide) = (clopper_pearson(hits, trials, 0.95), clopper_pearson(hits, trials, 0.995));
        prop_assert!(narrow.contains(hits as f64 / trials as f64));
        prop_assert!(0.0 <= wide.low && wide.low <= narrow.low && narrow.high <= wide.high && wide.high <= 1.0);
        let turned = clopper_pearson(trials - hits, trials, 0.95);
        prop_assert!(close(turned.low, 1.0 - narrow.high) && close(turned.high, 1.0 - narrow.low));
    }

    #[test]
    fn mcnemar_knows_no_first_and_second(a in 0_u64..400, b in 0_u64..400) {
        let p = mcnemar_exact(a, b);
        prop_assert_eq!(p, mcnemar_exact(b, a));
        prop_assert!(p > 0.0 && p <= 1.0);
        prop_assert!(mcnemar_exact(a, a + b + 1) <= mcnemar_exact(a, a + b) + 1e-12);
    }

    #[test]
    fn an_interval_is_the_same_for_any_number_of_threads(values in prop::collection::vec(-5.0..5.0_f64, 1..50), seed in 0_u64..5) {
        let bootstrap = Bootstrap { level: 0.9, resamples: 200, seed };
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap.mean(&values))
        };
        let one = with(1).unwrap();
        prop_assert_eq!(Some(one), with(3));
        prop_assert!(one.low <= one.high);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        prop_assert!(one.low <= mean + 1e-12 && mean <= one.high + 1e-12);
    }
}
