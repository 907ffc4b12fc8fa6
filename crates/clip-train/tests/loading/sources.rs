//! Tables, JSON lines and folders.

use clip_train::data::{CaptionChoice, DataOptions, Format, MaxBad, Pairs, Reason, TextLines};

use crate::fixture::{options, picture, refusal, texts, write};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..4 {
        write(folder.path(), &format!("images/{number}.ppm"), picture(number));
    }
    folder
}

fn pair(key: &str, text: &str) -> (String, String) {
    (key.to_owned(), text.to_owned())
}

#[test]
fn tables_are_read_by_their_usual_or_given_columns() {
    let folder = folder();
    for (name, table) in [
        ("commas.csv", "filepath,title\nimages/0.ppm,\"a cat, asleep\"\n\nimages/1.ppm,a dog\n"),
        ("tabs.tsv", "filepath\ttitle\nimages/0.ppm\ta cat, asleep\n\nimages/1.ppm\ta dog\n"),
        (
            "marked.csv",
            "\u{feff}title;id;filepath\r\na cat, asleep;7;images/0.ppm\r\n\r\na dog;8;images/1.ppm",
        ),
        ("quoted.csv", "caption,image\n\"a cat,\nasleep\",images/0.ppm\na dog,images/1.ppm\n"),
    ] {
        write(folder.path(), name, table);
        let found = texts(&options(folder.path().join(name)));
        let expected =
            [pair(&format!("{name}:2"), "a cat , asleep"), pair(&format!("{name}:4"), "a dog")];
        assert_eq!(found, expected, "{name}");
    }
    write(folder.path(), "own.csv", "where,x,y\n0.ppm,first,second\n1.ppm,,third\n");
    let own = DataOptions {
        image_column: Some("where".to_owned()),
        caption_columns: vec!["x".to_owned(), "y".to_owned()],
        image_root: Some(folder.path().join("images")),
        captions: CaptionChoice::First,
        ..options(folder.path().join("own.csv"))
    };
    assert_eq!(texts(&own), [pair("own.csv:2", "first"), pair("own.csv:3", "third")]);
    assert_eq!(Pairs::open(&own).expect("pairs").summary().captions, 3);
}

#[test]
fn rows_that_cannot_be_used_are_named_by_their_lines() {
    let folder = folder();
    let table = b"filepath,title\nimages/0.ppm,good\n,no image\nimages/1.ppm,\nimages/2.ppm\nimages/3.ppm,caf\xe9\n";
    write(folder.path(), "a.csv", table);
    let options = DataOptions { max_bad: MaxBad::Count(4), ..options(folder.path().join("a.csv")) };
    let pairs = Pairs::open(&options).expect("one is good");
    let bad: Vec<_> = pairs.ledger().samples().map(|bad| (bad.key, bad.reason)).collect();
    let expected = [
        ("a.csv:3", Reason::NoImage),
        ("a.csv:4", Reason::EmptyCaption),
        ("a.csv:5", Reason::NoCaption),
        ("a.csv:6", Reason::NotAText),
    ];
    assert_eq!(bad, expected.map(|(key, reason)| (key.to_owned(), reason)));
    assert_eq!(pairs.len(), 1);
}

#[test]
fn tables_without_the_columns_say_which_they_have() {
    let folder = folder();
    write(folder.path(), "a.csv", "file_of_image,words\nimages/0.ppm,good\n");
    let path = folder.path().join("a.csv");
    let message = refusal(&options(&path)).to_string();
    assert!(message.contains("it has file_of_image, words: `image_column`"), "{message}");
    let wrong = DataOptions { image_column: Some("image".to_owned()), ..options(&path) };
    let message = refusal(&DataOptions { caption_columns: vec!["words".to_owned()], ..wrong });
    assert!(message.to_string().contains("no column or key `image`"), "{message}");
    write(folder.path(), "header.csv", "filepath,title\n");
    let message = refusal(&options(folder.path().join("header.csv"))).to_string();
    assert!(message.contains("has no row"), "{message}");
}

#[test]
fn json_lines_have_texts_or_lists_of_texts() {
    let folder = folder();
    let lines = "{\"image\": \"images/0.ppm\", \"caption\": \"a cat\"}\n\n\
        {\"caption\": [\"a dog\", \"a hound\"], \"image\": \"images/1.ppm\"}\n\
        {\"image\": \"images/2.ppm\"}\n\
        {\"image\": 7, \"caption\": \"x\"}\n\
        [1]\n\
        {\"image\": \"images/3.ppm\", \"caption\": null}\n";
    write(folder.path(), "a.jsonl", lines);
    let options = DataOptions {
        captions: CaptionChoice::First,
        max_bad: MaxBad::Count(4),
        ..options(folder.path().join("a.jsonl"))
    };
    assert_eq!(texts(&options), [pair("a.jsonl:1", "a cat"), pair("a.jsonl:3", "a dog")]);
    let pairs = Pairs::open(&options).expect("pairs");
    let bad: Vec<Reason> = pairs.ledger().samples().map(|bad| bad.reason).collect();
    assert_eq!(bad, [Reason::NoCaption, Reason::NoImage, Reason::NotAText, Reason::EmptyCaption]);
    assert_eq!(pairs.summary().captions, 3);
}

#[test]
fn folders_have_texts_beside_images_or_a_list() {
    let folder = folder();
    let images = folder.path().join("images");
    write(&images, "0.txt", "a cat\nasleep");
    write(&images, "1.txt", "a dog");
    write(&images, "2.txt", "");
    write(&images, "notes.txt", "no image");
    let beside = DataOptions { text_lines: TextLines::OneCaption, ..options(&images) };
    let found: Vec<String> = texts(&beside).into_iter().map(|(_, text)| text).collect();
    assert_eq!(found, ["a cat asleep", "a dog"]);
    let pairs = Pairs::open(&beside).expect("pairs");
    let bad: Vec<Reason> = pairs.ledger().samples().map(|bad| bad.reason).collect();
    assert_eq!(bad, [Reason::EmptyCaption, Reason::NoCaption]);

    write(&images, "metadata.csv", "file_name,text\n3.ppm,a bird\n");
    assert_eq!(texts(&options(&images)), [pair("metadata.csv:2", "a bird")]);
    write(&images, "metadata.jsonl", "{\"file_name\": \"2.ppm\", \"text\": \"a fish\"}\n");
    assert_eq!(texts(&options(&images)), [pair("metadata.jsonl:1", "a fish")]);
}

#[test]
fn format_is_told_by_names_unless_it_is_said() {
    let folder = folder();
    write(folder.path(), "table.txt", "filepath,title\nimages/0.ppm,a cat\n");
    let path = folder.path().join("table.txt");
    assert_eq!(texts(&DataOptions { format: Format::Csv, ..options(&path) }).len(), 1);
    assert!(refusal(&options(&path)).to_string().contains("does not say what it is"));
}
