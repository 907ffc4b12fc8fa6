//! Any text as a list of a data set: lines, tables, captions and JSON end without a panic.

#![no_main]

use clip_data::PromptSet;
use clip_data::listing::{Coco, Karpathy, comma_list, token_file};
use clip_data::listing::{columns, entries, folder_and_file, id_and_name, presence};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for (_, line) in entries(text) {
        let _ = (presence(line), id_and_name(line), folder_and_file(line));
    }
    for separator in [b',', b';', b'\t'] {
        if let Ok(rows) = columns(text, separator, ["file", "label"]) {
            assert!(rows.len() <= text.len());
        }
    }
    for captioned in [token_file(text), comma_list(text)].into_iter().flatten() {
        assert!(captioned.iter().all(|one| !one.captions.is_empty()));
    }
    let _ = serde_json::from_str::<Karpathy>(text).map(|karpathy| karpathy.of_split("test"));
    let _ = serde_json::from_str::<Coco>(text).map(Coco::captioned);
    let _ = PromptSet::parse("any", text);
});
