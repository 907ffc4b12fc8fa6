//! Labels, templates and texts as people give them: what is one text to the model, too long, empty,
//! or no file.

mod common;

use std::fs;

use common::{json_lines, run};

const CAT: &str = "photos/cat.jpg";

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path.into_os_string().into_string().expect("UTF-8")
}

#[test]
fn labels_that_are_one_text_to_the_model_are_refused_and_both_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (lines, said) in [
        ("Cat\ncat\n", "labels \"Cat\" and \"cat\" are one text to the model"),
        ("dog\ncat\n dog  \n", "label \"dog\" is given twice"),
        ("ice  cream\ndog\nice cream\n", "labels \"ice  cream\" and \"ice cream\" are one text"),
        ("caf\u{e9}\ncafe\u{301}\n", "are one text to the model"),
        ("a&amp;b\na&b\n", "labels \"a&amp;b\" and \"a&b\" are one text"),
    ] {
        let path = file(&folder, "labels.txt", lines.as_bytes());
        for templates in [&[][..], &["--template", "a {}.", "--template", "the {}"]] {
            let run = run(&[&["classify", CAT, "--labels-file", &path], templates].concat());
            assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{lines:?}: {}", run.stderr);
            assert!(run.stderr.contains(said), "{lines:?}: {}", run.stderr);
            assert!(
                run.stderr.contains("each would take half of the probability"),
                "{}",
                run.stderr
            );
        }
    }
}

