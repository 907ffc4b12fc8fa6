//! `clip-rs audit denigration` and `audit association` as typed: label lists, groups, added classes,
//! what is shown, and every input that cannot be used.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Run, json_lines, run};
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
const AGES: [&str; 4] = ["3-9", "10-19", "20-29", "more than 70"];

/// A picture in a colour of its own.
fn picture(path: &Path, number: usize) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, common::training::picture(number)).expect("a picture");
}

/// FairFace in miniature: `faces` of all races, genders and ages.
fn fairface(root: &Path, faces: usize) {
    let mut table = "file,age,gender,race,service_test\n".to_owned();
    for face in 0..faces {
        picture(&root.join(format!("fairface/val/{face}.jpg")), face);
        let gender = ["Male", "Female"][face % 2];
        let (age, race) = (AGES[face / 2 % 4], RACES[face % 7]);
        table += &format!("val/{face}.jpg,{age},{gender},{race},False\n");
    }
    fs::write(root.join("fairface/fairface_label_val.csv"), table).expect("a table");
}

/// A table of pictures and their genders beside the pictures.
fn members(folder: &Path, women: usize, men: usize) -> PathBuf {
    let mut table = "file,gender\n".to_owned();
    for member in 0..women + men {
        picture(&folder.join(format!("{member}.ppm")), member);
        table += &format!("{member}.ppm,{}\n", if member < women { "female" } else { "male" });
    }
    let path = folder.join("members.csv");
    fs::write(&path, table).expect("a table");
    path
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file");
    path.display().to_string()
}

/// `audit` with folders of its own below `folder`.
fn audit(folder: &Path, verb: &str, more: &[&str]) -> Run {
    let (out, features) =
        (folder.join("out").display().to_string(), folder.join("features").display().to_string());
    run(&[&["audit", verb], more, &["--out", &out, "--features", &features]].concat())
}

fn denigration(folder: &Path, more: &[&str]) -> Run {
    let root = folder.display().to_string();
    audit(folder, "denigration", &[&["--root", &root], more].concat())
}

/// What one model's audit says; of a part of the published split it ends with 3.
fn record(run: &Run) -> Value {
    let record = json_lines(&run.stdout).remove(0);
    let of_a_part = record["counts"]["expected"].as_u64() > record["counts"]["scored"].as_u64();
    assert_eq!(run.code, if of_a_part { 3 } else { 0 }, "{}", run.stderr);
    record
}

fn section<'r>(record: &'r Value, id: &str) -> &'r Value {
    let sections = record["sections"].as_array().expect("sections");
    let ids: Vec<&Value> = sections.iter().map(|section| &section["id"]).collect();
    sections.iter().find(|section| section["id"] == id).unwrap_or_else(|| panic!("{id}: {ids:?}"))
}

/// The labels of the program's own list that have a category.
fn degrading() -> Vec<&'static str> {
    let list = include_str!("../../clip-audit/assets/label_lists/denigration.txt");
    let below = list.lines().skip_while(|line| !line.starts_with('['));
    let labels: Vec<&str> =
        below.filter(|line| !line.is_empty() && !line.starts_with('[')).collect();
    assert_eq!(labels.len(), 7);
    labels
}

/// Whether a text has these words, and no letter before or behind them.
fn says(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + words.len()..].chars().next();
        ![before, behind].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// Everything that a run leaves behind and a person reads.
fn everything(folder: &Path, run: &Run) -> String {
    let mut text = format!("{}\n{}", run.stdout, run.stderr);
    for entry in fs::read_dir(folder.join("out/starter")).expect("audits").flatten() {
        text += &fs::read_to_string(entry.path()).expect("text");
        text += &entry.file_name().to_string_lossy();
    }
    text
}

#[test]
fn labels_with_a_content_warning_are_nowhere_until_they_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    fairface(folder.path(), 60);
    let found = denigration(folder.path(), &[]);
    assert_eq!(found.code, 3, "{}", found.stderr);
    assert!(
        found.stderr.starts_with("warning: label list denigration: it has labels that degrade")
    );
    assert!(
        found.stderr.contains("the built-in starter") && found.stderr.contains("not reproducible")
    );
    let text = everything(folder.path(), &found);
    for label in degrading() {
        assert!(!says(&text, label), "{label}");
    }
    assert!(text.contains("crime-related") && text.contains("with the class child"));
    let shown = denigration(folder.path(), &["--show-labels"]);
    assert!(shown.stderr.starts_with("warning: label list denigration"), "{}", shown.stderr);
    let text = everything(folder.path(), &shown);
    assert!(degrading().iter().all(|label| says(&text, label)));

    let own = write(
        folder.path(),
        "own.txt",
        "# content warning: rude\na person\na blorp\n[rude]\na zorg\na flimp\n",
    );
    let found = denigration(folder.path(), &["--labels", &own, "--json"]);
    assert!(found.stderr.starts_with("warning: label list own.txt: rude"), "{}", found.stderr);
    let text = format!("{}{}", found.stdout, found.stderr);
    for label in ["a person", "blorp", "zorg", "flimp"] {
        assert!(!says(&text, label), "{label}: {text}");
    }
    assert_eq!(record(&found)["prompts"][0]["count"], 4);
}

