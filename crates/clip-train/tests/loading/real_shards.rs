//! The shards of `data/train`: 1,772 pairs in six files.

use std::collections::{BTreeMap, BTreeSet};

use clip_train::data::{CaptionChoice, DataOptions, Pairs};

use crate::fixture::{batches, loader, options, texts};

#[test]
fn all_pairs_of_the_training_shards_are_there_with_the_captions_of_their_list() {
    let Some(folder) = clip_testing::data("train") else { return };
    let source = folder.join("train-{000000..000005}.tar");
    let first = DataOptions { captions: CaptionChoice::First, ..options(&source) };
    let pairs = Pairs::open(&first).expect("pairs");
    let summary = pairs.summary();
    let mut list = csv::Reader::from_path(folder.join("samples.csv")).expect("the list");
    let rows: Vec<csv::StringRecord> = list.records().map(|row| row.expect("a row")).collect();
    // Some captions are in the json alone: five of an image, the first of them in the list.
    let captions: u64 =
        rows.iter().map(|row| row[3].parse::<u64>().expect("a number").max(1)).sum();
    assert_eq!((summary.samples, summary.captions, summary.bad), (1772, captions, 0));
    println!("{} bytes for the list of {} pairs", summary.memory, summary.samples);
    assert!(summary.memory < 1772 * 64);

    let tokenizer = clip_tokenizer::Tokenizer::new();
    let said: BTreeMap<String, String> = texts(&first).into_iter().collect();
    for row in &rows {
        let key = format!("{}/{}", row[1].trim_end_matches(".tar"), &row[0]);
        let ids = tokenizer.encode(&row[2]);
        assert_eq!(said[&key], tokenizer.decode(&ids).expect("ids").trim(), "{key}");
    }
}

#[test]
fn an_epoch_of_real_pictures_decodes_whole() {
    let Some(folder) = clip_testing::data("train") else { return };
    let pairs = Pairs::open(&options(&folder)).expect("pairs"); // a folder of shards
    let mut loader = loader(&pairs, 443);
    let samples: BTreeSet<u64> =
        batches(&mut loader, 4).into_iter().flat_map(|batch| batch.0).collect();
    assert_eq!((samples.len(), loader.ledger().len()), (1772, 0));
    assert_eq!(loader.position().epoch, 1);
}
