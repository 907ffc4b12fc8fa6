//! The model card: of exactly these weights, complete, escaped, the same again.

mod synthetic;

use clip_audit::AuditRecord;
use clip_audit::section::Body;
use clip_eval::results::{Figure, Record};
use clip_report::card::{Card, CardSummary, ModelFacts, Origin, Selection, Training};
use clip_report::{Measured, measured};
use clip_rs::{LoadOptions, open_checkpoint};
use synthetic::{invented_values, suite};

fn starter() -> ModelFacts {
    let checkpoint = open_checkpoint("starter", &LoadOptions::default()).expect("built in");
    ModelFacts::of("starter", &checkpoint).expect("nothing to read")
}

/// Results of one of the invented models, as if of these weights.
fn records(model: &ModelFacts) -> Vec<Record> {
    let mut records: Vec<Record> =
        suite().into_iter().filter(|record| record.model == "ViT-B/32").collect();
    for record in &mut records {
        record.model = "starter".to_owned();
        record.provenance.weights_sha256 = model.tensors_sha256.clone();
    }
    records
}

fn audits(model: &ModelFacts) -> Vec<AuditRecord> {
    let mut audits = synthetic::audits::audits();
    for audit in &mut audits {
        audit.model = "starter".to_owned();
        audit.provenance.weights_sha256 = model.tensors_sha256.clone();
    }
    audits
}

fn nothing(_: &Record, _: &Figure) -> Vec<Measured> {
    Vec::new()
}

fn card(model: &ModelFacts, selection: &Selection) -> (String, CardSummary) {
    Card { model, selection, published: &nothing }.text()
}

/// The head and what follows it.
fn parts(card: &str) -> (&str, &str) {
    let card = card.strip_prefix("---\n").expect("begins with the head");
    card.split_once("\n---\n").expect("the head ends")
}

#[test]
fn every_chapter_is_there_in_order_and_the_same_results_give_the_same_bytes() {
    let model = starter();
    let selection = Selection::of(&model, records(&model), audits(&model));
    let (text, summary) = card(&model, &selection);
    assert_eq!(card(&model, &selection).0, text);
    let chapters: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(
        chapters,
        [
            "Model details",
            "Intended use",
            "Factors",
            "Metrics",
            "Evaluation data",
            "Training data",
            "Quantitative analyses",
            "Ethical considerations",
            "Caveats and recommendations",
            "What was not measured",
        ]
    );
    let (head, body) = parts(&text);
    for part in [
        "license: apache-2.0",
        "pipeline_tag: zero-shot-image-classification",
        "model-index:\n- name: \"starter\"",
        "      name: \"Food101\"\n",
        "(95 %, Clopper-Pearson; n = 3,650 of 3,669)",
    ] {
        assert!(head.contains(part), "{part} is not in\n{head}");
    }
    for part in [
        clip_rs::LIMITS,
        clip_audit::PURPOSE,
        &*model.tensors_sha256,
        "DeiT-Tiny",
        "12,494,721",
        "subset: not comparable",
        "16 examples",
        "effective robustness",
        "#### Gender accuracy by race, zero-shot",
        "too few",
        "**May be concluded:**",
        "Verdict: not met",
        "The audits warn:",
        "CIFAR-10",
    ] {
        assert!(body.contains(part), "{part} is not in\n{body}");
    }
    assert_eq!((summary.results, summary.audits), (15, 4));
    assert_eq!(summary.bytes, text.len());
    assert!(summary.figures >= summary.results);
}

/// Readers of a `model-index` join results that have task, data set, configuration and split in
/// common.
#[test]
fn results_of_the_head_are_told_apart() {
    let model = starter();
    let mut records = records(&model);
    let mut shifted = records[0].clone();
    shifted.task = "robustness".to_owned();
    let mut chosen = records[0].clone();
    chosen.identity.variant = "level-0.995".to_owned();
    let mut own = records[0].clone();
    own.identity.origin = "folder".to_owned();
    own.identity.place = "85a81dd1".to_owned();
    records.extend([shifted, chosen, own]);
    let all = records.len();
    let (text, _) = card(&model, &Selection::of(&model, records, Vec::new()));
    let (head, _) = parts(&text);
    let results = head.split("  - task:").skip(1).map(|result| {
        let fields = ["      type:", "      config:", "      split:"];
        let told = result.lines().filter(|line| fields.iter().any(|field| line.starts_with(field)));
        told.collect::<Vec<_>>()
    });
    let results: std::collections::BTreeSet<Vec<&str>> = results.collect();
    assert_eq!(results.len(), all, "{head}");
}

