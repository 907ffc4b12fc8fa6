//! What one step sees.

/// Pairs of pictures and texts, in an order that is a function of (seed, epoch, position) alone.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Which samples these are: numbers within the training data, the same in every epoch.
    pub samples: Vec<u64>,
    /// Names for messages: the shard and key, the row, or the file.
    pub keys: Vec<String>,
    /// Normalised pixels, `[samples, 3, resolution, resolution]`; empty where the image tower is
    /// locked and its features are kept.
    pub pixels: Vec<f32>,
    /// Token ids of each text, start and end included, without padding.
    pub texts: Vec<Vec<u32>>,
}

impl Batch {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}
