//! How fast a model runs on this machine: rates, operations, and the share of what the processor
//! can do.
//!
//! Everything is measured in rounds, one measurement after the other in each, so that a slow moment
//! of the machine meets all of them; the medians count. The first round warms up and does not.

use clip_rs::model::{MultiplyAdds, synthetic};
use clip_rs::{Clip, Error, ImageInput, InstructionSet, Overflow, Precision, measure_peak};
use rayon::prelude::*;

use super::machine;
use super::rounds::{Measurement, medians};

/// Captions written for this purpose, one a line: 1 to 20 words, as people describe photos.
const CAPTIONS: &str = include_str!("../../assets/bench/captions.txt");

/// The photo that is decoded and preprocessed.
const PHOTO: &[u8] = include_bytes!("../../../../photos/cat.jpg");

/// Copies of the photo preprocessed by one thread in a round.
const PHOTOS_PER_THREAD: usize = 8;

/// What was measured of one model at one batch size. Rates are medians.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(super) struct Speed {
    /// The model as it was named.
    pub(super) model: String,
    /// `f32`, `bf16` or `int8`.
    pub(super) precision: &'static str,
    /// `reference`, `portable`, `avx2` or `avx512`.
    pub(super) isa: &'static str,
    /// The processor's name for itself, where the system tells it.
    pub(super) processor: Option<String>,
    /// Threads of the pool.
    pub(super) threads: usize,
    /// Images in a call of the image tower.
    pub(super) batch: usize,
    /// Normalised images through the image tower.
    pub(super) images_per_second: f64,
    /// The built-in captions, all in one call, tokenized before.
    pub(super) texts_per_second: f64,
    /// 10⁹ operations a second of the image tower, two for each multiply-add of the reference
    /// ([`MultiplyAdds`]).
    pub(super) gops: f64,
    /// The most that this processor did in these rounds: products without memory, in the same
    /// precision, 10⁹ a second. Unknown for the reference device.
    pub(super) peak_gops: Option<f64>,
    /// `gops` over `peak_gops`. Beyond 1 where shortcuts leave out operations of the reference.
    pub(super) share_of_peak: Option<f64>,
    /// JPEG in memory to the pixels the model sees, all threads.
    pub(super) preprocess_images_per_second: f64,
    /// The same on one thread.
    pub(super) preprocess_images_per_second_one_thread: f64,
    /// Captions to token ids, one thread.
    pub(super) tokenize_texts_per_second: f64,
    /// From the name of the model to a model that can encode.
    pub(super) load_seconds: f64,
    /// Greatest memory of the process so far, where the system tells it.
    pub(super) peak_memory_bytes: Option<u64>,
    /// Rounds that counted.
    pub(super) rounds: usize,
}

/// The built-in captions.
pub(super) fn captions() -> Vec<&'static str> {
    CAPTIONS.lines().collect()
}

/// Measures `clip`, which took `load_seconds` to load, at each of these batch sizes, over `rounds`
/// rounds. `progress` is told after each round how many of all are done, the warm-up among them.
///
/// # Errors
/// Features are not finite.
pub(super) fn measure(
    clip: &Clip,
    load_seconds: f64,
    batches: &[usize],
    rounds: usize,
    progress: impl FnMut(usize, usize),
) -> Result<Vec<Speed>, Error> {
    let threads = rayon::current_num_threads();
    let captions = captions();
    let tokens = token_ids(clip, &captions)?;
    let tokens: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
    let photo = ImageInput::bytes("cat.jpg", PHOTO.to_vec());
    let photos = |count: usize| vec![&photo; count];
    let greatest = batches.iter().copied().max().unwrap_or(0);
    let images = random_images(clip, greatest);
    let image_values = images.len() / greatest.max(1);

    let mut measurements = vec![
        Measurement::seconds(|| clip.encode_token_ids(&tokens).map(drop)),
        Measurement::seconds(|| {
            photos(PHOTOS_PER_THREAD).into_iter().try_for_each(|p| clip.pixels(p).map(drop))
        }),
        Measurement::seconds(|| {
            photos(PHOTOS_PER_THREAD * threads)
                .into_par_iter()
                .try_for_each(|p| clip.pixels(p).map(drop))
        }),
        Measurement::seconds(|| {
            captions.iter().for_each(|caption| drop(clip.tokenizer().encode(caption)));
            Ok(())
        }),
        Measurement::value(|| {
            Ok(peak_gops(clip.instruction_set(), clip.precision()).unwrap_or(f64::NAN))
        }),
    ];
    let shared = measurements.len();
    for &batch in batches {
        let input = &images[..batch * image_values];
        measurements.push(Measurement::seconds(|| clip.encode_input(input).map(drop)));
    }
    let medians = medians(&mut measurements, rounds, progress)?;
    drop(measurements);

    let (common, image_seconds) = medians.split_at(shared);
    let &[texts, one_thread, all_threads, tokenize, peak] = common else { return Ok(Vec::new()) };
    let common = Common {
        threads,
        rounds,
        load_seconds,
        peak_gops: peak.is_finite().then_some(peak),
        texts_per_second: captions.len() as f64 / texts,
        photos_per_second: (PHOTOS_PER_THREAD * threads) as f64 / all_threads,
        photos_per_second_one_thread: PHOTOS_PER_THREAD as f64 / one_thread,
        tokenized_per_second: captions.len() as f64 / tokenize,
    };
    let speed = |(&batch, &seconds)| common.speed(clip, batch, seconds);
    Ok(batches.iter().zip(image_seconds).map(speed).collect())
}

