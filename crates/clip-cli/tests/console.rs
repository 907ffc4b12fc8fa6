//! What a person sees on the terminal, and what happens where nobody looks.

mod common;

use common::run;

const CLASSIFY: [&str; 4] = ["classify", "photos/cat.jpg", "--labels", "a cat,a dog"];

#[test]
fn what_a_terminal_would_obey_is_shown_escaped() {
    let run = run(&[
        "classify",
        "photos/cat.jpg",
        "--label",
        "a\u{1b}[31mcat",
        "--label",
        "a dog\nerror: gone",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains(r"a\u{1b}[31mcat") && run.stdout.contains(r"a dog\nerror: gone"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains('\u{1b}'));
    let run =
        common::run(&["classify", "no\u{1b}]0;such\nerror: other.jpg", "--labels", "a cat,a dog"]);
    assert_eq!(run.code, 1);
    assert!(
        !run.stderr.contains('\u{1b}')
            && run.stderr.lines().all(|line| !line.starts_with("error: other"))
    );
}

#[test]
fn quiet_takes_notes_away_and_leaves_errors() {
    let quiet = run(&[&CLASSIFY[..], &["-q"]].concat());
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
    assert!(run(&CLASSIFY).stderr.starts_with("note: "));
    let failed = run(&["classify", "nothing.jpg", "--labels", "a,b", "-q"]);
    assert!(failed.stderr.starts_with("error: nothing.jpg: cannot read: "), "{}", failed.stderr);
}

#[test]
fn whoever_names_the_starter_is_not_told_of_it() {
    assert_eq!(run(&[&CLASSIFY[..], &["-m", "starter"]].concat()).stderr, "");
}

#[test]
#[cfg(target_os = "linux")]
fn full_or_closed_stderr_stops_nothing() {
    let expected = run(&CLASSIFY).stdout;
    for redirect in ["2>/dev/full", "2>&-"] {
        let program = assert_cmd::cargo::cargo_bin("clip-rs");
        let line = format!(r#""$0" "$@" {redirect}"#);
        let output = std::process::Command::new("sh")
            .args(["-c", &line])
            .arg(&program)
            .args(CLASSIFY)
            .current_dir(common::root())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{redirect}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{redirect}");
    }
}

#[test]
fn reason_stands_in_the_first_line() {
    let run = run(&["similarity", "photos/cat.jpg", "--texts-file", "nothing.txt"]);
    assert_eq!(run.code, 1);
    let first = run.stderr.lines().next().unwrap_or_default();
    assert!(first.starts_with("error: nothing.txt: cannot read: No such file"), "{first}");
}

#[test]
#[cfg(target_os = "linux")]
fn tables_fit_the_terminal_they_are_shown_on() {
    let program = assert_cmd::cargo::cargo_bin("clip-rs");
    let long = "a cat on a sofa ".repeat(12);
    for (columns, height) in [(60, ""), (80, "rows 24 "), (120, ""), (200, "")] {
        for verb in [
            "models list",
            "models info starter",
            "datasets list",
            "datasets info imagenet",
            &format!("classify photos/cat.jpg photos/dog.jpg --labels 'a cat,{long}'"),
            &format!(
                "similarity photos/cat.jpg --text '{long}' --text {}",
                ["a"; 30].join(" --text ")
            ),
        ] {
            let line = format!("stty {height}cols {columns}; {} -q {verb}", program.display());
            let script = std::process::Command::new("script")
                .args(["-qec", &line, "/dev/null"])
                .stdin(std::process::Stdio::null())
                .current_dir(common::root())
                .output();
            let Ok(script) = script else {
                return clip_testing::skipped("`script` is not on this machine");
            };
            let shown = String::from_utf8_lossy(&script.stdout);
            assert!(script.status.success() && shown.lines().count() > 1, "{verb}: {shown}");
            for line in shown.lines().map(str::trim_end) {
                let longest_word = line.split_whitespace().map(str::len).max().unwrap_or(0);
                let fits = line.chars().count() <= columns || longest_word > 60; // a hash is not cut
                assert!(fits, "{verb}: {columns} columns: {line}");
            }
        }
    }
}
