//! `report` as typed.

mod common;

use std::path::{Path, PathBuf};

use common::{json_lines, root, run};

/// Two results that can be read and one that cannot.
fn results(folder: &Path) -> PathBuf {
    let from = root().join("crates/clip-eval/tests/fixtures/report/starter");
    let to = folder.join("results/starter");
    std::fs::create_dir_all(&to).expect("a folder");
    for file in std::fs::read_dir(from).expect("the fixtures").flatten() {
        std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
    folder.join("results")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn report_writes_page_and_table_and_says_what_was_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path());
    let (page, csv) = (folder.path().join("page.html"), folder.path().join("all.csv"));
    let report = run(&["report", text(&results), "-o", text(&page), "--csv", text(&csv), "--json"]);
    assert_eq!(report.code, 3, "{}", report.stderr);
    assert!(
        report.stderr.contains("left out") && report.stderr.contains("schema"),
        "{}",
        report.stderr
    );
    let summary = &json_lines(&report.stdout)[0];
    assert_eq!(summary["cells"], 2);
    assert_eq!(summary["unreadable"], 1);
    assert_eq!(summary["not_comparable"], 2);
    assert_eq!(summary["page"], text(&page));
    let html = std::fs::read_to_string(&page).expect("the page");
    assert_eq!(summary["bytes"].as_u64(), Some(html.len() as u64));
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    assert_eq!(std::fs::read_to_string(&csv).expect("the table").lines().count(), 3);
}

#[test]
fn page_stands_in_the_folder_of_the_results_by_default_and_is_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path());
    std::fs::remove_file(results.join("starter/mnist.zeroshot_classification.json"))
        .expect("removed");
    let first = run(&["report", text(&results)]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stdout.contains("2 results") && first.stdout.contains("not comparable"),
        "{}",
        first.stdout
    );
    let page = std::fs::read(results.join("report.html")).expect("the page");
    assert_eq!(run(&["report", text(&results)]).code, 0);
    assert_eq!(std::fs::read(results.join("report.html")).expect("the page"), page);
}

/// Whole splits, but not the ones that values are published of.
#[test]
fn other_splits_and_other_prompts_are_not_set_beside_published_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |dataset: &str, split: &str, items: usize, prompts: &str| {
        let cell = serde_json::json!({
            "schema": 1, "clip_rs": "0.1.0", "dataset": dataset, "dataset_title": dataset, "split": split,
            "task": "zeroshot_classification", "model": "ViT-B/32", "pretrained": "openai", "language": "en",
            "metrics": { "acc1": 0.44 },
            "score": {
                "name": "accuracy", "value": 0.44, "low": 0.43, "high": 0.45, "level": 0.95,
                "method": "Clopper-Pearson"
            },
            "provenance": {
                "weights_sha256": "0".repeat(64), "recipe": {}, "precision": "f32", "isa": "avx2",
                "prompts_blake3": prompts, "prompts_source": null, "split_blake3": "", "features_key": null
            },
            "counts": { "expected": items, "found": items, "scored": items, "skipped": 0 },
            "wall_seconds": 1.0
        });
        let results = folder.path().join(format!("{dataset}-{split}"));
        let path = results.join("ViT-B-32").join(format!("{dataset}.zeroshot_classification.json"));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, cell.to_string()).expect("a file");
        let report = run(&["report", text(&results), "--json"]);
        assert_eq!(report.code, 0, "{}", report.stderr);
        let html = std::fs::read_to_string(results.join("report.html")).expect("the page");
        (json_lines(&report.stdout)[0].clone(), html)
    };
    let ours = |id: &str| {
        clip_eval::head::blake3_of(&clip_data::PromptSet::of(id).expect("prompts of the catalogue"))
    };
    for (dataset, split, items, prompts, reason) in [
        ("imagenetv2", "top-images", 10_000, ours("imagenet"), "another split: not comparable"),
        ("imagenetv2", "threshold-0.7", 10_000, ours("imagenet"), "another split: not comparable"),
        ("dtd", "val", 1_880, ours("dtd"), "another split: not comparable"),
        ("dtd", "test", 1_880, ours("cifar10"), "other prompts: not comparable"),
    ] {
        let (summary, html) = write(dataset, split, items, &prompts);
        assert_eq!(
            (&summary["compared"], &summary["not_comparable"]),
            (&0.into(), &1.into()),
            "{dataset}"
        );
        assert!(html.contains(reason), "{dataset} {split}: {reason}");
    }
    let (summary, html) = write("imagenetv2", "matched-frequency", 10_000, &ours("imagenet"));
    assert_eq!(
        (&summary["compared"], &summary["not_comparable"]),
        (&0.into(), &0.into()),
        "no value in the paper"
    );
    assert!(!html.contains("not comparable"));
    let (summary, _) = write("dtd", "test", 1_880, &ours("dtd"));
    assert_eq!((&summary["compared"], &summary["not_comparable"]), (&1.into(), &0.into()));
}