#[test]
fn shares_sum_to_all_images_for_every_set_of_classes_and_every_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    fairface(folder.path(), 60);
    let more = ["--json", "--add-class", "child", "--add-class", "a painting"];
    let found = record(&denigration(folder.path(), &more));
    for (id, rows) in [("shares", 4), ("templates", 3)] {
        let table = section(&found, id)["body"]["rows"].as_array().expect("rows");
        for row in &table[..rows] {
            let figures = row[1].as_array().expect("figures");
            let sum: f64 =
                figures.iter().map(|figure| figure["value"].as_f64().expect("a share")).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{id}: {row}");
        }
    }
    let flow = &section(&found, "added-3-flow")["body"];
    assert_eq!((&flow["items"], &flow["after"]), (&60.into(), &"with all 2 added classes".into()));
    let cells = flow["cells"].as_array().expect("cells");
    let moved = |to: &str| {
        cells
            .iter()
            .filter(|cell| cell["to"] == to)
            .filter_map(|cell| cell["items"].as_u64())
            .sum::<u64>()
    };
    assert_eq!(cells.iter().filter_map(|cell| cell["items"].as_u64()).sum::<u64>(), 60);
    for cell in cells {
        let is_added = cell["to"].as_str().is_some_and(|to| to.ends_with("(added)"));
        assert!(is_added || cell["from"] == cell["to"], "only an added class takes images: {cell}");
    }
    assert!(
        moved("child (added)") + moved("a painting (added)") > 0,
        "the test has something to see"
    );
    let paired = &section(&found, "added-1-by-age")["body"];
    assert!(paired["rows"].as_array().is_some_and(|rows| rows.len() == 4));
    assert_eq!(paired["rows"][0]["published"][1], 0.043, "Table 7 beside it");
}

#[test]
fn sample_is_the_first_of_a_permutation_and_small_groups_have_no_figure() {
    let folder = tempfile::tempdir().expect("a folder");
    fairface(folder.path(), 70);
    let whole = record(&denigration(folder.path(), &["--json"]));
    let small = &section(&whole, "any-by-race")["body"]["rows"][0];
    assert_eq!((&small["rate"]["items"], &small["rate"]["share"]), (&10.into(), &Value::Null));
    let large = record(&denigration(folder.path(), &["--json", "--min-group", "10"]));
    assert!(section(&large, "any-by-race")["body"]["rows"][0]["rate"]["share"]["low"].is_f64());
    let found = denigration(folder.path(), &["--json", "--sample", "50", "--template", "{}"]);
    assert!(found.stderr.contains("50 of 70 images, the first of a permutation by seed 0"));
    assert!(found.stderr.contains("1 of at least 3 sentences"), "{}", found.stderr);
    assert_eq!(record(&found)["counts"]["scored"], 50);
}

#[test]
fn what_the_audit_of_denigration_cannot_use_is_said_with_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    fairface(folder.path(), 12);
    let list = |name: &str, text: &[u8]| write(folder.path(), name, text);
    let good = list("good.txt", b"a man\n[odd]\na pear\n");
    for (more, reason) in [
        (&["--labels", "/nowhere/labels.txt"][..], "/nowhere/labels.txt"),
        (&["--labels", &list("empty.txt", b"\n# nothing\n")], "empty.txt: holds no label"),
        (&["--labels", &list("one.txt", b"a man\n")], "one.txt: holds one label alone"),
        (&["--labels", &list("flat.txt", b"a man\na pear\n")], "`[crime-related]`"),
        (
            &["--labels", &list("twice.txt", b"a man\n[odd]\n A  Man \n")],
            "lines 1 and 3 are one label",
        ),
        (&["--labels", &list("latin.txt", b"a man\ncaf\xe9\n")], "in line 2, is not UTF-8"),
        (&["--labels", &list("table.csv", b"label\na man\n")], "a line of .csv is no label"),
        (&["--labels", &good, "--add-class", "A Pear"], "is a label of the list already, label 2"),
        (&["--add-class", "a hat", "--add-class", "A Hat"], "added twice"),
        (&["--add-class", " "], "an added class is empty"),
        (&["--template", "a photo"], "it has no {} for the word"),
        (&["--template", "{}", "--template", "{}"], "given twice"),
        (&["--sample", "0"], "no number from 1 on: 0"),
        (&["--split", "test"], "no split `test`"),
        (&["--min-group", "5"], "a group of fewer than 10"),
        (&[], "12 images are fewer than the least group of 20"),
    ] {
        let found = denigration(folder.path(), more);
        assert!([1, 2].contains(&found.code), "{more:?}: {found:?}");
        assert!(found.stderr.contains(reason), "{more:?}: {}", found.stderr);
        assert!(found.stdout.is_empty(), "{more:?}");
    }
    let rude = list("rude.txt", b"# content warning: rude\n[rude]\na zorg\na pear\nA Zorg\n");
    let found = denigration(folder.path(), &["--labels", &rude]);
    assert!(
        found.stderr.contains("lines 3 and 5") && !found.stderr.to_lowercase().contains("zorg")
    );
}

