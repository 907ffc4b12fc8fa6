//! The two kinds of rows that must never be mixed: tower outputs and points on the unit sphere.

use clip_model::joint_space::{dot, normalize_rows};

/// Outputs of a tower, `[rows, embed_dim]`, **not** normalised (as the reference's `encode_*`).
/// PROTOCOL 1.4.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    embed_dim: usize,
    data: Vec<f32>,
}

/// Rows of L2 norm 1, `[rows, embed_dim]`; their dot products are cosines.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    embed_dim: usize,
    data: Vec<f32>,
}

/// Cosines of images and texts, `[images, texts]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Similarity {
    /// Number of rows.
    pub images: usize,
    /// Number of columns.
    pub texts: usize,
    /// The matrix, row by row.
    pub cosines: Vec<f32>,
}

impl Features {
    /// Wraps `data` as rows of `embed_dim`.
    ///
    /// # Panics
    /// If `data` is not a whole number of rows.
    pub fn new(embed_dim: usize, data: Vec<f32>) -> Features {
        assert_whole_rows(embed_dim, data.len());
        Features { embed_dim, data }
    }

    /// Each row divided by its norm (at least 1e-12).
    pub fn normalize(mut self) -> Embeddings {
        normalize_rows(&mut self.data, self.embed_dim);
        Embeddings { embed_dim: self.embed_dim, data: self.data }
    }
}

impl Embeddings {
    /// Wraps `data`, rows of norm 1, without touching them.
    ///
    /// # Panics
    /// If `data` is not a whole number of rows.
    pub fn from_normalized(embed_dim: usize, data: Vec<f32>) -> Embeddings {
        assert_whole_rows(embed_dim, data.len());
        Embeddings { embed_dim, data }
    }

    /// Cosine of every row of `self` (images) with every row of `texts`.
    ///
    /// # Panics
    /// If the two come from models of different `embed_dim`.
    pub fn cosines(&self, texts: &Embeddings) -> Similarity {
        assert_eq!(self.embed_dim, texts.embed_dim, "embeddings of two different models");
        let cosines = self
            .rows()
            .flat_map(|image| texts.rows().map(move |text| cosine(image, text)))
            .collect();
        Similarity { images: self.len(), texts: texts.len(), cosines }
    }
}

impl Similarity {
    /// The cosines of one image with all texts.
    pub fn row(&self, image: usize) -> &[f32] {
        &self.cosines[image * self.texts..(image + 1) * self.texts]
    }
}

macro_rules! rows_of {
    ($name:ident) => {
        impl $name {
            /// Length of a row.
            pub fn embed_dim(&self) -> usize {
                self.embed_dim
            }

            /// Number of rows.
            pub fn len(&self) -> usize {
                self.data.len() / self.embed_dim
            }

            /// Whether there is no row.
            pub fn is_empty(&self) -> bool {
                self.data.is_empty()
            }

            /// One row after the other.
            pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
                self.data.chunks_exact(self.embed_dim)
            }

            /// All rows, row-major.
            pub fn as_slice(&self) -> &[f32] {
                &self.data
            }
        }
    };
}
rows_of!(Features);
rows_of!(Embeddings);

/// In the order of the row: the same bits whatever the neighbours.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    dot::<1>(a, b) as f32
}

fn assert_whole_rows(embed_dim: usize, len: usize) {
    assert!(
        embed_dim > 0 && len.is_multiple_of(embed_dim),
        "{len} values are no rows of {embed_dim}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalized_rows_have_norm_one_and_zero_stays_zero() {
        let embeddings = Features::new(2, vec![3.0, 4.0, 0.0, 0.0]).normalize();
        assert_eq!(embeddings.as_slice(), [0.6, 0.8, 0.0, 0.0]);
    }

    #[test]
    fn similarity_is_images_by_texts() {
        let images = Embeddings::from_normalized(2, vec![1.0, 0.0, 0.0, 1.0]);
        let texts = Embeddings::from_normalized(2, vec![0.6, 0.8, 1.0, 0.0, 0.0, 1.0]);
        let similarity = images.cosines(&texts);
        assert_eq!((similarity.images, similarity.texts), (2, 3));
        assert_eq!(similarity.row(1), [0.8, 0.0, 1.0]);
    }
}
