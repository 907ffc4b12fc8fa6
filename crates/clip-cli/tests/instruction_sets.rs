//! `CLIP_RS_ISA` as typed.

mod common;

use clip_testing::golden;
use common::{clip_rs, json_lines, run, unpack};

/// The instruction sets of this processor, widest first, and `reference`: what an unknown one's
/// error lists.
fn available() -> Vec<String> {
    let output = clip_rs(&["config"]).env("CLIP_RS_ISA", "abacus").output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    let (_, list) = stderr
        .lines()
        .next()
        .and_then(|line| line.split_once("this processor has "))
        .expect("a list");
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_instruction_set_gives_the_references_features() {
    let Some(inputs) = golden("model/vit_quickgelu/inputs.safetensors") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let model = unpack("model/vit_quickgelu/openai_jit/model.pt.gz", folder.path());
    let model = model.to_str().expect("UTF-8");
    let path = |name: &str| inputs.with_file_name(name).display().to_string();
    let (inputs, outputs) = (path("inputs.safetensors"), path("outputs.safetensors"));
    for isa in available() {
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
        let output = clip_rs(&arguments).env("CLIP_RS_ISA", &isa).output().expect("it runs");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{isa}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

#[test]
fn config_and_provenance_name_what_computes() {
    let folder = tempfile::tempdir().expect("a folder");
    for isa in available() {
        let config =
            clip_rs(&["config", "--json"]).env("CLIP_RS_ISA", &isa).output().expect("it runs");
        let config = json_lines(&String::from_utf8(config.stdout).expect("UTF-8"));
        assert_eq!(config[0]["isa"], serde_json::json!({ "value": isa, "source": "CLIP_RS_ISA" }));
    }
    let out = folder.path().join("t.npy");
    let texts = folder.path().join("t.txt");
    std::fs::write(&texts, "a cat\n").expect("written");
    let arguments = [
        "embed",
        "texts",
        texts.to_str().expect("UTF-8"),
        "--json",
        "--out",
        out.to_str().expect("UTF-8"),
    ];
    let output = clip_rs(&arguments).env("CLIP_RS_ISA", "portable").output().expect("it runs");
    let provenance = &json_lines(&String::from_utf8(output.stdout).expect("UTF-8"))[0];
    assert_eq!((&provenance["isa"], &provenance["precision"]), (&"portable".into(), &"f32".into()));
    assert_eq!(
        json_lines(&run(&["config", "--json", "--device", "reference"]).stdout)[0]["isa"]["value"],
        "reference"
    );
}