#[test]
fn labels_are_returned_by_group_above_each_threshold() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = members(folder.path(), 30, 40);
    let labels: String = (0..30).map(|label| format!("a picture in colour {label}\n")).collect();
    let labels = write(folder.path(), "labels.txt", labels);
    let table = table.display().to_string();
    let more = [
        "--groups",
        &table,
        "--labels",
        &labels,
        "--threshold",
        "0.03",
        "--threshold",
        "0.034",
        "--top",
        "4",
        "--json",
    ];
    let found = record(&audit(folder.path(), "association", &more));
    assert_eq!(found["dataset"], "members");
    for id in ["gender-above-0-03", "gender-above-0-034"] {
        let section = section(&found, id);
        let body = &section["body"];
        assert_eq!(body["groups"], serde_json::json!([["female", 30], ["male", 40]]));
        assert_eq!(body["labels"], 30);
        assert!(body["scale"].as_f64().is_some_and(|scale| scale > 1.0));
        let rows = body["rows"].as_array().expect("rows");
        for group in ["female", "male"] {
            assert!(rows.iter().filter(|row| row["toward"] == group).count() <= 4);
        }
        for row in rows {
            assert!(row["test"]["p_holm"].as_f64() >= row["test"]["p"].as_f64(), "{row}");
        }
        assert!(
            section["conclusion"]["may_not"]
                .as_str()
                .is_some_and(|text| text.contains("the 30 labels beside it"))
        );
    }
    let spread =
        section(&found, "gender-above-0-03")["body"]["rows"].as_array().map_or(0, Vec::len)
            + section(&found, "gender-above-0-034")["body"]["rows"].as_array().map_or(0, Vec::len);
    assert!(spread > 0, "the test has something to see");
}

#[test]
fn groups_come_from_any_column_and_what_is_missing_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    members(folder.path(), 30, 30);
    let mut table = "\u{feff}\"Picture of\";Sex;Party\n".to_owned();
    for member in 0..60 {
        let sex = ["f", "m", "F", ""][if member == 59 { 3 } else { member % 3 }];
        table += &format!("{member}.ppm;{sex};{}\n", ["red", "blue"][member % 2]);
    }
    table += "0.ppm;f;red\nnot-there.ppm;m;red\n;f;blue\n1.ppm;f;blue\n";
    let table = write(folder.path(), "people.csv", table);
    let labels = write(folder.path(), "labels.txt", "a cat\na dog\na painting\na colour\n");
    let more = [
        "--groups",
        &table,
        "--labels",
        &labels,
        "--file-column",
        "picture of",
        "--group-column",
        "sex",
        "--group-column",
        "Party",
        "--threshold",
        "0.25",
        "--min-group",
        "10",
        "--json",
    ];
    let found = audit(folder.path(), "association", &more);
    assert_eq!(found.code, 3, "a file is not there, one has two groups: {}", found.stderr);
    for said in [
        "labels that are read as one class: F = f",
        "in no group by Sex, as the cell is empty or unknown: 1 files",
        "rows that name no file, passed over: line 64",
        "left out: not-there.ppm: there is no such file",
        "left out: 1.ppm: has two groups by Sex: m in line 3, f in line 65",
    ] {
        assert!(found.stderr.contains(said), "{said}: {}", found.stderr);
    }
    let found = &json_lines(&found.stdout)[0];
    assert_eq!(found["counts"]["scored"], 59);
    let groups = |id: &str| section(found, id)["body"]["groups"].clone();
    assert_eq!(groups("Sex-above-0-25"), serde_json::json!([["F", 39], ["m", 19]]));
    assert_eq!(groups("Party-above-0-25"), serde_json::json!([["blue", 29], ["red", 30]]));
}

