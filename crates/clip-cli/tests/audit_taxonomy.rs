//! `clip-rs audit taxonomy` as typed: lists of labels on photos of the project, what is required of
//! them and what the program ends with.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Run, json_lines, root, run};
use serde_json::Value;

/// Copies of each photo: a group of ten has a figure.
const COPIES: usize = 12;
const CLASSES: [&str; 4] = ["cat", "dog", "laptop", "pizza"];

/// A folder of photos, a folder for each class, and whatever a test writes beside it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a folder"));
        for class in CLASSES {
            let into = folder.path("photos").join(class);
            fs::create_dir_all(&into).expect("a class");
            for copy in 0..COPIES {
                let photo = root().join("photos").join(format!("{class}.jpg"));
                fs::copy(photo, into.join(format!("{class}{copy}.jpg"))).expect("a photo");
            }
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("written");
        self.path(name).display().to_string()
    }

    /// Audits the photos with the least groups that there may be, and few resamples.
    fn audit(&self, arguments: &[&str]) -> Run {
        let of = |name: &str| self.path(name).display().to_string();
        let (photos, out, features) =
            (format!("folder:{}", of("photos")), of("out"), of("features"));
        let fixed = ["audit", "taxonomy", "--json", "--min-group", "10", "--resamples", "200"];
        let place = ["--dataset", &photos, "--out", &out, "--features", &features];
        run(&[&fixed[..], &place, arguments].concat())
    }

    fn record(&self, arguments: &[&str]) -> Value {
        let found = self.audit(arguments);
        assert!(found.code == 0 || found.code == 4, "{}", found.stderr);
        json_lines(&found.stdout)[0].clone()
    }
}

fn section<'a>(record: &'a Value, id: &str) -> &'a Value {
    let sections = record["sections"].as_array().expect("sections");
    sections.iter().find(|section| section["id"] == id).unwrap_or_else(|| panic!("no section {id}"))
}

/// A figure of a row of a table of figures.
fn figure<'a>(record: &'a Value, id: &str, row: &str, name: &str) -> &'a Value {
    let rows = section(record, id)["body"]["rows"].as_array().expect("rows");
    let row = rows.iter().find(|found| found[0] == row).expect("the row");
    let figures = row[1].as_array().expect("figures");
    figures.iter().find(|figure| figure["name"] == name).expect("the figure")
}

fn items(flow: &Value) -> u64 {
    let cells = flow["body"]["cells"].as_array().expect("cells");
    cells.iter().map(|cell| cell["items"].as_u64().expect("a number")).sum()
}

#[test]
fn lists_are_compared_on_the_same_images_and_every_flow_sums_to_them() {
    let folder = Folder::new();
    let v1 = folder.write("v1.txt", "a cat\na dog\na laptop\na pizza\n");
    let v2 = folder.write("v2.txt", "tabby -> cat\npuppy = dog\nDOG\npizza\nunicorn\n");
    let record = folder.record(&[
        "--labels",
        &v1,
        "--labels",
        &v2,
        "--add-class",
        "notebook computer -> laptop",
    ]);
    assert_eq!((&record["kind"], &record["counts"]["scored"]), (&"taxonomy".into(), &48.into()));
    let first = figure(&record, "figures", "v1.txt", "accuracy");
    let second = figure(&record, "figures", "v2.txt", "accuracy");
    assert_eq!(first["value"], 1.0, "the starter knows these photos");
    assert_eq!(second["value"], 0.75, "laptops have no label");
    assert!(first["low"].as_f64() > second["high"].as_f64().map(|high| high - 0.2));
    for id in
        ["flow-2", "absorption-1", "absorption-2", "absent-1", "absent-2", "added-1-1", "added-1-2"]
    {
        assert_eq!(items(section(&record, id)), 48, "{id}");
    }
    let change = &section(&record, "change-class-2")["body"]["all"]["change"];
    assert_eq!((&change["only_before"], &change["only_after"]), (&12.into(), &0.into()));
    // The label that v2 lacks brings its images back; v1 has it already.
    let added = &section(&record, "added-class-1-2")["body"]["all"]["change"];
    assert_eq!((&added["only_before"], &added["only_after"]), (&0.into(), &12.into()));
    let added = &section(&record, "added-class-1-1")["body"]["all"]["change"];
    assert_eq!((&added["only_before"], &added["only_after"]), (&0.into(), &0.into()));
    let notes = record["notes"].to_string();
    for said in [
        "v2.txt: 4 labels stand for 3 of 4 classes",
        "v2.txt: labels that stand for no class, and are never right: unicorn",
        "v2.txt: classes without a label, whose images are always wrong: laptop",
    ] {
        assert!(notes.contains(said), "{notes}");
    }
    let text = record.to_string();
    assert!(!text.contains("cat0.jpg"), "nothing is said of a single image");
}

