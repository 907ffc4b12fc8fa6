//! Pickles of protocol 2 as Python 2 wrote CIFAR's.

/// A batch: `data` of `[labels, 3072]` bytes and the labels under `key`.
pub(crate) fn batch(key: &str, labels: &[u8], data: &[u8]) -> Vec<u8> {
    let mut file = b"\x80\x02}q\x01(".to_vec();
    text(&mut file, "data");
    file.extend(
        b"cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87Rq\x04",
    );
    file.extend(b"(K\x01M");
    file.extend((labels.len() as u16).to_le_bytes());
    file.extend(b"M\x00\x0c\x86cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87Rq\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend_from_slice(data);
    file.extend(b"tb");
    text(&mut file, key);
    file.extend(b"]q\x07(");
    labels.iter().for_each(|&label| file.extend([b'K', label]));
    file.extend(b"e");
    text(&mut file, "filenames");
    file.extend(b"]U\x05a.pngau.");
    file
}

/// A list of names under `key`.
pub(crate) fn names(key: &str, names: &[&str]) -> Vec<u8> {
    let mut file = b"\x80\x02}q\x01".to_vec();
    text(&mut file, key);
    file.extend(b"](");
    names.iter().for_each(|name| text(&mut file, name));
    file.extend(b"es.");
    file
}

fn text(file: &mut Vec<u8>, text: &str) {
    file.extend([b'U', text.len() as u8]);
    file.extend(text.as_bytes());
}
