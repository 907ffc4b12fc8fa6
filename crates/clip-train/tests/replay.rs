//! Training against the references that PyTorch made in f64 (`golden/training`).

use clip_kernels::{Cpu, Isa, Reference, Train};
use clip_testing::golden;
use clip_train::replay::{CaseReport, replay};

fn replayed<D: Train + Clone>(device: &D) -> Option<Vec<CaseReport>> {
    let folder = golden("training")?;
    Some(replay(&folder, device).expect("a whole folder"))
}

fn assert_ok(reports: &[CaseReport]) {
    for report in reports {
        println!("{}", serde_json::to_string_pretty(report).expect("plain values"));
    }
    let cases: Vec<&str> = reports.iter().map(|report| report.case.as_str()).collect();
    assert_eq!(cases, ["resnet", "vit"]);
    for report in reports {
        assert!(report.ok, "{}: {:#?}", report.case, report.failures);
    }
}

#[test]
fn the_definition_of_every_operation_trains_as_pytorch_does() {
    if let Some(reports) = replayed(&Reference) {
        assert_ok(&reports);
    }
}

#[test]
fn the_processor_trains_as_pytorch_does_with_every_instruction_set() {
    for isa in Isa::available() {
        if let Some(reports) = replayed(&Cpu::with_isa(isa)) {
            assert_ok(&reports);
        }
    }
}
