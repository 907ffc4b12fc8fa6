//! `clip-rs eval` on a user's own files, as typed: exit codes, what is said, and what the results
//! keep.

mod common;

use std::fs;
use std::path::Path;

use common::{json_lines, run};

/// A picture of one colour.
fn picture(path: &Path, colour: [u8; 3]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    let file = [&b"P6\n8 8\n255\n"[..], &colour.repeat(64)].concat();
    fs::write(path, file).expect("a picture");
}

/// `eval VERB --dataset DATASET` with an absolute path and without `--root`.
fn eval(verb: &str, dataset: &str, folder: &Path, more: &[&str]) -> common::Run {
    let (out, features) = (folder.join("out"), folder.join("features"));
    let (out, features) = (out.display().to_string(), features.display().to_string());
    let start = ["eval", verb, "--dataset", dataset, "-o", &out, "--features", &features, "--json"];
    run(&[&start[..], more].concat())
}

fn ten_pictures(folder: &Path) {
    for number in 0..10 {
        picture(&folder.join(format!("{number}.ppm")), [number * 25, 0, 255 - number * 25]);
    }
}

#[test]
fn table_whose_files_are_missing_is_scored_for_the_rest_and_ends_with_3() {
    let folder = tempfile::tempdir().expect("a folder");
    picture(&folder.path().join("0.ppm"), [255, 0, 0]);
    let rows: String = (0..10).map(|number| format!("{number}.ppm,red\n")).collect();
    let table = folder.path().join("t.csv");
    fs::write(&table, format!("file,label\n{rows}0.ppm,\n")).expect("a table");
    let found = eval("zeroshot", &format!("csv:{}", table.display()), folder.path(), &[]);
    assert_eq!(found.code, 3, "{}", found.stderr);
    assert!(found.stderr.contains("1.ppm: there is no such file"), "{}", found.stderr);
    assert!(found.stderr.contains("one class alone"), "{}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!(
        (&cell["counts"]["scored"], &cell["counts"]["skipped"]),
        (&1.into(), &10.into()),
        "{cell}"
    );
    assert!(
        cell["skipped"][9]["reason"].as_str().expect("a reason").contains("no label"),
        "{cell}"
    );
}

#[test]
fn notes_of_the_reader_are_said_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("set");
    picture(&set.join("Test/red/deeper/1.ppm"), [255, 0, 0]);
    picture(&set.join("Test/blue/2.ppm"), [0, 0, 255]);
    picture(&set.join("Train/red/3.ppm"), [250, 0, 0]);
    let found = eval("zeroshot", &format!("folder:{}", set.display()), folder.path(), &[]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!((&cell["split"], &cell["counts"]["scored"]), (&"Test".into(), &2.into()));
    for said in ["counted with it: 1", "split Train has no picture of 1 of 2 classes: blue"] {
        assert!(found.stderr.contains(said), "{}", found.stderr);
        assert!(cell["notes"].to_string().contains(said), "{cell}");
    }
}

#[test]
fn one_table_with_labels_and_captions_serves_both_tasks() {
    let folder = tempfile::tempdir().expect("a folder");
    ten_pictures(folder.path());
    let rows: String =
        (0..10).map(|n| format!("{n}.ppm,{},shade {n}\n", ["red", "blue"][n % 2])).collect();
    fs::write(folder.path().join("t.csv"), format!("file,label,caption\n{rows}")).expect("a table");
    let table = format!("csv:{}", folder.path().join("t.csv").display());
    for (verb, read) in [("zeroshot", "labels"), ("retrieval", "captions"), ("zeroshot", "labels")]
    {
        let found = eval(verb, &table, folder.path(), &[]);
        assert_eq!(found.code, 0, "{}", found.stderr);
        assert!(found.stderr.contains(&format!("the {read} are read")), "{}", found.stderr);
        assert_eq!(json_lines(&found.stdout)[0]["counts"]["scored"], 10);
    }
    fs::write(folder.path().join("c.csv"), "file,caption\n0.ppm,red\n").expect("a table");
    let captions = format!("csv:{}", folder.path().join("c.csv").display());
    let found = eval("probe", &captions, folder.path(), &[]);
    assert_eq!(found.code, 1);
    assert!(found.stderr.contains("has captions and no labels"), "{}", found.stderr);
}

