//! `clip-rs embed` and `clip-rs similarity` as typed.

mod common;

use std::path::Path;

use common::{json_lines, run};

/// The values of a `.npy` or `.safetensors` file of ours, `rows x 128`: everything behind the header.
fn values(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).expect("the output");
    let start = match bytes.starts_with(b"\x93NUMPY") {
        true => 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]])),
        false => 8 + u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize,
    };
    bytes[start..].chunks_exact(4).map(|v| f32::from_le_bytes(v.try_into().expect("4 bytes"))).collect()
}

#[test]
fn images_are_unit_rows_in_the_order_of_the_inputs_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first: Option<Vec<f32>> = None;
    for ending in ["npy", "safetensors", "parquet"] {
        let out = folder.path().join(format!("photos.{ending}"));
        let run = run(&["embed", "images", "photos", "--out", out.to_str().expect("UTF-8")]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains("12 x 128 f32"), "{}", run.stdout);
        let provenance: serde_json::Value = serde_json::from_slice(
            &std::fs::read(folder.path().join(format!("photos.{ending}.json"))).expect("it"),
        )
        .expect("JSON");
        assert_eq!((provenance["rows"].as_u64(), provenance["normalized"].as_bool()), (Some(12), Some(true)));
        if ending == "parquet" {
            assert_eq!(&std::fs::read(&out).expect("the output")[..4], b"PAR1");
            continue;
        }
        let ids = json_lines(
            &std::fs::read_to_string(folder.path().join(format!("photos.{ending}.ids.jsonl"))).expect("ids"),
        );
        assert_eq!((ids.len(), ids[0].as_str()), (12, Some("photos/astronaut.jpg")));
        let values = values(&out);
        assert_eq!(values.len(), 12 * 128);
        for row in values.chunks(128) {
            assert!((row.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert_eq!(*first.get_or_insert_with(|| values.clone()), values);
    }
    assert!(
        !std::fs::read_dir(folder.path()).expect("it").flatten().any(|e| e.path().is_dir()),
        "a journal is left"
    );
}

#[test]
fn raw_features_are_the_references() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("raw.safetensors");
    let run = run(&["embed", "images", "photos", "--raw", "--out", out.to_str().expect("UTF-8")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = common::root().join("crates/clip/assets/starter/photos_outputs.safetensors");
    let bytes = std::fs::read(expected).expect("the reference's outputs");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
    let begin =
        header["image_features"]["data_offsets"][0].as_u64().expect("an offset") as usize + 8 + length;
    let expected: Vec<f32> = bytes[begin..begin + 12 * 128 * 4]
        .chunks_exact(4)
        .map(|v| f32::from_le_bytes(v.try_into().expect("4 bytes")))
        .collect();
    let found = values(&out);
    let greatest = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let apart = found.iter().zip(&expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(apart / greatest < 1e-5, "{apart} of {greatest}");
}

#[test]
fn bad_files_are_skipped_into_the_ledger_and_a_repeat_takes_up_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let images = folder.path().join("images");
    std::fs::create_dir(&images).expect("a folder");
    std::fs::copy(common::root().join("photos/cat.jpg"), images.join("a.jpg")).expect("copied");
    std::fs::write(images.join("b.jpg"), b"broken").expect("written");
    let out = folder.path().join("x.npy");
    let arguments =
        ["embed", "images", images.to_str().expect("UTF-8"), "--out", out.to_str().expect("UTF-8"), "--json"];

    let broken = run(&arguments);
    assert_eq!(broken.code, 3, "{}", broken.stderr);
    let summary = &json_lines(&broken.stdout)[0];
    assert_eq!((summary["rows"].as_u64(), summary["skipped"].as_u64()), (Some(1), Some(1)));
    let ledger = folder.path().join("x.npy.skipped.jsonl");
    assert!(
        json_lines(&std::fs::read_to_string(&ledger).expect("ledger"))[0]["input"]
            .as_str()
            .is_some_and(|i| i.ends_with("b.jpg"))
    );

    std::fs::copy(common::root().join("photos/pizza.jpg"), images.join("b.jpg")).expect("mended");
    let mended = run(&arguments);
    assert_eq!(mended.code, 0, "{}", mended.stderr);
    assert!(!ledger.exists(), "an old ledger is left");
    assert_eq!(values(&out).len(), 2 * 128);
}

#[test]
fn long_texts_are_skipped_or_cut_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let texts = folder.path().join("t.txt");
    std::fs::write(&texts, format!("a cat\n{}\na cat\n", "zebra ".repeat(90))).expect("written");
    let (texts, out) = (texts.to_str().expect("UTF-8"), folder.path().join("t.npy"));
    let out_text = out.to_str().expect("UTF-8");

    let refused = run(&["embed", "texts", texts, "--out", out_text]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert_eq!(values(&out).len(), 2 * 128);
    let cut = run(&["embed", "texts", texts, "--out", out_text, "--truncate"]);
    assert_eq!(cut.code, 0, "{}", cut.stderr);
    assert!(cut.stderr.contains("1 texts were cut"), "{}", cut.stderr);
    let list = std::fs::read_to_string(folder.path().join("t.npy.truncated.jsonl")).expect("the list");
    assert_eq!(json_lines(&list)[0]["lost"], 15); // 90 and two markers, 77 fit
    let values = values(&out);
    assert_eq!(values.len(), 3 * 128);
    assert_eq!(values[..128], values[256..], "equal texts have equal embeddings");
}

#[test]
fn similarity_is_a_matrix_of_cosines() {
    let run = run(&[
        "similarity",
        "photos/cat.jpg",
        "photos/pizza.jpg",
        "--text",
        "a cat",
        "--text",
        "a pizza",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found = &json_lines(&run.stdout)[0];
    let cosine = |i: usize, t: usize| found["cosines"][i][t].as_f64().expect("a number");
    assert!(cosine(0, 0) > cosine(0, 1) && cosine(1, 1) > cosine(1, 0));
    assert_eq!(found["texts"], serde_json::json!(["a cat", "a pizza"]));
}
