//! Captions and images find each other, exactly, whatever their number. PROTOCOL_EVAL 7.5.
//!
//! ```text
//! larger set  [n, width] ── blocks of 512 rows ──┐
//! smaller set [m, width] ── packed, 8192 at most ┴─▶ f32 scores of a block ─┬─▶ its rows: k best, rank of the true match
//!                                                                          └─▶ its columns: the same, carried on
//! ```
//!
//! One sweep serves both directions; no n x m matrix exists. Similarity is the f64 sum of exact
//! products. An f32 score is used alone where its greatest possible error cannot change the answer;
//! the few others are computed again in f64. So results depend on the vectors alone: not on
//! threads, instruction set or blocks. Equal similarities go by the lower index.

mod direction;
mod places;
mod shortlist;
mod vectors;

pub use direction::Ranked;
pub use places::PlaceTable;
pub use shortlist::Match;
pub use vectors::{RetrievalError, UnitVectors};

use crate::products::PackedMatrix;
use clip_kernels::{DeviceError, Matrix, MatrixView};
use clip_rs::InstructionSet;
use direction::Direction;
use vectors::similarity;

/// Rows whose scores exist at a time.
const BLOCK: usize = 512;
/// Columns that are packed at a time: scores of a block take at most 16 MB.
const TILE: usize = 8192;

/// What both directions found.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    /// One entry per image: rank of its best caption, and the best captions.
    pub image_to_text: Vec<Ranked>,
    /// One entry per text: rank of its image, and the best images.
    pub text_to_image: Vec<Ranked>,
}

/// Finds the `k` best of the other kind for every image and every text, and the rank (from 1) of
/// the best true match.
///
/// - `device`: what computes the f32 scores; it changes no result
/// - `image_of_text`: `[texts]`, position of the image each text belongs to
///
/// # Errors
/// A text of an image that does not exist, an image without text, no room on the device.
///
/// # Panics
/// When widths or numbers of texts differ.
pub fn retrieve(
    device: InstructionSet,
    images: UnitVectors<'_>,
    texts: UnitVectors<'_>,
    image_of_text: &[u32],
    k: usize,
) -> Result<Retrieval, RetrievalError> {
    assert_eq!(image_of_text.len(), texts.rows(), "images of {} texts", texts.rows());
    let mut of_image: Vec<Option<Match>> = vec![None; images.rows()];
    let mut of_text = Vec::with_capacity(texts.rows());
    for (text, &image) in (0..).zip(image_of_text) {
        let images_best = of_image.get_mut(image as usize);
        let images_best = images_best.ok_or(RetrievalError::NoSuchImage {
            text,
            image,
            images: images.rows(),
        })?;
        let similarity = similarity(texts.row(text as usize), images.row(image as usize));
        // Texts come in order: of equal ones the first stays.
        if images_best.is_none_or(|best| similarity > best.similarity) {
            *images_best = Some(Match { index: text, similarity });
        }
        of_text.push(Some(Match { index: image, similarity }));
    }
    if let Some(image) = of_image.iter().position(Option::is_none) {
        return Err(RetrievalError::NoText { image });
    }
    let mut image_to_text = Direction::new(images, texts, &of_image, k);
    let mut text_to_image = Direction::new(texts, images, &of_text, k);
    if images.rows() < texts.rows() {
        sweep(device, texts, images, Some(&mut text_to_image), Some(&mut image_to_text))?;
    } else {
        sweep(device, images, texts, Some(&mut image_to_text), Some(&mut text_to_image))?;
    }
    Ok(Retrieval { image_to_text: image_to_text.finish(), text_to_image: text_to_image.finish() })
}

/// The `k` rows of `among` that are most similar to each query, best first.
///
/// # Errors
/// The device has no room for a block of scores.
///
/// # Panics
/// When the widths differ.
pub fn nearest(
    device: InstructionSet,
    queries: UnitVectors<'_>,
    among: UnitVectors<'_>,
    k: usize,
) -> Result<Vec<Vec<Match>>, DeviceError> {
    let mut direction = Direction::new(queries, among, &vec![None; queries.rows()], k);
    if queries.rows() < among.rows() {
        sweep(device, among, queries, None, Some(&mut direction))?;
    } else {
        sweep(device, queries, among, Some(&mut direction), None)?;
    }
    Ok(direction.finish().into_iter().map(|ranked| ranked.best).collect())
}

/// Shows every score of `rows` with `columns` to the direction whose queries are the rows, and to
/// the one whose queries are the columns.
fn sweep(
    device: InstructionSet,
    rows: UnitVectors<'_>,
    columns: UnitVectors<'_>,
    mut of_rows: Option<&mut Direction<'_>>,
    mut of_columns: Option<&mut Direction<'_>>,
) -> Result<(), DeviceError> {
    assert_eq!(rows.width(), columns.width(), "widths of queries and of what is searched");
    for tile in columns.blocks(TILE) {
        let view = MatrixView::output_major(tile.values, tile.rows(), columns.width());
        let packed = PackedMatrix::new(device, view)?;
        for block in rows.blocks(BLOCK) {
            let block_rows = Matrix::new(block.values.to_vec(), rows.width());
            let scores = packed.multiply(&block_rows)?; // [block, tile]
            if let Some(direction) = &mut of_rows {
                direction.scan_rows(scores.values(), block.first, tile.first, tile.rows());
            }
            if let Some(direction) = &mut of_columns {
                direction.scan_columns(scores.values(), block.first, tile.first, tile.rows());
            }
        }
    }
    Ok(())
}
