//! Event files that TensorBoard reads: TFRecord framing around hand-encoded protocol buffers.
//!
//! ```text
//! record: length u64 · masked CRC-32C of it · event · masked CRC-32C of the event
//! event:  1 wall time f64 · 2 step varint · 3 "brain.Event:2" | 5 summary | 7 session log
//! summary: 1 value { 1 tag · 2 number f32 }, repeated
//! ```
//!
//! Sources: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes scalars to one event file.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// Begins a new file in `folder`. Events of earlier files from step `first_step` on are
    /// taken back: a run that was killed wrote steps which are now made again.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn new(folder: &Path, first_step: u64) -> io::Result<EventWriter> {
        std::fs::create_dir_all(folder)?;
        let seconds = now().as_secs();
        let process = std::process::id();
        let mut number = 0;
        loop {
            // `tfevents` marks the file, the rest only has to be new and in order.
            let name = format!("events.out.tfevents.{seconds}.clip-rs.{process}.{number}");
            let path = folder.join(name);
            match File::options().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut writer = EventWriter { file, path };
                    writer.event(0, |event| bytes(event, 3, b"brain.Event:2"))?;
                    if first_step > 0 {
                        writer.event(first_step, |event| bytes(event, 7, &[1 << 3, START]))?;
                    }
                    return Ok(writer);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the scalars of a step.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> io::Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in scalars {
            let mut entry = Vec::new();
            bytes(&mut entry, 1, tag.as_bytes());
            entry.push(2 << 3 | 5); // 32 bits
            entry.extend_from_slice(&(*value as f32).to_le_bytes());
            bytes(&mut summary, 1, &entry);
        }
        self.event(step, |event| bytes(event, 5, &summary))
    }

    fn event(&mut self, step: u64, content: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut event = vec![1 << 3 | 1]; // 64 bits
        event.extend_from_slice(&now().as_secs_f64().to_le_bytes());
        event.push(2 << 3);
        varint(&mut event, step);
        content(&mut event);
        self.file.write_all(&record(&event))
    }
}

/// `SessionLog.START`.
const START: u8 = 1;

fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A field of bytes.
fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An event in its frame.
fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(event.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_crc32c(&length).to_le_bytes());
    record.extend_from_slice(event);
    record.extend_from_slice(&masked_crc32c(event).to_le_bytes());
    record
}

/// A sum over data that holds sums would be easy to fool: so it is turned and shifted.
fn masked_crc32c(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// CRC-32C (Castagnoli), reflected, byte by byte: an event has a few hundred.
fn crc32c(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut rest = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                rest = rest >> 1 ^ if rest & 1 == 1 { 0x82F6_3B78 } else { 0 };
                bit += 1;
            }
            table[byte] = rest;
            byte += 1;
        }
        table
    };
    !data.iter().fold(!0, |crc, &byte| crc >> 8 ^ TABLE[(crc as u8 ^ byte) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn numbers_of_any_length_are_varints() {
        let of = |value| {
            let mut out = Vec::new();
            varint(&mut out, value);
            out
        };
        assert_eq!(of(0), [0]);
        assert_eq!(of(300), [0xAC, 0x02]);
        assert_eq!(of(u64::MAX).len(), 10);
    }

    #[test]
    fn file_is_whole_records_with_the_version_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = EventWriter::new(folder.path(), 0).expect("begun");
        writer.scalars(7, &[("loss", 0.5), ("learning_rate", 1e-3)]).expect("written");
        let other = EventWriter::new(folder.path(), 8).expect("a file of its own");
        assert_ne!(other.path(), writer.path());
        let data = std::fs::read(writer.path()).expect("there");
        let mut rest = &data[..];
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().expect("8 bytes"));
            let event = &rest[12..12 + length as usize];
            assert_eq!(record(event), rest[..16 + length as usize]);
            events.push(event);
            rest = &rest[16 + length as usize..];
        }
        let has = |event: &[u8], part: &[u8]| event.windows(part.len()).any(|at| at == part);
        assert_eq!(events.len(), 2);
        assert!(has(events[0], b"brain.Event:2") && has(events[1], b"learning_rate"));
        assert!(has(events[1], &0.5f32.to_le_bytes()) && has(events[1], &[2 << 3, 7]));
    }
}
