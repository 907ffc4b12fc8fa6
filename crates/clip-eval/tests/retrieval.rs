//! Search against references, against brute force, and for any number of threads.

mod golden;

use clip_data::random::Seeded;
use clip_eval::metrics::recalls;
use clip_eval::retrieval::{self, Ranked, RetrievalError, UnitVectors, nearest, retrieve};
use clip_rs::{InstructionSet, LoadOptions};
use golden::{assert_equal, json};
use proptest::prelude::*;

fn device() -> InstructionSet {
    LoadOptions::default().instruction_set().expect("one that this processor has")
}

fn ranks(found: &[Ranked]) -> Vec<u32> {
    found.iter().map(|ranked| ranked.rank).collect()
}

#[test]
fn both_directions_equal_the_reference() {
    let (arrays, golden) = (golden::arrays("metrics.safetensors"), json("metrics.json"));
    for (prefix, name) in [("retrieval", "five_captions"), ("retrieval_uneven", "uneven_captions")]
    {
        let images = arrays.floats(&format!("{prefix}.image_features"));
        let texts = arrays.floats(&format!("{prefix}.text_features"));
        let image_of_text = arrays.classes(&format!("{prefix}.image_of_text"));
        let width = arrays.width(&format!("{prefix}.image_features"));
        let unit = |values| UnitVectors::new(values, width).unwrap();
        let found = retrieve(device(), unit(&images), unit(&texts), &image_of_text, 10).unwrap();
        for (direction, found) in
            [("image_to_text", &found.image_to_text), ("text_to_image", &found.text_to_image)]
        {
            let expected = &golden["retrieval"][name][direction];
            let ranks = ranks(found);
            let first: Vec<u64> = ranks.iter().take(12).map(|&rank| u64::from(rank)).collect();
            assert_eq!(serde_json::json!(first), expected["first_ranks"], "{name} {direction}");
            let found = recalls(&ranks).unwrap();
            for (figure, field) in [
                (found.recall_at_1, "recall_at_1"),
                (found.recall_at_5, "recall_at_5"),
                (found.recall_at_10, "recall_at_10"),
                (found.mean_reciprocal_rank, "mean_reciprocal_rank"),
                (found.median_rank, "median_rank"),
                (found.mean_rank, "mean_rank"),
            ] {
                assert_equal(figure, &expected[field], &format!("{name} {direction} {field}"));
            }
        }
    }
}

/// Similarity as the search defines it, in any order of sums: differences of the last bits are left
/// to `grid` vectors, whose products are exact.
fn similarity(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

fn by_definition(
    queries: &[Vec<f32>],
    among: &[Vec<f32>],
    is_true: impl Fn(usize, usize) -> bool,
    k: usize,
) -> Vec<(u32, Vec<u32>)> {
    let of_query = |(query, values): (usize, &Vec<f32>)| {
        let similarities: Vec<f64> = among.iter().map(|other| similarity(values, other)).collect();
        let mut order: Vec<usize> = (0..among.len()).collect();
        order.sort_by(|&a, &b| {
            similarities[b].partial_cmp(&similarities[a]).unwrap().then(a.cmp(&b))
        });
        let rank =
            order.iter().position(|&other| is_true(query, other)).map_or(0, |at| at as u32 + 1);
        (rank, order.into_iter().take(k).map(|other| other as u32).collect())
    };
    queries.iter().enumerate().map(of_query).collect()
}

fn as_indices(found: &[Ranked]) -> Vec<(u32, Vec<u32>)> {
    found
        .iter()
        .map(|ranked| (ranked.rank, ranked.best.iter().map(|found| found.index).collect()))
        .collect()
}

/// Unit vectors with four values of ±½ among zeros: their cosines are multiples of ¼, exact, and
/// mostly equal.
fn grid_vector(draws: &mut Seeded, width: usize) -> Vec<f32> {
    let mut values = vec![0.0; width];
    while values.iter().filter(|&&value| value != 0.0).count() < 4 {
        values[draws.below(width)] = if draws.below(2) == 0 { 0.5 } else { -0.5 };
    }
    values
}

fn random_vector(draws: &mut Seeded, width: usize) -> Vec<f32> {
    let values: Vec<f64> = (0..width).map(|_| draws.below(2001) as f64 / 1000.0 - 1.0).collect();
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt().max(1e-9);
    values.into_iter().map(|value| (value / norm) as f32).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn ranks_and_best_equal_brute_force_whatever_the_ties(
        images in 1_usize..60, extra in 0_usize..200, width in 6_usize..20, k in 0_usize..40, seed: u64,
    ) {
        let mut draws = Seeded::new(seed);
        let image_vectors: Vec<Vec<f32>> = (0..images).map(|_| grid_vector(&mut draws, width)).collect();
        let texts = images + extra;
        let text_vectors: Vec<Vec<f32>> = (0..texts).map(|_| grid_vector(&mut draws, width)).collect();
        let image_of_text: Vec<u32> =
            (0..texts).map(|text| if text < images { text } else { draws.below(images) } as u32).collect();
        let (flat_images, flat_texts) = (image_vectors.concat(), text_vectors.concat());
        let unit = |values| UnitVectors::new(values, width).unwrap();
        let found = retrieve(device(), unit(&flat_images), unit(&flat_texts), &image_of_text, k).unwrap();
        let belongs = |image: usize, text: usize| image_of_text[text] as usize == image;
        prop_assert_eq!(as_indices(&found.image_to_text), by_definition(&image_vectors, &text_vectors, belongs, k));
        let back = by_definition(&text_vectors, &image_vectors, |text, image| belongs(image, text), k);
        prop_assert_eq!(as_indices(&found.text_to_image), back);
    }
}

#[test]
fn results_are_the_same_for_any_number_of_threads_and_over_several_blocks() {
    let (images, texts, width) = (700, 1100, 33); // more than one block of 512 rows
    let mut draws = Seeded::new(1);
    let flat = |count: usize, draws: &mut Seeded| {
        (0..count).flat_map(|_| random_vector(draws, width)).collect::<Vec<_>>()
    };
    let (image_values, text_values) = (flat(images, &mut draws), flat(texts, &mut draws));
    let image_of_text: Vec<u32> = (0..texts).map(|text| (text % images) as u32).collect();
    let unit = |values| UnitVectors::new(values, width).unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            retrieve(device(), unit(&image_values), unit(&text_values), &image_of_text, 10).unwrap()
        })
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
    let rows = |values: &[f32]| values.chunks_exact(width).map(<[f32]>::to_vec).collect::<Vec<_>>();
    let belongs = |image: usize, text: usize| image_of_text[text] as usize == image;
    let expected = by_definition(&rows(&image_values), &rows(&text_values), belongs, 10);
    assert_eq!(as_indices(&one.image_to_text), expected);
}

