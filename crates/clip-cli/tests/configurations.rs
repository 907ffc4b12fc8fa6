//! Configurations beside weights: obeyed, or refused by the name of a field; what is written reads
//! back. The model is the starter, written as a folder; each test puts its own configuration beside
//! the same weights.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clip_testing::Arrays;
use common::{Run, run};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const PHOTO: &str = "photos/cat.jpg";

/// The starter in this layout; written once.
fn starter(layout: &str) -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        for layout in ["open_clip", "hugging_face"] {
            let out = folder.path().join(layout);
            let done =
                run(&["models", "convert", "starter", "--layout", layout, "--out", text(&out)]);
            assert_eq!(done.code, 0, "{}", done.stderr);
        }
        folder
    });
    folder.path().join(layout)
}

/// A folder of its own with the starter's weights and configurations of one layout.
fn folder(layout: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(starter(layout)).unwrap() {
        let path = entry.unwrap().path();
        let place = folder.path().join(path.file_name().unwrap());
        if path.extension().is_some_and(|ending| ending == "json") {
            fs::copy(&path, place).unwrap();
        } else {
            fs::hard_link(&path, place).unwrap();
        }
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut config: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    change(&mut config);
    fs::write(path, config.to_string()).unwrap();
}

fn embed(kind: &str, model: &Path, input: &str, more: &[&str]) -> Result<Vec<f32>, Run> {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("o.npy");
    let list = folder.path().join("t.txt");
    fs::write(&list, input).unwrap();
    let input = if kind == "texts" { text(&list) } else { input };
    let done =
        run(&[&["embed", kind, input, "--model", text(model), "--out", text(&out)], more].concat());
    if done.code != 0 {
        return Err(done);
    }
    let bytes = fs::read(&out).unwrap();
    let head = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    Ok(bytes[head..]
        .chunks_exact(4)
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect())
}

fn image(model: &Path) -> Vec<f32> {
    embed("images", model, PHOTO, &[]).unwrap_or_else(|done| panic!("{}", done.stderr))
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Texts are refused with this in the message, and images are not.
fn refuses_texts(model: &Path, by: &str) {
    let done = embed("texts", model, "a cat\n", &[]).unwrap_err();
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(
        done.stderr.contains("texts cannot be encoded") && done.stderr.contains(by),
        "{}",
        done.stderr
    );
    for labels in
        [["classify", PHOTO, "--labels", "a cat,a dog"], ["similarity", PHOTO, "--text", "a cat"]]
    {
        let done = run(&[&labels[..], &["--model", text(model)]].concat());
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{}", done.stderr);
        assert!(
            done.stderr.contains("texts cannot be encoded") && done.stderr.contains(by),
            "{}",
            done.stderr
        );
    }
    assert!(cosine(&image(model), &image(&starter("open_clip"))) > 0.999);
}

#[test]
fn processor_config_is_preferred_as_in_transformers_5() {
    let half = json!({ "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5] });
    let old = folder("hugging_face");
    edit(&old.path().join("preprocessor_config.json"), |config| {
        config.as_object_mut().unwrap().extend(half.as_object().unwrap().clone());
    });
    let new = folder("hugging_face");
    let processor = fs::read_to_string(old.path().join("preprocessor_config.json")).unwrap();
    let nested = json!({ "image_processor": serde_json::from_str::<Value>(&processor).unwrap() });
    fs::write(new.path().join("processor_config.json"), nested.to_string()).unwrap();
    assert_eq!(image(new.path()), image(old.path()));
    assert_ne!(image(new.path()), image(&starter("hugging_face")));
    // Without the nested part it says nothing of images.
    fs::write(new.path().join("processor_config.json"), r#"{"processor_class": "CLIPProcessor"}"#)
        .unwrap();
    assert_eq!(image(new.path()), image(&starter("hugging_face")));
}

#[test]
fn another_tokenizer_refuses_texts_by_its_field_and_images_go_on() {
    let cases = [
        json!({ "hf_tokenizer_name": "facebook/xlm-v-base" }),
        json!({ "pool_type": "eos", "eos_id": 2 }),
        json!({ "pool_type": "first" }),
        json!({ "tokenizer_kwargs": { "clean": "whitespace" } }),
        json!({ "tokenizer_kwargs": { "reduction_mask": "simple" } }),
        json!({ "tokenizer_kwargs": { "dropout": 0.1 } }),
        json!({ "tokenizer_mode": "clips" }),
    ];
    for fields in cases {
        let model = folder("open_clip");
        edit(&model.path().join("open_clip_config.json"), |config| {
            config["model_cfg"]["text_cfg"]
                .as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
        });
        let field = fields.as_object().unwrap().keys().next().unwrap();
        refuses_texts(model.path(), field);
    }
    let model = folder("hugging_face");
    edit(&model.path().join("config.json"), |config| {
        config["text_config"]["eos_token_id"] = json!(3);
    });
    let done = embed("texts", model.path(), "a cat\n", &[]).unwrap_err();
    assert!(done.stderr.contains("`text_config.eos_token_id` is 3"), "{}", done.stderr);
}

#[test]
fn tokenizer_files_that_are_not_clips_refuse_texts_by_the_files_name() {
    let files = [
        ("vocab.json", r#"{"a": 0}"#),
        ("merges.txt", "#version: 0.2\na b\n"),
        ("tokenizer.json", r#"{"model": {"vocab": {"a": 0}, "merges": []}}"#),
        ("tokenizer.json", r#"{"version": "1.0"}"#),
        ("vocab.txt", "[PAD]\n[UNK]\n"),
        ("sentencepiece.bpe.model", "\u{a}\u{e}"),
        ("added_tokens.json", r#"{"<new>": 49408}"#),
        ("tokenizer_config.json", r#"{"tokenizer_class": "XLMRobertaTokenizer"}"#),
        ("special_tokens_map.json", r#"{"eos_token": {"content": "</s>"}}"#),
    ];
    for (name, content) in files {
        let model = folder("open_clip");
        fs::write(model.path().join(name), content).unwrap();
        refuses_texts(model.path(), name);
    }
    let model = folder("open_clip");
    fs::write(
        model.path().join("tokenizer_config.json"),
        r#"{"tokenizer_class": "CLIPTokenizer", "eos_token": {"content": "<|endoftext|>"}, "model_max_length": 77}"#,
    )
    .unwrap();
    assert!(embed("texts", model.path(), "a cat\n", &[]).is_ok());
}

#[test]
fn canonical_cleaning_is_followed_and_kept_by_a_conversion() {
    let model = folder("open_clip");
    edit(&model.path().join("open_clip_config.json"), |config| {
        config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = json!({ "clean": "canonicalize" });
    });
    let expected = embed("texts", &starter("open_clip"), "a photo of a cat\n", &[]).unwrap();
    assert_eq!(embed("texts", model.path(), "A photo, of a_cat!\n", &[]).unwrap(), expected);
    let out = model.path().join("again.safetensors");
    let arguments = ["models", "convert", text(model.path()), "--out", text(&out), "--layout"];
    assert_eq!(run(&[&arguments[..], &["openai"]].concat()).code, 0);
    assert_eq!(embed("texts", &out, "A photo, of a_cat!\n", &[]).unwrap(), expected);
    let refused = run(&[&arguments[..], &["hugging_face"]].concat());
    assert!(refused.code == 1 && refused.stderr.contains("canonicalize"), "{}", refused.stderr);
}

/// Class vectors that were made of the same weights with CLIP's tokens are no way round.
#[test]
fn another_tokenizer_refuses_labels_of_an_evaluation_whatever_is_in_its_cache() {
    let desk = TempDir::new().unwrap();
    for class in ["cat", "dog"] {
        fs::create_dir_all(desk.path().join("set").join(class)).unwrap();
        let photo = common::root().join(format!("photos/{class}.jpg"));
        fs::copy(photo, desk.path().join("set").join(class).join("1.jpg")).unwrap();
    }
    let set = format!("folder:{}", text(&desk.path().join("set")));
    let (out, cache) = (desk.path().join("out"), desk.path().join("features"));
    let eval = |model: &Path| {
        let arguments = ["eval", "zeroshot", "--dataset", &set, "--model", text(model)];
        run(&[&arguments[..], &["-o", text(&out), "--features", text(&cache)]].concat())
    };
    let model = folder("open_clip");
    assert_eq!(eval(model.path()).code, 0);
    edit(&model.path().join("open_clip_config.json"), |config| {
        config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "facebook/xlm-v-base".into();
    });
    let refused = eval(model.path());
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("texts cannot be encoded"), "{}", refused.stderr);
}

/// OpenAI's loader derives everything from the sizes of the tensors.
#[test]
fn what_no_size_tells_is_said_by_a_conversion_to_openais_layout() {
    let convert = |model: &Path| {
        let out = model.join("o.safetensors");
        let done =
            run(&["models", "convert", text(model), "--layout", "openai", "--out", text(&out)]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.stderr
    };
    assert!(!convert(folder("open_clip").path()).contains("no place"));
    for (change, said) in [
        (json!({ "quick_gelu": false }), "no place for the activation GELU: "),
        (
            json!({ "vision_cfg": { "head_width": 32 } }),
            "no place for the heads of the image tower: ",
        ),
        (json!({ "text_cfg": { "heads": 4 } }), "no place for the heads of the text tower: "),
        (json!({ "text_cfg": { "pool_type": "last" } }), "no place for the pooling of texts: "),
    ] {
        let model = folder("open_clip");
        edit(&model.path().join("open_clip_config.json"), |config| {
            for (key, value) in change.as_object().unwrap() {
                match value {
                    Value::Object(fields) => {
                        config["model_cfg"][key].as_object_mut().unwrap().extend(fields.clone());
                    }
                    value => config["model_cfg"][key] = value.clone(),
                }
            }
        });
        let stderr = convert(model.path());
        assert!(stderr.contains(said), "{stderr}");
    }
}

/// Rows of texts that were cleaned in another way are not taken up.
#[test]
fn interrupted_run_of_texts_is_not_taken_up_by_another_cleaning() {
    let model = folder("open_clip");
    let (list, out) = (model.path().join("t.txt"), model.path().join("o.npy"));
    fs::write(&list, "A photo, of a_cat!\n").unwrap();
    let embed = || {
        run(&["embed", "texts", text(&list), "--model", text(model.path()), "--out", text(&out)])
    };
    let clean = |how: &str| {
        edit(&model.path().join("open_clip_config.json"), |config| {
            config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = json!({ "clean": how });
        });
    };
    fs::create_dir(&out).unwrap(); // the output cannot be written: the rows stay
    assert_eq!(embed().code, 1);
    fs::remove_dir(&out).unwrap();
    clean("canonicalize");
    let refused = embed();
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("another model or other settings"), "{}", refused.stderr);
    clean("lower");
    let resumed = embed();
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(resumed.stderr.contains("1 rows are there already"), "{}", resumed.stderr);
}

#[test]
fn preprocessing_of_model_config_and_of_every_written_layout_is_followed() {
    let model = folder("open_clip");
    let prep = json!({ "mean": [0.5, 0.5, 0.5], "std": [0.4, 0.5, 0.6], "interpolation": "bilinear", "resize_mode": "squash" });
    let config = model.path().join("open_clip_config.json");
    edit(&config, |config| config["preprocess_cfg"] = prep);
    let expected = image(model.path());
    let plain = starter("open_clip");
    assert!(cosine(&image(&plain), &expected) < 0.999);
    let told = embed("images", &plain, PHOTO, &["--model-config", text(&config)]).unwrap();
    assert_eq!(told, expected);
    for layout in ["openai", "open_clip", "hugging_face"] {
        let out = TempDir::new().unwrap();
        let place = out.path().join("m.safetensors");
        let done = run(&[
            "models",
            "convert",
            text(model.path()),
            "--layout",
            layout,
            "--out",
            text(&place),
        ]);
        assert_eq!(image(&place), expected, "{layout}");
        let warned = done.stderr.contains("no place for preprocessing");
        assert_eq!(warned, layout == "openai", "{}", done.stderr);
    }
    edit(&config, |config| config["preprocess_cfg"]["interpolation"] = json!("lanczos"));
    let out = model.path().join("no");
    let done = run(&[
        "models",
        "convert",
        text(model.path()),
        "--layout",
        "open_clip",
        "--out",
        text(&out),
    ]);
    assert!(done.code == 1 && done.stderr.contains("lanczos") && !out.exists(), "{}", done.stderr);
}

#[test]
fn keys_that_cannot_be_followed_are_named() {
    for (section, key, value) in [
        ("text_cfg", "no_causal_mask", json!(true)),
        ("text_cfg", "rotary", json!(true)),
        ("vision_cfg", "pool_type", json!("avg")),
        ("vision_cfg", "norm_kwargs", json!({ "eps": 1e-6 })),
        ("vision_cfg", "mlp_ratio", json!(2.0)),
        ("text_cfg", "context_length", json!(64)),
    ] {
        let model = folder("open_clip");
        edit(&model.path().join("open_clip_config.json"), |config| {
            config["model_cfg"][section][key] = value;
        });
        let done = embed("images", model.path(), PHOTO, &[]).unwrap_err();
        assert!(
            done.code == 1 && done.stderr.contains(&format!("`{section}.{key}`")),
            "{}",
            done.stderr
        );
    }
    let model = folder("hugging_face");
    edit(&model.path().join("config.json"), |config| {
        config["vision_config"]["rotary"] = json!(true);
    });
    edit(&model.path().join("preprocessor_config.json"), |config| config["crop_pct"] = json!(0.9));
    let out = model.path().join("o.npy");
    let done = run(&["embed", "images", PHOTO, "--model", text(model.path()), "--out", text(&out)]);
    for name in ["`vision_config.rotary`", "`image_processor.crop_pct`"] {
        assert!(done.code == 0 && done.stderr.contains(name), "{}", done.stderr);
    }
}

/// The same tensors under other names, without the configuration in the metadata.
fn renamed(from: &Path, to: &Path, rename: impl Fn(&str) -> String) {
    let Arrays { header, data } = Arrays::open(from);
    let tensors = header.into_iter().filter(|(name, _)| name != "__metadata__");
    let header = Value::from(tensors.map(|(name, at)| (rename(&name), at)).collect::<Map<_, _>>())
        .to_string();
    let header = format!("{header:width$}", width = header.len().next_multiple_of(8));
    let head = (header.len() as u64).to_le_bytes();
    fs::write(to, [&head[..], header.as_bytes(), &data].concat()).unwrap();
}

#[test]
fn configurations_are_read_beside_weights_with_prefixes_and_of_any_name() {
    for (layout, weights) in
        [("hugging_face", "model.safetensors"), ("open_clip", "open_clip_model.safetensors")]
    {
        for (prefix, name) in [("_orig_mod.", weights), ("module.", "epoch_3.safetensors")] {
            let model = folder(layout);
            let path = model.path().join(weights);
            let place = model.path().join(name);
            renamed(&path, &model.path().join("new"), |name| format!("{prefix}{name}"));
            fs::remove_file(&path).unwrap();
            fs::rename(model.path().join("new"), &place).unwrap();
            let found = image(if name == weights { model.path() } else { &place });
            assert_eq!(found, image(&starter(layout)), "{layout} {prefix}");
        }
    }
}

#[test]
fn heads_and_activation_are_guessed_aloud() {
    let folder = TempDir::new().unwrap();
    let written = folder.path().join("released.safetensors");
    let done = run(&[
        "models",
        "convert",
        "starter",
        "--layout",
        "openai",
        "--weights",
        "released",
        "--out",
        text(&written),
    ]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let bare = folder.path().join("bare.safetensors");
    renamed(&written, &bare, str::to_owned);
    let out = folder.path().join("o.npy");
    let done = run(&["embed", "images", PHOTO, "--model", text(&bare), "--out", text(&out)]);
    for said in ["3 of 64 features were guessed for its width 192", "quick_gelu was guessed"] {
        assert!(done.code == 0 && done.stderr.contains(said), "{}", done.stderr);
    }
    let config = starter("open_clip").join("open_clip_config.json");
    let out = folder.path().join("p.npy");
    let told = ["--model-config", text(&config)];
    let done =
        run(&[&["embed", "images", PHOTO, "--model", text(&bare), "--out", text(&out)], &told[..]]
            .concat());
    assert!(done.code == 0 && !done.stderr.contains("guessed"), "{}", done.stderr);
}
