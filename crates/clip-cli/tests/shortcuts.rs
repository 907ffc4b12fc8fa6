//! Work that is left out changes no answer: hidden `--without`, as typed.

mod common;

use common::run;

const SHORTCUTS: [&str; 5] =
    ["ragged", "prefixes", "duplicates", "pooled-rows", "ragged,prefixes,duplicates,pooled-rows"];

#[test]
fn embeddings_have_the_same_bytes_with_each_shortcut_switched_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let texts = folder.path().join("texts.txt");
    let lines = [
        "a cat",
        "a photo of a cat",
        "a photo of a dog",
        "a cat",
        "",
        "a photo of two dogs on a beach",
    ];
    std::fs::write(&texts, lines.join("\n")).expect("written");
    for precision in ["f32", "bf16", "int8"] {
        for (kind, input) in
            [("texts", texts.to_str().expect("UTF-8")), ("images", "photos/cat.jpg")]
        {
            let embed = |name: &str, more: &[&str]| {
                let out = folder.path().join(format!("{kind}_{precision}_{name}.npy"));
                let arguments = [
                    "embed",
                    kind,
                    input,
                    "--precision",
                    precision,
                    "--out",
                    out.to_str().expect("UTF-8"),
                ];
                let run = run(&[&arguments[..], more].concat());
                assert_eq!(run.code, 0, "{}", run.stderr);
                std::fs::read(&out).expect("the output")
            };
            let expected = embed("all", &[]);
            for without in SHORTCUTS {
                let found = embed("without", &["--without", without]);
                assert_eq!(found, expected, "{kind} in {precision} without {without}");
            }
        }
    }
}

#[test]
fn unknown_shortcut_is_wrong_usage() {
    assert_eq!(run(&["embed", "texts", "x.txt", "--out", "x.npy", "--without", "sleep"]).code, 2);
}
