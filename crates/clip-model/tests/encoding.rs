//! What encoding promises beyond the right features: the same bits in any company, typed errors,
//! nothing computed for padding.

use clip_kernels::{Cpu, Precision};
use clip_model::{
    Activation, Architecture, CheckpointError, ClipModel, EncodeError, ImageArchitecture,
    StateDict, TextArchitecture, TextPooling, synthetic,
};

const VOCABULARY: usize = 300;
const CONTEXT: usize = 20;

fn architecture(image: ImageArchitecture) -> Architecture {
    let text = TextArchitecture {
        context_length: CONTEXT,
        vocab_size: VOCABULARY,
        width: 64,
        layers: 3,
        heads: 2,
        mlp_width: 256,
        pooling: TextPooling::Argmax,
    };
    let activation = Activation::QuickGelu;
    Architecture { embed_dim: 40, image, text, activation, logit_bias: false }
}

fn vision_transformer() -> Architecture {
    architecture(ImageArchitecture::VisionTransformer {
        resolution: 56,
        patch_size: 8,
        width: 96,
        layers: 3,
        heads: 2,
        mlp_width: 384,
    })
}

fn resnet() -> Architecture {
    architecture(ImageArchitecture::ModifiedResNet {
        resolution: 64,
        width: 8,
        blocks: [2, 1, 1, 1],
        heads: 4,
    })
}

fn model(architecture: &Architecture) -> ClipModel<Cpu> {
    ClipModel::new(
        Cpu::new(),
        Precision::F32,
        architecture,
        &synthetic::state_dict(architecture, 7),
    )
    .unwrap()
}

fn text(index: usize) -> Vec<u32> {
    let words = (0..index % (CONTEXT - 1)).map(|word| (index * 17 + word * 5) as u32 % 290);
    words.chain([VOCABULARY as u32 - 1]).collect()
}

fn in_pool<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

#[test]
fn image_features_have_same_bits_in_any_batch_and_on_any_number_of_threads() {
    for architecture in [vision_transformer(), resnet()] {
        let model = model(&architecture);
        let size = 3 * model.resolution() * model.resolution();
        let pixels = synthetic::pixels(3, 33, model.resolution());
        let images: Vec<&[f32]> = pixels.chunks(size).collect();
        let alone: Vec<Vec<f32>> =
            images.iter().map(|image| model.encode_images(image).unwrap()).collect();
        for threads in [1, 2, 4, 8] {
            for batch in 1..=33 {
                // Neighbours and places change with the batch.
                let order: Vec<usize> = (0..batch).map(|place| (place * 5 + batch) % 33).collect();
                let input =
                    order.iter().flat_map(|&image| images[image]).copied().collect::<Vec<_>>();
                let features = in_pool(threads, || model.encode_images(&input).unwrap());
                for (place, &image) in order.iter().enumerate() {
                    let found = &features[place * 40..(place + 1) * 40];
                    assert_eq!(
                        found, alone[image],
                        "batch {batch}, place {place}, {threads} threads"
                    );
                }
            }
        }
    }
}

#[test]
fn text_features_have_same_bits_in_any_batch_and_on_any_number_of_threads() {
    let model = model(&vision_transformer());
    let texts: Vec<Vec<u32>> = (0..200).map(text).collect();
    let alone: Vec<Vec<f32>> =
        texts.iter().map(|text| model.encode_texts(&[text]).unwrap()).collect();
    for threads in [1, 2, 4, 8] {
        for batch in (1..=33).chain([200]) {
            let order: Vec<usize> = (0..batch).map(|place| (place * 7 + batch) % 200).collect();
            let input: Vec<&[u32]> = order.iter().map(|&text| texts[text].as_slice()).collect();
            let features = in_pool(threads, || model.encode_texts(&input).unwrap());
            for (place, &text) in order.iter().enumerate() {
                let found = &features[place * 40..(place + 1) * 40];
                assert_eq!(found, alone[text], "batch {batch}, place {place}, {threads} threads");
            }
        }
    }
}

#[test]
fn texts_of_many_trees_have_same_bits_whichever_thread_computes_them() {
    let model = model(&vision_transformer());
    let text = |i: u32| vec![i % 290, i / 290, i * 13 % 290, VOCABULARY as u32 - 1];
    let texts: Vec<Vec<u32>> = (0..8000).map(text).collect();
    let input: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let on_one = in_pool(1, || model.encode_texts(&input).unwrap());
    for threads in [2, 3] {
        assert!(
            in_pool(threads, || model.encode_texts(&input).unwrap()) == on_one,
            "{threads} threads"
        );
    }
    for (index, text) in input.iter().enumerate().step_by(97) {
        assert_eq!(
            model.encode_texts(&[text]).unwrap(),
            on_one[index * 40..(index + 1) * 40],
            "text {index}"
        );
    }
}

#[test]
fn padding_changes_no_bit_and_may_be_longer_than_the_context() {
    let model = model(&vision_transformer());
    let cut = text(9);
    for padding in [0, cut[cut.len() - 1]] {
        let mut padded = cut.clone();
        padded.resize(3 * CONTEXT, padding);
        assert_eq!(
            model.encode_texts(&[&padded]),
            model.encode_texts(&[&cut]),
            "padding {padding}"
        );
    }
}

#[test]
fn nothing_gives_nothing() {
    let model = model(&resnet());
    assert_eq!(model.encode_images(&[]), Ok(vec![]));
    assert_eq!(model.encode_texts(&[]), Ok(vec![]));
}

#[test]
fn wrong_inputs_are_named() {
    let model = model(&vision_transformer());
    let long: Vec<u32> = (0..CONTEXT as u32).chain([299]).collect();
    let fine = text(3);
    for (error, message) in [
        (model.encode_images(&[0.0; 5]), "input has 5 values, expected a multiple of 3 x 56 x 56"),
        (model.encode_images(&[f32::NAN; 3 * 56 * 56]), "features of image 0 are not finite"),
        (model.encode_texts(&[&fine, &[]]), "text 1 has no tokens"),
        (model.encode_texts(&[&fine, &long]), "text 1 has 21 tokens, limit 20"),
        (model.encode_texts(&[&[1, 300]]), "text 0 has token id 300, vocabulary 300"),
    ] {
        assert_eq!(error.unwrap_err().to_string(), message);
    }
    let too_long = EncodeError::TextTooLong { index: 0, tokens: 78, limit: 77 };
    assert_eq!(too_long.help(), Some("`--truncate` cuts such texts and counts them"));
}

#[test]
fn sizes_that_do_not_fit_are_refused_before_any_tensor_is_read() {
    let no_weights = StateDict::from_tensors("m.pt", Default::default());
    let message = |architecture: &Architecture| {
        let error =
            ClipModel::new(Cpu::new(), Precision::F32, architecture, &no_weights).err().unwrap();
        assert!(matches!(error, CheckpointError::NotClip { .. }), "{error}");
        error.to_string()
    };
    let mut broken = vision_transformer();
    broken.text.heads = 3;
    assert_eq!(message(&broken), "m.pt: text heads 3 does not divide text width 64");
    broken.text.heads = 0;
    assert_eq!(message(&broken), "m.pt: text heads 0 does not divide text width 64");
    broken.text.width = usize::MAX;
    assert_eq!(
        message(&broken),
        format!("m.pt: text width is {}, expected 1 to 1048576", usize::MAX)
    );
    let mut broken = resnet();
    broken.image =
        ImageArchitecture::ModifiedResNet { resolution: 65, width: 8, blocks: [1; 4], heads: 4 };
    assert_eq!(message(&broken), "m.pt: stride of the tower 32 does not divide resolution 65");
}
