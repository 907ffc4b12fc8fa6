//! `tokenize`, `preprocess`, `verify`, `models`, `config`, `completions`, `man` as typed.

mod common;

use clip_testing::golden;
use common::{clip_rs, json_lines, run, run_with_stdin, unpack};

#[test]
fn tokenize_prints_ids_length_and_whether_it_is_too_long() {
    let run = run(&["tokenize", "a photo of a cat", "IT’S"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = "{\"ids\":[320,1125,539,320,2368],\"length\":5,\"truncated\":false}\n\
                    {\"ids\":[585,568],\"length\":2,\"truncated\":false}\n";
    assert_eq!(run.stdout, expected);
}

#[test]
fn tokenize_reads_lines_or_json_strings() {
    let lines = run_with_stdin(&["tokenize"], "a cat\n\nzebra\n".as_bytes());
    assert_eq!(json_lines(&lines.stdout).len(), 3);
    let long = format!("\"{}\"\n\"a\\ud800b\"\n", "zebra ".repeat(76));
    let jsonl = run_with_stdin(&["tokenize", "--jsonl", "--json"], long.as_bytes());
    let records = json_lines(&jsonl.stdout);
    assert_eq!(
        (records[0]["length"].as_u64(), records[0]["truncated"].as_bool()),
        (Some(76), Some(true))
    );
    assert_eq!(records[1]["ids"], serde_json::json!([320, 39802, 321])); // PROTOCOL 3.7: a lone surrogate
    let broken = run_with_stdin(&["tokenize", "--jsonl"], b"\"a\"\nnot json\n");
    assert_eq!(broken.code, 1);
    assert!(broken.stderr.contains("standard input, line 2"), "{}", broken.stderr);
}

#[test]
fn preprocess_writes_the_pixels_of_the_recipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("seen.png");
    let out_text = out.to_str().expect("UTF-8");
    let run_default = run(&["preprocess", "photos/cat.jpg", "--out", out_text]);
    assert_eq!(run_default.code, 0, "{}", run_default.stderr);
    let png = std::fs::read(&out).expect("the PNG");
    assert_eq!(png[16..24], [0, 0, 0, 224, 0, 0, 0, 224]);
    let longest = run(&[
        "preprocess",
        "photos/cat.jpg",
        "--size",
        "64",
        "--resize",
        "longest",
        "--fill",
        "7",
        "--out",
        out_text,
    ]);
    assert_eq!(longest.code, 0, "{}", longest.stderr);
    assert_eq!(std::fs::read(&out).expect("the PNG")[16..24], [0, 0, 0, 64, 0, 0, 0, 64]);
    let wrong = run(&["preprocess", "photos/cat.jpg", "--out", "x.jpg"]);
    assert_eq!(wrong.code, 1);
    let own = run(&["preprocess", out_text, "--out", out_text]);
    assert!(
        own.code == 1 && own.stderr.contains("the image itself would be replaced"),
        "{}",
        own.stderr
    );
    assert_eq!(std::fs::read(&out).expect("the PNG")[16..24], [0, 0, 0, 64, 0, 0, 0, 64]);
}

#[test]
fn cap_on_pixels_refuses_before_decoding() {
    let run = run(&["classify", "photos/cat.jpg", "--labels", "a,b", "--max-pixels", "1000"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("1000"), "{}", run.stderr);
}

#[test]
fn verify_alone_checks_tokens_pixels_and_the_starter() {
    let run = run(&["verify", "--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let found = &json_lines(&run.stdout)[0];
    for part in ["tokenizer", "preprocessing", "starter"] {
        assert_eq!(found[part]["equal"], found[part]["of"], "{part}");
    }
}

#[test]
fn verify_compares_with_reference_files_and_ends_with_4_beyond_the_tolerance() {
    let Some(inputs) = golden("model/vit_quickgelu/inputs.safetensors") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let model = unpack("model/vit_quickgelu/openai_jit/model.pt.gz", folder.path());
    let outputs = golden("model/vit_quickgelu/outputs.safetensors").expect("beside it");
    let mut arguments = vec!["verify", "--model", model.to_str().expect("UTF-8"), "--inputs"];
    arguments.extend([
        inputs.to_str().expect("UTF-8"),
        "--outputs",
        outputs.to_str().expect("UTF-8"),
    ]);
    let within = run(&arguments);
    assert_eq!(within.code, 0, "{}{}", within.stdout, within.stderr);
    let found = &json_lines(&within.stdout)[0];
    assert_eq!(found["ok"], true);
    for tower in ["image", "text"] {
        assert!(found[tower]["max_rel"].as_f64().is_some_and(|x| x < 1e-5), "{found}");
        assert!(found[tower]["min_cosine"].as_f64().is_some_and(|x| x > 0.999_999), "{found}");
    }
    arguments.extend(["--tolerance", "1e-12"]);
    assert_eq!(run(&arguments).code, 4);
}

#[test]
fn heads_that_shapes_do_not_tell_come_from_a_configuration() {
    let Some(inputs) = golden("model/vit_gelu/inputs.safetensors") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let model = unpack("model/vit_gelu/state_dict/model.pt.gz", folder.path());
    let path = |name: &str| inputs.with_file_name(name).display().to_string();
    let (inputs, outputs) = (path("inputs.safetensors"), path("outputs.safetensors"));
    let config = path("open_clip_dir/open_clip_config.json");
    let model = model.to_str().expect("UTF-8");
    let arguments = [
        "verify",
        "--tolerance",
        "1e-5",
        "--model",
        model,
        "--inputs",
        &inputs,
        "--outputs",
        &outputs,
    ];
    let bare = run(&arguments);
    assert_eq!(bare.code, 1);
    assert!(
        bare.stderr.contains("help: give its configuration: `--model-config"),
        "{}",
        bare.stderr
    );
    let configured = run(&[&arguments[..], &["--model-config", &config]].concat());
    assert_eq!(configured.code, 0, "{}{}", configured.stdout, configured.stderr);
}

#[test]
fn models_lists_the_nine_and_describes_the_starter() {
    let list = run(&["models", "list", "--json"]);
    assert_eq!(list.code, 0, "{}", list.stderr);
    let models: serde_json::Value = serde_json::from_str(&list.stdout).expect("JSON");
    assert_eq!(models.as_array().map(Vec::len), Some(9));
    let info = run(&["models", "info", "starter", "--check", "--json"]);
    assert_eq!(info.code, 0, "{}", info.stderr);
    let info = &json_lines(&info.stdout)[0];
    assert_eq!(info["parameters"].as_u64(), Some(12_494_721));
}

#[test]
fn model_converts_to_every_layout_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let photo = ["classify", "photos/cat.jpg", "--labels", "a cat,a dog", "--json", "--model"];
    let expected =
        json_lines(&run(&[&photo[..], &["starter"]].concat()).stdout)[0]["labels"].clone();
    for layout in ["openai", "open_clip", "hugging_face"] {
        let out = folder.path().join(if layout == "openai" { "model.safetensors" } else { layout });
        let out_text = out.to_str().expect("UTF-8");
        let convert = run(&["models", "convert", "starter", "--layout", layout, "--out", out_text]);
        assert_eq!(convert.code, 0, "{layout}: {}", convert.stderr);
        let classified = run(&[&photo[..], &[out_text]].concat());
        assert_eq!(classified.code, 0, "{layout}: {}", classified.stderr);
        assert_eq!(json_lines(&classified.stdout)[0]["labels"], expected, "{layout}");
    }
}

#[test]
fn config_says_who_set_what() {
    let output = clip_rs(&["config", "--json", "--threads", "1"])
        .env("CLIP_RS_DEVICE", "reference")
        .output()
        .expect("it runs");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["threads"], serde_json::json!({ "value": 1, "source": "--threads" }));
    assert_eq!(
        found["device"],
        serde_json::json!({ "value": "reference", "source": "CLIP_RS_DEVICE" })
    );
    assert_eq!(found["model"], serde_json::json!({ "value": "starter", "source": "default" }));
}

#[test]
fn completions_and_manual_pages_are_made() {
    assert!(run(&["completions", "bash"]).stdout.contains("clip-rs"));
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(&["man", "--out", folder.path().to_str().expect("UTF-8")]).code, 0);
    assert!(folder.path().join("clip-rs-classify.1").is_file());
}

#[test]
fn every_verb_has_help_with_an_example() {
    for verb in [
        "classify",
        "embed",
        "similarity",
        "tokenize",
        "preprocess",
        "verify",
        "models",
        "datasets",
        "bench",
        "report",
        "config",
        "completions",
        "man",
    ] {
        let run = run(&[verb, "--help"]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("Example"), "{verb}");
    }
}
