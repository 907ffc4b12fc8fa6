//! `clip-rs embed` and `clip-rs similarity` as typed.

mod common;

use std::path::Path;

use clip_testing::Arrays;
use common::{clip_rs, json_lines, root, run, run_with_stdin};

/// The values of a `.npy` or `.safetensors` file of ours, `rows x 128`: everything behind the
/// header.
fn values(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).expect("the output");
    let start = match bytes.starts_with(b"\x93NUMPY") {
        true => 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]])),
        false => 8 + u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize,
    };
    bytes[start..]
        .chunks_exact(4)
        .map(|v| f32::from_le_bytes(v.try_into().expect("4 bytes")))
        .collect()
}

#[test]
fn images_are_unit_rows_in_the_order_of_the_inputs_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first: Option<Vec<f32>> = None;
    for ending in ["npy", "safetensors", "parquet"] {
        let out = folder.path().join(format!("photos.{ending}"));
        let run = run(&["embed", "images", "photos", "--out", out.to_str().expect("UTF-8")]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains("12 x 128 f32"), "{}", run.stdout);
        let provenance: serde_json::Value = serde_json::from_slice(
            &std::fs::read(folder.path().join(format!("photos.{ending}.json"))).expect("it"),
        )
        .expect("JSON");
        assert_eq!(
            (provenance["rows"].as_u64(), provenance["normalized"].as_bool()),
            (Some(12), Some(true))
        );
        if ending == "parquet" {
            assert_eq!(&std::fs::read(&out).expect("the output")[..4], b"PAR1");
            continue;
        }
        let ids = json_lines(
            &std::fs::read_to_string(folder.path().join(format!("photos.{ending}.ids.jsonl")))
                .expect("ids"),
        );
        assert_eq!((ids.len(), ids[0].as_str()), (12, Some("photos/astronaut.jpg")));
        let values = values(&out);
        assert_eq!(values.len(), 12 * 128);
        for row in values.chunks(128) {
            assert!((row.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert_eq!(*first.get_or_insert_with(|| values.clone()), values);
    }
    assert!(
        !std::fs::read_dir(folder.path()).expect("it").flatten().any(|e| e.path().is_dir()),
        "a journal is left"
    );
}

#[test]
fn raw_features_are_the_references() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("raw.safetensors");
    let run = run(&["embed", "images", "photos", "--raw", "--out", out.to_str().expect("UTF-8")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = common::root().join("crates/clip/assets/starter/photos_outputs.safetensors");
    let expected = Arrays::open(expected).floats("image_features");
    let found = values(&out);
    let greatest = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let apart = found.iter().zip(&expected).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(apart / greatest < 1e-5, "{apart} of {greatest}");
}

#[test]
fn bad_files_are_skipped_into_the_ledger_and_a_repeat_takes_up_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let images = folder.path().join("images");
    std::fs::create_dir(&images).expect("a folder");
    std::fs::copy(common::root().join("photos/cat.jpg"), images.join("a.jpg")).expect("copied");
    std::fs::write(images.join("b.jpg"), b"broken").expect("written");
    let out = folder.path().join("x.npy");
    let arguments = [
        "embed",
        "images",
        images.to_str().expect("UTF-8"),
        "--out",
        out.to_str().expect("UTF-8"),
        "--json",
    ];

    let broken = run(&arguments);
    assert_eq!(broken.code, 3, "{}", broken.stderr);
    let summary = &json_lines(&broken.stdout)[0];
    assert_eq!((summary["rows"].as_u64(), summary["skipped"].as_u64()), (Some(1), Some(1)));
    let ledger = folder.path().join("x.npy.skipped.jsonl");
    assert!(
        json_lines(&std::fs::read_to_string(&ledger).expect("ledger"))[0]["input"]
            .as_str()
            .is_some_and(|i| i.ends_with("b.jpg"))
    );

    std::fs::copy(common::root().join("photos/pizza.jpg"), images.join("b.jpg")).expect("mended");
    let mended = run(&arguments);
    assert_eq!(mended.code, 0, "{}", mended.stderr);
    assert!(!ledger.exists(), "an old ledger is left");
    assert_eq!(values(&out).len(), 2 * 128);
}

#[test]
fn long_texts_are_skipped_or_cut_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let texts = folder.path().join("t.txt");
    std::fs::write(&texts, format!("a cat\n{}\na cat\n", "zebra ".repeat(90))).expect("written");
    let (texts, out) = (texts.to_str().expect("UTF-8"), folder.path().join("t.npy"));
    let out_text = out.to_str().expect("UTF-8");

    let refused = run(&["embed", "texts", texts, "--out", out_text]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert_eq!(values(&out).len(), 2 * 128);
    let cut = run(&["embed", "texts", texts, "--out", out_text, "--truncate"]);
    assert_eq!(cut.code, 0, "{}", cut.stderr);
    assert!(cut.stderr.contains("1 texts were cut"), "{}", cut.stderr);
    let list =
        std::fs::read_to_string(folder.path().join("t.npy.truncated.jsonl")).expect("the list");
    assert_eq!(json_lines(&list)[0]["lost"], 15); // 90 and two markers, 77 fit
    let values = values(&out);
    assert_eq!(values.len(), 3 * 128);
    assert_eq!(values[..128], values[256..], "equal texts have equal embeddings");
}

#[test]
fn similarity_is_a_matrix_of_cosines() {
    let run = run(&[
        "similarity",
        "photos/cat.jpg",
        "photos/pizza.jpg",
        "--text",
        "a cat",
        "--text",
        "a pizza",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found = &json_lines(&run.stdout)[0];
    let cosine = |i: usize, t: usize| found["cosines"][i][t].as_f64().expect("a number");
    assert!(cosine(0, 0) > cosine(0, 1) && cosine(1, 1) > cosine(1, 0));
    assert_eq!(found["texts"], serde_json::json!(["a cat", "a pizza"]));
}

/// Puts a photo of the project at `to`, whatever its name says.
fn photo(name: &str, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
    std::fs::copy(root().join("photos").join(name).with_extension("jpg"), to).expect("copied");
}

/// Ids and rows of a file of 128 values a row.
fn rows(out: &Path) -> Vec<(String, Vec<f32>)> {
    let ids = std::fs::read_to_string(format!("{}.ids.jsonl", out.display())).expect("ids");
    let ids = json_lines(&ids).into_iter().map(|id| id.as_str().expect("a string").to_owned());
    ids.zip(values(out).chunks(128).map(<[f32]>::to_vec)).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_no_utf8_have_ids_and_rows_of_their_own() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().expect("a folder");
    let (names, plain) = (folder.path().join("names"), folder.path().join("plain"));
    let photos: [(&[u8], &str); 4] = [
        (b"a\xef\xbf\xbd.jpg", "pizza"),
        (b"a\xfe.jpg", "dog"),
        (b"a\xff.jpg", "cat"),
        (b"b\\xff.jpg", "coffee"),
    ];
    for (name, what) in photos {
        photo(what, &names.join(OsStr::from_bytes(name)));
        photo(what, &plain.join(what).with_extension("jpg"));
    }
    let out = |name: &str| folder.path().join(name);
    let embed = |from: &Path, to: &Path| {
        run(&["embed", "images", from.to_str().unwrap(), "--out", to.to_str().unwrap()])
    };
    assert_eq!(embed(&names, &out("n.npy")).code, 0);
    assert_eq!(embed(&plain, &out("p.npy")).code, 0);
    let (found, expected) = (rows(&out("n.npy")), rows(&out("p.npy")));
    let ids: Vec<_> = found.iter().map(|(id, _)| id.rsplit('/').next().unwrap()).collect();
    assert_eq!(ids, ["a\u{fffd}.jpg", r"a\xfe.jpg", r"a\xff.jpg", r"b\x5cxff.jpg"]);
    for ((_, row), (_, what)) in found.iter().zip(photos) {
        let (_, same) =
            expected.iter().find(|(id, _)| id.ends_with(&format!("{what}.jpg"))).unwrap();
        assert_eq!(row, same, "{what}");
    }
    // named outright, and in a list
    let path = names.join(OsStr::from_bytes(b"a\xff.jpg"));
    let mut command = clip_rs(&["embed", "images", "--out", out("one.npy").to_str().unwrap()]);
    assert_eq!(command.arg(&path).output().expect("it runs").status.code(), Some(0));
    let list = [path.as_os_str().as_bytes(), b"\n"].concat();
    let listed = run_with_stdin(
        &["embed", "images", "-", "--out", out("list.npy").to_str().unwrap()],
        &list,
    );
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert_eq!(rows(&out("one.npy")), found[2..3]);
    assert_eq!(rows(&out("list.npy")), found[2..3]);
}

#[test]
#[cfg(unix)]
fn folder_that_links_reach_again_is_embedded_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let images = folder.path().join("images");
    photo("cat", &images.join("inner/a.jpg"));
    for (link, to) in [("x", "."), ("y", "."), ("z", "inner"), ("inner/up", "..")] {
        std::os::unix::fs::symlink(to, images.join(link)).expect("linked");
    }
    let out = folder.path().join("a.npy");
    for input in [images.display().to_string(), format!("{}/**/*.jpg", images.display())] {
        let run = run(&["embed", "images", &input, "--out", out.to_str().unwrap()]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let ids: Vec<_> = rows(&out).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [format!("{}/inner/a.jpg", images.display())], "{input}");
    }
}

#[test]
fn files_of_a_folder_are_read_or_in_the_ledger_or_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let images = folder.path().join("images");
    for name in [
        "a.HEIC",
        "b",
        "c.jpg_large",
        "d.mpo",
        "._e.jpg",
        ".ipynb_checkpoints/a.jpg",
        "__MACOSX/a.jpg",
    ] {
        photo("cat", &images.join(name));
    }
    let others: [(&str, &[u8]); 7] = [
        ("f.avif", b"\0\0\0\x1cftypavif\0\0\0\0"),
        ("g.jp2", b"\0\0\0\x0cjP  \r\n\x87\n"),
        ("h.tga", &[0, 0, 2, 0, 0, 0, 0, 0]),
        ("i.ico", &[0, 0, 1, 0, 1, 0]),
        ("j.svg", b"<svg/>"),
        ("k.png", b""),
        ("notes.txt", b"not an image"),
    ];
    for (name, bytes) in others {
        std::fs::write(images.join(name), bytes).expect("written");
    }
    let out = folder.path().join("a.npy");
    let run = run(&["embed", "images", images.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(rows(&out).len(), 4);
    assert!(
        run.stderr.contains("passed over, as they are no images: 1 of the files"),
        "{}",
        run.stderr
    );
    let ledger =
        std::fs::read_to_string(folder.path().join("a.npy.skipped.jsonl")).expect("the ledger");
    let reasons: Vec<_> = json_lines(&ledger)
        .iter()
        .map(|skip| skip["reason"].as_str().unwrap().to_owned())
        .collect();
    let not_read = ["AVIF", "JPEG 2000", "TGA", "ICO", "SVG"]
        .map(|format| format!("{format} is not supported"));
    assert_eq!(reasons[..5], not_read);
    assert_eq!(reasons[5..], ["the file is empty"]);
}

#[test]
fn empty_list_is_an_error_and_a_table_needs_a_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("a.npy");
    let out_text = out.to_str().unwrap();
    for (kind, stdin) in [("images", ""), ("images", "\n\n"), ("texts", "")] {
        let empty = run_with_stdin(&["embed", kind, "-", "--out", out_text], stdin.as_bytes());
        assert_eq!((empty.code, empty.stdout.as_str()), (1, ""), "{kind}: {}", empty.stderr);
        assert!(
            empty.stderr.contains("no image") || empty.stderr.contains("no text"),
            "{}",
            empty.stderr
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);

    let table = folder.path().join("captions.csv");
    std::fs::write(&table, "file,caption\na.jpg,\"a cat, asleep\"\nb.jpg,a dog\n")
        .expect("written");
    let arguments = ["embed", "texts", table.to_str().unwrap(), "--out", out_text];
    let refused = run(&arguments);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("--column") && refused.stderr.contains("file,caption"),
        "{}",
        refused.stderr
    );
    let read = run(&[&arguments[..], &["--column", "caption"]].concat());
    assert_eq!(read.code, 0, "{}", read.stderr);
    let ids: Vec<_> = rows(&out).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["a cat, asleep", "a dog"]);
}

#[test]
#[cfg(unix)]
fn sub_folder_that_cannot_be_read_is_skipped_and_counted() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let images = folder.path().join("images");
    photo("cat", &images.join("a.jpg"));
    let closed = images.join("closed");
    std::fs::create_dir(&closed).expect("made");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o0)).expect("closed");
    if std::fs::read_dir(&closed).is_ok() {
        return clip_testing::skipped("this user reads every folder");
    }
    let out = folder.path().join("a.npy");
    let run = run(&["embed", "images", images.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("closed: cannot read") && rows(&out).len() == 1, "{}", run.stderr);
}

#[test]
#[cfg(unix)]
fn output_that_is_a_link_or_a_device_is_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (link, target) = (folder.path().join("link.npy"), folder.path().join("target.npy"));
    std::os::unix::fs::symlink("target.npy", &link).expect("linked");
    let embedded = run(&["embed", "images", "photos/cat.jpg", "--out", link.to_str().unwrap()]);
    assert_eq!(embedded.code, 0, "{}", embedded.stderr);
    assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(values(&target).len(), 128);

    let null = folder.path().join("null.npy");
    std::os::unix::fs::symlink("/dev/null", &null).expect("linked");
    let gone = run(&["embed", "images", "photos/cat.jpg", "--out", null.to_str().unwrap()]);
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    assert_eq!(std::fs::read_link(&null).expect("still a link"), Path::new("/dev/null"));
    let said = run(&[
        "classify",
        "photos/cat.jpg",
        "gone.jpg",
        "--labels",
        "a,b",
        "--errors",
        "/dev/stderr",
    ]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("{\"input\":\"gone.jpg\",\"stage\":\"read\""), "{}", said.stderr);
}
