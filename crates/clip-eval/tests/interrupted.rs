//! A run that its listener ends: what is on disk is whole, and the next run takes it up.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use clip_eval::suite::{Entry, JobResult, Run, Shard, Suite};
use clip_eval::tasks::{LinearProbe, ZeroShot};
use clip_eval::{EvalError, EvalOptions, Progress};
use clip_rs::LoadOptions;

/// Images of each class and split: two batches in all, so that a run can end between them.
const IMAGES: u8 = 17;

#[test]
fn run_that_is_ended_at_any_step_leaves_nothing_half_and_the_next_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    write_images(&folder.path().join("pictures"));
    let of = |name: &str, most: usize| {
        let mut steps = 0;
        let result = run(folder.path(), name, move || {
            steps += 1;
            steps <= most
        });
        (result, files(&folder.path().join(name).join("results")))
    };
    let (made, whole) = of("undisturbed", usize::MAX);
    assert_eq!((made.expect("a run"), whole.len()), (2, 5), "two results with predictions, a lock");
    for steps in [0, 4, 12] {
        let name = format!("after-{steps}");
        let (result, left) = of(&name, steps);
        assert!(matches!(result, Err(EvalError::Interrupted)), "{steps}: {result:?}");
        for (file, bytes) in &left {
            assert!(whole.get(file) == Some(bytes), "{steps}: {file}");
        }
        let (again, found) = of(&name, usize::MAX);
        assert_eq!(again.expect("a run"), 2, "{steps}");
        let differs = |(file, bytes): &(&String, &Vec<u8>)| found.get(*file) != Some(*bytes);
        assert_eq!(whole.iter().find(differs).map(|(file, _)| file), None, "{steps}");
        assert_eq!(found.len(), whole.len(), "{steps}");
    }
}

/// Zero-shot and a probe; gives the records made or kept, or why the run ended. It goes on for as
/// long as `go_on` says so, asked at every step.
fn run(
    folder: &Path,
    name: &str,
    go_on: impl FnMut() -> bool + Clone + 'static,
) -> Result<usize, EvalError> {
    let suite = Suite {
        models: vec!["starter".to_owned()],
        tasks: vec![&ZeroShot, &LinearProbe],
        datasets: vec![Entry::Id("folder:pictures".to_owned())],
        root: folder.to_owned(),
        options: EvalOptions::default(),
    };
    let (out, cache) = (folder.join(name).join("results"), folder.join(name).join("features"));
    let load = LoadOptions::default();
    let run = Run { out: &out, cache: &cache, shard: Shard::default(), load: &load };
    let mut records = 0;
    let go_on = std::rc::Rc::new(std::cell::RefCell::new(go_on));
    let listener = |_: &_| -> Box<Progress<'static>> {
        let go_on = go_on.clone();
        Box::new(move |_| match (go_on.borrow_mut())() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    };
    run.jobs(&suite.jobs()?, &suite.options, listener, |job, result| match result {
        JobResult::Made(_) | JobResult::Kept(_) => records += 1,
        JobResult::Failed(error) => panic!("{}: {error}", job.task.name()),
    })?;
    Ok(records)
}

/// Every file below a folder, without the time that a result took and the seal over it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path));
            continue;
        }
        let mut bytes = std::fs::read(&path).expect("the file");
        if name.ends_with(".json") {
            let mut record: serde_json::Value = serde_json::from_slice(&bytes).expect("whole");
            record["wall_seconds"] = 0.into();
            record["blake3"] = "".into();
            bytes = record.to_string().into_bytes();
        }
        found.insert(name, bytes);
    }
    found
}

fn write_images(folder: &Path) {
    for (place, class) in
        ["train/dark", "train/light", "test/dark", "test/light"].iter().enumerate()
    {
        let folder = folder.join(class);
        std::fs::create_dir_all(&folder).expect("a folder");
        for image in 0..IMAGES {
            let grey = (place % 2) as u8 * 120 + image + (place / 2) as u8 * 50;
            let mut bytes = b"P5 8 8 255\n".to_vec();
            bytes.extend((0..64).map(|pixel| grey.wrapping_add(pixel % 7)));
            std::fs::write(folder.join(format!("{image:02}.pgm")), bytes).expect("an image");
        }
    }
}
