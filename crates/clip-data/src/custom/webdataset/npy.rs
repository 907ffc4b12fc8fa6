//! Labels of an image in several classes: a numpy array of zeros and ones, as CLIP_benchmark's
//! shards have it.

use clip_formats::npy::Npy;

use crate::item::Presence;

/// The array of a `.npy` file, one entry per class: 1 is present, 0 absent.
///
/// # Errors
/// It is no array of one dimension of integers, booleans or floats in little-endian order, or holds
/// other values.
pub(super) fn presences(bytes: &[u8]) -> Result<Vec<Presence>, String> {
    let Npy { descr, shape, values } = Npy::parse(bytes).ok_or("no .npy file")?;
    let (width, one): (usize, &[u8]) = match &*descr {
        "|u1" | "|i1" | "|b1" => (1, &[1]),
        "<i2" | "<u2" => (2, &[1, 0]),
        "<i4" | "<u4" => (4, &[1, 0, 0, 0]),
        "<i8" | "<u8" => (8, &[1, 0, 0, 0, 0, 0, 0, 0]),
        "<f4" => (4, &[0, 0, 0x80, 0x3f]),
        "<f8" => (8, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        _ => {
            return Err(format!(
                "elements `{descr}` are not read; integers, booleans and floats are"
            ));
        }
    };
    let dimensions: Vec<&str> =
        shape.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let elements = values.chunks_exact(width);
    if !elements.remainder().is_empty() || dimensions != [elements.len().to_string()] {
        return Err(format!(
            "{} bytes are no list of shape ({shape}) with elements of {width}",
            values.len()
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
