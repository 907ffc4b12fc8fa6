//! `clip-rs classify` as typed.

mod common;

use common::{json_lines, run, run_with_stdin};

#[test]
fn first_command_of_the_readme_names_the_cat() {
    let readme = std::fs::read_to_string(common::root().join("README.md")).expect("the README");
    let command = readme
        .lines()
        .find(|line| line.starts_with("cargo run --release"))
        .expect("its first command");
    let typed = command.split_once(" -- ").expect("arguments").1;
    let arguments = split(typed);
    let run = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 0, "{}", run.stderr);
    for line in run.stdout.lines() {
        assert!(readme.contains(line.trim_end()), "not in the README: {line}");
    }
    assert!(run.stdout.starts_with("a cat"), "{}", run.stdout);
    assert!(run.stderr.contains("small demonstration"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

/// Words of a command line; double quotes keep spaces.
fn split(line: &str) -> Vec<String> {
    let pieces = line.split('"').enumerate();
    let words = pieces.flat_map(|(i, piece)| match i % 2 {
        0 => piece.split_whitespace().map(str::to_owned).collect(),
        _ => vec![piece.to_owned()],
    });
    words.collect()
}

#[test]
fn json_is_one_object_per_image_most_probable_first() {
    let run = run(&[
        "classify",
        "photos/cat.jpg",
        "photos/pizza.jpg",
        "--labels",
        "a dog,a cat,a pizza",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let images = json_lines(&run.stdout);
    assert_eq!(images.len(), 2);
    for (image, (file, best)) in
        images.iter().zip([("photos/cat.jpg", "a cat"), ("photos/pizza.jpg", "a pizza")])
    {
        assert_eq!(
            (image["image"].as_str(), image["model"].as_str()),
            (Some(file), Some("starter"))
        );
        let labels = image["labels"].as_array().expect("labels");
        assert_eq!(labels[0]["label"], best);
        let probabilities: Vec<f64> =
            labels.iter().map(|l| l["probability"].as_f64().expect("a number")).collect();
        assert!(probabilities.is_sorted_by(|a, b| a >= b));
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(
            labels.iter().all(|l| l["cosine"].as_f64().is_some_and(|c| (-1.0..=1.0).contains(&c)))
        );
    }
}

#[test]
fn probabilities_of_the_twelve_photos_are_the_references() {
    let text =
        std::fs::read_to_string(common::root().join("crates/clip/assets/starter/results.json"))
            .expect("results");
    let results: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let texts: Vec<&str> =
        results["texts"].as_array().expect("texts").iter().filter_map(|t| t.as_str()).collect();
    let mut arguments = vec!["classify", "photos", "--json"];
    texts.iter().for_each(|text| arguments.extend(["--label", *text]));
    let run = run(&arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let images = json_lines(&run.stdout);
    assert_eq!(images.len(), 12);
    for photo in results["photos"].as_array().expect("photos") {
        let name = photo["file"].as_str().and_then(|f| f.rsplit('/').next()).expect("a name");
        let found = images
            .iter()
            .find(|i| i["image"].as_str().is_some_and(|f| f.ends_with(name)))
            .expect("the photo");
        for (text, expected) in
            texts.iter().zip(photo["probabilities"].as_array().expect("probabilities"))
        {
            let label =
                found["labels"].as_array().expect("labels").iter().find(|l| l["label"] == *text);
            let probability = label.and_then(|l| l["probability"].as_f64()).expect("a probability");
            let expected = expected.as_f64().expect("a number");
            assert!(
                (probability - expected).abs() < 1e-4,
                "{name}, {text}: {probability} against {expected}"
            );
        }
    }
}

#[test]
fn template_makes_the_prompt_and_several_are_ensembled() {
    let cosine = |arguments: &[&str]| {
        let run =
            run(&[&["classify", "photos/cat.jpg", "--json", "--labels", "cat,dog"], arguments]
                .concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        json_lines(&run.stdout)[0]["labels"][0]["cosine"].as_f64().expect("a number")
    };
    let (bare, one) = (cosine(&[]), cosine(&["--template", "a photo of a {}."]));
    let two = cosine(&["--template", "a photo of a {}.", "--template", "{}"]);
    assert!(bare != one && two != one && two != bare, "{bare} {one} {two}");
    assert!(two >= one.min(bare), "the mean lies between");
}

#[test]
fn standard_input_is_an_image_or_a_list_of_paths() {
    let bytes = std::fs::read(common::root().join("photos/cat.jpg")).expect("the photo");
    let image = run_with_stdin(&["classify", "-", "--labels", "a cat,a dog", "--json"], &bytes);
    let list = run_with_stdin(
        &["classify", "-", "--labels", "a cat,a dog", "--json"],
        b"photos/cat.jpg\n",
    );
    let (image, list) = (json_lines(&image.stdout), json_lines(&list.stdout));
    assert_eq!(image[0]["labels"], list[0]["labels"]);
    assert_eq!(
        (image[0]["image"].as_str(), list[0]["image"].as_str()),
        (Some("-"), Some("photos/cat.jpg"))
    );
}

#[test]
fn pattern_and_top_and_labels_file_do_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "a cat\n\na dog, asleep\na pizza\n").expect("written");
    let labels = labels.to_str().expect("UTF-8");
    let run = run(&["classify", "photos/c*.jpg", "--labels-file", labels, "--top", "2", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let images = json_lines(&run.stdout);
    assert_eq!(images.len(), 2); // cat, coffee
    assert!(images.iter().all(|image| image["labels"].as_array().is_some_and(|l| l.len() == 2)));
}

#[test]
fn a_single_bad_image_is_an_error_and_one_among_others_is_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (bad, ledger) = (folder.path().join("bad.jpg"), folder.path().join("skipped.jsonl"));
    std::fs::write(&bad, b"no image at all").expect("written");
    let (bad, ledger_text) = (bad.to_str().expect("UTF-8"), ledger.to_str().expect("UTF-8"));

    let alone = run(&["classify", bad, "--labels", "a,b"]);
    assert_eq!((alone.code, alone.stdout.as_str()), (1, ""));
    assert!(alone.stderr.contains(&format!("error: {bad}: ")), "{}", alone.stderr);

    let among = run(&[
        "classify",
        bad,
        "photos/cat.jpg",
        "--labels",
        "a,b",
        "--json",
        "--errors",
        ledger_text,
    ]);
    assert_eq!(among.code, 3, "{}", among.stderr);
    assert_eq!(json_lines(&among.stdout).len(), 1);
    assert!(among.stderr.contains("1 of 2 inputs skipped"), "{}", among.stderr);
    let line = &json_lines(&std::fs::read_to_string(ledger).expect("the ledger"))[0];
    assert_eq!((line["input"].as_str(), line["stage"].as_str()), (Some(bad), Some("decode")));
}

#[test]
fn wrong_requests_say_what_to_do() {
    let cases: [(&[&str], i32, &str); 7] = [
        (&["classify", "photos/cat.jpg"], 1, "no label given"),
        (&["classify", "photos/cat.jpg", "--labels", "a,,b"], 1, "label 2 is empty"),
        (&["classify", "photos/cat.jpg", "--labels", "a,b,a"], 1, "given twice"),
        (
            &["classify", "photos/cat.jpg", "--labels", "a,b", "--template", "no hole"],
            1,
            "has no `{}`",
        ),
        (&["classify", "gone.jpg", "--labels", "a,b"], 1, "gone.jpg"),
        (
            &["classify", "photos/cat.jpg", "--labels", "a,b", "--model", "vit-b33"],
            1,
            "did you mean",
        ),
        (&["classify", "--labels", "a,b"], 2, "IMAGE"),
    ];
    for (arguments, code, message) in cases {
        let run = run(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(message), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_16_bit_photograph_that_turns_white_is_warned_of() {
    let Some(image) = clip_testing::golden("preprocess/images/png_grey16.png") else { return };
    let run = run(&["classify", image.to_str().expect("UTF-8"), "--labels", "a,b"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("pixels beyond 8 bits"), "{}", run.stderr);
}
