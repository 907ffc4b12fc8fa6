//! `clip-rs audit fairface` as typed: on a small FairFace that the test writes, and on the faces
//! beside the clone where they are there.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use common::{json_lines, run};
use serde_json::Value;

const RACES: [&str; 7] = [
    "White",
    "Black",
    "Indian",
    "East Asian",
    "Southeast Asian",
    "Middle Eastern",
    "Latino_Hispanic",
];
const GENDERS: [&str; 2] = ["Male", "Female"];

/// A picture of one colour.
fn picture(path: &Path, colour: [u8; 3]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    let file = [&b"P6\n8 8\n255\n"[..], &colour.repeat(64)].concat();
    fs::write(path, file).expect("a picture");
}

/// A split of FairFace: for each race and gender `each` pictures, red for men and blue for women, no
/// two alike. Adults below 30 but for two children.
fn write_split(folder: &Path, split: &str, each: usize) {
    let mut table = "file,age,gender,race,service_test\n".to_owned();
    let mut number = 0_u8;
    for race in RACES {
        for gender in GENDERS {
            for _ in 0..each {
                number += 1;
                let strong = 255 - number / 2;
                let colour = if gender == "Male" {
                    [strong, number / 2, 0]
                } else {
                    [0, number / 2, strong]
                };
                let age = if number <= 2 { "3-9" } else { "20-29" };
                picture(&folder.join(format!("{split}/{number}.jpg")), colour);
                writeln!(table, "{split}/{number}.jpg,{age},{gender},{race},False").expect("text");
            }
        }
    }
    fs::write(folder.join(format!("fairface_label_{split}.csv")), table).expect("labels");
}

/// `audit fairface` with folders of its own.
fn audit(root: &Path, folder: &Path, more: &[&str]) -> common::Run {
    let [root, out, features] = [root.to_owned(), folder.join("out"), folder.join("features")]
        .map(|path| path.display().to_string());
    let start = ["audit", "fairface", "--root", &root, "--out", &out, "--features", &features];
    run(&[&start[..], more].concat())
}

/// What an audit of a part of the published split ends with.
const OF_A_PART: i32 = 3;

/// The audit as it is printed by `--json`.
fn record(found: &common::Run) -> Value {
    json_lines(&found.stdout).first().unwrap_or_else(|| panic!("{}", found.stderr)).clone()
}

fn section<'a>(record: &'a Value, id: &str) -> &'a Value {
    let sections = record["sections"].as_array().expect("sections");
    sections.iter().find(|section| section["id"] == id).unwrap_or_else(|| panic!("{id}"))
}

/// Hits and images of a group.
fn counts(record: &Value, id: &str, group: &[&str]) -> (Option<u64>, u64) {
    let rows = section(record, id)["body"]["rows"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["group"] == serde_json::json!(group)).expect("the group");
    (row["rate"]["hits"].as_u64(), row["rate"]["items"].as_u64().expect("images"))
}