#[test]
fn every_kind_of_table_and_every_section_is_in_the_card() {
    let model = starter();
    let audits = audits(&model);
    let kinds: std::collections::BTreeSet<u8> = audits
        .iter()
        .flat_map(|audit| &audit.sections)
        .map(|section| match section.body {
            Body::Rates(_) => 0,
            Body::Paired(_) => 1,
            Body::Associations(_) => 2,
            Body::Figures(_) => 3,
            Body::Flow(_) => 4,
            Body::Confusions { .. } => 5,
            Body::Reliability { .. } => 6,
            Body::Curves(_) => 7,
        })
        .collect();
    assert_eq!(kinds.len(), 8, "the invented audits have every kind");
    let sections: usize = audits.iter().map(|audit| audit.sections.len()).sum();
    let (text, _) = card(&model, &Selection::of(&model, Vec::new(), audits));
    assert_eq!(text.matches("**May be concluded:**").count(), sections);
    assert_eq!(text.matches("**May not:**").count(), sections);
    tables_are_whole(&text);
}

/// Every row of a table has the cells of its heading.
fn tables_are_whole(text: &str) {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut expected = None;
    for line in text.lines() {
        if !line.starts_with('|') {
            expected = None;
            continue;
        }
        let found = cells(line);
        assert_eq!(*expected.get_or_insert(found), found, "{line}");
    }
}

#[test]
fn results_of_other_weights_or_changed_by_hand_are_not_taken_and_said() {
    let model = starter();
    let mut records = records(&model);
    records[0].provenance.weights_sha256 = "40d36571".repeat(8);
    records[0].dataset = "of_other_weights".to_owned();
    records[1].notes = vec!["this result was changed after it was written: its figures".to_owned()];
    records[1].score.value = Some(0.123_456);
    records[2].model = "ViT-L/14".to_owned();
    records[2].provenance.weights_sha256 = "3035c92b".repeat(8);
    let mut audits = audits(&model);
    audits[0].provenance.weights_sha256 = "ff".repeat(32);
    let all = records.len();
    let selection = Selection::of(&model, records, audits);
    assert_eq!((selection.records.len(), selection.audits.len()), (all - 3, 3));
    assert_eq!(selection.others, ["ViT-L/14"]);
    let (text, summary) = card(&model, &selection);
    assert_eq!(summary.refused, 3);
    for reason in ["of other weights, SHA-256 40d3657140…", "changed after it was written"] {
        assert!(text.contains(reason), "{reason}");
    }
    assert!(!text.contains("12.3 %") && !text.contains("0.123456"));
}

#[test]
fn a_model_without_results_has_a_card_that_says_so() {
    let model = starter();
    let (text, summary) = card(&model, &Selection::default());
    assert!(text.contains("**Nothing was measured**") && !text.contains("model-index"));
    assert_eq!((summary.results, summary.figures, summary.not_audited.len()), (0, 0, 4));
    let of_card = clip_data::catalogue().iter().filter(|dataset| dataset.card.is_some()).count();
    assert_eq!(summary.not_measured.len(), of_card);
    for dataset in &summary.not_measured {
        assert!(text.contains(dataset), "{dataset}");
    }
}

#[test]
fn nothing_from_a_file_is_markup_in_the_card() {
    let mut model = starter();
    let evil = "<script>alert(1)</script> | x](http://a.b) \u{1b}[31m\n---\n# `one` $$x$$ \u{202e}";
    let mut records = records(&model);
    for record in &mut records {
        record.dataset_title = evil.to_owned();
        record.split = evil.to_owned();
        record.identity.variant = evil.to_owned();
        record.score.name = evil.to_owned();
        record.notes = vec![evil.to_owned()];
        record.provenance.prompts_source = Some(evil.to_owned());
    }
    let audits: String = serde_json::to_string(&audits(&model)).expect("JSON");
    let audits: Vec<AuditRecord> =
        serde_json::from_str(&audits.replace("Southeast Asian", "<b>|\\n---\\n# x"))
            .expect("audits");
    model.name = evil.to_owned();
    model.warnings = vec![evil.to_owned()];
    let selection = Selection::of(&model, records, audits);
    let (text, _) = card(&model, &selection);
    let (head, body) = parts(&text);
    assert!(!body.contains('<') && !body.contains("](http://a") && !body.contains("$$"));
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    assert_eq!(text.lines().filter(|line| line.starts_with("---")).count(), 2);
    assert_eq!(text.lines().filter(|line| line.starts_with("# ")).count(), 1);
    for line in head.lines() {
        assert!(line.matches('"').count() % 2 == 0 || line.contains("\\\""), "{line}");
    }
    tables_are_whole(&text);
}