#[test]
fn a_single_label_is_warned_of() {
    let one = run(&["classify", CAT, "--labels", "a dog", "--json"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(
        one.stderr.contains("warning: one label: its probability is 100 % whatever"),
        "{}",
        one.stderr
    );
    let two = run(&["classify", CAT, "--labels", "a dog,a cat"]);
    assert!(!two.stderr.contains("one label"), "{}", two.stderr);
}

#[test]
fn long_labels_are_named_and_cut_where_asked() {
    let long = "word ".repeat(90);
    let refused = run(&["classify", CAT, "--label", "a cat", "--label", &long]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("label \"word word"), "{}", refused.stderr);
    assert!(refused.stderr.contains("has 92 tokens, limit 77"), "{}", refused.stderr);
    assert!(refused.stderr.contains("`--truncate`"), "{}", refused.stderr);

    let cut = run(&["classify", CAT, "--label", "a cat", "--label", &long, "--truncate", "--json"]);
    assert_eq!(cut.code, 0, "{}", cut.stderr);
    assert!(
        cut.stderr.contains("cut to the context length: 1 label, the first \"word"),
        "{}",
        cut.stderr
    );
    let same = "word ".repeat(75);
    let whole = run(&["classify", CAT, "--label", "a cat", "--label", &same, "--json"]);
    let scores = |text: &str| {
        let labels = json_lines(text)[0]["labels"].as_array().expect("labels").clone();
        labels.iter().map(|label| label["cosine"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(scores(&cut.stdout), scores(&whole.stdout), "the rest is never seen");

    // A label that fits alone and not in its template; two that differ behind the cut only.
    let edge = "word ".repeat(74);
    let refused = run(&[
        "classify",
        CAT,
        "--label",
        "a cat",
        "--label",
        &edge,
        "--template",
        "a photo of {}",
    ]);
    assert!(refused.code == 1 && refused.stderr.contains("limit 77"), "{}", refused.stderr);
    let (a, b) = (format!("{long} a"), format!("{long} b"));
    let same = run(&["classify", CAT, "--label", &a, "--label", &b, "--truncate"]);
    assert!(same.code == 1 && same.stderr.contains("are one text to the model"), "{}", same.stderr);
}

#[test]
fn similarity_cuts_long_texts_where_asked() {
    let long = "word ".repeat(90);
    let refused = run(&["similarity", CAT, "--text", &long]);
    assert!(refused.code == 1 && refused.stderr.contains("`--truncate`"), "{}", refused.stderr);
    let cut = run(&["similarity", CAT, "--text", &long, "--text", "a cat", "--truncate", "--json"]);
    assert_eq!(cut.code, 0, "{}", cut.stderr);
    assert!(
        cut.stderr.contains("cut to the context length: 1 text, the first \"word"),
        "{}",
        cut.stderr
    );
    let whole =
        run(&["similarity", CAT, "--text", &"word ".repeat(75), "--text", "a cat", "--json"]);
    assert_eq!(json_lines(&cut.stdout)[0]["cosines"], json_lines(&whole.stdout)[0]["cosines"]);
}

#[test]
fn empty_labels_and_lines_are_refused_or_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = file(&folder, "labels.txt", b"\xef\xbb\xbfa cat\r\n\r\n   \r\na dog\r\n");
    let run_file = run(&["classify", CAT, "--labels-file", &lines, "--json"]);
    assert_eq!(run_file.code, 0, "{}", run_file.stderr);
    assert!(
        run_file.stderr.contains("labels.txt: 2 empty lines passed over"),
        "{}",
        run_file.stderr
    );
    let labels = json_lines(&run_file.stdout)[0]["labels"].as_array().expect("labels").len();
    assert_eq!(labels, 2);
    let texts = run(&["similarity", CAT, "--texts-file", &lines, "--json"]);
    assert!(
        texts.code == 0 && texts.stderr.contains("2 empty lines passed over"),
        "{}",
        texts.stderr
    );

    let empty = file(&folder, "empty.txt", b"\n \n");
    for (arguments, said) in [
        (&["classify", CAT, "--label", " ", "--label", "a"][..], "label 1 is empty"),
        (&["classify", CAT, "--labels", "a,,b"], "label 2 is empty"),
        (&["classify", CAT, "--labels-file", &empty], "no label given"),
        (&["similarity", CAT, "--text", "a", "--text", ""], "text 2 is empty"),
        (&["similarity", CAT, "--texts-file", &empty], "no text given"),
    ] {
        let run = run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn templates_without_a_place_are_refused_and_repeated_ones_said() {
    for template in ["a photo of", "", "a {label}", "a %s"] {
        let run =
            run(&["classify", CAT, "--labels", "a,b", "--template", "{}", "--template", template]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{template}: {}", run.stderr);
        assert!(run.stderr.contains("has no `{}`"), "{template}: {}", run.stderr);
    }
    let twice = ["--template", "a {}", "--template", "the {}", "--template", "a {}"];
    let run = run(&[&["classify", CAT, "--labels", "a,b"][..], &twice].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("template \"a {}\" is given twice: it counts twice"),
        "{}",
        run.stderr
    );
}

#[test]
fn top_of_nothing_is_wrong_usage() {
    for top in ["0", "-1", "nan", "1.5"] {
        let run = run(&["classify", CAT, "--labels", "a,b", &format!("--top={top}")]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{top}: {}", run.stderr);
        assert!(run.stderr.contains("--top"), "{top}: {}", run.stderr);
    }
}

#[test]
fn label_files_that_are_no_text_files_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let utf16 = file(&folder, "utf16.txt", b"\xff\xfea\0\n\0b\0");
    let huge = file(&folder, "huge.txt", b"");
    fs::OpenOptions::new().write(true).open(&huge).expect("it").set_len(1 << 40).expect("sparse");
    let mut cases = vec![
        (utf16, "utf16.txt: cannot read: UTF-16, not UTF-8"),
        (huge, "huge.txt: cannot read: has 1099511627776 bytes"),
        ("photos".to_owned(), "photos: cannot read: a folder, not a file"),
        ("gone.txt".to_owned(), "gone.txt: cannot read"),
    ];
    #[cfg(unix)]
    {
        let pipe = folder.path().join("pipe.txt").into_os_string().into_string().expect("UTF-8");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        cases.push((pipe, "pipe.txt: cannot read: not a regular file"));
        cases.push(("/dev/zero".to_owned(), "/dev/zero: cannot read: not a regular file"));
    }
    for (path, said) in cases {
        for arguments in
            [["classify", CAT, "--labels-file", &path], ["similarity", CAT, "--texts-file", &path]]
        {
            let run = run(&arguments);
            assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{arguments:?}: {}", run.stderr);
            assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
        }
    }
}

/// Files that are no list of texts, and lists whose lines end in other ways.
#[test]
fn lists_are_read_by_their_lines_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("o.npy").into_os_string().into_string().expect("UTF-8");
    for (name, bytes, said) in [
        ("a.txt", &b"\xff\xfec\0a\0t\0\n\0"[..], "a.txt: cannot read: UTF-16, not UTF-8"),
        (
            "b.txt",
            b"c\0a\0t\0\n\0d\0o\0g\0\n\0",
            "b.txt: cannot read: a zero byte at byte 1: UTF-16",
        ),
        ("c.txt", b"caf\xe9\ndog\n", "c.txt: cannot read: not UTF-8 at byte 3"),
        ("d.csv", b"label,id\ncat,0\n", "d.csv: "),
        ("e.json", b"[\"cat\", \"dog\"]", "e.json: a line of .json is no plain text"),
        ("f.JSONL", b"{\"text\": \"cat\"}\n", "f.JSONL: a line of .jsonl is no plain text"),
    ] {
        let path = file(&folder, name, bytes);
        for arguments in [
            &["classify", CAT, "--labels-file", &path][..],
            &["similarity", CAT, "--texts-file", &path],
            &["embed", "texts", &path, "--out", &out],
        ] {
            let run = run(arguments);
            assert!(
                matches!(run.code, 1 | 2) && run.stdout.is_empty(),
                "{arguments:?}: {}",
                run.stderr
            );
            assert!(
                run.stderr.contains(said) && run.stderr.contains("help: "),
                "{arguments:?}: {}",
                run.stderr
            );
        }
    }
    let blank = file(&folder, "blank.txt", b"a cat\r\n\r\na dog\r\n");
    let embedded = run(&["embed", "texts", &blank, "--out", &out]);
    assert!(
        embedded.code == 0 && embedded.stderr.contains("empty texts: 1; "),
        "{}",
        embedded.stderr
    );
    let labels = |ends: &str| {
        let path = file(&folder, "ends.txt", ["a cat", "a dog", ""].join(ends).as_bytes());
        let run = run(&["classify", CAT, "--labels-file", &path, "--json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    assert_eq!(labels("\r"), labels("\n"));
    assert_eq!(labels("\r\n"), labels("\n"));
}

#[test]
fn many_labels_in_many_templates_have_the_scores_of_few() {
    let folder = tempfile::tempdir().expect("a folder");
    let templates: Vec<String> = (0..80).map(|i| format!("picture {i} of a {{}}.")).collect();
    let templates: Vec<&str> =
        templates.iter().flat_map(|template| ["--template", template.as_str()]).collect();
    let all: Vec<String> = (0..300).map(|i| format!("thing {}", i * 7919 % 1000)).collect();
    let cosines = |labels: &[String]| {
        let path = file(&folder, "labels.txt", labels.join("\n").as_bytes());
        let run =
            run(&[&["classify", CAT, "--labels-file", &path, "--json"][..], &templates].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let rows = json_lines(&run.stdout)[0]["labels"].as_array().expect("labels").clone();
        rows.into_iter()
            .map(|row| (row["label"].clone(), row["cosine"].clone()))
            .collect::<Vec<_>>()
    };
    let many = cosines(&all); // 24,000 prompts, more than one block
    assert_eq!(many.len(), 300);
    for (label, cosine) in cosines(&[all[299].clone(), all[17].clone()]) {
        assert!(many.contains(&(label.clone(), cosine)), "{label}");
    }
}

#[test]
fn run_length_pictures_of_whole_pixels_are_skipped_among_good_photos() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bits) in [("a16", 16_u8), ("b24", 24), ("c32", 32)] {
        let mut bmp =
            b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\0\x01\0\0\0\x01\0\0\x01\0".to_vec();
        bmp.extend([bits, 0, 1, 0, 0, 0, 4, 0, 0, 0]);
        bmp.extend([0; 16]);
        bmp.extend([0, 0, 0, 1]);
        fs::write(folder.path().join(format!("{name}.bmp")), bmp).expect("written");
    }
    fs::copy(common::root().join(CAT), folder.path().join("z.jpg")).expect("a good photo");
    let path = folder.path().to_str().expect("UTF-8");
    let run = run(&["classify", path, "--labels", "a cat,a dog", "--json"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(json_lines(&run.stdout)[0]["labels"][0]["label"], "a cat");
    assert_eq!(run.stderr.matches("run lengths with").count(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("3 of 4 inputs skipped"), "{}", run.stderr);
}
