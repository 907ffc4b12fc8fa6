//! How much memory a step will take, by formula: to be known before the first is made.

use clip_model::{Architecture, ImageArchitecture};
use serde::Serialize;

use crate::options::{Lock, TrainerOptions};

/// Bytes of each thing that a step holds at its fullest, on one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MemoryEstimate {
    /// Weights, f32.
    pub weights: u64,
    /// Gradients of what is trained.
    pub gradients: u64,
    /// Both moments of what is trained.
    pub moments: u64,
    /// The moving average.
    pub average: u64,
    /// The teacher's weights.
    pub teacher: u64,
    /// What the way back needs of the way forward, for one micro-batch.
    pub activations: u64,
    /// Batches read ahead.
    pub batches: u64,
}

/// What an estimate is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepSize {
    /// Pairs of a rank's batch.
    pub batch: usize,
    /// Tokens of a text, in the mean.
    pub tokens_per_text: f64,
    /// Batches read ahead.
    pub prefetch: usize,
}

impl MemoryEstimate {
    /// Of a step of this architecture.
    pub fn new(
        architecture: &Architecture,
        teacher: Option<&Architecture>,
        options: &TrainerOptions,
        size: StepSize,
    ) -> MemoryEstimate {
        let all = 4 * architecture.parameter_count();
        let trained = 4 * trained_parameters(architecture, options);
        let micro = size.batch.div_ceil(options.micro_batches.max(1));
        let pixels = 3 * architecture.image.resolution().pow(2);
        let image = match options.image_lock {
            Lock::Locked => pixels as f64,
            _ => image_floats(architecture, options.checkpointing, options.patch_dropout),
        };
        let text = match options.text_lock {
            Lock::Locked => 0.0,
            _ => text_floats(architecture, options.checkpointing, size.tokens_per_text),
        };
        MemoryEstimate {
            weights: all,
            gradients: trained,
            moments: 2 * trained,
            average: options.moving_average.map_or(0, |_| trained),
            teacher: teacher.map_or(0, |teacher| 4 * teacher.parameter_count()),
            activations: (4.0 * micro as f64 * (image + text)) as u64,
            // One is trained on while the next are made.
            batches: 4 * ((size.prefetch + 1) * size.batch * pixels) as u64,
        }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        let Self { weights, gradients, moments, average, teacher, activations, batches } = *self;
        weights + gradients + moments + average + teacher + activations + batches
    }
}

/// Values that the optimiser moves.
pub fn trained_parameters(architecture: &Architecture, options: &TrainerOptions) -> u64 {
    use crate::plan::{Role, role};
    let parameters = architecture.parameters();
    let sizes = parameters.iter().map(|parameter| match role(options, architecture, parameter) {
        Role::Frozen => 0,
        Role::Trained => parameter.shape.iter().map(|&size| size as u64).product(),
        Role::Adapted => {
            let rank = options.lora.as_ref().map_or(0, |lora| lora.rank as u64);
            let rows = parameter.shape.first().map_or(1, |&rows| rows as u64);
            let width: u64 = parameter.shape.iter().skip(1).map(|&size| size as u64).product();
            rank * (rows + width)
        }
    });
    sizes.sum()
}

/// Rows of a block's width that it keeps: its input, queries, keys and values, what the heads and
/// the attention gave; and what stands before the activation of its MLP.
fn block_floats(width: usize, mlp_width: usize) -> f64 {
    (6 * width + mlp_width) as f64
}

/// What the way back through one block holds beside that: gradients of as many rows.
fn transformer_floats(layers: usize, block: f64, input: usize, checkpointing: bool) -> f64 {
    match checkpointing {
        true => (layers * input) as f64 + 2.0 * block,
        false => (layers + 1) as f64 * block,
    }
}

/// Values kept for one picture.
fn image_floats(architecture: &Architecture, checkpointing: bool, dropout: f64) -> f64 {
    let pixels = (3 * architecture.image.resolution().pow(2)) as f64;
    match architecture.image {
        ImageArchitecture::VisionTransformer { width, layers, mlp_width, .. } => {
            let tokens = 1.0 + (architecture.image.tokens() - 1) as f64 * (1.0 - dropout);
            let block = block_floats(width, mlp_width);
            pixels
                + tokens * (width as f64 + transformer_floats(layers, block, width, checkpointing))
        }
        ImageArchitecture::ModifiedResNet { resolution, width, blocks, .. } => {
            // Each convolution keeps its input and what comes out before the batch norm.
            let cells = |side: usize| (side * side) as f64;
            let stem = cells(resolution / 2) * (4 * width) as f64;
            let mut side = resolution / 4;
            let mut stages = 0.0;
            for (stage, &count) in blocks.iter().enumerate() {
                let planes = (width << stage) as f64;
                // conv1, conv2, conv3 with m, m and 4m channels, and the input of 4m.
                let of_block = cells(side) * 14.0 * planes;
                let inputs = cells(side) * 4.0 * planes;
                stages += match checkpointing {
                    true => count as f64 * inputs + of_block,
                    false => count as f64 * of_block,
                };
                side /= if stage < 3 { 2 } else { 1 };
            }
            let tokens = architecture.image.tokens() as f64;
            pixels + stem + stages + tokens * (4 * 32 * width) as f64
        }
    }
}

/// Values kept for one text.
fn text_floats(architecture: &Architecture, checkpointing: bool, tokens: f64) -> f64 {
    let text = &architecture.text;
    let block = block_floats(text.width, text.mlp_width);
    tokens * transformer_floats(text.layers, block, text.width, checkpointing)
}

/// Bytes of memory that the system could give at most; nothing where it does not tell.
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use clip_model::registry;

    use super::*;

    #[test]
    fn estimate_of_a_full_size_step_is_made_of_its_parts() {
        let architecture = &registry::find("ViT-B/32").expect("released").architecture;
        let options = TrainerOptions::of_family(&architecture.image);
        let size = StepSize { batch: 64, tokens_per_text: 16.0, prefetch: 2 };
        let usual = MemoryEstimate::new(architecture, None, &options, size);
        assert_eq!(usual.weights, 4 * 151_277_313);
        assert_eq!((usual.gradients, usual.moments), (usual.weights, 2 * usual.weights));
        // A picture has its pixels and 50 rows, a text 16, each of 12 blocks and one on its way back.
        let (picture, text) = (3 * 224 * 224 + 50 * (768 + 13 * 10 * 768), 16 * 13 * 10 * 512);
        assert_eq!(usual.activations, 4 * 64 * (picture + text));
        let checkpointed = TrainerOptions { checkpointing: true, ..options.clone() };
        let less = MemoryEstimate::new(architecture, None, &checkpointed, size);
        assert!(less.activations < usual.activations / 3, "{less:?}");
        let locked = TrainerOptions { image_lock: Lock::Locked, ..options.clone() };
        let lit = MemoryEstimate::new(architecture, None, &locked, size);
        assert_eq!(lit.gradients, 4 * (63_428_096 + 1));
        let parts = TrainerOptions { micro_batches: 4, ..options };
        let quarter = MemoryEstimate::new(architecture, None, &parts, size);
        assert_eq!(quarter.activations, usual.activations / 4);
    }
}
