//! Data sets as people have them: class names in another order, another's split, files missing,
//! optical flow.

mod common;

use std::fs;
use std::path::Path;

use common::{Run, json_lines, run};

const LABELS: [&str; 10] = [
    "AnnualCrop",
    "Forest",
    "HerbaceousVegetation",
    "Highway",
    "Industrial",
    "Pasture",
    "PermanentCrop",
    "Residential",
    "River",
    "SeaLake",
];

fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, bytes).expect("a file");
}

/// Four pixels of a colour that the number makes.
fn picture(number: usize) -> Vec<u8> {
    let channel = |factor: usize| u8::try_from(number * factor % 256).expect("a byte");
    [b"P6\n2 2\n255\n".to_vec(), [channel(37), channel(91), channel(151)].repeat(4)].concat()
}

fn eurosat(root: &Path) {
    for (number, label) in LABELS.iter().enumerate() {
        for image in 1..=2 {
            write(root, &format!("2750/{label}/{label}_{image}.ppm"), picture(2 * number + image));
        }
    }
}

fn zeroshot(root: &Path, out: &str, arguments: &[&str]) -> Run {
    let path = |name: &str| root.join(name).display().to_string();
    let (data, out, features) = (root.display().to_string(), path(out), path("features"));
    let fixed =
        ["eval", "zeroshot", "--root", &data, "-o", &out, "--features", &features, "--json"];
    run(&[&fixed[..], arguments].concat())
}

#[test]
fn class_names_are_joined_by_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    eurosat(root);
    let names = [
        "annual crop land",
        "forest",
        "brushland or shrubland",
        "highway or road",
        "industrial buildings or commercial buildings",
        "pasture land",
        "permanent crop land",
        "residential buildings or homes or apartments",
        "river",
        "lake or sea",
    ];
    let list = serde_json::to_string(&names).expect("JSON");
    write(root, "folders.json", &list);
    write(root, "benchmark.json", format!("{{\"eurosat\": {list}}}"));
    let by_label: serde_json::Map<_, _> = LABELS
        .iter()
        .zip(names)
        .rev()
        .map(|(label, name)| ((*label).to_owned(), name.into()))
        .collect();
    write(root, "labels.json", serde_json::to_string(&by_label).expect("JSON"));
    let all = ["--dataset", "eurosat", "--split", "all"];
    let ours = zeroshot(root, "ours", &all);
    let score = |run: &Run| json_lines(&run.stdout)[0]["score"]["value"].clone();
    for file in ["folders.json", "benchmark.json", "labels.json"] {
        let given = root.join(file).display().to_string();
        let run = zeroshot(
            root,
            &format!("with {file}"),
            &[&all[..], &["--classnames", &given]].concat(),
        );
        assert_eq!(score(&run), score(&ours), "{file}: {}", run.stderr);
        assert!(run.stdout.contains("joined by"), "{file}: {}", run.stdout);
    }
    let mut changed = names;
    changed[9] = "water";
    write(root, "changed.json", serde_json::to_string(&changed).expect("JSON"));
    let given = root.join("changed.json").display().to_string();
    let refused = zeroshot(root, "changed", &[&all[..], &["--classnames", &given]].concat());
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("the list is in another order"), "{}", refused.stderr);
}

