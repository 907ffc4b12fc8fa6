//! Raw pixels as image files: everything after this module deals with files alone.

use clip_image::{ImageError, Limits};

use crate::item::Border;

/// `pixels`, rows of RGB triples, as a binary PPM.
pub fn rgb(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    with_head("P6", width, height, pixels)
}

/// `pixels`, rows of grey values, as a binary PGM.
pub fn grey(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    with_head("P5", width, height, pixels)
}

fn with_head(kind: &str, width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = format!("{kind}\n{width} {height}\n255\n").into_bytes();
    file.extend_from_slice(pixels);
    file
}

/// An image file of what is left of `bytes` when `border` is cut off.
///
/// # Errors
/// The image cannot be decoded.
pub fn cut(bytes: &[u8], border: Border) -> Result<Vec<u8>, ImageError> {
    let image = clip_image::rgb_pixels(bytes, &Limits::default())?;
    let (width, height) = (image.width as usize, image.height as usize);
    let (all, foot) = (border.all as usize, border.foot as usize);
    let columns = all..width.saturating_sub(all).max(all);
    let rows = all..height.saturating_sub(all).saturating_sub(foot).max(all);
    if columns.is_empty() || rows.is_empty() {
        return Ok(rgb(image.width, image.height, &image.data)); // nothing would be left
    }
    let kept: Vec<u8> = image
        .data
        .chunks_exact(width.saturating_mul(3).max(1))
        .skip(rows.start)
        .take(rows.len())
        .flat_map(|row| {
            row.iter().skip(columns.start.saturating_mul(3)).take(columns.len().saturating_mul(3))
        })
        .copied()
        .collect();
    Ok(rgb(columns.len() as u32, rows.len() as u32, &kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn border_and_foot_are_cut_off() {
        let pixels: Vec<u8> = (0..4 * 5 * 3).collect(); // 4 columns, 5 rows
        let cut = cut(&rgb(4, 5, &pixels), Border { all: 1, foot: 1 }).expect("a PPM");
        let kept: Vec<u8> = (15..21).chain(27..33).collect();
        assert_eq!(cut, rgb(2, 2, &kept));
    }

    #[test]
    fn image_smaller_than_its_border_stays_whole() {
        let file = rgb(1, 1, &[1, 2, 3]);
        assert_eq!(cut(&file, Border { all: 2, foot: 0 }).expect("a PPM"), file);
    }
}
