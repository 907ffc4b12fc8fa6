//! Against the golden data of the reference: `golden/tokenizer`, and the part of it that is in
//! `tests/data`.

use std::path::PathBuf;

use clip_tokenizer::{Overflow, Tokenizer, TokenizerError};
use serde_json::Value;

/// The lines of a golden file. It lies beside the checkout; a smaller copy lies in `tests/data`.
fn golden_lines(name: &str) -> Option<Vec<Value>> {
    read_lines(clip_testing::golden(&format!("tokenizer/{name}"))?)
}

fn copied_lines(name: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
    read_lines(PathBuf::from(path).join(name)).expect("tests/data is part of the crate")
}

fn read_lines(path: PathBuf) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).expect("golden data is JSON lines"))
            .collect(),
    )
}

fn ids(value: &Value) -> Vec<u32> {
    let ids = value.as_array().expect("an array of ids").iter();
    ids.map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()).expect("an id")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// Every case whose ids differ is listed (the first ten of them in full).
fn assert_encoded_like_reference(cases: &[Value]) {
    let tokenizer = Tokenizer::new();
    let mut different = Vec::new();
    for case in cases {
        let (found, expected) = (tokenizer.encode(text(&case["text"])), ids(&case["ids"]));
        if found != expected {
            different.push(format!(
                "case {}, {}: {:?} gives {found:?}, expected {expected:?}",
                case["id"], case["kind"], case["text"]
            ));
        }
    }
    let (count, shown) =
        (different.len(), different.iter().take(10).cloned().collect::<Vec<_>>().join("\n"));
    assert!(different.is_empty(), "{count} of {} differ\n{shown}", cases.len());
    println!("{} strings equal", cases.len());
}

fn assert_tokenized_like_reference(rows: &[Value]) {
    let tokenizer = Tokenizer::new();
    for row in rows {
        let context_length = row["context_length"].as_u64().unwrap() as usize;
        let overflow = if row["truncate"] == true { Overflow::Truncate } else { Overflow::Refuse };
        let texts = row["texts"].as_array().unwrap().iter();
        let found: Result<Vec<Vec<u32>>, TokenizerError> = texts
            .map(|one| {
                Ok(tokenizer.tokenize(text(one), context_length, overflow)?.padded(context_length))
            })
            .collect();
        match row.get("rows") {
            Some(expected) => {
                let expected: Vec<_> = expected.as_array().unwrap().iter().map(ids).collect();
                assert_eq!(found.as_ref(), Ok(&expected), "row {}", row["id"]);
            }
            None => {
                let error = found.expect_err("the reference refuses");
                let is_expected = match row["error"].as_str() {
                    Some("RuntimeError") => matches!(error, TokenizerError::TooLong { .. }),
                    _ => matches!(error, TokenizerError::NoRoom),
                };
                assert!(is_expected, "row {}: {error}", row["id"]);
            }
        }
    }
}

fn assert_decoded_like_reference(rows: &[Value]) {
    let tokenizer = Tokenizer::new();
    for row in rows {
        let ids: Option<Vec<u32>> =
            row["ids"].as_array().unwrap().iter().map(|id| id.as_u64()?.try_into().ok()).collect();
        let Some(ids) = ids else { continue }; // -1 is no id here
        match row.get("text") {
            Some(expected) => {
                assert_eq!(tokenizer.decode(&ids).as_deref(), Ok(text(expected)), "{row}");
            }
            None => assert!(
                matches!(tokenizer.decode(&ids), Err(TokenizerError::UnknownId { .. })),
                "row {}",
                row["id"]
            ),
        }
    }
}

#[test]
fn ids_equal_reference_on_all_golden_strings() {
    let Some(cases) = golden_lines("cases.jsonl") else { return };
    assert!(cases.len() > 8000);
    assert_encoded_like_reference(&cases);
}

#[test]
fn ids_equal_reference_on_every_kind_of_string() {
    assert_encoded_like_reference(&copied_lines("cases.jsonl"));
}

#[test]
fn limits_equal_reference_on_all_golden_rows() {
    let Some(rows) = golden_lines("truncation.jsonl") else { return };
    assert!(rows.len() > 150);
    assert_tokenized_like_reference(&rows);
}

#[test]
fn limits_equal_reference() {
    assert_tokenized_like_reference(&copied_lines("truncation.jsonl"));
}

#[test]
fn decoded_text_equals_reference_on_all_golden_rows() {
    let Some(rows) = golden_lines("decode.jsonl") else { return };
    assert!(rows.len() > 400);
    assert_decoded_like_reference(&rows);
}

#[test]
fn decoded_text_equals_reference() {
    assert_decoded_like_reference(&copied_lines("decode.jsonl"));
}

#[test]
fn long_texts_equal_reference() {
    let tokenizer = Tokenizer::new();
    for row in copied_lines("long.jsonl") {
        let text = text(&row["piece"]).repeat(row["times"].as_u64().unwrap() as usize);
        let found = tokenizer.encode(&text);
        let bytes: Vec<u8> = found.iter().flat_map(|id| id.to_le_bytes()).collect();
        let digest = clip_testing::sha256(&bytes);
        assert_eq!(found.len() as u64, row["n"], "{}", row["piece"]);
        assert_eq!(digest, row["ids_u32le_sha256"], "{}", row["piece"]);
    }
}

#[test]
fn utf16_with_lone_surrogates_equals_reference_when_read_lossily() {
    for row in copied_lines("surrogates.jsonl") {
        let units: Vec<u16> = ids(&row["utf16"]).iter().map(|&unit| unit as u16).collect();
        let found = Tokenizer::new().encode(&String::from_utf16_lossy(&units));
        assert_eq!(found, ids(&row["ids"]), "{row}");
    }
}

/// For other files like `golden/tokenizer/cases.jsonl`: `CLIP_RS_TOKENIZER_FUZZ=a.jsonl:b.jsonl
/// cargo test -p clip-tokenizer`
#[test]
fn ids_equal_reference_on_the_files_named_in_the_environment() {
    let Some(files) = std::env::var_os("CLIP_RS_TOKENIZER_FUZZ") else { return };
    for file in std::env::split_paths(&files) {
        let cases =
            read_lines(file.clone()).unwrap_or_else(|| panic!("{} cannot be read", file.display()));
        assert_encoded_like_reference(&cases);
    }
}
