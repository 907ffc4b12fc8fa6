//! `datasets list|info|check` as typed.

mod common;

use std::path::Path;

use common::{json_lines, run};

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    std::fs::write(path, bytes).expect("a file");
}

fn fits(text: &str) {
    let long: Vec<&str> =
        text.lines().filter(|line| line.chars().count() > 80 && line.contains(' ')).collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn list_names_every_set_in_80_columns() {
    let list = run(&["datasets", "list"]);
    assert_eq!(list.code, 0, "{}", list.stderr);
    fits(&list.stdout);
    let food = list.stdout.lines().find(|line| line.starts_with("food101 ")).expect("a row");
    for part in ["25,250", "101", "accuracy", "yes"] {
        assert!(food.contains(part), "{food}");
    }
    assert!(run(&["datasets"]).stdout == list.stdout, "list is what `datasets` does alone");
    let json = json_lines(&run(&["datasets", "list", "--json"]).stdout);
    let sets = json[0].as_array().expect("an array");
    let ids: Vec<&str> = sets.iter().filter_map(|set| set["id"].as_str()).collect();
    assert!(ids.is_sorted() && ids.contains(&"sun397-all") && ids.contains(&"flickr8k"), "{ids:?}");
    for set in sets {
        let any = |field: &str| set[field].as_str().is_some_and(|text| !text.is_empty());
        assert!(any("url") && any("licence") && any("status"), "{set}");
        assert!(set["traps"].as_array().is_some_and(|traps| !traps.is_empty()), "{set}");
    }
}

#[test]
fn info_says_where_from_and_what_to_mind() {
    let info = run(&["datasets", "info", "voc2007"]);
    assert_eq!(info.code, 0, "{}", info.stderr);
    for part in
        ["4,952, scored", "c52e279531787c972589f7e41ab4ae64", "difficult", "host.robots.ox.ac.uk"]
    {
        assert!(info.stdout.contains(part), "{part}: {}", info.stdout);
    }
    let json = &json_lines(&run(&["datasets", "info", "voc2007", "--json"]).stdout)[0];
    assert_eq!((json["n_classes"].as_u64(), json["n_templates"].as_u64()), (Some(20), Some(1)));
    let wrong = run(&["datasets", "info", "voc"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("help: did you mean voc2007"), "{}", wrong.stderr);
}

#[test]
fn empty_folder_is_told_as_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("UTF-8");
    let one = run(&["datasets", "check", root, "--dataset", "dtd"]);
    assert_eq!(one.code, 1);
    for part in
        [&format!("{root} is empty; get dtd-r1.0.1.tar.gz (https://"), "error: dtd is not whole"]
    {
        assert!(one.stderr.contains(part), "{part}: {}", one.stderr);
    }
    let any = run(&["datasets", "check", root]);
    assert_eq!(any.code, 1);
    assert!(any.stderr.contains(&format!("error: {root} is empty")), "{}", any.stderr);
    assert!(any.stderr.contains("help: "), "{}", any.stderr);
    let nowhere = run(&["datasets", "check", "/nonexistent", "--dataset", "dtd"]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("cannot read /nonexistent"), "{}", nowhere.stderr);
}

#[test]
fn half_unpacked_set_is_told_with_counts_and_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("UTF-8");
    let lists: String = (0..9).map(|number| format!("banded/banded_{number:04}.jpg\n")).collect();
    write(folder.path(), "dtd/labels/test1.txt", lists.as_bytes());
    write(folder.path(), "dtd/images/banded/banded_0003.jpg", b"x");
    let half = run(&["datasets", "check", root]);
    assert_eq!(half.code, 1);
    fits(&half.stdout);
    let row =
        half.stdout.lines().find(|line| line.trim_start().starts_with("test ")).expect("a row");
    assert!(row.contains("1,880") && row.ends_with("files are missing"), "{row}");
    let told = "warning: dtd: split test: 1 images, 8 more are named but not there (images/banded/banded_0000.jpg";
    assert!(half.stderr.contains(told), "{}", half.stderr);
    assert!(half.stderr.contains("unpack again"), "{}", half.stderr);
    let json = json_lines(&run(&["datasets", "check", root, "--json"]).stdout);
    let splits = json[0][0]["splits"].as_array().expect("splits");
    let test = splits.iter().find(|split| split["name"] == "test").expect("the scored one");
    assert_eq!((&test["n_found"], &test["n_absent"]), (&1.into(), &8.into()), "{test}");
}

#[test]
fn wrong_checksum_is_told_with_both_sums() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("UTF-8");
    write(folder.path(), "dtd-r1.0.1.tar.gz", b"only the beginning");
    let wrong = run(&["datasets", "check", root, "--dataset", "dtd"]);
    assert_eq!(wrong.code, 1);
    for part in [
        "dtd-r1.0.1.tar.gz: md5 is ",
        "published is fff73e5086ae6bdbea199a49dfb8a4c1",
        "fetch it again",
    ] {
        assert!(wrong.stderr.contains(part), "{part}: {}", wrong.stderr);
    }
    assert!(wrong.stdout.contains("md5 is not the published one"), "{}", wrong.stdout);
}