#[test]
fn every_section_says_what_may_and_may_not_be_concluded_and_tests_are_corrected_together() {
    let folder = Folder::new();
    let v1 = folder.write("v1.txt", "cat\ndog\nlaptop\npizza\n");
    let sentences = folder.write("sentences.txt", "{}\na photo of a {}.\na {} on a table\n");
    let record =
        folder.record(&["--labels", &v1, "--templates", &sentences, "--template", "my {}"]);
    let sections = record["sections"].as_array().expect("sections");
    let mut ids: Vec<&str> = sections.iter().filter_map(|section| section["id"].as_str()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "ids are anchors");
    for section in sections {
        for part in ["may", "may_not"] {
            assert!(
                section["conclusion"][part].as_str().is_some_and(|text| text.ends_with('.')),
                "{section}"
            );
        }
    }
    let cells = section(&record, "figures")["body"]["rows"].as_array().expect("rows");
    let names: Vec<&str> = cells.iter().filter_map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["v1.txt, sentences.txt", "v1.txt, --template"]);
    let row = &section(&record, "change-class-2")["body"]["rows"][0];
    assert_eq!(
        row["change"]["test"]["family"], 6,
        "four classes, all images, and stability by class"
    );
    let stability = section(&record, "stability")["notes"].to_string();
    assert!(stability.contains("all 4 sentences"), "{stability}");
}

#[test]
fn verdict_ends_with_4_beyond_the_end_of_the_interval_and_with_0_at_it() {
    let folder = Folder::new();
    let v1 = folder.write("v1.txt", "cat\ndog\nlaptop\npizza\n");
    let v2 = folder.write("v2.txt", "cat\ndog\npizza\nunicorn\n");
    let record = folder.record(&["--labels", &v1]);
    let low = figure(&record, "figures", "v1.txt", "accuracy")["low"].as_f64().expect("an end");
    let required = |threshold: f64| format!("accuracy={threshold}");
    let (at, beyond) = (required(low), required(low.next_up()));
    let code = |arguments: &[&str]| folder.audit(arguments).code;
    assert_eq!(code(&["--labels", &v1, "--require", &at]), 0);
    assert_eq!(code(&["--labels", &v1, "--require", &beyond]), 4);
    let both = ["--labels", &v1, "--labels", &v2, "--require", &at];
    assert_eq!(code(&both), 4, "every list is judged");
    assert_eq!(code(&[&both[..], &["--judge", "v1.txt"]].concat()), 0);
    assert_eq!(code(&[&both[..], &["--judge", "v2.txt"]].concat()), 4);
    let record =
        folder.record(&["--labels", &v1, "--require", &beyond, "--require", "mean-per-class=0.5"]);
    let verdict = &record["verdict"];
    assert_eq!(
        (&verdict["met"], &verdict["requirements"][0]["compared"]),
        (&false.into(), &low.into())
    );
    let text = verdict["text"].as_str().expect("text");
    assert!(
        text.starts_with("Not met: 2 of 2 requirements do not hold on 48 images of photos"),
        "{text}"
    );
    assert!(text.contains("cannot be shown: no interval"), "all photos are right: {text}");
}

#[test]
fn two_folders_of_one_name_are_two_audits() {
    let (first, second) = (Folder::new(), Folder::new());
    let out = first.path("out").display().to_string();
    let photos = format!("folder:{}", second.path("photos").display());
    let features = first.path("features").display().to_string();
    first.record(&[]);
    let fixed = ["audit", "taxonomy", "--min-group", "10", "--resamples", "200"];
    let place = ["--dataset", &photos, "--out", &out, "--features", &features];
    assert_eq!(run(&[&fixed[..], &place].concat()).code, 0);
    let files = fs::read_dir(first.path("out/starter")).expect("results").count();
    assert_eq!(files, 2);
}