#[test]
fn what_the_audit_of_associations_cannot_use_is_said_with_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = members(folder.path(), 1, 40).display().to_string();
    let file = |name: &str, text: &str| write(folder.path(), name, text);
    let labels = file("labels.txt", "a cat\na dog\n");
    let renamed = file("renamed.csv", "file,sex,age\n0.ppm,f,3\n");
    for (groups, labels, more, reason) in [
        (
            &*table,
            &*labels,
            &[][..],
            "by gender fewer than two groups have 20 images: female has 1, male has 40",
        ),
        (
            &renamed,
            &labels,
            &[],
            "has no column `gender`; it has `file`, `sex`, `age`: `--group-column`",
        ),
        (&renamed, &labels, &["--file-column", "photo"], "has no column `photo`"),
        (&renamed, &labels, &["--group-column", "sex"], "f has 1"),
        (&file("paths.csv", "path of it,gender\n0.ppm,f\n"), &labels, &[], "`--file-column` names"),
        (&file("bare.csv", "0.ppm,f\n1.ppm,m\n"), &labels, &[], "no header line"),
        (&file("empty.csv", ""), &labels, &[], "empty"),
        (&file("header.csv", "file,gender\n"), &labels, &[], "no row names a file"),
        (
            &file("away.csv", "file,gender\nx.png,f\n"),
            &labels,
            &[],
            "no row names an image that is there; the first: x.png",
        ),
        (
            &file("none.csv", "file,gender\n0.ppm,\n1.ppm,?\n"),
            &labels,
            &[],
            "column gender names no group",
        ),
        (&table, &labels, &["--root", "/nowhere"], "paths start in /nowhere"),
        (&table, &file("none.txt", ""), &[], "holds no label"),
        (&table, &file("twice.txt", "a cat\nA cat\n"), &[], "lines 1 and 2"),
        (&table, &labels, &["--threshold", "4"], "a probability between 0 and 1"),
        (&table, &labels, &["--template", "no place"], "it has no {}"),
        ("/nowhere/groups.csv", &labels, &[], "/nowhere/groups.csv"),
    ] {
        let found = audit(
            folder.path(),
            "association",
            &[&["--groups", groups, "--labels", labels], more].concat(),
        );
        assert!([1, 2].contains(&found.code), "{groups} {more:?}: {found:?}");
        assert!(found.stderr.contains(reason), "{groups} {more:?}: {}", found.stderr);
        assert!(found.stdout.is_empty(), "{groups} {more:?}");
    }
}

#[test]
fn labels_that_are_not_english_are_warned_of_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = members(folder.path(), 30, 30).display().to_string();
    let labels =
        write(folder.path(), "labels.txt", "\u{533b}\u{751f}\nein Hund und eine Katze\na man\n");
    let found = audit(folder.path(), "association", &["--groups", &table, "--labels", &labels]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert_eq!(found.stderr.matches("are not English").count(), 1, "{}", found.stderr);
    assert_eq!(found.stderr.matches("about people").count(), 1, "{}", found.stderr);
    assert_eq!(found.stderr.matches("the built-in starter").count(), 1, "{}", found.stderr);
}

#[test]
fn every_group_of_the_faces_beside_the_repository_has_a_share() {
    let Some(root) = clip_testing::data("fairface") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let root = root.display().to_string();
    let found = record(&audit(folder.path(), "denigration", &["--root", &root, "--json"]));
    assert_eq!(found["counts"]["scored"], 364);
    for (by, groups, size) in [("race", 7, 52), ("gender", 2, 182)] {
        // As `tests/reference/labels_audit.py` counts them with PyTorch.
        for (what, counted) in [("non-human", 4), ("crime-related", 19), ("any", 23)] {
            let table = &section(&found, &format!("{what}-by-{by}"))["body"];
            let rows = table["rows"].as_array().expect("rows");
            assert_eq!(rows.len(), groups);
            assert!(rows.iter().all(|row| row["rate"]["items"] == size && row["rate"]["share"]["low"].is_f64()));
            let sum: u64 = rows.iter().filter_map(|row| row["rate"]["hits"].as_u64()).sum();
            assert_eq!((&table["all"]["hits"], sum), (&counted.into(), counted), "{what} by {by}");
        }
    }
    let few = &section(&found, "any-by-age")["body"]["rows"][0];
    assert_eq!((&few["group"][0], &few["rate"]["hits"]), (&"0-2".into(), &Value::Null));
}
