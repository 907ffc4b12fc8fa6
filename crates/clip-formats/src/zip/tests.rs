//! Archives made by hand: what `torch.save` writes, what it could write, and lies.

use super::*;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// One entry of a hand-made archive.
#[derive(Clone)]
struct Made {
    name: &'static str,
    data: Vec<u8>,
    deflate: bool,
    /// Sizes and offset in a 64-bit extra field.
    wide: bool,
}

fn made(name: &'static str, data: &[u8]) -> Made {
    Made { name, data: data.to_vec(), deflate: false, wide: false }
}

/// An archive of these entries; `wide_end` writes the 64-bit end record too.
fn archive(entries: &[Made], wide_end: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        entry.write(&mut out, &mut directory);
    }
    let (start, count) = (out.len() as u64, entries.len() as u64);
    let size = directory.len() as u64;
    out.extend(directory);
    if wide_end {
        let end = out.len() as u64;
        out.extend(b"PK\x06\x06");
        out.extend(44u64.to_le_bytes());
        out.extend([0; 12]);
        [count, count, size, start].iter().for_each(|value| out.extend(value.to_le_bytes()));
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(end.to_le_bytes());
        out.extend(1u32.to_le_bytes());
    }
    out.extend(b"PK\x05\x06\0\0\0\0");
    let count = if wide_end { u16::MAX } else { count as u16 }.to_le_bytes();
    out.extend([count, count].concat());
    [size, start].iter().for_each(|&value| out.extend(short(value, wide_end)));
    out.extend([0; 2]);
    out
}

/// A field of 32 bits, or what stands there where a field of 64 has the value.
fn short(value: u64, wide: bool) -> [u8; 4] {
    if wide { u32::MAX } else { value as u32 }.to_le_bytes()
}

impl Made {
    fn write(&self, out: &mut Vec<u8>, directory: &mut Vec<u8>) {
        let offset = out.len();
        let mut crc = Crc::new();
        crc.update(&self.data);
        let mut body = self.data.clone();
        if self.deflate {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&self.data).unwrap();
            body = encoder.finish().unwrap();
        }
        let method = if self.deflate { 8u16 } else { 0 }.to_le_bytes();
        let name_length = (self.name.len() as u16).to_le_bytes();
        // As torch writes it: sizes only behind the data.
        out.extend([&b"PK\x03\x04\x14\0\x08\x08"[..], &method, &[0; 16], &name_length].concat());
        out.extend([&5u16.to_le_bytes(), self.name.as_bytes(), b"FB\x01\0Z", &body].concat());

        let wide = [self.data.len(), body.len(), offset].map(|value| value as u64);
        let mut extra = Vec::new();
        if self.wide {
            extra.extend(b"\x01\0\x18\0");
            wide.iter().for_each(|value| extra.extend(value.to_le_bytes()));
        }
        directory.extend([&b"PK\x01\x02\x14\0\x14\0\x08\x08"[..], &method, &[0; 4]].concat());
        directory.extend(crc.sum().to_le_bytes());
        directory.extend(short(wide[1], self.wide));
        directory.extend(short(wide[0], self.wide));
        directory.extend([name_length, (extra.len() as u16).to_le_bytes()].concat());
        directory.extend([0; 10]);
        directory.extend(short(wide[2], self.wide));
        directory.extend([self.name.as_bytes(), &extra].concat());
    }
}

fn open(bytes: &[u8]) -> Result<Archive<'_>, FormatError> {
    Archive::open(Path::new("m.pt"), bytes)
}

fn problem(bytes: Vec<u8>) -> String {
    open(&bytes).err().unwrap().to_string()
}

#[test]
fn stored_deflated_and_64_bit_entries_are_read() {
    let long = b"weights ".repeat(1000);
    for wide in [false, true] {
        for deflate in [false, true] {
            let entry = Made { deflate, wide, ..made("m/data/0", &long) };
            let bytes = archive(&[made("m/data.pkl", b"p"), entry], wide);
            let archive = open(&bytes).unwrap();
            let data = archive.read("data/0", Checksum::Compare).unwrap();
            assert_eq!(data.of(&bytes), long, "wide {wide}, deflate {deflate}");
            assert!(archive.contains("data.pkl") && !archive.contains("data/1"));
        }
    }
}

#[test]
fn two_entries_over_the_same_bytes_are_refused() {
    // Quoted overlap: the first entry's data are the second's header and data.
    let mut bytes = archive(&[made("m/a", &[1; 100]), made("m/b", &[2; 8])], false);
    let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[directory + 20..directory + 28].copy_from_slice(&[110, 0, 0, 0, 110, 0, 0, 0]);
    assert!(problem(bytes).starts_with("m.pt: archive: two entries overlap at byte"));
}

#[test]
fn deflated_entries_have_a_common_budget() {
    // Each alone is within the ratio; together they are more than the archive may become.
    let zeros: Vec<u8> =
        (0..4_000_000u32).map(|i| if i % 2000 == 0 { i as u8 } else { 0 }).collect();
    let names = ["m/data/0", "m/data/1", "m/data/2", "m/data/3", "m/data/4"];
    let entries: Vec<_> =
        names.iter().map(|name| Made { deflate: true, ..made(name, &zeros) }).collect();
    let bytes = archive(&entries, false);
    let archive = open(&bytes).unwrap();
    let read: Vec<_> =
        (0..5).map(|i| archive.read(&format!("data/{i}"), Checksum::Compare).is_ok()).collect();
    assert_eq!(read, [true, true, true, true, false]);
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["/m/data.pkl", "m/../x", "m\\data.pkl", "..", "m/\0"] {
        assert!(
            problem(archive(&[made(name, b"x")], false))
                .ends_with("has a name that is no plain path")
        );
    }
    assert!(
        problem(archive(&[made("data.pkl", b"x")], false)).ends_with("no entry lies in a folder")
    );
}

#[test]
fn cutting_an_archive_anywhere_is_noticed() {
    let whole = archive(&[made("m/data.pkl", b"pickle"), made("m/data/0", &[7; 50])], true);
    for length in 0..whole.len() {
        assert!(open(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
}