#[test]
fn groups_of_other_columns_are_measured_and_a_group_of_one_image_has_no_figure() {
    let folder = Folder::new();
    let v1 = folder.write("v1.txt", "cat\ndog\nlaptop\npizza\n");
    let row = |class: &str, copy: usize| {
        let camera = if (class, copy) == ("cat", 0) { "box" } else { ["old", "new"][copy % 2] };
        format!("{class}/{class}{copy}.jpg,{camera}\n")
    };
    let rows: String =
        CLASSES.iter().flat_map(|class| (0..COPIES).map(move |copy| row(class, copy))).collect();
    let table = folder.write("cameras.csv", &format!("picture,camera\n{rows}"));
    let groups = [
        "--labels",
        &v1,
        "--groups",
        &table,
        "--file-column",
        "picture",
        "--group-column",
        "camera",
    ];
    let require = ["--require", "worst-group=0.5", "--require", "gap=0.9"];
    let record = folder.record(&[&groups[..], &require].concat());
    let body = &section(&record, "group-1-1")["body"];
    let rows = body["rows"].as_array().expect("rows");
    let of = |name: &str| rows.iter().find(|row| row["group"][0] == name).expect("the group");
    assert_eq!(
        (&of("old")["rate"]["items"], &of("new")["rate"]["items"]),
        (&23.into(), &24.into())
    );
    assert_eq!(
        (&of("box")["rate"]["items"], &of("box")["rate"]["hits"]),
        (&1.into(), &Value::Null)
    );
    assert_eq!(record["verdict"]["met"], false);
    let text = record["verdict"]["text"].as_str().expect("text");
    assert!(text.contains("too few images of a group to know: box (1)"), "{text}");
    assert!(record["warnings"].to_string().contains("small_groups"), "{}", record["warnings"]);

    let table = folder.write("two.csv", &format!("picture,camera\n{}", rows_of_two()));
    let groups = [
        "--labels",
        &v1,
        "--groups",
        &table,
        "--file-column",
        "picture",
        "--group-column",
        "camera",
    ];
    let record = folder.record(&[&groups[..], &["--require", "worst-group=0.5"]].concat());
    assert_eq!(record["verdict"]["met"], true, "{}", record["verdict"]);
    let unknown = [&groups[..6], &["--group-column", "gender"]].concat();
    let found = folder.audit(&unknown);
    assert_eq!(found.code, 1);
    assert!(found.stderr.contains("gender") && found.stderr.contains("camera"), "{}", found.stderr);
}