#[test]
fn every_question_is_answered_by_every_group_and_the_probe_learns_in_folds() {
    let folder = tempfile::tempdir().expect("a folder");
    write_split(&folder.path().join("fairface"), "val", 6);
    let found = audit(folder.path(), folder.path(), &["--json", "--c", "search"]);
    assert_eq!(found.code, OF_A_PART, "{}", found.stderr);
    let record = record(&found);
    let sections = record["sections"].as_array().expect("sections");
    assert_eq!(sections.len(), 4 + 2 * 2 + 2 * 4 * 8);
    let ids: BTreeSet<&str> = sections.iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids.len(), sections.len(), "an id twice");
    // Colour tells gender, and nothing tells race.
    assert_eq!(counts(&record, "linear-probe-gender-by-gender", &["Male"]), (Some(42), 42));
    assert_eq!(counts(&record, "linear-probe-gender-by-gender", &["Female"]), (Some(42), 42));
    // No group of twelve has a figure, and none of six.
    assert_eq!(counts(&record, "zero-shot-race-by-race", &["Indian"]), (None, 12));
    assert_eq!(counts(&record, "zero-shot-age-by-age", &["3-9"]), (None, 2));
    let of_race = section(&record, "linear-probe-gender-by-race");
    assert_eq!(of_race["body"]["disparity"], Value::Null);
    assert_eq!(of_race["body"]["rows"][0]["published"], 0.965);
    assert!(
        of_race["conclusion"]["may"].as_str().expect("a sentence").contains("none is compared")
    );
    let card = section(&record, "card-sentence").to_string();
    assert!(card.contains("is not tested, there are too few images"), "{card}");
    let notes = section(&record, "all-images")["notes"].to_string();
    assert!(notes.contains("split `train` is not there: in its place 5 folds of `val`"), "{notes}");
    assert!(notes.contains("not comparable with the paper's probe"), "{notes}");
    assert!(notes.contains("searched on images held out"), "{notes}");
    assert!(record["notes"].to_string().contains("84 of the 10954 images"), "{}", record["notes"]);
    for kind in ["starter", "people", "small_groups"] {
        assert!(record["warnings"].to_string().contains(&format!("\"{kind}\"")), "{kind}");
    }
    // Nothing of a single image, and no verdict that nobody asked for.
    assert!(!found.stdout.contains("1.jpg") && record["verdict"].is_null());
    assert!(found.stderr.contains("identifies nobody"), "{}", found.stderr);
}

#[test]
fn probe_learns_from_train_where_it_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    write_split(folder.path(), "val", 2);
    write_split(folder.path(), "train", 8);
    let found = audit(folder.path(), folder.path(), &["--json"]);
    assert_eq!(found.code, OF_A_PART, "{}", found.stderr);
    let record = record(&found);
    assert_eq!(counts(&record, "linear-probe-gender-by-gender", &["Male"]), (None, 14));
    let all = &section(&record, "linear-probe-gender-by-gender")["body"]["all"];
    assert_eq!((&all["hits"], &all["items"]), (&28.into(), &28.into()));
    let notes = section(&record, "all-images")["notes"].to_string();
    assert!(notes.contains("learned from 112 of 112 images of split `train`"), "{notes}");
    assert!(notes.contains("searched on images held out"), "{notes}");
    let may_not = section(&record, "table-3")["conclusion"]["may_not"].to_string();
    assert!(may_not.contains("a part of FairFace's training images"), "{may_not}");
    let read = record["provenance"]["read"].as_array().expect("splits");
    assert_eq!((&read[0]["split"], &read[1]["split"]), (&"val".into(), &"train".into()));
}

#[test]
fn what_was_chosen_names_the_file_and_the_same_choice_is_the_same_audit() {
    let folder = tempfile::tempdir().expect("a folder");
    write_split(folder.path(), "val", 2);
    let chosen =
        ["--json", "--without-probe", "--padding", "1.25", "--template", "{}", "--min-group", "10"];
    let [first, second] = [(); 2].map(|()| {
        let mut record = record(&audit(folder.path(), folder.path(), &chosen));
        record["wall_seconds"] = 0.into();
        record
    });
    assert_eq!(first, second);
    assert_eq!(first["prompts"][1]["templates"], serde_json::json!(["{}"]));
    assert_eq!(first["provenance"]["options"]["padding"], "1.25");
    assert!(first["notes"].to_string().contains("the linear probe was left out"));
    let sections = first["sections"].as_array().expect("sections");
    assert!(!sections.iter().any(|s| s["id"].as_str().is_some_and(|id| id.starts_with("linear"))));
    assert!(
        section(&first, "card-sentence")["conclusion"]["may_not"].to_string().contains("zero-shot")
    );
    audit(folder.path(), folder.path(), &["--without-probe"]);
    let files = fs::read_dir(folder.path().join("out/starter")).expect("audits");
    let mut names: Vec<String> =
        files.flatten().map(|file| file.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("fairface.audit.fairface.")), "{names:?}");
    assert!(names.iter().any(|name| name.contains("padding-1.25,without-probe,min-group-10")));
}