#[test]
fn published_values_stand_beside_results_of_the_same_items_alone() {
    let model = starter();
    let selection = Selection::of(&model, records(&model), Vec::new());
    let (text, _) =
        Card { model: &model, selection: &selection, published: &invented_values }.text();
    let row = |title: &str| {
        let is_row = |line: &&str| {
            line.starts_with(&format!("| {title} | test")) && line.contains("accuracy")
        };
        text.lines().find(is_row).unwrap_or_else(|| panic!("{title} is not in\n{text}"))
    };
    assert!(row("Food101").contains("(paper)") && row("Food101").contains("as published"));
    assert!(!row("EuroSAT").contains("(paper)") && row("EuroSAT").contains("subset"));
    // Published values are of the nine models: the starter has none.
    let card = Card { model: &model, selection: &selection, published: &measured };
    assert!(!card.text().0.contains("(paper)"));
}

#[test]
fn a_checkpoint_of_a_run_tells_its_training_without_folders() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = serde_json::json!({
        "schema": 1, "clip_rs": "0.1.0", "config_sha256": "ab".repeat(32),
        "config": {
            "model": { "from": "hf:owner/name", "architecture": null },
            "data": { "source": "/home/someone/secret/train-{000000..000005}.tar::/data/more.csv" },
            "optimizer": { "weight_decay": 0.2 }, "run": { "seed": 1 },
        },
        "progress": { "step": 1200, "samples": 76800, "skipped_steps": 2 },
        "position": "x", "trainer": 7,
    });
    std::fs::write(folder.path().join("training.json"), state.to_string()).expect("written");
    let training = Training::beside(folder.path()).expect("read");
    let model = ModelFacts { origin: Origin::Trained(training), ..starter() };
    let (text, _) = card(&model, &Selection::default());
    for part in [
        "base_model: \"owner/name\"",
        "a fine-tune of hf:owner/name, after 1,200 steps on 76,800 samples",
        "- train-{000000..000005}.tar\n- more.csv",
        "| optimizer.weight\\_decay | 0.2 |",
        "| licence | not known |",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("secret") && !text.contains("license:"));
    assert_eq!(Training::beside(&folder.path().join("elsewhere")), None);
    assert!(!text.contains("YFCC100M"));
    let of_released = state.to_string().replace("hf:owner/name", "ViT-B/32");
    std::fs::write(folder.path().join("training.json"), of_released).expect("written");
    let training = Training::beside(folder.path()).expect("read");
    let model = ModelFacts { origin: Origin::Trained(training), ..starter() };
    let (text, _) = card(&model, &Selection::default());
    assert!(text.contains("Of ViT-B/32, which it began with:") && text.contains("YFCC100M"));
    assert!(!text.contains("base_model"));
}

#[test]
fn of_a_path_the_last_part_stays() {
    let model = starter();
    let (mut records, mut audits) = (records(&model), audits(&model));
    for record in &mut records {
        record.dataset_title = "/home/someone/photos".to_owned();
        record.notes = vec!["left out: /home/someone/photos/a.jpg".to_owned()];
        record.provenance.prompts_source = Some("/home/someone/names.txt".to_owned());
    }
    audits[0].dataset_title = "/home/someone/people.csv".to_owned();
    audits[0].notes = vec!["of /home/someone/people.csv".to_owned()];
    let (text, _) = card(&model, &Selection::of(&model, records, audits));
    assert!(!text.contains("someone"));
    for part in ["| photos | test |", "left out: photos/a.jpg", "names.txt", "on people.csv"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn where_a_model_comes_from_is_read_or_not_known() {
    assert_eq!(starter().origin, Origin::Starter);
    let unknown = ModelFacts { origin: Origin::Unknown, ..starter() };
    let (text, _) = card(&unknown, &Selection::default());
    assert!(text.contains("Not known: no file beside the weights") && !text.contains("license:"));
    let released = clip_rs::model::registry::find("ViT-B/32").expect("one of the nine");
    let released = ModelFacts { origin: Origin::Released(released), ..starter() };
    let (text, _) = card(&released, &Selection::default());
    assert!(text.contains("YFCC100M") && text.contains("model-card.md"));
}
