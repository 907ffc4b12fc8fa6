//! Broken and hostile files: an error where the reference has one, its pixels or an error where it
//! has pixels.

mod golden;

use std::fs;
use std::time::{Duration, Instant};

use clip_image::{Limits, Preprocess, header};
use clip_testing::{read_json, sha256};
use golden::{Report, folders};
use serde_json::Value;

#[test]
fn bad_files_give_a_clean_error_or_the_reference_pixels() {
    for folder in folders() {
        let folder = folder.join("bad");
        let mut report = Report::default();
        let mut refused = 0;
        for case in read_json(folder.join("bad.json"))["cases"].as_array().expect("a list") {
            let file = case["file"].as_str().expect("a name");
            let bytes = fs::read(folder.join(file)).expect("the bad file");
            let start = Instant::now();
            let outcome = Preprocess::clip(224).pixels(&bytes, &Limits::default());
            let _ = header(&bytes, &Limits::default());
            let took = start.elapsed();
            let found =
                outcome.map(|pixels| sha256(&pixels.data)).map_err(|error| error.to_string());
            let same_as_reference = match &found {
                Ok(_) => case["reference"]["outcome"] == "ok",
                Err(_) => case["reference"]["outcome"] == "error",
            };
            if !same_as_reference {
                println!("{file}: {found:?}");
            }
            refused += usize::from(!same_as_reference);
            let result = check(case, &found, took);
            report.case(result.map_err(|error| format!("{file} ({}): {error}", case["what"])));
        }
        println!("{refused} files are refused that the reference reads");
        report.finish("bad");
    }
}

/// Generous: the slowest takes well under a second when the machine is idle; a hang would not end.
const MOST_TIME: Duration = Duration::from_secs(5);

fn check(case: &Value, found: &Result<String, String>, took: Duration) -> Result<(), String> {
    if took > MOST_TIME {
        return Err(format!("took {took:?}"));
    }
    let hash = &case["reference"]["rgb_sha256"];
    match (case["expect"].as_str(), found) {
        (Some("error"), Err(message)) | (Some("ok_or_error"), Err(message)) => {
            if message.is_empty() { Err("an empty message".into()) } else { Ok(()) }
        }
        (Some("error"), Ok(_)) => Err("decoded, an error is expected".into()),
        (Some("ok"), Err(message)) => Err(format!("refused: {message}")),
        (_, Ok(found)) if hash == found => Ok(()),
        (_, Ok(_)) => Err("other pixels than the reference's".into()),
        (other, _) => Err(format!("unknown expectation {other:?}")),
    }
}
