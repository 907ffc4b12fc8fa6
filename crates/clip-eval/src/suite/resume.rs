//! Whether a job was done before: a result of the same identity, made from the same things.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clip_data::Split;
use clip_rs::{LoadOptions, ModelProvenance};

use super::plan::Job;
use crate::context::EvalContext;
use crate::error::Result;
use crate::features::head::{blake3_of, prompts_of};
use crate::features::{content_fingerprint, list_fingerprint};
use crate::options::EvalOptions;
use crate::results::identity::{Choices, Identity};
use crate::results::{Record, SplitRead, store};
use crate::tasks::Request;
use crate::tasks::averaged::{scored_splits, usual_split};

/// Of the result that a job makes of a split, from the options that its task reads.
pub(super) fn identity_of(
    job: &Job,
    split: &Split,
    options: &EvalOptions,
    load: &LoadOptions,
    model: &ModelProvenance,
) -> Identity {
    let mut choices = Choices::default();
    // The split that is scored, whoever chose it.
    let (dataset, asked) = (&split.dataset, job.split.as_deref());
    let scored = scored_splits(dataset, &split.info.name, job.task, asked);
    let is_default = scored == usual_split(dataset, job.task);
    choices.enter("split", scored.into(), is_default);
    let mut chosen = job.task.options(options);
    chosen.remove("split");
    choices.enter_options(&chosen, &job.task.options(&EvalOptions::default()));
    match job.dataset.split_once(':') {
        None => Identity::new("catalogue", model, Vec::new(), choices, load),
        Some((kind, path)) => {
            let files = vec![kind.into(), Identity::file(&job.root.join(path))];
            Identity::new(kind, model, files, choices, load)
        }
    }
}

/// A job, and what its result would be made from now.
pub(super) struct Wanted<'a> {
    pub(super) job: &'a Job,
    pub(super) request: &'a Request,
    pub(super) split: &'a Split,
    pub(super) identity: &'a Identity,
}

impl Wanted<'_> {
    /// The result in `out`, if it was made from the same things.
    pub(super) fn made_before(
        &self,
        out: &Path,
        context: &EvalContext,
        fingerprints: &mut Fingerprints,
    ) -> Result<Option<Record>> {
        let Wanted { job, request, split, identity } = *self;
        let task = job.task.result_name();
        let Some(record) = store::find(out, &job.model, &split.dataset.id, task, identity) else {
            return Ok(None);
        };
        let made = &record.provenance;
        let same_prompts = made.prompts_blake3.is_none()
            || split.dataset.task == clip_data::Task::Ocr // its prompts are the words of the split
            || made.prompts_blake3 == Some(blake3_of(&prompts_of(split, &request.options.prompts)?));
        let same = same_prompts
            && record.clip_rs == env!("CARGO_PKG_VERSION")
            && made.weights_sha256 == context.model.tensors_sha256
            && made.features_key == Some(context.features_key())
            && made.split_blake3 == list_fingerprint(&split.items)
            && !made.read.is_empty()
            && made.read.iter().all(|read| fingerprints.is_unchanged(read, request, split));
        Ok(same.then_some(record))
    }
}

/// What the splits on disk are now; each is hashed once in a run.
#[derive(Default)]
pub(super) struct Fingerprints(HashMap<(PathBuf, String, String, bool), Option<String>>);

