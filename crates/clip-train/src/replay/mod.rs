//! Training against references that PyTorch made in f64 (`golden/training`).
//!
//! A folder holds `CASE.json` and its tensors; weights and batches follow from formulas, so folders
//! of other sizes and seeds are replayed just as well.

mod case;
mod compare;
mod error;
mod formula;
mod report;
mod run;
mod variants;

pub use error::ReplayError;
pub use report::{CaseReport, WorstTensor};

use case::Case;
use clip_kernels::Train;
use run::Run;
use std::path::{Path, PathBuf};

/// Replays every case of a folder, or the case of one `CASE.json`, in f32: the steps, and every
/// variant.
///
/// # Errors
/// [`ReplayError`], which names what is missing. Differences are no errors: see
/// [`CaseReport::ok`].
///
/// Source: `golden/training/README.md`, which has the tolerances.
pub fn replay<D: Train + Clone>(path: &Path, device: &D) -> Result<Vec<CaseReport>, ReplayError> {
    let failed = |source| ReplayError::File { path: path.to_owned(), source };
    if path.is_file() {
        return Ok(vec![replay_case(path, device)?]);
    }
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            cases.push(file);
        }
    }
    cases.sort();
    if let Some(path) = without_case(path).map_err(failed)? {
        return Err(ReplayError::Missing { path });
    }
    if cases.is_empty() {
        return Err(ReplayError::NoCases { path: path.to_owned() });
    }
    cases.iter().map(|case| replay_case(case, device)).collect()
}

fn replay_case<D: Train + Clone>(path: &Path, device: &D) -> Result<CaseReport, ReplayError> {
    let case = Case::read(path)?;
    let initial = case::tensors(path, "initial")?;
    Run::new(path, &case, device, initial)?.report()
}

/// A `CASE.json` whose tensors are there without it.
fn without_case(folder: &Path) -> std::io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for kind in ["_initial", "_step0_grads", "_final", "_arrays"] {
            let case = name.strip_suffix(&format!("{kind}.safetensors"));
            if let Some(case) = case.map(|case| folder.join(format!("{case}.json")))
                && !case.exists()
            {
                return Ok(Some(case));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_kernels::Cpu;

    /// The cases of `golden/training` without their tensors, which a clone holds.
    const CASES: [(&str, &str); 2] = [
        ("vit.json", include_str!("../../tests/golden/vit.json")),
        ("resnet.json", include_str!("../../tests/golden/resnet.json")),
    ];

    fn replayed(name: &str, text: &str) -> CaseReport {
        let path = Path::new(name);
        let case = Case::parse(path, text).unwrap();
        let device = &Cpu::new();
        let mut run = Run::new(path, &case, device, case.weights(case.seed)).unwrap();
        run.has_tensors = false;
        run.report().unwrap()
    }

    #[test]
    fn steps_and_variants_are_those_of_pytorch() {
        for (name, text) in CASES {
            let report = replayed(name, text);
            assert!(report.ok, "{name}: {:#?}", report.failures);
        }
    }

    #[test]
    fn what_differs_is_found() {
        let (name, text) = CASES[0];
        let mut case: serde_json::Value = serde_json::from_str(text).unwrap();
        for (place, change) in [
            ("/steps/7/loss", 1e-4),
            ("/steps/3/grad_norm", 1e-2),
            ("/variants/siglip/grad_logit_bias", 1e-3),
            ("/variants/accumulate_4/logit_scale_grad_exact", 1e-2),
            ("/variants/distill/distill_loss", 1e-4),
        ] {
            let value = case.pointer_mut(place).unwrap();
            *value = serde_json::json!(value.as_f64().unwrap() + change);
        }
        let report = replayed(name, &case.to_string());
        let failures = report.failures.join("\n");
        assert_eq!(report.failures.len(), 5, "{failures}");
        let names = ["loss", "norm", "grad_logit_bias", "grad_logit_scale", "distill"];
        assert!(names.iter().all(|name| failures.contains(name)), "{failures}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = || replay(folder.path(), &Cpu::new()).unwrap_err().to_string();
        assert!(error().contains("no CASE.json"), "{}", error());
        let text = CASES[0].1.replacen("\"grad_norm\"", "\"grad_nor\"", 1);
        std::fs::write(folder.path().join("vit.json"), text).unwrap();
        assert!(error().contains("vit.json: missing field `grad_norm`"), "{}", error());
        std::fs::write(folder.path().join("vit.json"), CASES[0].1).unwrap();
        assert!(error().contains("vit_initial.safetensors: is missing"), "{}", error());
        std::fs::write(folder.path().join("b_final.safetensors"), "").unwrap();
        assert!(error().contains("b.json: is missing"), "{}", error());
    }
}