#[test]
fn broken_image_is_left_out_and_said_with_exit_code_3() {
    let folder = tempfile::tempdir().expect("a folder");
    write_split(folder.path(), "val", 3);
    fs::write(folder.path().join("val/7.jpg"), "no picture").expect("a file");
    fs::remove_file(folder.path().join("val/9.jpg")).expect("it was there");
    let found = audit(folder.path(), folder.path(), &["--json", "--without-probe"]);
    assert_eq!(found.code, 3, "{}", found.stderr);
    let record = record(&found);
    assert_eq!(
        (&record["counts"]["scored"], &record["counts"]["skipped"]),
        (&40.into(), &2.into())
    );
    assert!(found.stderr.contains("7.jpg") && found.stderr.contains("9.jpg"), "{}", found.stderr);
}

#[test]
fn data_that_cannot_be_audited_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("faces");
    let refused = |said: &[&str]| {
        let found = audit(&root, folder.path(), &[]);
        assert_eq!(found.code, 1, "{}", found.stderr);
        said.iter()
            .for_each(|said| assert!(found.stderr.contains(said), "{said}: {}", found.stderr));
        assert!(!folder.path().join("out").exists(), "something was written");
    };
    refused(&["fairface is not in", "fairface_label_val.csv"]);
    write_split(&root, "val", 1);
    refused(&["14 usable images are fewer than the least group of 20"]);
    let labels = root.join("fairface_label_val.csv");
    let text = fs::read_to_string(&labels).expect("labels");
    fs::write(&labels, text.replace("race", "origin")).expect("labels");
    refused(&["fairface_label_val.csv", "race"]);
    fs::write(&labels, text.replace("Indian", "Martian")).expect("labels");
    refused(&["fairface_label_val.csv", "`Martian`"]);
    fs::write(&labels, text.replace("3-9", "03-Sep")).expect("labels");
    refused(&["03-Sep", "spreadsheet"]);
    fs::write(&labels, "file,age,gender,race,service_test\n").expect("labels");
    refused(&["no item"]);
}

#[test]
fn misuse_is_told_before_anything_is_read() {
    let missing = Path::new("/dev/null/nowhere");
    let refused = |arguments: &[&str], said: &str| {
        let found = audit(missing, missing, arguments);
        assert_eq!(found.code, 2, "{}", found.stderr);
        assert!(found.stderr.contains(said), "{said}: {}", found.stderr);
    };
    refused(&["--min-group", "9"], "single people");
    refused(&["--padding", "1"], "0.25 and 1.25");
    refused(&["--c", "0"], "or `search`");
    refused(&["--c", "1", "--without-probe"], "cannot be used with");
    refused(&["--template", "a photo"], "no {} for the word");
    refused(&["--level", "1"], "level");
    let nowhere = run(&["audit", "fairface"]);
    assert!(nowhere.code == 2 && nowhere.stderr.contains("--root"), "{}", nowhere.stderr);
    let help = run(&["audit", "fairface", "--help"]).stdout.replace('\n', " ");
    for said in
        ["surveillance and face", "English", "Examples:", "Exit codes:", "never to sort people"]
    {
        assert!(help.contains(said), "{said}: {help}");
    }
}

/// Counts of `tests/reference/fairface_audit.py`, which has them from PyTorch and scikit-learn. No
/// answer here is decided by less than a thousandth of a logit.
#[test]
fn counts_on_real_faces_are_those_of_pytorch_and_scikit_learn() {
    let Some(faces) = clip_testing::data("fairface") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let found = audit(&faces, folder.path(), &["--json"]);
    assert_eq!(found.code, OF_A_PART, "{}", found.stderr);
    let record = record(&found);
    let all = |id: &str| section(&record, id)["body"]["all"]["hits"].as_u64().expect("hits");
    let ids = [
        "zero-shot-race",
        "zero-shot-gender",
        "linear-probe-race",
        "linear-probe-gender",
        "linear-probe-age",
    ];
    let hits = ids.map(|id| all(&format!("{id}-by-race")));
    assert_eq!(hits, [57, 169, 86, 251, 120]);
    assert_eq!(counts(&record, "linear-probe-gender-by-race", &["East Asian"]), (Some(31), 52));
    assert_eq!(
        counts(&record, "zero-shot-gender-by-race-gender", &["White", "Male"]),
        (Some(0), 26)
    );
}