#[test]
fn broken_picture_leaves_retrieval_with_its_captions() {
    let folder = tempfile::tempdir().expect("a folder");
    ten_pictures(folder.path());
    fs::write(folder.path().join("3.ppm"), "<html>").expect("no picture");
    let rows: String =
        (0..10).flat_map(|n| ["one", "two"].map(|c| format!("{n}.ppm,{c} {n}\n"))).collect();
    fs::write(folder.path().join("t.csv"), format!("file,caption\n{rows}")).expect("a table");
    let table = format!("csv:{}", folder.path().join("t.csv").display());
    let found = eval("retrieval", &table, folder.path(), &[]);
    assert_eq!(found.code, 3, "{}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!(cell["counts"]["scored"], 9, "{cell}");
    assert!(cell["notes"].to_string().contains("18 captions"), "{cell}");
    let found = eval("retrieval", &table, folder.path(), &["--caption-template", "a photo of"]);
    assert_ne!(found.code, 0);
    assert!(
        found.stderr.contains("`a photo of`") && found.stderr.contains("{}"),
        "{}",
        found.stderr
    );
}

#[test]
fn pictures_that_are_the_same_are_said_in_retrieval() {
    let folder = tempfile::tempdir().expect("a folder");
    ten_pictures(folder.path());
    fs::copy(folder.path().join("3.ppm"), folder.path().join("4.ppm")).expect("a copy");
    let rows: String = (0..10).map(|number| format!("{number}.ppm,number {number}\n")).collect();
    fs::write(folder.path().join("t.csv"), format!("file,caption\n{rows}")).expect("a table");
    let table = format!("csv:{}", folder.path().join("t.csv").display());
    let found = eval("retrieval", &table, folder.path(), &[]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert!(found.stderr.contains("no search can tell apart: 1 of 10"), "{}", found.stderr);
}

#[test]
fn name_of_the_catalogue_needs_a_root_and_other_prefixes_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = eval("zeroshot", "cifar10", folder.path(), &[]);
    assert_eq!(found.code, 1, "{}", found.stderr);
    assert!(found.stderr.contains("--root"), "{}", found.stderr);
    let found = eval("zeroshot", "dir:/nowhere", folder.path(), &[]);
    assert_ne!(found.code, 0);
    assert!(found.stderr.contains("folder:PATH"), "{}", found.stderr);
}

#[test]
fn tasks_that_own_files_cannot_be_asked_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("set");
    picture(&set.join("red/1.ppm"), [255, 0, 0]);
    picture(&set.join("blue/2.ppm"), [0, 0, 255]);
    let own = format!("folder:{}", set.display());
    let shift = eval("robustness", &own, folder.path(), &[]);
    assert_eq!(
        (shift.code, &*shift.stdout),
        (1, ""),
        "classes of a folder are not ImageNet's by number"
    );
    assert!(
        shift.stderr.contains(&format!("no data set fits the task: {own}")),
        "{}",
        shift.stderr
    );
    let captions = eval("retrieval", &own, folder.path(), &[]);
    assert_eq!(captions.code, 1, "{}", captions.stderr);
    assert!(
        captions.stderr.contains("has labels and no captions: `eval zeroshot`"),
        "{}",
        captions.stderr
    );
}

#[test]
fn eval_reads_the_images_of_a_folder_that_classify_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("pets");
    let photo = fs::read(common::root().join("photos/cat.jpg")).expect("a photo");
    for name in ["cat/a.jpg", "cat/b.jfif", "cat/c.JPE", "dog/d.jpeg", "dog/e.jpg_large"] {
        let path = set.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, &photo).expect("a photo");
    }
    fs::write(set.join("cat/notes.txt"), "no picture").expect("a file");
    let path = set.display().to_string();
    let classified = run(&["classify", &path, "--labels", "a cat,a dog", "--json"]);
    let scored = eval("zeroshot", &format!("folder:{path}"), folder.path(), &[]);
    let images = json_lines(&classified.stdout).len();
    assert_eq!(images, 5, "{}", classified.stderr);
    assert_eq!(json_lines(&scored.stdout)[0]["counts"]["scored"], images, "{}", scored.stderr);
}
