//! `clip-rs train` given what is wrong: clear errors, and nothing that was saved is lost.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::training::{config, outcome, picture, text};
use common::{root, run};

/// Runs with a configuration and more flags; what it ended with and said.
fn train(config: &Path, out: &Path, more: &[&str]) -> (i32, String) {
    let arguments = [&["train", "-c", text(config), "--out", text(out)], more].concat();
    let run = run(&arguments);
    (run.code, run.stderr)
}

fn refused(config: &Path, out: &Path, more: &[&str], says: &[&str]) {
    let (code, said) = train(config, out, more);
    assert_eq!(code, 1, "{more:?}: {said}");
    for part in says {
        assert!(said.contains(part), "{more:?}: `{part}` in {said}");
    }
}

#[test]
fn misspelt_key_names_the_nearest_and_a_misspelt_flag_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let config = config(folder.path(), 2, "[optimizer]\nlerning_rate = 1e-3");
    let says =
        ["there is no key `lerning_rate`", "help: did you mean `learning_rate` of [optimizer]?"];
    refused(&config, &out, &[], &says);
    assert!(!out.exists(), "nothing was begun");
    let run = run(&["train", "--out", text(&out), "--lerning-rate", "1"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("--learning-rate"), "{}", run.stderr);
}

#[test]
fn plans_that_can_only_be_mistakes_are_refused_unless_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), 4, "");
    let out = folder.path().join("out");
    let rate = ["--learning-rate", "5e-4", "--dry-run"];
    // The tiny model's sizes are in the file; the starter has others.
    let tuned = folder.path().join("tune.toml");
    let source = format!("{}/{{0..1}}.tar", folder.path().display());
    fs::write(&tuned, format!("[model]\nfrom = \"starter\"\n[data]\nsource = \"{source}\"\n[batch]\nbatch_size = 8\n[schedule]\nsteps = 2\n"))
        .expect("written");
    refused(
        &tuned,
        &out,
        &rate,
        &["learning-rate: a learning rate of 5e-4 ruins", "--allow learning-rate"],
    );
    let (code, said) = train(&tuned, &out, &[&rate[..], &["--allow", "learning-rate"]].concat());
    assert_eq!(code, 0, "{said}");
    refused(&config, &out, &["--warmup", "3", "--dry-run"], &["warm-up: 3 of 4 steps are warm-up"]);
    assert!(!out.exists(), "a dry run makes nothing");
    let same = folder.path().join("same.csv");
    let rows: String = (0..8).map(|n| format!("{n}.ppm,a cat\n")).collect();
    (0..8).for_each(|n| {
        fs::write(folder.path().join(format!("{n}.ppm")), picture(n)).expect("written");
    });
    fs::write(&same, format!("file,caption\n{rows}")).expect("written");
    let source = ["--source", text(&same), "--dry-run"];
    refused(&config, &out, &source, &["duplicates: 100 % of the pairs of a batch"]);
    let (code, said) = train(&config, &out, &[&source[..], &["--multi-positive"]].concat());
    assert_eq!(code, 0, "{said}");
}

#[test]
fn checkpoint_of_another_architecture_says_what_differs() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), 2, "");
    let out = folder.path().join("out");
    let says = ["starter is of another architecture", "resolution = 16 is asked for, it has 224"];
    refused(&config, &out, &["--from", "starter"], &says);
    refused(&config, &out, &["--from", "no-such-model"], &["no model called `no-such-model`"]);
}

#[test]
fn broken_data_is_counted_listed_and_too_much_of_it_ends_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), 12, "");
    let members: Vec<(String, Vec<u8>)> = (0..16)
        .flat_map(|n| {
            let picture = match n {
                3 => b"no picture at all".to_vec(),
                5 => picture(n)[..60].to_vec(), // cut off
                n => picture(n),
            };
            let mut members = vec![(format!("{n:02}.ppm"), picture)];
            if n != 7 {
                members.push((format!("{n:02}.txt"), format!("number {n}").into_bytes()));
            }
            members
        })
        .collect();
    let members: Vec<_> =
        members.iter().map(|(name, content)| (name.as_str(), b'0', &content[..])).collect();
    let shard = folder.path().join("bad.tar");
    fs::write(&shard, clip_testing::tar(&members)).expect("written");
    let out = folder.path().join("out");
    let source = ["--source", text(&shard)];
    refused(&config, &out, &source, &["cannot be used, limit 0 (max_bad)"]);
    let _ = fs::remove_dir_all(&out);
    let (code, said) = train(&config, &out, &[&source[..], &["--max-bad", "3"]].concat());
    assert_eq!(code, 0, "{said}");
    let bad = fs::read_to_string(out.join("bad.jsonl")).expect("listed");
    for reason in ["not-an-image", "damaged-image", "no-caption"] {
        assert!(bad.contains(reason), "{reason} in {bad}");
    }
    let empty = folder.path().join("empty.tar");
    fs::write(&empty, clip_testing::tar(&[])).expect("written");
    refused(&config, &folder.path().join("o2"), &["--source", text(&empty)], &["empty.tar"]);
    let gone = folder.path().join("gone.tar");
    refused(&config, &folder.path().join("o3"), &["--source", text(&gone)], &["gone.tar"]);
}