/// A pipe would never end, and a folder of that name cannot be read.
#[cfg(unix)]
#[test]
fn what_is_no_file_of_a_result_is_listed_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path());
    let model = results.join("starter");
    let pipe = model.join("food101.zeroshot_classification.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    std::fs::create_dir(model.join("dtd.zeroshot_classification.json")).expect("a folder");
    let report = run(&["report", text(&results), "--json"]);
    assert_eq!(report.code, 3, "{}", report.stderr);
    let summary = &json_lines(&report.stdout)[0];
    assert_eq!((&summary["cells"], &summary["unreadable"]), (&2.into(), &3.into()));
    for name in ["food101", "dtd", "mnist"] {
        assert!(report.stderr.contains(name), "{name}: {}", report.stderr);
    }
}

#[test]
fn folder_without_results_is_an_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = run(&["report", text(folder.path())]);
    assert_eq!(empty.code, 1);
    assert!(
        empty.stderr.contains("no results") && empty.stderr.contains("help: "),
        "{}",
        empty.stderr
    );
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
    let missing = run(&["report", text(&folder.path().join("nowhere"))]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
}

/// An audit with one table, and a verdict.
fn audit(folder: &Path, met: bool) -> PathBuf {
    let rate = |items: usize| match items {
        7 => serde_json::json!({ "items": 7, "hits": null, "share": null }),
        _ => serde_json::json!({
            "items": items, "hits": items / 2,
            "share": { "name": "share", "value": 0.5, "unit": "share", "low": 0.4, "high": 0.6 }
        }),
    };
    let row = |group: &str, items| serde_json::json!({ "group": [group], "rate": rate(items) });
    let record = serde_json::json!({
        "schema": 1, "clip_rs": "0.1.0", "kind": "taxonomy", "model": "starter", "pretrained": "clip-rs",
        "dataset": "pets", "dataset_title": "Pets", "split": "test", "language": "en", "identity": {},
        "provenance": {
            "weights_sha256": "0".repeat(64), "recipe": {}, "precision": "f32", "isa": "avx2",
            "prompts_blake3": null, "prompts_source": null, "split_blake3": "", "features_key": null
        },
        "counts": { "expected": 107, "found": 107, "scored": 107, "skipped": 0 },
        "sections": [{
            "id": "by-place", "title": "Accuracy by place",
            "body": {
                "kind": "rates", "rate": "the answer is right", "good": "higher", "by": ["place"],
                "rows": [row("town", 100), row("village", 7)], "all": rate(107), "min_group": 20,
                "disparity": null
            },
            "conclusion": { "may": "half is right.", "may_not": "anything of villages." }
        }],
        "verdict": { "met": met, "requirements": [], "text": "Half of 107 images." },
        "wall_seconds": 1.0
    });
    let record: clip_audit::AuditRecord = serde_json::from_value(record).expect("an audit");
    record.write(&folder.join("results")).expect("written")
}

#[test]
fn audits_alone_make_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = audit(folder.path(), false);
    let results = folder.path().join("results");
    let report = run(&["report", text(&results)]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    assert!(report.stdout.contains("report.html: 1 audit, "), "{}", report.stdout);
    assert!(report.stdout.contains("not met: 1 audit verdict"), "{}", report.stdout);
    let page = std::fs::read_to_string(results.join("report.html")).expect("the page");
    for part in ["Accuracy by place", "May be concluded: ", "too few (7)", "✗ not met"] {
        assert!(page.contains(part), "{part}");
    }
    // A figure changed by hand stays in the page, and is named.
    let changed = std::fs::read_to_string(&path).expect("the audit").replace("0.5", "0.9");
    std::fs::write(&path, changed).expect("changed");
    let report = run(&["report", text(&results), "--json"]);
    assert_eq!(report.code, 3, "{}", report.stderr);
    assert!(report.stderr.contains("pets.audit.taxonomy.json"), "{}", report.stderr);
    let page = std::fs::read_to_string(results.join("report.html")).expect("the page");
    assert_eq!(page.matches("was changed after it was written").count(), 2);
}

#[test]
fn audits_stand_beside_results_and_not_in_their_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path());
    audit(folder.path(), true);
    std::fs::write(results.join("starter/dtd.audit.fairface.json"), "{}").expect("a broken one");
    let csv = folder.path().join("all.csv");
    let report = run(&["report", text(&results), "--csv", text(&csv), "--json"]);
    assert_eq!(report.code, 3, "{}", report.stderr);
    let summary = &json_lines(&report.stdout)[0];
    assert_eq!((&summary["cells"], &summary["audits"]), (&2.into(), &1.into()));
    assert_eq!((&summary["unreadable"], &summary["verdicts_not_met"]), (&2.into(), &0.into()));
    assert!(report.stderr.contains("dtd.audit.fairface.json"), "{}", report.stderr);
    assert_eq!(std::fs::read_to_string(&csv).expect("the table").lines().count(), 3);
    let page = std::fs::read_to_string(results.join("report.html")).expect("the page");
    assert!(page.contains("CLIP evaluation and audit") && page.contains("✓ met"));
}

#[test]
fn page_that_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = results(folder.path());
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).expect("a folder");
    let report = run(&["report", text(&results), "-o", text(&taken)]);
    assert_eq!(report.code, 1, "{}", report.stderr);
    assert!(report.stderr.contains("taken"), "{}", report.stderr);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("readable")
        .flatten()
        .map(|file| file.file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
