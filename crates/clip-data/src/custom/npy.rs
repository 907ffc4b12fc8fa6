//! Labels of an image in several classes: a numpy array of zeros and ones, as CLIP_benchmark's shards have it.

use crate::item::Presence;

/// The array of a `.npy` file, one entry per class: 1 is present, 0 absent.
///
/// # Errors
/// It is no array of one dimension of integers, booleans or floats in little-endian order, or holds other values.
pub(super) fn presences(bytes: &[u8]) -> Result<Vec<Presence>, String> {
    let (head, data) = parts(bytes).ok_or("no .npy file")?;
    let head = String::from_utf8_lossy(head);
    let kind =
        head.split("'descr':").nth(1).and_then(|rest| rest.split('\'').nth(1)).unwrap_or_default();
    let (width, one): (usize, &[u8]) = match kind {
        "|u1" | "|i1" | "|b1" => (1, &[1]),
        "<i2" | "<u2" => (2, &[1, 0]),
        "<i4" | "<u4" => (4, &[1, 0, 0, 0]),
        "<i8" | "<u8" => (8, &[1, 0, 0, 0, 0, 0, 0, 0]),
        "<f4" => (4, &[0, 0, 0x80, 0x3f]),
        "<f8" => (8, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        _ => {
            return Err(format!(
                "elements `{kind}` are not read; integers, booleans and floats are"
            ));
        }
    };
    let shape = head
        .split("'shape':")
        .nth(1)
        .and_then(|rest| rest.split(['(', ')']).nth(1))
        .unwrap_or_default();
    let dimensions: Vec<&str> =
        shape.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let elements = data.chunks_exact(width);
    if !elements.remainder().is_empty() || dimensions != [elements.len().to_string()] {
        return Err(format!(
            "{} bytes are no list of shape ({shape}) with elements of {width}",
            data.len()
        ));
    }
    let presence = |element: &[u8]| match element {
        element if element == one => Ok(Presence::Present),
        element if element.iter().all(|&byte| byte == 0) => Ok(Presence::Absent),
        _ => {
            Err("the npy holds other values than 0 and 1, so it says nothing of classes".to_owned())
        }
    };
    elements.map(presence).collect()
}

/// Header text and data of versions 1 to 3.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_at_checked(2)?;
    let (length, rest) = match version.first()? {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (u32::from(u16::from_le_bytes(*length)), rest)
        }
        _ => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*length), rest)
        }
    };
    rest.split_at_checked(usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(kind: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (3,), }}\n");
        let length = u16::try_from(head.len()).expect("short").to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], head.as_bytes(), data].concat()
    }

    #[test]
    fn zeros_are_absent() {
        let expected = [Presence::Present, Presence::Absent, Presence::Present];
        assert_eq!(presences(&npy("|b1", &[1, 0, 1])).as_deref(), Ok(&expected[..]));
        assert_eq!(presences(&npy("<i2", &[1, 0, 0, 0, 1, 0])).as_deref(), Ok(&expected[..]));
        let floats: Vec<u8> =
            [1.0_f32, 0.0, 1.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(presences(&npy("<f4", &floats)).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn other_arrays_are_refused() {
        assert!(presences(b"\x93NUMPY\x01").is_err());
        assert!(presences(&npy("|O", &[])).is_err());
        assert!(presences(&npy("<i8", &[1, 2, 3])).is_err());
        assert!(presences(&npy("|u1", &[1, 0])).is_err());
        assert!(presences(&npy("|u1", &[1, 0, 5])).expect_err("no label").contains("other values"));
    }
}
