//! Which part of an image is drawn. PROTOCOL 2.1, 2.6.

use clip_image::View;
use clip_model::random::Stream;

/// Parts that are drawn before the middle is taken.
const TRIES: usize = 10;

/// A part of random area and shape, as torchvision's `RandomResizedCrop` draws it: its area is a
/// share of the image's, uniform in `scale`; the logarithm of width through height is uniform
/// between those of `ratio`. What does not fit is drawn again; after ten times the middle is taken,
/// as large as `ratio` allows.
pub(super) fn resized_crop(
    stream: &mut Stream,
    (width, height): (u32, u32),
    scale: [f64; 2],
    ratio: [f64; 2],
) -> View {
    let area = f64::from(width) * f64::from(height);
    for _ in 0..TRIES {
        let area = area * stream.uniform(scale[0], scale[1]);
        let shape = stream.uniform(ratio[0].ln(), ratio[1].ln()).exp();
        let columns = (area * shape).sqrt().round_ties_even();
        let rows = (area / shape).sqrt().round_ties_even();
        let fits = |side: f64, all: u32| (1.0..=f64::from(all)).contains(&side);
        if fits(columns, width) && fits(rows, height) {
            let (columns, rows) = (columns as u32, rows as u32);
            let top = stream.below(u64::from(height - rows) + 1) as u32;
            let left = stream.below(u64::from(width - columns) + 1) as u32;
            return View::Part { left, top, width: columns, height: rows };
        }
    }
    middle((width, height), ratio)
}

/// The whole image, or its middle where its shape is out of the range.
fn middle((width, height): (u32, u32), [least, most]: [f64; 2]) -> View {
    let shape = f64::from(width) / f64::from(height);
    // A side is rounded, and may be rounded to nothing or beyond the image.
    let side = |length: f64, all: u32| (length.round_ties_even() as u32).clamp(1, all);
    let (columns, rows) = if shape < least {
        (width, side(f64::from(width) / least, height))
    } else if shape > most {
        (side(f64::from(height) * most, width), height)
    } else {
        (width, height)
    };
    View::Part {
        left: (width - columns) / 2,
        top: (height - rows) / 2,
        width: columns,
        height: rows,
    }
}

/// A random square of the resized image. Its area is a share of the largest square's, uniform in
/// `scale`; at 1, the shorter side becomes the model's size and the place is drawn along the
/// longer one (torchvision's `Resize`, then `RandomCrop`).
pub(super) fn square(stream: &mut Stream, image: (u32, u32), size: u32, scale: [f64; 2]) -> View {
    let share = stream.uniform(scale[0], scale[1]);
    let shorter = ((f64::from(size) / share.sqrt()).round_ties_even() as u32).max(size);
    let (width, height) = View::resized(shorter, image);
    let mut place = |side: u64| stream.below(side.saturating_sub(size.into()) + 1) as u32;
    let top = place(height);
    View::Square { shorter, left: place(width), top }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATIO: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0];

    #[test]
    fn parts_are_inside_of_images_of_any_size() {
        for image in [(1, 1), (1, 500), (500, 1), (2, 3), (640, 480), (40_000, 7)] {
            for index in 0..200 {
                let mut stream = Stream::new(1, "crop", index, 0);
                let View::Part { left, top, width, height } =
                    resized_crop(&mut stream, image, [0.9, 1.0], RATIO)
                else {
                    panic!("a part");
                };
                assert!(width > 0 && height > 0, "{image:?}");
                assert!(left + width <= image.0 && top + height <= image.1, "{image:?}");
            }
        }
    }

    #[test]
    fn images_of_extreme_shape_give_their_middle() {
        // Width through height of 4: none of the shapes has nine tenths of its area.
        let view = resized_crop(&mut Stream::new(1, "crop", 0, 0), (400, 100), [0.9, 1.0], RATIO);
        assert_eq!(view, View::Part { left: 133, top: 0, width: 133, height: 100 });
        let view = resized_crop(&mut Stream::new(1, "crop", 0, 0), (100, 401), [0.9, 1.0], RATIO);
        assert_eq!(view, View::Part { left: 0, top: 134, width: 100, height: 133 });
        // The paper's shape alone: a square.
        let view =
            resized_crop(&mut Stream::new(1, "crop", 0, 0), (300, 100), [1.0, 1.0], [1.0; 2]);
        assert_eq!(view, View::Part { left: 100, top: 0, width: 100, height: 100 });
    }

    #[test]
    fn squares_move_along_the_longer_side_and_reach_both_ends() {
        let mut lefts = std::collections::BTreeSet::new();
        for index in 0..400 {
            let view = square(&mut Stream::new(1, "crop", index, 0), (128, 100), 50, [1.0; 2]);
            let View::Square { shorter: 50, left, top: 0 } = view else { panic!("{view:?}") };
            lefts.insert(left);
        }
        assert_eq!((lefts.first(), lefts.last(), lefts.len()), (Some(&0), Some(&14), 15));
        for index in 0..100 {
            let view = square(&mut Stream::new(1, "crop", index, 0), (128, 100), 50, [0.25, 1.0]);
            let View::Square { shorter, left, top } = view else { panic!("{view:?}") };
            assert!((50..=100).contains(&shorter) && top + 50 <= shorter, "{view:?}");
            assert!(u64::from(left) + 50 <= View::resized(shorter, (128, 100)).0);
        }
    }
}