fn rows_of_two() -> String {
    let row = |class: &str, copy: usize| {
        format!("{class}/{class}{copy}.jpg,{}\n", ["old", "new"][copy % 2])
    };
    CLASSES.iter().flat_map(|class| (0..COPIES).map(move |copy| row(class, copy))).collect()
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason_and_the_way_out() {
    let folder = Folder::new();
    let v1 = folder.write("v1.txt", "cat\ndog\n");
    let write = |name: &str, text: &str| folder.write(name, text);
    let (empty, twice, none, one) = (
        write("empty.txt", "\n\n"),
        write("twice.txt", "cat\ndog\ncat\n"),
        write("none.txt", "unicorn\ndragon\n"),
        write("one.txt", "cat\ntabby -> cat\n"),
    );
    let (wolf, hole, groups) = (
        write("wolf.txt", "cat\npuppy -> wolf\n"),
        write("hole.txt", "a photo\n"),
        write("groups.csv", "file,camera\ncat/cat0.jpg,old\n"),
    );
    let missing = folder.path("missing.txt").display().to_string();
    for (arguments, code, reason) in [
        (&["--labels", &*empty][..], 1, "holds no label"),
        (&["--labels", &twice], 1, "lines 1 and 3 are one label to the model"),
        (&["--labels", &missing], 1, "missing.txt"),
        (
            &["--labels", &none],
            1,
            "none of its 2 labels stands for a class of photos, which has cat, dog",
        ),
        (&["--labels", &one], 1, "`cat` is the only answer"),
        (&["--labels", &wolf], 1, "photos has no class `wolf`"),
        (&["--templates", &hole], 1, "has no {} for the label"),
        (&["--labels", &v1, "--add-class", "CAT"], 1, "`--add-class CAT` is in v1.txt already"),
        (&["--add-class", "owl", "--add-class", "owl"], 1, "is in the labels to add already"),
        (&["--add-class", " "], 1, "has no letter that the model reads"),
        (&["--labels", &v1, "--labels", &v1], 1, "v1.txt` is given twice"),
        (&["--require", "worst-group=0.8"], 1, "needs groups: `--groups FILE --group-column NAME`"),
        (
            &["--require", "accuracy=0.1", "--judge", "v9.txt"],
            1,
            "`--judge v9.txt` is none of own names",
        ),
        (&["--min-group", "50"], 1, "it has 48 images, and figures are given of 50 or more"),
        (&["--split", "test"], 1, "test"),
        (
            &["--require", "recall=0.9"],
            2,
            "there are accuracy, mean-per-class, worst-class, worst-group",
        ),
        (&["--require", "accuracy=90"], 2, "no threshold from 0 to 1"),
        (&["--min-group", "9"], 2, "fewer than 10"),
        (&["--groups", &groups], 2, "--group-column"),
        (&["--answer-precision", "0"], 2, "no share above 0"),
    ] {
        let found = match arguments {
            ["--min-group", size] => audit_with_groups_of(&folder, size),
            _ => folder.audit(arguments),
        };
        assert_eq!(found.code, code, "{arguments:?}: {}", found.stderr);
        assert!(found.stderr.contains(reason), "{arguments:?}: {}", found.stderr);
    }
    assert!(!folder.path("out").exists(), "nothing was written");
}

fn audit_with_groups_of(folder: &Folder, size: &str) -> Run {
    let dataset = format!("folder:{}", folder.path("photos").display());
    let features = folder.path("features").display().to_string();
    run(&["audit", "taxonomy", "--dataset", &dataset, "--features", &features, "--min-group", size])
}

#[test]
fn labels_that_are_not_english_or_about_people_and_the_starter_are_warned_of_once() {
    let folder = Folder::new();
    let labels = folder.write("labels.txt", "кошка -> cat\ndog\nlaptop\na criminal\n");
    let record = folder.record(&["--labels", &labels]);
    let kinds: Vec<&str> = (record["warnings"].as_array().expect("warnings"))
        .iter()
        .filter_map(|warning| warning["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["not_english", "people", "starter"], "{}", record["warnings"]);
}

#[test]
fn sentences_that_the_model_does_not_read_to_their_end_are_counted() {
    let folder = Folder::new();
    let long = folder.write("long.txt", &format!("cat\n{}\n", "dog ".repeat(200)));
    let record = folder.record(&["--labels", &long, "--template", "a {}."]);
    let notes = record["notes"].as_array().expect("notes");
    let is_said = |note: &Value| note == "long.txt: 1 prompts were cut to the context length";
    assert!(notes.iter().any(is_said), "{notes:?}");
}

#[test]
fn texts_of_a_list_with_a_content_warning_are_shown_only_when_asked_for() {
    let folder = Folder::new();
    let labels =
        folder.write("rude.txt", "# content warning: rude\nsecretword\ncat\nblunt -> dog\n");
    let arguments = ["--labels", &*labels];
    let found = folder.audit(&arguments);
    let said = found.stdout + &found.stderr;
    assert!(!said.contains("secretword") && !said.contains("blunt"), "{said}");
    assert!(said.contains("label 1 (no class)"), "{said}");
    let shown = folder.audit(&["--labels", &labels, "--show-labels"]);
    assert!(shown.stdout.contains("secretword"), "{}", shown.stderr);
}

#[test]
fn data_sets_of_the_catalogue_are_audited_by_their_own_names() {
    let folder = tempfile::tempdir().expect("a folder");
    common::cifar10::cifar10(folder.path(), 40);
    let of = |name: &str| folder.path().join(name).display().to_string();
    let (root, out, features) = (of(""), of("out"), of("features"));
    let place = ["--root", &root, "--out", &out, "--features", &features];
    let fixed =
        ["audit", "taxonomy", "--dataset", "cifar10", "--min-group", "10", "--resamples", "200"];
    let found = run(&[&fixed[..], &place].concat());
    assert!(found.code == 0 || found.code == 3, "{}", found.stderr);
    let path =
        Path::new(&out).join("starter/cifar10.audit.taxonomy.min-group-10,resamples-200.json");
    let record: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("the file")).expect("JSON");
    assert_eq!(record["prompts"][0]["count"], 10);
    let same = run(&[&["eval", "zeroshot", "--dataset", "cifar10", "--json"][..], &place].concat());
    let same = &json_lines(&same.stdout)[0];
    let of_figure = |name: &str| {
        let figures = same["figures"].as_array().expect("figures");
        figures.iter().find(|figure| figure["name"] == name).expect("the figure")["value"].clone()
    };
    for (name, value) in [
        ("accuracy", same["score"]["value"].clone()),
        ("mean_per_class", same["metrics"]["mean_per_class_recall"].clone()),
        ("expected_calibration_error", of_figure("expected_calibration_error")),
        ("negative_log_likelihood", of_figure("negative_log_likelihood")),
    ] {
        let found = &figure(&record, "figures", "own names", name)["value"];
        assert_eq!(found, &value, "{name}: as `eval zeroshot` has it");
    }
    let again = run(&[&fixed[..], &place].concat());
    assert_eq!(again.stdout, found.stdout, "the same figures again");
    let lost = run(&["audit", "taxonomy", "--dataset", "cifar10", "--features", &features]);
    assert_eq!(lost.code, 1);
    assert!(lost.stderr.contains("`--root` names the folder"), "{}", lost.stderr);
}
