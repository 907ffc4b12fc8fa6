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

    /// The pairs of the samples that `is_wanted`, each sample once; nothing where a picture is
    /// wanted and the batch has none.
    pub(crate) fn only(&self, is_wanted: impl Fn(u64) -> bool) -> Option<Self> {
        let picture = self.pixels.len() / self.len().max(1);
        let mut only = Self::default();
        for (i, &sample) in self.samples.iter().enumerate() {
            if is_wanted(sample) && !only.samples.contains(&sample) {
                only.samples.push(sample);
                only.keys.push(self.keys.get(i)?.clone());
                only.texts.push(self.texts.get(i)?.clone());
                only.pixels.extend_from_slice(self.pixels.get(i * picture..(i + 1) * picture)?);
            }
        }
        (picture > 0 || only.is_empty()).then_some(only)
    }
}
