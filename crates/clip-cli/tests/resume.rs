//! `clip-rs embed images`, interrupted and taken up, as typed.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{root, run};

/// A folder of more than two batches of photos.
fn photos(folder: &Path) -> String {
    let photos = folder.join("photos");
    std::fs::create_dir(&photos).expect("a folder");
    for index in 0..66 {
        let name = ["cat", "dog", "pizza"][index % 3];
        let copy = photos.join(format!("{index:02}_{name}.jpg"));
        std::fs::copy(root().join("photos").join(name).with_extension("jpg"), copy)
            .expect("copied");
    }
    photos.display().to_string()
}

/// Starts the run and ends it, without a chance to clean up, as soon as a batch is in the journal.
fn interrupted(arguments: &[&str], out: &Path) {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin!("clip-rs"));
    program.args(arguments).current_dir(root()).env_clear().env("HOME", "/dev/null/home");
    let mut running =
        program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let rows = Path::new(&format!("{}.partial", out.display())).join("rows.f32");
    while std::fs::metadata(&rows).map_or(0, |rows| rows.len()) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().expect("it runs");
    running.wait().expect("it has ended");
    assert!(!out.exists(), "it was over before it could be interrupted");
}

#[test]
fn interrupted_run_gives_the_bytes_of_a_whole_one_and_is_not_taken_up_by_another_computation() {
    let folder = tempfile::tempdir().expect("a folder");
    let (photos, out) = (photos(folder.path()), folder.path().join("a.npy"));
    let whole = folder.path().join("whole.npy");
    let embed = |out: &Path, more: &[&str]| {
        let arguments =
            ["embed", "images", &photos, "--threads", "2", "--out", out.to_str().expect("UTF-8")];
        [&arguments[..], more].concat().iter().map(|&a| a.to_owned()).collect::<Vec<_>>()
    };
    let run =
        |arguments: Vec<String>| run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());

    let arguments = embed(&out, &[]);
    interrupted(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &out);
    for other in [&["--precision", "bf16"][..], &["--fast-decode"], &["--raw"]] {
        let refused = run(embed(&out, other));
        assert_eq!(refused.code, 1, "{other:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("another model or other settings"),
            "{other:?}: {}",
            refused.stderr
        );
    }
    let resumed = run(embed(&out, &[]));
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(resumed.stderr.contains("rows are there already"), "{}", resumed.stderr);
    assert_eq!(run(embed(&whole, &[])).code, 0);
    assert_eq!(std::fs::read(&out).expect("it"), std::fs::read(&whole).expect("it"));
}

#[test]
fn provenance_says_that_large_files_were_decoded_fast() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("a.npy");
    let arguments = ["embed", "images", "photos/cat.jpg", "--fast-decode", "--json", "--out"];
    let run = run(&[&arguments[..], &[out.to_str().expect("UTF-8")]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(common::json_lines(&run.stdout)[0]["recipe"]["fast_decode"], true);
}

#[test]
fn rows_belong_to_what_the_files_hold_and_damaged_ones_are_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let photos = photos(folder.path());
    let (out, whole) = (folder.path().join("a.npy"), folder.path().join("whole.npy"));
    let embed = |out: &Path| {
        ["embed", "images", &photos, "--threads", "2", "--out", out.to_str().expect("UTF-8")]
            .map(str::to_owned)
    };
    let run = |arguments: &[String]| run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let arguments = embed(&out);
    interrupted(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &out);

    // The files trade places; the first row loses a bit, the journal its note.
    std::fs::copy(root().join("photos/coffee.jpg"), Path::new(&photos).join("00_cat.jpg"))
        .expect("replaced");
    std::fs::copy(root().join("photos/cat.jpg"), Path::new(&photos).join("01_dog.jpg"))
        .expect("replaced");
    let partial = folder.path().join("a.npy.partial");
    let mut rows = std::fs::read(partial.join("rows.f32")).expect("rows");
    rows[7] ^= 0x40;
    std::fs::write(partial.join("rows.f32"), rows).expect("damaged");
    std::fs::remove_file(partial.join("run.json")).expect("there");

    let resumed = run(&arguments);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(run(&embed(&whole)).code, 0);
    assert_eq!(std::fs::read(&out).expect("it"), std::fs::read(&whole).expect("it"));
    assert!(!partial.exists());
}

#[test]
fn second_run_into_one_output_is_refused_and_leaves_the_first_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let partial = folder.path().join("a.npy.partial");
    std::fs::create_dir(&partial).expect("a folder");
    let first = std::fs::File::create(partial.join("lock")).expect("made");
    first.lock().expect("locked");
    let out = folder.path().join("a.npy");
    let arguments = ["embed", "images", "photos/cat.jpg", "--out", out.to_str().expect("UTF-8")];
    let refused = run(&arguments);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("a.npy: another run is writing this file"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("help: wait for it to end"), "{}", refused.stderr);
    assert_eq!(std::fs::read_dir(&partial).expect("there").count(), 1);
    drop(first);
    assert_eq!(run(&arguments).code, 0);
    assert!(!partial.exists());
}

#[test]
fn other_bytes_on_standard_input_have_their_own_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("a.npy");
    let rows = |photo: &str| {
        // A run that fails when it writes its output leaves its journal.
        std::fs::create_dir_all(&out).expect("in the way");
        let arguments = ["embed", "images", "-", "--out", out.to_str().expect("UTF-8")];
        let cat = std::fs::read(root().join("photos/cat.jpg")).expect("a photo");
        assert_eq!(common::run_with_stdin(&arguments, &cat).code, 1);
        std::fs::remove_dir(&out).expect("out of the way");
        let bytes = std::fs::read(root().join("photos").join(photo)).expect("a photo");
        let run = common::run_with_stdin(&arguments, &bytes);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let row = std::fs::read(&out).expect("it");
        std::fs::remove_file(&out).expect("there");
        row
    };
    assert_ne!(rows("dog.jpg"), rows("cat.jpg"));
}
