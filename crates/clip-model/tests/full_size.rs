//! Weights by formula against the check sums of `golden/full_size`.

use clip_model::{registry, synthetic};
use serde_json::Value;

fn golden(name: &str) -> Option<Value> {
    clip_testing::golden(&format!("full_size/{name}")).map(clip_testing::read_json)
}

fn bits_sum(values: &[f32]) -> String {
    let sum = values.iter().zip((1..=65521u64).cycle()).fold(0u64, |sum, (value, weight)| {
        sum.wrapping_add(u64::from(value.to_bits()).wrapping_mul(weight))
    });
    format!("{sum:016x}")
}

#[test]
fn formula_gives_the_published_values() {
    let Some(vectors) = golden("test_vectors.json") else { return };
    for vector in vectors["vectors"].as_array().unwrap() {
        let number = |key: &str| vector[key].as_f64().unwrap() as f32;
        let (seed, name) = (vector["seed"].as_u64().unwrap(), vector["name"].as_str().unwrap());
        let values = synthetic::uniform(seed, name, 1_000_004, number("scale"), number("offset"));
        for (index, bits) in
            vector["index"].as_array().unwrap().iter().zip(vector["f32_bits"].as_array().unwrap())
        {
            let value = values[index.as_u64().unwrap() as usize];
            assert_eq!(
                format!("{:08x}", value.to_bits()),
                bits.as_str().unwrap(),
                "{name} {index}"
            );
        }
    }
}

fn every_tensor_has_its_check_sum(model: &str, file: &str) {
    let Some(golden) = golden(file) else { return };
    let architecture = &registry::find(model).unwrap().architecture;
    let state_dict = synthetic::state_dict(architecture, golden["seed"].as_u64().unwrap());
    let rows = golden["tensors"]["rows"].as_array().unwrap();
    assert_eq!(state_dict.len(), rows.len());
    for row in rows {
        let name = row[0].as_str().unwrap();
        let shape: Vec<usize> = serde_json::from_value(row[1].clone()).unwrap();
        let values = state_dict.floats(name, &shape).unwrap().to_f32();
        assert_eq!(bits_sum(&values), row[5].as_str().unwrap(), "{name}");
    }
    let pixels = synthetic::pixels(1, 2, architecture.image.resolution());
    assert_eq!(bits_sum(&pixels), golden["pixels"]["bits_sum"].as_str().unwrap());
}

#[test]
fn synthetic_vit_b_32_has_the_published_check_sums() {
    every_tensor_has_its_check_sum("ViT-B/32", "ViT-B-32.json");
}

#[test]
fn synthetic_rn50_has_the_published_check_sums() {
    every_tensor_has_its_check_sum("RN50", "RN50.json");
}
