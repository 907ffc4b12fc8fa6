//! LA and RGBA: colours are multiplied by alpha before the passes and divided by it after them.

use super::eight_bit;
use super::filter::Interpolation;
use super::window::Window;
use crate::Image;
use crate::convert::multiply_255;

/// `CHANNELS` is 2 or 4, the last of them alpha.
pub(super) fn resize<const CHANNELS: usize>(
    image: &Image,
    window: &Window,
    interpolation: Interpolation,
) -> Vec<u8> {
    let mut premultiplied = image.data.clone();
    for pixel in premultiplied.as_chunks_mut::<CHANNELS>().0 {
        let alpha = pixel[CHANNELS - 1];
        for value in &mut pixel[..CHANNELS - 1] {
            *value = multiply_255(*value, alpha);
        }
    }
    let source = (image.width.into(), image.height.into());
    let mut out = eight_bit::resize::<CHANNELS>(&premultiplied, source, window, interpolation);
    for pixel in out.as_chunks_mut::<CHANNELS>().0 {
        let alpha = u32::from(pixel[CHANNELS - 1]);
        if alpha != 0 && alpha != 255 {
            for value in &mut pixel[..CHANNELS - 1] {
                *value = (255 * u32::from(*value) / alpha).min(255) as u8;
            }
        }
    }
    out
}
