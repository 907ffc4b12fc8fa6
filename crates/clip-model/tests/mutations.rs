//! Good and bad files with a few bytes changed: whatever comes of it, no panic, no hang. The fuzz
//! targets go further; this runs with every test.

use clip_model::checkpoint::fuzzing;
use std::path::Path;
use std::time::{Duration, Instant};

/// A small generator: the same changes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn changed_bytes_never_make_a_reader_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoints_bad");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let start = Instant::now();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let original = std::fs::read(&path).unwrap();
        if original.is_empty() || name == "bad.json" {
            continue;
        }
        for _ in 0..3000 {
            let mut bytes = original.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = [0, 0xFF, 0x80, b'('][random.below(4)],
                    2 => bytes.truncate(at.max(1)),
                    _ => bytes[at] = random.below(256) as u8,
                }
            }
            fuzzing::checkpoint(name, &bytes);
            fuzzing::zip(&bytes);
            fuzzing::safetensors(&bytes);
            fuzzing::pickle(&bytes);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(120), "a reader hangs");
}
