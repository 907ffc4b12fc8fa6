//! Times the JPEG decoder against libjpeg-turbo (crate `turbojpeg`, SIMD on), one thread,
//! interleaved in one process.
//!
//! `cargo bench -p clip-image --features turbojpeg-oracle --bench jpeg -- PHOTO.jpg`
//!
//! The photograph is encoded anew in each form; both decoders get the same bytes and must give the
//! same pixels. Printed: median of the repetitions in megapixels per second, ratio of the medians.

use std::time::{Duration, Instant};

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

const REPETITIONS: usize = 21;

struct Form {
    name: &'static str,
    quality: i32,
    subsampling: Subsamp,
    progressive: bool,
}

const FORMS: [Form; 7] = [
    Form { name: "4:2:0 q75", quality: 75, subsampling: Subsamp::Sub2x2, progressive: false },
    Form { name: "4:2:0 q95", quality: 95, subsampling: Subsamp::Sub2x2, progressive: false },
    Form { name: "4:2:2 q85", quality: 85, subsampling: Subsamp::Sub2x1, progressive: false },
    Form { name: "4:4:4 q75", quality: 75, subsampling: Subsamp::None, progressive: false },
    Form { name: "4:4:4 q95", quality: 95, subsampling: Subsamp::None, progressive: false },
    Form {
        name: "4:2:0 q75 progressive",
        quality: 75,
        subsampling: Subsamp::Sub2x2,
        progressive: true,
    },
    Form {
        name: "4:4:4 q90 progressive",
        quality: 90,
        subsampling: Subsamp::None,
        progressive: true,
    },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args().skip(1).find(|arg| !arg.starts_with('-')) else {
        println!("skipped: no photograph given");
        return Ok(());
    };
    let photo = turbojpeg::decompress(&std::fs::read(path)?, PixelFormat::RGB)?;
    let megapixels = (photo.width * photo.height) as f64 / 1e6;
    println!(
        "{:24} {:>10} {:>10} {:>7}   Mpixel/s, median of {REPETITIONS}",
        "", "ours", "turbojpeg", "ratio"
    );
    for form in FORMS {
        let bytes = encode(&photo, &form)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..REPETITIONS {
            let (our_time, our_pixels) = time(|| decode(&bytes));
            let (their_time, their_pixels) =
                time(|| turbojpeg::decompress(&bytes, PixelFormat::RGB).map(|image| image.pixels));
            assert!(our_pixels == their_pixels?, "{}: other pixels", form.name);
            ours.push(our_time);
            theirs.push(their_time);
        }
        let speed = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            megapixels / times[times.len() / 2].as_secs_f64()
        };
        let (ours, theirs) = (speed(&mut ours), speed(&mut theirs));
        println!("{:24} {ours:10.1} {theirs:10.1} {:7.2}", form.name, ours / theirs);
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    clip_image::jpeg::decode(bytes, u64::MAX).map(|image| image.data).unwrap_or_default()
}

fn encode(photo: &Image<Vec<u8>>, form: &Form) -> turbojpeg::Result<Vec<u8>> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(form.quality)?;
    compressor.set_subsamp(form.subsampling)?;
    compressor.set_progressive(form.progressive)?;
    compressor.compress_to_vec(photo.as_deref())
}

fn time<T>(job: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = job();
    (start.elapsed(), result)
}