#[test]
fn equal_embeddings_go_by_index_and_take_no_more_memory() {
    let (count, width) = (1500, 8);
    let values = [1.0_f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0].repeat(count);
    let unit = UnitVectors::new(&values, width).unwrap();
    let image_of_text: Vec<u32> = (0..count as u32).collect();
    let found = retrieve(device(), unit, unit, &image_of_text, 3).unwrap();
    for (query, ranked) in found.text_to_image.iter().enumerate() {
        assert_eq!(ranked.rank as usize, query + 1);
        assert_eq!(ranked.best.iter().map(|found| found.index).collect::<Vec<_>>(), [0, 1, 2]);
    }
}

#[test]
fn the_nearest_of_a_large_set_are_found_from_either_side() {
    let mut draws = Seeded::new(4);
    let large: Vec<f32> = (0..600).flat_map(|_| random_vector(&mut draws, 16)).collect();
    let small: Vec<f32> = (0..7).flat_map(|_| random_vector(&mut draws, 16)).collect();
    let unit = |values| UnitVectors::new(values, 16).unwrap();
    let rows = |values: &[f32]| values.chunks_exact(16).map(<[f32]>::to_vec).collect::<Vec<_>>();
    for (queries, among) in [(&small, &large), (&large, &small)] {
        let found: Vec<Vec<u32>> = nearest(device(), unit(queries), unit(among), 5)
            .expect("room")
            .iter()
            .map(|best| best.iter().map(|found| found.index).collect())
            .collect();
        let expected = by_definition(&rows(queries), &rows(among), |_, _| false, 5);
        assert_eq!(found, expected.into_iter().map(|(_, best)| best).collect::<Vec<_>>());
    }
}

#[test]
fn texts_without_images_and_images_without_texts_are_named() {
    let values = [1.0_f32, 0.0, 0.0, 1.0];
    let unit = UnitVectors::new(&values, 2).unwrap();
    let error = retrieve(device(), unit, unit, &[0, 2], 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "text 1 belongs to image 2, but there are 2 images (the first is 0)"
    );
    assert_eq!(
        retrieve(device(), unit, unit, &[1, 1], 1).unwrap_err(),
        RetrievalError::NoText { image: 0 }
    );
    let none = UnitVectors::new(&[], 2).unwrap();
    assert_eq!(retrieval::retrieve(device(), none, none, &[], 3).unwrap().image_to_text, []);
}
