//! Headers of a tar: old, POSIX (`ustar`, with pax records) and GNU (long names, sizes of 8 GiB and
//! more).

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Result};

const BLOCK: u64 = 512;
/// Bytes of a name or a pax record at most.
const EXTENSION_LIMIT: u64 = 1 << 20;

/// Passes over bytes of a file.
pub(crate) fn seek(file: &mut BufReader<File>, count: u64) -> Result<()> {
    let count = i64::try_from(count).map_err(|_| damaged("a member of more than 2^63 bytes"))?;
    file.seek_relative(count)
}

/// Passes over bytes of a stream.
pub(crate) fn pass(source: &mut impl Read, count: u64) -> Result<()> {
    let passed = std::io::copy(&mut source.take(count), &mut std::io::sink())?;
    if passed < count { Err(damaged("it ends inside a member")) } else { Ok(()) }
}

/// A file inside a tar, or a link to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Box<str>,
    pub(crate) start: u64,
    pub(crate) size: u64,
    /// Where a link leads: the name of a member (a hard link's from the root, a symbolic one's
    /// already joined with the folder it lies in).
    pub(crate) link: Option<Box<str>>,
}

/// Goes through a tar from file to file.
pub(crate) struct Headers<R> {
    source: R,
    skip: fn(&mut R, u64) -> Result<()>,
    position: u64,
    /// Where the next header stands.
    next: u64,
}

impl<R: Read> Headers<R> {
    pub(crate) fn new(source: R, skip: fn(&mut R, u64) -> Result<()>) -> Headers<R> {
        Headers { source, skip, position: 0, next: 0 }
    }

    /// The next file, passing over folders, links and the rest; none at the end.
    pub(crate) fn next_file(&mut self) -> Result<Option<Member>> {
        loop {
            match self.next_member()? {
                Some(member) if member.link.is_some() => {}
                next => return Ok(next),
            }
        }
    }

    /// The next file or link, passing over folders and the rest; none at the end.
    pub(crate) fn next_member(&mut self) -> Result<Option<Member>> {
        let (mut name, mut target): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
        let mut size: Option<u64> = None;
        loop {
            (self.skip)(&mut self.source, self.next.saturating_sub(self.position))?;
            self.position = self.next;
            let Some(header) = self.header()? else { return Ok(None) };
            let content = size.take().unwrap_or(header.size);
            let start = self.position;
            let blocks = content.div_ceil(BLOCK);
            let end = blocks.checked_mul(BLOCK).and_then(|length| start.checked_add(length));
            self.next = end.ok_or_else(|| damaged("a member of more than 2^64 bytes"))?;
            match header.kind {
                b'0' | 0 | b'7' => {
                    let name = name.take().unwrap_or(header.name);
                    if name.ends_with(b"/") {
                        continue; // how the oldest tars write a folder
                    }
                    let name = String::from_utf8_lossy(&name).trim_start_matches("./").into();
                    return Ok(Some(Member { name, start, size: content, link: None }));
                }
                kind @ (b'1' | b'2') => {
                    let name =
                        String::from_utf8_lossy(&name.take().unwrap_or(header.name)).into_owned();
                    let name = name.trim_start_matches("./");
                    let target = target.take().unwrap_or(header.target);
                    let folder = if kind == b'2' {
                        name.rsplit_once('/').map(|(folder, _)| folder)
                    } else {
                        None
                    };
                    let link =
                        within(folder.unwrap_or_default(), &String::from_utf8_lossy(&target));
                    return Ok(Some(Member {
                        name: name.into(),
                        start,
                        size: 0,
                        link: Some(link.into()),
                    }));
                }
                b'L' => name = Some(self.long(content)?),
                b'K' => target = Some(self.long(content)?),
                b'x' => {
                    let records = self.extension(content)?;
                    let pax = pax(&records);
                    name = pax.path.or(name);
                    target = pax.target.or(target);
                    size = pax.size.or(size);
                }
                b'g' => {} // records for all members name no file
                _ => (name, target, size) = (None, None, None),
            }
        }
    }

    /// The content of the file that [`Headers::next_file`] has just given; at most once.
    pub(crate) fn content(&mut self, member: &Member) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(member.size).read_to_end(&mut bytes)?;
        self.position = self.position.saturating_add(read as u64);
        if (read as u64) < member.size {
            Err(damaged("it ends inside a member"))
        } else {
            Ok(bytes)
        }
    }

    /// A GNU name: up to its first zero.
    fn long(&mut self, size: u64) -> Result<Vec<u8>> {
        let mut long = self.extension(size)?;
        long.truncate(long.iter().position(|&byte| byte == 0).unwrap_or(long.len()));
        Ok(long)
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > EXTENSION_LIMIT {
            return Err(damaged(&format!("a name of {size} bytes, limit {EXTENSION_LIMIT}")));
        }
        self.content(&Member { name: "".into(), start: self.position, size, link: None })
    }

    /// None at the end: no bytes, or a block of zeros.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut block = Vec::new();
        let read = self.source.by_ref().take(BLOCK).read_to_end(&mut block)?;
        self.position = self.position.saturating_add(read as u64);
        if read == 0 || block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let header = Header::parse(&block);
        header
            .map(Some)
            .ok_or_else(|| damaged(&format!("no header of a member at byte {}", self.next)))
    }
}

struct Header {
    name: Vec<u8>,
    /// Of a link.
    target: Vec<u8>,
    size: u64,
    kind: u8,
}

