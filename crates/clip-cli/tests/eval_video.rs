//! `clip-rs eval zeroshot` on clips, as typed: several splits, middle frames and all frames.

mod common;

use std::fs;
use std::path::Path;

use common::{json_lines, run};
use serde_json::Value;

const CLASSES: [&str; 4] = ["BoxingPunchingBag", "ParallelBars", "HammerThrow", "Archery"];

/// A picture of 32 x 32 that differs with its seed.
fn ppm(seed: usize) -> Vec<u8> {
    let shade = |place: usize| (seed * 53 + place * (1 + seed % 7) / 5 + place % 3 * seed * 29) as u8;
    b"P6\n32 32\n255\n".iter().copied().chain((0..3072).map(shade)).collect()
}

/// UCF101 with three test splits of so many clips; a clip is a folder of three extracted frames.
fn ucf101(root: &Path, clips: [usize; 3]) {
    let lists = root.join("ucfTrainTestlist");
    fs::create_dir_all(&lists).expect("a folder");
    let classes: String =
        CLASSES.iter().zip(1..).map(|(class, number)| format!("{number} {class}\r\n")).collect();
    fs::write(lists.join("classInd.txt"), classes).expect("a file");
    for (split, clips) in (1..).zip(clips) {
        let names: Vec<String> = (0..clips)
            .map(|clip| format!("{0}/v_{0}_g{split:02}_c{clip:02}", CLASSES[clip % CLASSES.len()]))
            .collect();
        let list: String = names.iter().map(|name| format!("{name}.avi\r\n")).collect();
        fs::write(lists.join(format!("testlist0{split}.txt")), list).expect("a list");
        for (clip, name) in names.iter().enumerate() {
            let folder = root.join("UCF-101").join(name);
            fs::create_dir_all(&folder).expect("a folder");
            for frame in 0..3 {
                fs::write(folder.join(format!("{frame}.ppm")), ppm(split * 100 + clip * 3 + frame))
                    .expect("a frame");
            }
        }
    }
}

/// The cell that `eval zeroshot` makes of UCF101.
fn cell(root: &Path, more: &[&str]) -> Value {
    let place = |name: &str| root.join(name).display().to_string();
    let (root_text, out, features) = (root.display().to_string(), place("out"), place("features"));
    let arguments =
        ["eval", "zeroshot", "--dataset", "ucf101", "--root", &root_text, "--out", &out, "--features"];
    let found = run(&[&arguments[..], &[&features, "--json"], more].concat());
    assert!(!found.stdout.is_empty(), "{}", found.stderr);
    json_lines(&found.stdout)[0].clone()
}

fn value(cell: &Value) -> f64 {
    cell["score"]["value"].as_f64().expect("a number")
}

#[test]
fn zero_shot_of_ucf101_is_the_mean_of_its_three_splits() {
    let folder = tempfile::tempdir().expect("a folder");
    ucf101(folder.path(), [8, 12, 20]);
    let mean = cell(folder.path(), &[]);
    let items = fs::read_to_string(
        folder.path().join("out/starter/ucf101.zeroshot_classification.predictions.jsonl"),
    );
    assert_eq!(items.expect("predictions").lines().count(), 40);
    let alone: Vec<f64> = ["test-1", "test-2", "test-3"]
        .iter()
        .map(|split| {
            let cell = cell(folder.path(), &["--split", split]);
            assert_eq!(cell["split"], **split);
            value(&cell)
        })
        .collect();
    assert!(alone.iter().any(|share| *share != alone[0]), "{alone:?}");
    assert!((value(&mean) - alone.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    assert_eq!(mean["split"], "test-1+test-2+test-3");
    assert_eq!(
        (&mean["counts"]["scored"], &mean["counts"]["expected"]),
        (&40.into(), &(3783 + 3734 + 3696).into())
    );
    assert_eq!(mean["metrics"]["acc1"], mean["score"]["value"]);
    assert_eq!(mean["provenance"]["read"].as_array().map(Vec::len), Some(3));
    assert_eq!(mean["score"]["method"], "bootstrap");
    let note = mean["notes"].to_string();
    assert!(note.contains("draws other images of each test split"), "{note}");
    // Made again after the splits alone, kept the second time.
    let again = cell(folder.path(), &[]);
    assert_eq!(again["score"], mean["score"]);
    assert_eq!(cell(folder.path(), &[]), again);
}

#[test]
fn split_that_is_missing_from_a_mean_is_named_with_a_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    ucf101(folder.path(), [4, 4, 4]);
    fs::remove_file(folder.path().join("ucfTrainTestlist/testlist03.txt")).expect("gone");
    let place = |name: &str| folder.path().join(name).display().to_string();
    let found =
        run(&["eval", "zeroshot", "--dataset", "ucf101", "--root", &place("."), "--out", &place("out")]);
    assert_eq!(found.code, 1);
    for word in ["test-3 cannot be scored", "testlist03.txt", "`--split test-1` scores one"] {
        assert!(found.stderr.contains(word), "{word}: {}", found.stderr);
    }
}

#[test]
fn extracted_frame_that_changes_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    ucf101(folder.path(), [4, 0, 0]);
    let first = cell(folder.path(), &["--split", "test-1"]);
    assert_eq!(cell(folder.path(), &["--split", "test-1"]), first, "kept");
    let frame = folder.path().join("UCF-101/ParallelBars/v_ParallelBars_g01_c01/1.ppm");
    fs::write(frame, ppm(999)).expect("another frame");
    assert_ne!(
        cell(folder.path(), &["--split", "test-1"])["provenance"]["read"],
        first["provenance"]["read"]
    );
}
