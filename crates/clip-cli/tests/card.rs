//! `card` as typed.

mod common;

use std::path::{Path, PathBuf};

use common::{json_lines, root, run};

/// SHA-256 of the starter's tensors.
const STARTER: &str = "939407c9fa0373556625321aff7ee519df4987c6d9072892c7c17606a8fd5b6e";

/// One result of the starter; of one of the fixtures' unreadable and of other weights.
fn results(folder: &Path, weights: &str, model: &str) -> PathBuf {
    let from = root().join("crates/clip-eval/tests/fixtures/report/starter");
    let to = folder.join("results").join(model);
    std::fs::create_dir_all(&to).expect("a folder");
    let name = "cifar10.zeroshot_classification.json";
    let text = std::fs::read_to_string(from.join(name)).expect("a fixture");
    let text =
        text.replace("\"weights_sha256\": \"00ff\"", &format!("\"weights_sha256\": \"{weights}\""));
    let text = text.replace("\"model\": \"starter\"", &format!("\"model\": \"{model}\""));
    std::fs::write(to.join(name), text).expect("written");
    folder.join("results")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn card_is_written_and_counted_and_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path(), STARTER, "starter");
    let out = folder.path().join("new/CARD.md");
    let arguments = ["card", "-m", "starter", "-r", text(&results), "-o", text(&out), "--json"];
    let first = run(&arguments);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let counts = &json_lines(&first.stdout)[0];
    assert_eq!((&counts["results"], &counts["audits"]), (&1.into(), &0.into()));
    assert_eq!(counts["weights_sha256"], STARTER);
    assert_eq!(counts["not_audited"].as_array().map(Vec::len), Some(4));
    let card = std::fs::read_to_string(&out).expect("the card");
    assert_eq!(counts["bytes"].as_u64(), Some(card.len() as u64));
    for part in ["---\nlanguage: en\n", "62.0 % [57.5, 66.3]", "500 of 10,000", "subset"] {
        assert!(card.contains(part), "{part} is not in\n{card}");
    }
    assert!(!card.contains(text(folder.path())), "a path of this machine is in the card");
    // The same card is no other file.
    assert_eq!(run(&arguments).code, 0);
    let printed = run(&["card", "-m", "starter", "-r", text(&results)]);
    assert_eq!((printed.code, printed.stdout), (0, card));
}

#[test]
fn another_file_is_replaced_only_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path(), STARTER, "starter");
    let out = folder.path().join("README.md");
    std::fs::write(&out, "written by hand").expect("written");
    let arguments = ["card", "-r", text(&results), "-o", text(&out)];
    let refused = run(&arguments);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("another file") && refused.stderr.contains("--replace"));
    assert_eq!(std::fs::read_to_string(&out).expect("it"), "written by hand");
    let replaced = run(&[&arguments[..], &["--replace"]].concat());
    assert_eq!(replaced.code, 0, "{}", replaced.stderr);
    assert!(replaced.stdout.contains("1 result and 0 audits of starter"));
    assert!(std::fs::read_to_string(&out).expect("it").starts_with("---\n"));
}

#[test]
fn errors_name_the_folder_the_models_that_are_there_and_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = run(&["card", "-r", text(&folder.path().join("nowhere"))]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("no such folder") && nowhere.stderr.contains("clip-rs eval"));

    let others = results(folder.path(), &"40".repeat(32), "ViT-B-32");
    let other = run(&["card", "-r", text(&others)]);
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("no result of starter"), "{}", other.stderr);
    assert!(other.stderr.contains("there are results of ViT-B-32"), "{}", other.stderr);

    let changed = results(folder.path(), &"00".repeat(32), "starter");
    let weights = run(&["card", "-r", text(&changed)]);
    assert_eq!(weights.code, 1);
    assert!(weights.stderr.contains("of other weights"), "{}", weights.stderr);

    let json = run(&["card", "-r", text(&others), "--json"]);
    assert_eq!(json.code, 2, "the counts and the card would be one text");
}

#[test]
fn a_folder_without_results_makes_a_card_that_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = run(&["card", "-m", "starter", "-r", text(folder.path())]);
    assert_eq!(empty.code, 0, "{}", empty.stderr);
    assert!(empty.stderr.contains("nothing was measured"));
    assert!(empty.stdout.contains("**Nothing was measured**"));
}

#[test]
fn what_cannot_be_read_or_is_of_other_weights_is_named_and_ends_with_3() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path(), STARTER, "starter");
    let broken = results.join("starter/mnist.audit.fairface.json");
    std::fs::write(broken, "{ \"schema\": 1 }").expect("written");
    let changed =
        std::fs::read_to_string(results.join("starter/cifar10.zeroshot_classification.json"))
            .expect("the result")
            .replace(STARTER, &"ab".repeat(32))
            .replace("cifar10", "cifar100");
    std::fs::write(results.join("starter/cifar100.zeroshot_classification.json"), changed)
        .expect("written");
    let card = run(&["card", "-m", "starter", "-r", text(&results)]);
    assert_eq!(card.code, 3, "{}", card.stderr);
    for what in ["mnist.audit.fairface.json", "of other weights, SHA-256 ababababab"] {
        assert!(card.stderr.contains(what), "{what}: {}", card.stderr);
        assert!(card.stdout.replace('\\', "").contains(what), "{what}:\n{}", card.stdout);
    }
}