impl Header {
    fn parse(block: &[u8]) -> Option<Header> {
        let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
        let stored = block.get(148..156)?;
        let without: u64 = stored.iter().map(|&byte| u64::from(byte)).sum();
        if number(stored)? != sum.checked_sub(without)?.checked_add(8 * 0x20)? {
            return None;
        }
        let mut name = text(block.get(..100)?).to_vec();
        let prefix = text(block.get(345..500)?);
        if block.get(257..263)? == b"ustar\0" && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        let target = text(block.get(157..257)?).to_vec();
        Some(Header { name, target, size: number(block.get(124..136)?)?, kind: *block.get(156)? })
    }
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Octal digits, or with its highest bit set a binary number (GNU).
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, digits @ ..] = field {
        let (high, low) = digits.split_at_checked(digits.len().checked_sub(8)?)?;
        return high.iter().all(|&byte| byte == 0).then(|| crate::cursor::big_endian(low));
    }
    let digits = std::str::from_utf8(text(field)).ok()?.trim();
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

/// `target` from `folder`, without `.` and `..`: the name of a member, if it is one.
fn within(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What pax records say of the next member.
#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Pax records, each `LENGTH KEY=VALUE\n`.
fn pax(mut records: &[u8]) -> Pax {
    let mut pax = Pax::default();
    while let Some(blank) = records.iter().position(|&byte| byte == b' ') {
        let (length, _) = records.split_at(blank);
        let length =
            std::str::from_utf8(length).ok().and_then(|digits| digits.parse::<usize>().ok());
        let Some((record, rest)) = length.and_then(|length| records.split_at_checked(length))
        else {
            break;
        };
        records = rest;
        let record = record.get(blank.saturating_add(1)..).unwrap_or_default();
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        if let Some(value) = record.strip_prefix(b"path=") {
            pax.path = Some(value.to_vec());
        } else if let Some(value) = record.strip_prefix(b"linkpath=") {
            pax.target = Some(value.to_vec());
        } else if let Some(value) = record.strip_prefix(b"size=") {
            pax.size = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        }
        if record.is_empty() {
            break; // a length that does not even cover itself
        }
    }
    pax
}

fn damaged(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("damaged tar: {reason}"))
}

/// Lists a tar whose bytes are all at hand; what the fuzz target calls.
pub(crate) fn list(bytes: &[u8]) -> Result<Vec<Member>> {
    let mut headers = Headers::new(bytes, pass);
    std::iter::from_fn(|| headers.next_file().transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, kind: u8, size: &str, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..124 + size.len()].copy_from_slice(size.as_bytes());
        block[148..156].fill(b' ');
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block.extend_from_slice(content);
        block.resize(block.len().div_ceil(512) * 512, 0);
        block
    }

    #[test]
    fn long_names_of_both_kinds_reach_their_members() {
        let long = "d/".repeat(80) + "a.jpg";
        let pax = format!("{} path={long}\n", long.len() + 10);
        let tar = [
            member("././@LongLink", b'L', "00000000246", format!("{long}\0").as_bytes()),
            member("cut", b'0', "00000000003", b"abc"),
            member("PaxHeader", b'x', &format!("{:011o}", pax.len()), pax.as_bytes()),
            member("cut", b'0', "00000000001", b"z"),
            member("dir/", b'5', "", b""),
            member("./plain.png", 0, "00000000000", b""),
            vec![0; 1024],
        ]
        .concat();
        let members = list(&tar).expect("a tar");
        let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        assert_eq!(names, [&long, &long, "plain.png"]);
        assert_eq!(&tar[members[0].start as usize..][..3], b"abc");
        assert_eq!(members[1].size, 1);
    }

    #[test]
    fn links_lead_to_members_by_their_whole_names() {
        let link = |name: &str, kind, target: &str| {
            let mut block = member(name, kind, "0", b"");
            block[157..157 + target.len()].copy_from_slice(target.as_bytes());
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            let stored: u32 = block[148..156].iter().map(|&byte| u32::from(byte)).sum();
            block[148..156]
                .copy_from_slice(format!("{:06o}\0 ", sum - stored + 8 * 0x20).as_bytes());
            block
        };
        let tar = [
            link("d/a.jpg", b'2', "../x/0.jpg"),
            link("d/b.jpg", b'1', "./x/0.jpg"),
            member("x/0.jpg", b'0', "1", b"z"),
        ];
        let (bytes, mut members) = (tar.concat(), Vec::new());
        let mut headers = Headers::new(&bytes[..], pass);
        while let Some(member) = headers.next_member().expect("a tar") {
            members.push((member.name.to_string(), member.link.map(|link| link.to_string())));
        }
        let to = |name: &str| (name.to_owned(), Some("x/0.jpg".to_owned()));
        assert_eq!(members, [to("d/a.jpg"), to("d/b.jpg"), ("x/0.jpg".to_owned(), None)]);
        assert_eq!(list(&bytes).expect("a tar").len(), 1);
    }

    #[test]
    fn damaged_header_is_named_by_its_place() {
        let mut tar =
            [member("a", b'0', "00000000001", b"x"), member("b", b'0', "00000000001", b"x")]
                .concat();
        tar[1024] = b'c';
        assert!(list(&tar).expect_err("wrong sum").to_string().contains("at byte 1024"));
    }

    #[test]
    fn member_cut_short_is_an_error() {
        let tar = member("a", b'0', "00000002000", b"x");
        assert!(list(&tar).expect_err("cut").to_string().contains("ends inside"));
    }
}
