//! Images in bulk: order, what is skipped, bits, and where it may be called from.

use std::path::Path;

use clip_rs::{Clip, Error, ImageInput};

fn photo(name: &str) -> ImageInput {
    ImageInput::file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../photos").join(name))
}

/// Two batches: photos in turns, with two inputs that cannot be used.
fn inputs() -> Vec<ImageInput> {
    let names = ["cat.jpg", "dog.jpg", "pizza.jpg"];
    let mut inputs: Vec<ImageInput> =
        (0..36).map(|index| photo(names[index % names.len()])).collect();
    inputs[5] = photo("there_is_none.jpg");
    inputs[33] = ImageInput::bytes("broken", b"\xff\xd8\xff and then nothing".to_vec());
    inputs
}

/// Its threads say how many batches there are where a machine has more of them than a batch has
/// images.
fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

fn names<'a>(inputs: impl IntoIterator<Item = &'a ImageInput>) -> Vec<&'a str> {
    inputs.into_iter().map(ImageInput::name).collect()
}

#[test]
fn batches_come_in_order_and_a_bad_image_stops_nothing() {
    let clip = Clip::starter().expect("built in");
    let inputs = inputs();
    let expected =
        clip.encode_pixels(&[clip.pixels(&inputs[0]).expect("a photo")]).expect("finite");
    let (mut usable, mut failed, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    clip.encode_in_batches(&inputs, |batch| {
        assert_eq!(batch.features.len(), batch.usable.len());
        rows.extend(batch.features.rows().map(<[f32]>::to_vec));
        usable.extend(batch.usable.iter().map(|image| image.input));
        failed.extend(batch.failed.into_iter().map(|image| (image.index, image.input.name())));
        Ok::<(), Error>(())
    })
    .expect("nothing stops it");
    assert_eq!(failed, [(5, inputs[5].name()), (33, "broken")], "their places, not their names");
    let good = inputs.iter().enumerate().filter(|(index, _)| ![5, 33].contains(index));
    assert_eq!(names(usable.iter().copied()), names(good.map(|(_, input)| input)));
    for (input, row) in
        usable.iter().zip(&rows).filter(|(input, _)| input.name() == inputs[0].name())
    {
        assert_eq!(row, expected.as_slice(), "{}: other bits than alone", input.name());
    }
}

#[test]
fn an_error_of_the_receiver_ends_it_after_the_batches_before() {
    let clip = Clip::starter().expect("built in");
    let inputs = inputs();
    let mut received = 0;
    let each = |_: clip_rs::ImageBatch<'_>| {
        received += 1;
        if received == 2 { Err(Error::NoLabels) } else { Ok(()) }
    };
    let ended = pool(2).install(|| clip.encode_in_batches(&inputs, each));
    assert!(matches!(ended, Err(Error::NoLabels)));
    assert_eq!(received, 2);
}

#[test]
fn callers_within_a_pool_of_one_thread_or_three_get_the_same_bits() {
    let clip = Clip::starter().expect("built in");
    let inputs: Vec<ImageInput> = inputs().into_iter().take(5).collect();
    let encode = || {
        let mut features = Vec::new();
        let each = |batch: clip_rs::ImageBatch<'_>| {
            features.extend_from_slice(batch.features.as_slice());
            Ok::<(), Error>(())
        };
        clip.encode_in_batches(&inputs, each).expect("photos");
        features
    };
    let expected = encode();
    for threads in [1, 3] {
        assert_eq!(pool(threads).install(encode), expected, "{threads} threads");
    }
}