impl Fingerprints {
    /// Whether a split that a record was made from still has the same items, targets and contents.
    /// `scored` is the split of the job.
    fn is_unchanged(&mut self, read: &SplitRead, request: &Request, scored: &Split) -> bool {
        let SplitRead { dataset, split, blake3 } = read;
        let of_job = *dataset == scored.dataset.id;
        let name = if of_job { &request.dataset } else { dataset };
        let retrieval = request.read.task == Some(clip_data::Task::Retrieval);
        let key = (request.root.clone(), name.clone(), split.clone(), retrieval);
        let now = self.0.entry(key).or_insert_with(|| {
            if of_job && *split == scored.info.name {
                return Some(content_fingerprint(&scored.items));
            }
            let split = Split::open(name, &request.root, Some(split), &request.read).ok()?;
            Some(content_fingerprint(&split.items))
        });
        now.as_ref() == Some(blake3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::by_name;
    use crate::tasks::{FewShot, LinearProbe, Retrieval, TASKS, Task, ZeroShot};

    fn choices(options: &EvalOptions, task: &dyn Task) -> Choices {
        let mut choices = Choices::default();
        choices.enter_options(&task.options(options), &task.options(&EvalOptions::default()));
        choices
    }

    fn variant(options: &EvalOptions, task: &dyn Task) -> String {
        choices(options, task).variant()
    }

    #[test]
    fn option_that_a_task_does_not_read_never_makes_its_result_again() {
        let file = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let others: EvalOptions = serde_json::from_value(serde_json::json!({
            "level": 0.9, "seed": 1, "resamples": 10, "wrong_images": 1, "probe_features": "projected", "c": 0.5,
            "shots": [3], "draws": 1, "caption_template": "{}", "captions": 1, "strip_banner": true,
            "split": "x", "split_file": file.display().to_string(), "frames": "all", "fps": 1.0, "average": "logits",
            "classnames": file.display().to_string(), "templates": file.display().to_string(),
        }))
        .expect("options");
        let usual = EvalOptions::default();
        for (name, value) in by_name(&others) {
            let mut options = by_name(&usual);
            options.insert(name.clone(), value);
            let options: EvalOptions = serde_json::from_value(options.into()).expect("options");
            for task in TASKS {
                let is_read = task.options(&usual).contains_key(&name);
                let same = choices(&options, task).all == choices(&usual, task).all;
                assert_eq!(same, !is_read, "{name} of {task:?}");
            }
        }
    }

    #[test]
    fn file_name_shows_what_a_task_reads_and_nothing_else() {
        let mut options = EvalOptions::default();
        options.shots.shots = vec![2, 1];
        options.strength.c = Some(0.5);
        options.intervals.level = 0.995;
        assert_eq!(variant(&EvalOptions::default(), &ZeroShot), "");
        assert_eq!(variant(&options, &ZeroShot), "level-0.995");
        assert_eq!(variant(&options, &LinearProbe), "c-0.5,level-0.995");
        assert_eq!(variant(&options, &FewShot), "level-0.995,shots-1-2");
        let mut same = EvalOptions::default();
        same.shots.shots = vec![16, 8, 4, 2, 1, 1];
        assert_eq!(variant(&same, &FewShot), "", "the order of numbers says nothing");
    }

    #[test]
    fn values_that_a_file_name_cannot_say_are_told_apart_by_a_hash() {
        let of = |text: &str| {
            let mut options = EvalOptions::default();
            options.captions.caption_template = text.to_owned();
            variant(&options, &Retrieval)
        };
        let all =
            ["{}", "a {}", "a-{}", "a photo of the thing that is called {} here", "/{}", "é{}"]
                .map(of);
        for (place, one) in all.iter().enumerate() {
            assert!(
                one.starts_with("caption-template-") && one.is_ascii() && !one.contains('/'),
                "{one}"
            );
            assert!(!all[place + 1..].contains(one), "{one}");
        }
    }

    #[test]
    fn files_are_known_by_what_they_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            let mut options = EvalOptions::default();
            options.prompts.templates = Some(path);
            variant(&options, &ZeroShot)
        };
        let first = of("a.json", "[\"{}\"]");
        assert!(
            first.starts_with("templates-") && first.len() == "templates-".len() + 8,
            "{first}"
        );
        assert_eq!(of("b.json", "[\"{}\"]"), first);
        assert_ne!(of("a.json", "[\"a {}\"]"), first);
    }
}
