//! A tiny CLIP and data to train it on, made on the spot: a clone alone is enough.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::root;

/// Pairs in the two shards.
pub(crate) const PAIRS: usize = 48;

/// A picture of 24 x 24 pixels in a colour of its own, as PPM.
pub(crate) fn picture(number: usize) -> Vec<u8> {
    let mut file = b"P6 24 24 255\n".to_vec();
    for pixel in 0..24 * 24 {
        let (x, y) = (pixel % 24, pixel / 24);
        file.extend([
            (number * 37 + x * 3) as u8,
            (number * 91 + y * 5) as u8,
            (number * 13) as u8,
        ]);
    }
    file
}

/// Two shards of pictures with captions.
pub(crate) fn shards(folder: &Path) -> String {
    for shard in 0..2 {
        let numbers = shard * PAIRS / 2..(shard + 1) * PAIRS / 2;
        let members: Vec<(String, Vec<u8>)> = numbers
            .flat_map(|number| {
                let caption = format!("a picture in colour number {number}");
                let name = |ending: &str| format!("{number:04}.{ending}");
                [(name("ppm"), picture(number)), (name("txt"), caption.into_bytes())]
            })
            .collect();
        let members: Vec<(&str, u8, &[u8])> =
            members.iter().map(|(name, content)| (name.as_str(), b'0', &content[..])).collect();
        fs::write(folder.join(format!("{shard}.tar")), clip_testing::tar(&members))
            .expect("written");
    }
    format!("{}/{{0..1}}.tar", folder.display())
}

/// A configuration of a tiny model over these shards.
pub(crate) fn config(folder: &Path, steps: u64, more: &str) -> PathBuf {
    let source = shards(folder);
    let path = folder.join("train.toml");
    let text = format!(
        "[model]\nresolution = 16\npatch_size = 8\nimage_width = 64\nimage_layers = 1\nembed_dim = 16\n\
         text_width = 64\ntext_layers = 1\ncontext_length = 24\n[data]\nsource = \"{source}\"\n\
         [batch]\nbatch_size = 8\n[schedule]\nsteps = {steps}\nwarmup = 2\n{more}\n"
    );
    fs::write(&path, text).expect("written");
    path
}

/// The program at work, with what it says thrown away.
pub(crate) fn spawn(arguments: &[&str]) -> Child {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin!("clip-rs"));
    program.args(arguments).current_dir(root()).env_clear().env("HOME", "/dev/null/home");
    program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Waits until `metrics.jsonl` has so many lines, or the program has ended; whether it has.
pub(crate) fn wait_for_lines(out: &Path, lines: usize, running: &mut Child) -> bool {
    let began = Instant::now();
    loop {
        if running.try_wait().expect("it can be asked").is_some() {
            return true;
        }
        let text = fs::read_to_string(out.join("metrics.jsonl")).unwrap_or_default();
        if text.matches('\n').count() >= lines {
            return false;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "it hangs");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What must be the same however a run came to its end: metrics, weights, state.
pub(crate) fn outcome(out: &Path, step: u64) -> [Vec<u8>; 3] {
    let checkpoint = out.join(format!("checkpoints/step-{step:08}"));
    [
        out.join("metrics.jsonl"),
        checkpoint.join("open_clip_model.safetensors"),
        checkpoint.join("training.safetensors"),
    ]
    .map(|path| fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
