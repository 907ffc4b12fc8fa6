//! `clip-rs eval zeroshot` on clips, as typed: several splits, middle frames and all frames.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{json_lines, run};
use serde_json::Value;

const CLASSES: [&str; 4] = ["BoxingPunchingBag", "ParallelBars", "HammerThrow", "Archery"];

/// A picture of 32 x 32 that differs with its seed.
fn ppm(seed: usize) -> Vec<u8> {
    let shade =
        |place: usize| (seed * 53 + place * (1 + seed % 7) / 5 + place % 3 * seed * 29) as u8;
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
    let arguments = [
        "eval",
        "zeroshot",
        "--dataset",
        "ucf101",
        "--root",
        &root_text,
        "--out",
        &out,
        "--features",
    ];
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
    let verb = ["eval", "zeroshot", "--dataset", "ucf101", "--root", &place("."), "--out"];
    let found = run(&[&verb[..], &[&place("out"), "--features", &place("features")]].concat());
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

/// A video that ffmpeg reads and a person can write: raw planes at four frames a second, each frame
/// of one colour.
fn y4m(luma: &[u8]) -> Vec<u8> {
    let frame =
        |&luma: &u8| [&b"FRAME\n"[..], &[luma; 1024], &[90; 1024], &[luma ^ 85; 1024]].concat();
    let frames: Vec<u8> = luma.iter().flat_map(frame).collect();
    [&b"YUV4MPEG2 W32 H32 F4:1 Ip A1:1 C444\n"[..], &frames].concat()
}

/// A cell without the results of before: features alone are found again.
fn only_cell(root: &Path, more: &[&str]) -> serde_json::Value {
    let _ = fs::remove_dir_all(root.join("out"));
    cell(root, more)
}

/// Of the only result there.
fn probabilities(root: &Path) -> Vec<f64> {
    let files = fs::read_dir(root.join("out/starter"))
        .expect("results")
        .flatten()
        .map(|entry| entry.path());
    let predictions: Vec<PathBuf> =
        files.filter(|path| path.to_string_lossy().ends_with(".predictions.jsonl")).collect();
    let [path] = &*predictions else { panic!("{predictions:?}") };
    let lines = json_lines(&fs::read_to_string(path).expect("readable"));
    lines.iter().map(|line| line["truth_probability"].as_f64().expect("a share")).collect()
}

#[test]
fn all_frames_are_averaged_and_never_taken_for_the_middle_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    ucf101(root, [4, 0, 0]);
    let clip = root.join("UCF-101/ParallelBars/v_ParallelBars_g01_c01");
    let of = |more: &[&str]| {
        let cell = only_cell(root, &[&["--split", "test-1"], more].concat());
        (cell, probabilities(root)[1])
    };
    // What each frame alone says: the clip is reduced to it.
    let frames: Vec<Vec<u8>> =
        (0..3).map(|frame| fs::read(clip.join(format!("{frame}.ppm"))).expect("a frame")).collect();
    let alone: Vec<f64> = frames
        .iter()
        .map(|frame| {
            (0..3).for_each(|place| {
                fs::write(clip.join(format!("{place}.ppm")), frame).expect("a frame");
            });
            of(&[]).1
        })
        .collect();
    (0..3).for_each(|place| {
        fs::write(clip.join(format!("{place}.ppm")), &frames[place]).expect("a frame");
    });
    let (middle, of_middle) = of(&[]);
    let (all, of_all) = of(&["--frames", "all"]);
    let (logits, of_logits) = of(&["--frames", "all", "--average", "logits"]);
    assert!((of_middle - alone[1]).abs() < 1e-9);
    assert!((of_all - alone.iter().sum::<f64>() / 3.0).abs() < 1e-6, "{of_all} {alone:?}");
    assert!(
        (of_all - of_middle).abs() > 1e-6 && (of_all - of_logits).abs() > 1e-9,
        "{of_all} {of_logits} {alone:?}"
    );
    assert_eq!(all["provenance"]["options"]["frames"], "all");
    assert!(all["notes"].to_string().contains("mean softmax of all its frames"));
    assert!(logits["notes"].to_string().contains("mean logit of all its frames"));
    assert!(middle["notes"].to_string().contains("the middle frame stands for a clip"));
    assert_eq!(all["provenance"]["read"], middle["provenance"]["read"]);
    // From disk, all frames and the middle one, each has its own again.
    assert_eq!(of(&["--frames", "all"]).1.to_bits(), of_all.to_bits());
    assert_eq!(of(&[]).1.to_bits(), of_middle.to_bits());
    // A frame beside the middle one is another picture.
    fs::write(clip.join("2.ppm"), ppm(4321)).expect("another frame");
    assert_ne!(of(&["--frames", "all"]).1.to_bits(), of_all.to_bits());
}

#[test]
fn frames_a_second_are_taken_of_a_video_and_a_broken_clip_is_listed() {
    if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
        return clip_testing::skipped("there is no ffmpeg");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    ucf101(root, [2, 0, 0]);
    fs::remove_dir_all(root.join("UCF-101")).expect("no extracted frames");
    let clip = |name: &str, bytes: &[u8]| {
        let path = root.join("UCF-101").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a clip");
    };
    // Two seconds of four frames each: dark, then bright.
    clip(
        "BoxingPunchingBag/v_BoxingPunchingBag_g01_c00.avi",
        &y4m(&[20, 20, 20, 20, 220, 220, 220, 220]),
    );
    clip("ParallelBars/v_ParallelBars_g01_c01.avi", b"no video at all");
    let of = |more: &[&str]| {
        only_cell(root, &[&["--split", "test-1", "--frames", "all"], more].concat())
    };
    let every = of(&[]);
    assert_eq!((&every["counts"]["scored"], &every["counts"]["skipped"]), (&1.into(), &1.into()));
    assert!(
        every["skipped"][0]["reason"].as_str().expect("a reason").contains("ffmpeg"),
        "{}",
        every["skipped"]
    );
    assert!(every["notes"].to_string().contains("frames by ffmpeg version"), "{}", every["notes"]);
    let of_every = probabilities(root)[0];
    let sampled = of(&["--fps", "1"]);
    assert_eq!(sampled["provenance"]["options"]["fps"], 1.0);
    assert!(sampled["notes"].to_string().contains("all its frames at 1 a second"));
    // One dark and one bright frame are averaged as four of each are.
    assert!((probabilities(root)[0] - of_every).abs() < 1e-6);
    // Eight rows, and two: each is 4 bytes a value, and a hash stands behind them.
    let mut sizes = Vec::new();
    for key in fs::read_dir(root.join("features")).expect("features").flatten() {
        let files = fs::read_dir(key.path().join("frames")).expect("frames").flatten();
        sizes.extend(files.map(|file| file.metadata().expect("a size").len() - 32));
    }
    sizes.sort_unstable();
    assert_eq!(sizes.len(), 2, "{sizes:?}");
    assert_eq!(sizes[1], 4 * sizes[0]);
}

#[test]
fn rates_and_frames_that_are_none_are_refused() {
    for (arguments, reason) in [
        (["--frames", "some"], "there are middle and all"),
        (["--average", "votes"], "there are probabilities and logits"),
        (["--fps", "0"], "0 is no rate above 0 and up to 1000 frames a second"),
        (["--fps", "2"], "--frames"),
    ] {
        let verb = ["eval", "zeroshot", "--dataset", "ucf101", "--root", "."];
        let found = run(&[&verb[..], &arguments].concat());
        assert_eq!(found.code, 2, "{arguments:?}");
        assert!(found.stderr.contains(reason), "{}", found.stderr);
    }
}
