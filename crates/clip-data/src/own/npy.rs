//! Labels of an image in several classes: a numpy array of zeros and ones, as CLIP_benchmark's shards have it.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use crate::item::Presence;

/// The array of a `.npy` file, one entry per class: present where it is not 0.
///
/// # Errors
/// It is no array of one dimension of integers, booleans or floats in little-endian order.
pub(super) fn presences(bytes: &[u8]) -> Result<Vec<Presence>, String> {
    let (head, data) = parts(bytes).ok_or("no .npy file")?;
    let head = String::from_utf8_lossy(head);
    let kind = head.split("'descr':").nth(1).and_then(|rest| rest.split('\'').nth(1)).unwrap_or_default();
    let width: usize = match kind {
        "|u1" | "|i1" | "|b1" => 1,
        "<i2" | "<u2" => 2,
        "<i4" | "<u4" | "<f4" => 4,
        "<i8" | "<u8" | "<f8" => 8,
        _ => return Err(format!("elements `{kind}` are not read; integers, booleans and floats are")),
    };
    // Any bit set is not 0; a float's minus zero does not occur in labels.
    let presence = |element: &[u8]| match element.iter().any(|&byte| byte != 0) {
        true => Presence::Present,
        false => Presence::Absent,
    };
    let elements = data.chunks_exact(width);
    if !elements.remainder().is_empty() {
        return Err(format!("{} bytes are no whole number of elements of {width}", data.len()));
    }
    Ok(elements.map(presence).collect())
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
        assert_eq!(presences(&npy("<i2", &[0, 1, 0, 0, 9, 9])).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn other_arrays_are_refused() {
        assert!(presences(b"\x93NUMPY\x01").is_err());
        assert!(presences(&npy("|O", &[])).is_err());
        assert!(presences(&npy("<i8", &[1, 2, 3])).is_err());
    }
}