#[test]
fn folder_in_use_and_choices_that_changed_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), 4, "");
    let out = folder.path().join("out");
    refused(&config, &out, &["--resume"], &["there is no run to go on with"]);
    let (code, said) = train(&config, &out, &[]);
    assert_eq!(code, 0, "{said}");
    refused(&config, &out, &[], &["is not empty", "--resume goes on"]);
    let changed = ["--resume", "--weight-decay", "0.1"];
    refused(&config, &out, &changed, &["weight_decay was 0.2 when the run began, and is 0.1 now"]);
    let (code, said) = train(&config, &out, &["--resume", "--keep", "1", "--threads", "1"]);
    assert_eq!(code, 0, "what may change: {said}");
    // A damaged newest checkpoint is named, and there is no other.
    let state = out.join("checkpoints/step-00000004/training.json");
    fs::write(&state, "{").expect("written");
    refused(&config, &out, &["--resume"], &["training.json"]);
}

/// The shell keeps the program from writing files of more than `kilobytes`, as a full disk does.
#[test]
#[cfg(unix)]
fn full_disk_keeps_the_last_good_checkpoint_and_the_run_goes_on_from_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), 9, "[run]\ncheckpoint_every = 3\nkeep = 1");
    let whole = folder.path().join("whole");
    let (code, said) = train(&config, &whole, &[]);
    assert_eq!(code, 0, "{said}");
    let out = folder.path().join("out");
    let limited = |more: &str, kilobytes: u32| {
        let program = assert_cmd::cargo::cargo_bin!("clip-rs");
        // The signal of a file that grew too large is ignored: writing fails instead.
        let script = format!(
            "trap '' XFSZ; ulimit -f {kilobytes}; exec {} train -c {} --out {} {more}",
            program.display(),
            config.display(),
            out.display()
        );
        let mut shell = Command::new("bash");
        let output =
            shell.args(["-c", &script]).current_dir(root()).output().expect("bash is there");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = limited("", 1000);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("the checkpoint cannot be saved") && said.contains("there is none"),
        "{said}"
    );
    let (code, said) = train(&config, &out, &["--resume", "--checkpoint-every", "3"]);
    assert_eq!(code, 0, "{said}");
    assert!(outcome(&out, 9) == outcome(&whole, 9), "as if the disk had not been full");

    // The same with a checkpoint before it.
    fs::remove_dir_all(&out).expect("removed");
    let mut running = common::training::spawn(&["train", "-c", text(&config), "--out", text(&out)]);
    while !out.join("checkpoints/step-00000003").is_dir() {
        assert!(running.try_wait().expect("asked").is_none(), "over too soon");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    running.kill().expect("it runs");
    running.wait().expect("ended");
    let (code, said) = limited("--resume", 1000);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the last good one is"), "{said}");
    let (code, said) = train(&config, &out, &["--resume"]);
    assert_eq!(code, 0, "{said}");
    assert!(outcome(&out, 9) == outcome(&whole, 9), "as if the disk had not been full");
}

#[test]
fn values_that_are_not_finite_are_skipped_counted_and_end_the_run_with_what_was_first() {
    use clip_rs::model::{Layout, Tensor, WeightFormat};
    let folder = tempfile::tempdir().expect("a folder");
    let (config, made) = (config(folder.path(), 9, ""), folder.path().join("made"));
    let (code, said) = train(&config, &made, &[]);
    assert_eq!(code, 0, "{said}");
    let path = made.join("checkpoints/step-00000009");
    let load = clip_rs::LoadOptions::default();
    let mut model = clip_rs::open_checkpoint(text(&path), &load).expect("a model");
    model.state_dict.insert("text_projection", Tensor::from_f32(&[64, 16], vec![3e38; 64 * 16]));
    let huge = folder.path().join("huge");
    clip_rs::convert(&model, Layout::OpenClip, &huge, WeightFormat::F32).expect("written");
    let out = folder.path().join("out");
    let flags = ["--from", text(&huge), "--max-bad-steps", "3"];
    let says =
        ["step 1 is skipped", "4 steps in a row were skipped", "is not finite", "not-finite.json"];
    refused(&config, &out, &flags, &says);
    let dump = fs::read_to_string(out.join("not-finite.json")).expect("written");
    assert!(dump.contains("\"keys\"") && dump.contains("first_not_finite"), "{dump}");
    let metrics = fs::read_to_string(out.join("metrics.jsonl")).expect("written");
    let last = common::json_lines(&metrics).pop().expect("a line");
    assert_eq!((&last["skipped_steps"], &last["skipped"]), (&4.into(), &true.into()));
    assert!(out.join("checkpoints/step-00000004").is_dir(), "the weights are saved as they are");
}