/// What does not depend on the batch size.
struct Common {
    threads: usize,
    rounds: usize,
    load_seconds: f64,
    peak_gops: Option<f64>,
    texts_per_second: f64,
    photos_per_second: f64,
    photos_per_second_one_thread: f64,
    tokenized_per_second: f64,
}

impl Common {
    /// With the images of a batch in so many seconds.
    fn speed(&self, clip: &Clip, batch: usize, seconds: f64) -> Speed {
        let operations = 2.0 * MultiplyAdds::of(clip.architecture()).image as f64;
        let images_per_second = batch as f64 / seconds;
        let gops = images_per_second * operations / 1e9;
        Speed {
            model: clip.name().to_owned(),
            precision: clip.precision().name(),
            isa: clip.instruction_set().name(),
            processor: machine::processor_name(),
            threads: self.threads,
            batch,
            images_per_second,
            texts_per_second: self.texts_per_second,
            gops,
            peak_gops: self.peak_gops,
            share_of_peak: self.peak_gops.map(|peak| gops / peak),
            preprocess_images_per_second: self.photos_per_second,
            preprocess_images_per_second_one_thread: self.photos_per_second_one_thread,
            tokenize_texts_per_second: self.tokenized_per_second,
            load_seconds: self.load_seconds,
            peak_memory_bytes: machine::peak_memory_bytes(),
            rounds: self.rounds,
        }
    }
}

/// 10⁹ operations a second of products that touch no memory, on all threads; none of the reference
/// device.
pub(super) fn peak_gops(instruction_set: InstructionSet, precision: Precision) -> Option<f64> {
    match instruction_set {
        InstructionSet::Cpu(isa) => Some(measure_peak(isa, precision)),
        InstructionSet::Reference => None,
    }
}

/// Normalised network input `[count, 3, resolution, resolution]`, by formula.
pub(super) fn random_images(clip: &Clip, count: usize) -> Vec<f32> {
    synthetic::pixels(1, count, clip.resolution())
}

/// Token ids of each text, with start and end, cut to the context.
pub(super) fn token_ids(clip: &Clip, texts: &[impl AsRef<str>]) -> Result<Vec<Vec<u32>>, Error> {
    let context_length = clip.architecture().text.context_length;
    let ids = texts.iter().enumerate().map(|(index, text)| {
        let tokens = clip.tokenizer().tokenize(text.as_ref(), context_length, Overflow::Truncate);
        tokens.map(|tokens| tokens.ids).map_err(|source| Error::Text { index, source })
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_two_hundred_different_texts_that_fit_the_context() {
        let captions = captions();
        let different: std::collections::HashSet<_> = captions.iter().collect();
        assert_eq!((captions.len(), different.len()), (200, 200));
        let clip = Clip::starter().expect("built in");
        for (caption, ids) in captions.iter().zip(token_ids(&clip, &captions).expect("they fit")) {
            assert!((3..40).contains(&ids.len()), "{caption}");
        }
    }
}
