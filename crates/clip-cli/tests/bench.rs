//! `clip-rs bench` as typed: what it prints, never how fast.

mod common;

use common::{json_lines, root, run, run_with_stdin};

#[test]
fn json_has_an_object_for_each_batch_with_its_rates() {
    let run = run(&["bench", "--batch", "1,3", "--rounds", "1", "--threads", "2", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found = json_lines(&run.stdout);
    assert_eq!(
        found.iter().map(|speed| speed["batch"].as_u64()).collect::<Vec<_>>(),
        [Some(1), Some(3)]
    );
    for speed in &found {
        assert_eq!((&speed["model"], &speed["precision"]), (&"starter".into(), &"f32".into()));
        assert_eq!((speed["threads"].as_u64(), speed["rounds"].as_u64()), (Some(2), Some(1)));
        for rate in [
            "images_per_second",
            "texts_per_second",
            "gops",
            "preprocess_images_per_second",
            "preprocess_images_per_second_one_thread",
            "tokenize_texts_per_second",
            "load_seconds",
        ] {
            assert!(speed[rate].as_f64().is_some_and(|value| value > 0.0), "{rate}: {speed}");
        }
        for present in ["isa", "processor", "peak_gops", "share_of_peak", "peak_memory_bytes"] {
            assert!(speed.get(present).is_some(), "{present}: {speed}");
        }
        // 1.25 GMAC an image: PROTOCOL 1.5 counts them, a unit test of the library holds the
        // counts.
        let gop = speed["gops"].as_f64().expect("a number")
            / speed["images_per_second"].as_f64().expect("it too");
        assert!((2.4..2.6).contains(&gop), "{gop}");
    }
}

#[test]
fn table_fits_eighty_columns() {
    let run = run(&["bench", "--batch", "1", "--rounds", "1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.starts_with("starter, f32, "), "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    for what in ["images/s", "share of peak", "texts/s", "preprocessed/s", "tokenized/s", "memory"]
    {
        assert!(run.stdout.contains(what), "{what}: {}", run.stdout);
    }
}

#[test]
fn server_answers_each_request_with_seconds_or_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let photos: String = ["cat.jpg", "dog.jpg"]
        .map(|name| format!("{}\n", root().join("photos").join(name).display()))
        .concat();
    let (list, labels) = (file("list.txt", &photos), file("labels.txt", "a cat\na dog\n"));
    let requests = format!(
        "image 2\ntext {labels}\nprompts {labels}\nfiles {list} {labels}\npixels {list}\ntokenize {labels}\nfly\n"
    );
    let served = run_with_stdin(&["bench", "--serve"], requests.as_bytes());
    assert_eq!(served.code, 0, "{}", served.stderr);
    let lines: Vec<&str> = served.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (8, "ready"), "{}", served.stdout);
    for seconds in &lines[1..7] {
        assert!(seconds.parse::<f64>().is_ok_and(|seconds| seconds > 0.0), "{}", served.stdout);
    }
    assert_eq!(lines[7], "error: no request `fly`");

    let bare = run_with_stdin(
        &["bench", "--serve", "--model", "none"],
        format!("pixels {list}\nimage 1\n").as_bytes(),
    );
    let lines: Vec<&str> = bare.stdout.lines().collect();
    assert!(lines[1].parse::<f64>().is_ok(), "{}", bare.stdout);
    assert_eq!(lines[2], "error: no model was loaded");
}