#[test]
fn split_file_is_obeyed_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    eurosat(root);
    let run_with = |text: &str, split: &str| {
        write(root, "list.json", text);
        let list = root.join("list.json").display().to_string();
        zeroshot(root, "out", &["--dataset", "eurosat", "--split", split, "--split-file", &list])
    };
    let coop = r#"{"train": [["Forest/Forest_1.ppm", 1, "forest"]], "val": [],
        "test": [["Forest/Forest_2.ppm", 1, "forest"], ["River/River_1.ppm", 8, "river"]]}"#;
    let test = run_with(coop, "test");
    assert_eq!(json_lines(&test.stdout)[0]["counts"]["scored"], 2, "{}", test.stderr);
    let gone = run_with("Forest/Forest_1.ppm\ttest\nForest/Forest_9.ppm\ttest\n", "test");
    assert_eq!(gone.code, 3, "{}", gone.stderr);
    assert!(gone.stderr.contains("Forest/Forest_9.ppm"), "{}", gone.stderr);
    for (text, split, reason) in [
        ("nowhere/1.ppm\ttest\n", "test", "in no folder of the data set"),
        (coop, "all", "is published, not drawn"),
        (r#"{"test": 3}"#, "test", "not of the form"),
    ] {
        let refused = run_with(text, split);
        assert_eq!(refused.code, 1, "{reason}: {}", refused.stderr);
        assert!(refused.stderr.contains(reason), "{reason}: {}", refused.stderr);
    }
}

#[test]
fn frames_are_told_from_the_optical_flow_beside_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    write(root, "ucf101/ucfTrainTestlist/classInd.txt", "1 HandstandPushups\n");
    let clip = "v_HandStandPushups_g01_c01";
    write(root, "ucf101/ucfTrainTestlist/testlist01.txt", format!("HandstandPushups/{clip}.avi\n"));
    for number in 1..=5 {
        let inside = format!("ucf101/UCF-101/HandStandPushups/{clip}");
        write(root, &format!("{inside}/img_{number:05}.ppm"), picture(number));
        for flow in ["flow_x", "flow_y"] {
            write(root, &format!("{inside}/{flow}_{number:05}.ppm"), picture(100 + number));
        }
    }
    let clips = zeroshot(root, "clips", &["--dataset", "ucf101", "--split", "test-1"]);
    write(root, "alone/a/img.ppm", picture(3));
    let names = r#"["Handstand Pushups"]"#;
    write(root, "names.json", names);
    assert_eq!(json_lines(&clips.stdout)[0]["counts"]["scored"], 1, "{}", clips.stderr);
    let best = |out: &str| {
        let files = fs::read_dir(root.join(out).join("starter")).expect("results");
        let rows = files
            .flatten()
            .map(|file| file.path())
            .find(|path| path.extension().is_some_and(|e| e == "jsonl"));
        json_lines(&fs::read_to_string(rows.expect("predictions")).expect("read"))[0]["best"]
            .clone()
    };
    let middle = best("clips");
    let inside = format!("ucf101/UCF-101/HandStandPushups/{clip}");
    for number in [1, 2, 4, 5] {
        write(root, &format!("{inside}/img_{number:05}.ppm"), picture(200 + number));
    }
    zeroshot(root, "again", &["--dataset", "ucf101", "--split", "test-1"]);
    assert_eq!(best("again"), middle, "only img_00003 counts");
}

#[cfg(unix)]
#[test]
fn pipe_among_the_images_is_skipped_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    eurosat(root);
    let pipe = root.join("2750/Forest/Forest_3.jpg");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let run = zeroshot(root, "out", &["--dataset", "eurosat", "--split", "all"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(json_lines(&run.stdout)[0]["counts"]["scored"], 20, "{}", run.stderr);
    assert!(run.stderr.contains("Forest_3.jpg"), "{}", run.stderr);
}

#[test]
fn damaged_archive_and_missing_cars_are_not_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().display().to_string();
    write(folder.path(), "dtd-r1.0.1.tar.gz", "damaged");
    write(folder.path(), "stanford_cars/test/Acura RL Sedan 2012/1.jpg", "x");
    let check = run(&["datasets", "check", &root]);
    assert_eq!(check.code, 1, "{}", check.stderr);
    for part in [
        "dtd-r1.0.1.tar.gz: md5 is ",
        "stanford_cars: split test: 1 images, 195 more",
        "2 of 2 data sets",
    ] {
        assert!(check.stderr.contains(part), "{part}: {}", check.stderr);
    }
    assert!(check.stdout.contains("class folders in test"), "{}", check.stdout);
}
