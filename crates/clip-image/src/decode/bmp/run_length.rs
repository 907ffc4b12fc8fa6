//! Run-length data of a BMP, with the behaviour of Pillow's decoder for runs that break the rules.

use crate::decode::bytes::Bytes;
use crate::{Format, ImageError};

/// Indices in the order of the file, `[height, width]`.
pub(super) fn unpack(
    bytes: &[u8],
    offset: usize,
    size: (u32, u32),
    four_bits: bool,
) -> Result<Vec<u8>, ImageError> {
    let width = size.0 as usize;
    let total = width.saturating_mul(size.1 as usize);
    let mut cursor = Bytes::new(bytes, offset);
    let mut data = Vec::new();
    let mut x = 0_usize;
    while data.len() < total {
        let Some([count, value]) = cursor.array() else { break };
        match (count, value) {
            (1.., _) => {
                let count = usize::from(count).min(width.saturating_sub(x));
                run(&mut data, count, value, four_bits);
                x = x.saturating_add(count);
            }
            (0, 0) => {
                let row = data.len().div_ceil(width).saturating_mul(width);
                data.resize(row, 0);
                x = 0;
            }
            (0, 1) => break,
            (0, 2) => {
                let Some([right, up]) = cursor.array::<2>() else { break };
                let step = usize::from(up).saturating_mul(width).saturating_add(right.into());
                data.resize(data.len().saturating_add(step).min(total), 0);
                x = data.len().checked_rem(width).unwrap_or(0);
            }
            (0, _) => {
                let count = usize::from(value).min(total.saturating_sub(data.len()));
                if !literal(&mut cursor, &mut data, count, four_bits) || data.len() == total {
                    break;
                }
                x = x.saturating_add(value.into());
                if !cursor.at().is_multiple_of(2) {
                    cursor.skip(1);
                }
            }
        }
    }
    if data.len() < total {
        return Err(ImageError::truncated(
            Format::Bmp,
            format!("{} of {total} pixels", data.len()),
        ));
    }
    data.truncate(total);
    Ok(data)
}

fn run(data: &mut Vec<u8>, count: usize, value: u8, four_bits: bool) {
    let [first, second] = if four_bits { [value >> 4, value & 15] } else { [value, value] };
    data.extend([first, second].into_iter().cycle().take(count));
}

/// Copies `count` pixels; false when the file ends among them.
fn literal(cursor: &mut Bytes, data: &mut Vec<u8>, count: usize, four_bits: bool) -> bool {
    let wanted = if four_bits { count.div_ceil(2) } else { count };
    let part = cursor.take_up_to(wanted);
    if four_bits {
        data.extend(part.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(count));
    } else {
        data.extend_from_slice(part);
    }
    part.len() == wanted
}
