//! What the tests of this workspace share. It is a dependency of tests alone and never published;
//! everything here panics with the file's name where an error would only be passed on.

mod arrays;
mod golden;
mod skipped;

pub use arrays::Arrays;
pub use golden::{data, golden, read_json};
pub use skipped::{print_skipped, skipped};

use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Unpacks the gzip file `packed` to `unpacked`.
pub fn unpack(packed: &Path, unpacked: &Path) {
    let done = File::open(packed).and_then(|packed| {
        std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut File::create(unpacked)?)
    });
    done.unwrap_or_else(|error| panic!("{}: {error}", packed.display()));
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Values in [−1, 1) by a hash of seed and place.
pub fn values(count: usize, seed: u32) -> Vec<f32> {
    let value = |i: usize| {
        let mut x =
            (i as u32).wrapping_mul(0x9E37_79B1).wrapping_add(seed.wrapping_mul(0x85EB_CA6B));
        x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
        x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
        ((x ^ (x >> 16)) >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(value).collect()
}

/// A ustar archive of members: name, kind (`b'0'` a file, `b'5'` a folder) and content.
pub fn tar(members: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, kind, content) in members {
        // Name, mode, owners, size, time, and blanks where the checksum will stand.
        let mut header = format!(
            "{name:\0<100}0000644\x000000000\x000000000\x00{:011o}\x0000000000000\x00        ",
            content.len()
        )
        .into_bytes();
        header.push(*kind);
        header.resize(257, 0);
        header.extend(b"ustar\x0000");
        header.resize(512, 0);
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        file.extend(header);
        file.extend_from_slice(content);
        file.resize(file.len().next_multiple_of(512), 0);
    }
    file.resize(file.len() + 1024, 0);
    file
}
