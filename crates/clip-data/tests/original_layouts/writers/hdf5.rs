//! HDF5 files with superblock 0, headers of version 1 and groups of version 1, after the File
//! Format Specification 3.0; what MATLAB 7.3 and h5py write.

use super::zlib;

/// A file that grows object by object; its root group is written last.
pub(crate) struct Writer {
    /// From the superblock on.
    bytes: Vec<u8>,
}

/// What elements are.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    U8,
    U16,
    F64,
    Reference,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer { bytes: vec![0; 96] }
    }

    /// A dataset in one piece; its address.
    pub(crate) fn contiguous(&mut self, kind: Kind, shape: &[u64], content: &[u8]) -> u64 {
        let at = self.append(content);
        let layout =
            [&[3, 1][..], &at.to_le_bytes(), &(content.len() as u64).to_le_bytes()].concat();
        self.dataset(kind, shape, &[], layout)
    }

    /// A dataset of bytes in chunks along the first two dimensions, shuffled or not and deflated;
    /// its address.
    ///
    /// `chunk` is the shape of the chunks; the dimensions behind the first two are whole.
    pub(crate) fn chunked(
        &mut self,
        shape: &[u64],
        chunk: &[u64],
        content: &[u8],
        shuffle: bool,
    ) -> u64 {
        let row: u64 = shape[1..].iter().product();
        let rest: u64 = shape[2..].iter().product();
        let mut keys = Vec::new();
        let mut count = 0u16;
        for top in (0..shape[0]).step_by(chunk[0] as usize) {
            for left in (0..shape[1]).step_by(chunk[1] as usize) {
                let mut piece = Vec::new();
                for y in top..top + chunk[0] {
                    for x in left..left + chunk[1] {
                        // beyond the border a chunk is filled with what nobody may read
                        let inside = y < shape[0] && x < shape[1];
                        let start = (y * row + x * rest) as usize;
                        let bytes = if inside {
                            &content[start..][..rest as usize]
                        } else {
                            &vec![0xee; rest as usize]
                        };
                        piece.extend_from_slice(bytes);
                    }
                }
                let piece = zlib(&piece); // of single bytes, shuffling changes nothing
                let at = self.append(&piece);
                keys.extend((piece.len() as u32).to_le_bytes());
                keys.extend(0u32.to_le_bytes());
                let place = [top, left].into_iter().chain(shape[2..].iter().map(|_| 0)).chain([0]);
                place.for_each(|position| keys.extend(position.to_le_bytes()));
                keys.extend(at.to_le_bytes());
                count += 1;
            }
        }
        let mut node = [b"TREE\x01\x00", &count.to_le_bytes()[..], &[0xff; 16]].concat();
        node.extend(keys);
        node.extend(vec![0; 8 + 8 * (shape.len() + 1)]);
        let tree = self.append(&node);
        let mut layout = vec![3, 2, shape.len() as u8 + 1];
        layout.extend(tree.to_le_bytes());
        chunk.iter().for_each(|&size| layout.extend((size as u32).to_le_bytes()));
        layout.extend(1u32.to_le_bytes());
        let deflate = [1, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0];
        let shuffled = [2, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        let mut filters = vec![1, 1 + u8::from(shuffle), 0, 0, 0, 0, 0, 0];
        filters.extend(if shuffle { &shuffled[..] } else { &[] });
        filters.extend(deflate);
        self.dataset(Kind::U8, shape, &filters, layout)
    }

    /// A group of named objects; its address.
    pub(crate) fn group(&mut self, children: &[(&str, u64)]) -> u64 {
        let mut names = vec![0; 8];
        let mut entries = Vec::new();
        for (name, address) in children {
            entries.extend((names.len() as u64).to_le_bytes());
            entries.extend(address.to_le_bytes());
            entries.extend([0; 24]);
            names.extend(name.as_bytes());
            names.push(0);
            names.resize(names.len().next_multiple_of(8), 0);
        }
        let data = self.append(&names);
        let size = (names.len() as u64).to_le_bytes();
        let heap = self.append(
            &[b"HEAP\0\0\0\0", &size[..], &u64::MAX.to_le_bytes(), &data.to_le_bytes()].concat(),
        );
        let leaf = [b"SNOD\x01\0", &(children.len() as u16).to_le_bytes()[..], &entries].concat();
        let leaf = self.append(&leaf).to_le_bytes();
        let tree = [b"TREE\0\0\x01\0", &[0xff; 16][..], &[0; 8], &leaf, &size].concat();
        let tree = self.append(&tree);
        let table = [tree.to_le_bytes(), heap.to_le_bytes()].concat();
        self.header(&[(0x11, table)])
    }

    /// The file, behind `user_block` bytes of something else.
    pub(crate) fn finish(mut self, root: u64, user_block: usize) -> Vec<u8> {
        let mut head = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0".to_vec();
        let end = self.bytes.len() as u64;
        for address in [user_block as u64, u64::MAX, end, u64::MAX, 0, root] {
            head.extend(address.to_le_bytes());
        }
        self.bytes[..head.len()].copy_from_slice(&head);
        [vec![b'M'; user_block], self.bytes].concat()
    }

    fn dataset(&mut self, kind: Kind, shape: &[u64], filters: &[u8], layout: Vec<u8>) -> u64 {
        let mut space = vec![1, shape.len() as u8, 0, 0, 0, 0, 0, 0];
        shape.iter().for_each(|size| space.extend(size.to_le_bytes()));
        let number = |size: u8| vec![0x10, 0, 0, 0, size, 0, 0, 0, 0, 0, 8 * size, 0];
        let kind = match kind {
            Kind::U8 => number(1),
            Kind::U16 => number(2),
            Kind::F64 => {
                vec![0x11, 0x20, 0x3f, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0]
            }
            Kind::Reference => vec![0x17, 0, 0, 0, 8, 0, 0, 0],
        };
        let mut messages = vec![(1, space), (3, kind), (8, layout)];
        if !filters.is_empty() {
            messages.push((0xb, filters.to_vec()));
        }
        self.header(&messages)
    }

    fn header(&mut self, messages: &[(u16, Vec<u8>)]) -> u64 {
        let mut body = Vec::new();
        for (kind, content) in messages {
            let length = content.len().next_multiple_of(8);
            body.extend(kind.to_le_bytes());
            body.extend((length as u16).to_le_bytes());
            body.extend([0; 4]);
            body.extend(content);
            body.resize(body.len() - content.len() + length, 0);
        }
        let head =
            [&[1, 0][..], &(messages.len() as u16).to_le_bytes(), &1u32.to_le_bytes()].concat();
        self.append(&[&head[..], &(body.len() as u32).to_le_bytes(), &[0; 4], &body].concat())
    }

    fn append(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        at
    }
}
