//! Work that is left out changes no bit of a feature: whichever shortcuts are on, in any company,
//! order and number of threads, in every precision, on every instruction set and on the reference.

use clip_kernels::{Cpu, Device, Isa, Precision, Reference};
use clip_model::{
    Activation, Architecture, ClipModel, ImageArchitecture, Shortcuts, TextArchitecture,
    TextPooling, synthetic,
};
use proptest::prelude::*;
use std::sync::LazyLock;

const VOCABULARY: u32 = 8;
const END: u32 = VOCABULARY - 1;
const CONTEXT: usize = 9;
const EMBED_DIM: usize = 20;

const POOLINGS: [TextPooling; 4] =
    [TextPooling::Argmax, TextPooling::FirstId(END), TextPooling::First, TextPooling::Last];

/// All, none, each alone off and each alone on.
fn combinations() -> Vec<Shortcuts> {
    let mut all = vec![Shortcuts::ALL, Shortcuts::NONE];
    for base in [Shortcuts::ALL, Shortcuts::NONE] {
        all.push(Shortcuts { ragged: !base.ragged, ..base });
        all.push(Shortcuts { prefixes: !base.prefixes, ..base });
        all.push(Shortcuts { duplicates: !base.duplicates, ..base });
        all.push(Shortcuts { pooled_rows_only: !base.pooled_rows_only, ..base });
    }
    all
}

fn architecture(image: ImageArchitecture, pooling: TextPooling) -> Architecture {
    let text = TextArchitecture {
        context_length: CONTEXT,
        vocab_size: VOCABULARY as usize,
        width: 48,
        layers: 2,
        heads: 3,
        mlp_width: 80,
        pooling,
    };
    let activation = Activation::QuickGelu;
    Architecture { embed_dim: EMBED_DIM, image, text, activation, logit_bias: false }
}

fn vision_transformer() -> ImageArchitecture {
    ImageArchitecture::VisionTransformer {
        resolution: 32,
        patch_size: 8,
        width: 32,
        layers: 2,
        heads: 2,
        mlp_width: 48,
    }
}

fn resnet() -> ImageArchitecture {
    ImageArchitecture::ModifiedResNet { resolution: 64, width: 8, blocks: [1; 4], heads: 4 }
}

fn model<D: Device>(
    device: D,
    precision: Precision,
    architecture: &Architecture,
    shortcuts: Shortcuts,
) -> ClipModel<D> {
    let weights = synthetic::state_dict(architecture, 5);
    let model = ClipModel::new(device, precision, architecture, &weights).unwrap();
    model.with_shortcuts(shortcuts)
}

/// A model for every precision, pooling and combination of shortcuts.
fn text_models<D: Device>(device: impl Fn() -> D) -> Vec<(String, ClipModel<D>)> {
    let mut models = Vec::new();
    for precision in Precision::ALL {
        for pooling in POOLINGS {
            let architecture = architecture(vision_transformer(), pooling);
            for shortcuts in combinations() {
                let name = format!("{precision}, {pooling:?}, {shortcuts:?}");
                models.push((name, model(device(), precision, &architecture, shortcuts)));
            }
        }
    }
    models
}

static CPU: LazyLock<Vec<(String, ClipModel<Cpu>)>> = LazyLock::new(|| {
    let of = |isa: Isa| {
        let models = text_models(move || Cpu::with_isa(isa)).into_iter();
        models.map(move |(name, model)| (format!("{}: {name}", isa.name()), model))
    };
    Isa::available().flat_map(of).collect()
});

static REFERENCE: LazyLock<Vec<(String, ClipModel<Reference>)>> =
    LazyLock::new(|| text_models(|| Reference));

/// Texts of few words, so that many begin alike, are equal, or are the beginning of another.
fn texts() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let text = prop::collection::vec(prop_oneof![3 => 1..3u32, 1 => 3..END], 0..CONTEXT - 1);
    let text = (text, 0..3usize).prop_map(|(words, padding)| {
        let end = [END].into_iter().chain(std::iter::repeat_n(0, padding));
        words.into_iter().chain(end).take(CONTEXT).collect()
    });
    prop::collection::vec(text, 1..24)
}

fn in_pool<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

/// Every text alone without any shortcut, against all together, forwards and backwards.
fn all_equal<D: Device>(models: &[(String, ClipModel<D>)], texts: &[Vec<u32>]) {
    let mut texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let mut alone: Vec<Vec<f32>> = Vec::new();
    for (index, (name, model)) in models.iter().enumerate() {
        if index % combinations().len() == 0 {
            // Of this instruction set, precision and pooling: the combination without shortcuts is
            // the second.
            let (name, plain) = &models[index + 1];
            assert!(name.ends_with(&format!("{:?}", Shortcuts::NONE)), "{name}");
            alone = texts.iter().map(|text| plain.encode_texts(&[text]).unwrap()).collect();
        }
        for threads in [1, 3] {
            assert_eq!(
                in_pool(threads, || model.encode_texts(&texts).unwrap()),
                alone.concat(),
                "{name}"
            );
            texts.reverse();
            alone.reverse();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_shortcut_changes_a_bit_of_a_text_on_any_instruction_set(texts in texts()) {
        all_equal(&CPU, &texts);
    }

    #[test]
    fn no_shortcut_changes_a_bit_of_a_text_on_the_reference(texts in texts()) {
        all_equal(&REFERENCE, &texts);
    }
}

#[test]
fn more_texts_than_one_tree_holds_come_back_in_their_order() {
    let architecture = architecture(vision_transformer(), TextPooling::Argmax);
    let [fast, plain] = [Shortcuts::ALL, Shortcuts::NONE]
        .map(|shortcuts| model(Cpu::new(), Precision::F32, &architecture, shortcuts));
    let texts: Vec<Vec<u32>> = (0..7000u32)
        .map(|text| {
            let words = (0..text % 7)
                .map(|word| 1 + text.wrapping_mul(2_654_435_761) / 6u32.pow(word + 1) % 6);
            words.chain([END]).collect()
        })
        .collect();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let features = fast.encode_texts(&texts).unwrap();
    for (text, feature) in texts.iter().zip(features.chunks(EMBED_DIM)).step_by(37) {
        assert_eq!(plain.encode_texts(&[text]).unwrap(), feature, "{text:?}");
    }
}

#[test]
fn no_shortcut_changes_a_bit_of_a_picture() {
    for image in [vision_transformer(), resnet()] {
        let architecture = architecture(image, TextPooling::Argmax);
        let pixels = synthetic::pixels(2, 3, architecture.image.resolution());
        for isa in Isa::available() {
            let [fast, plain] = [Shortcuts::ALL, Shortcuts::NONE].map(|shortcuts| {
                model(Cpu::with_isa(isa), Precision::F32, &architecture, shortcuts)
            });
            assert_eq!(fast.encode_images(&pixels), plain.encode_images(&pixels), "{}", isa.name());
        }
    }
}
