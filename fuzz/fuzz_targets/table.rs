//! Any bytes as a user's table of labels or captions, by its text in a CSV or a TSV.

#![no_main]

mod custom;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses the ending, which is a choice of dialects.
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let name = if choice % 2 == 0 { "fuzz.csv" } else { "fuzz.tsv" };
    custom::holds(&format!("csv:{name}"), name, bytes);
});
