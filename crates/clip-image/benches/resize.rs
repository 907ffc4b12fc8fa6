//! Milliseconds of one thread for the steps behind the decoder: `cargo bench -p clip-image`.
//!
//! 1920 x 1280 RGB, bicubic, to 336 x 224 (whole) and to the clip recipe's 224 x 224 out of it;
//! median and best of 25.

use std::hint::black_box;
use std::time::Instant;

use clip_image::{
    Format, Image, Interpolation, Limits, MEAN, Mode, Preprocess, STD, decode, resize,
};

fn main() {
    let (width, height) = (1920, 1280);
    let mut ppm = format!("P6 {width} {height} 255\n").into_bytes();
    ppm.extend((0..width * height * 3_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
    let limits = Limits::default();
    let image = decode(&ppm, &limits).expect("a valid PPM");
    assert_eq!((image.format, image.mode), (Some(Format::Pnm), Mode::Rgb));
    measure("decode (a copy)", || decode(&ppm, &limits).expect("a valid PPM"));
    for filter in [Interpolation::Bilinear, Interpolation::Bicubic, Interpolation::Lanczos] {
        measure(&format!("{filter} to 336 x 224"), || resize(&image, 336, 224, filter));
    }
    let grey = Image { mode: Mode::Grey, width: width * 3, ..image.clone() };
    measure("bicubic, grey, 5760 x 1280 to 336 x 224", || {
        resize(&grey, 336, 224, Interpolation::Bicubic)
    });
    let preprocess = Preprocess::clip(224);
    measure("clip(224), PPM to pixels", || preprocess.pixels(&ppm, &limits).expect("a valid PPM"));
    let pixels = preprocess.pixels(&ppm, &limits).expect("a valid PPM");
    measure("pixels to input", || pixels.to_input(MEAN, STD));
}

fn measure<T>(name: &str, mut run: impl FnMut() -> T) {
    let mut times: Vec<_> = (0..25)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    times.sort();
    let ms = |index: usize| times[index].as_secs_f64() * 1e3;
    println!("{name:<44} {:7.2} ms, best {:7.2} ms", ms(times.len() / 2), ms(0));
}
