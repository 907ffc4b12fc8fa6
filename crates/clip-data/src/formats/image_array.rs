//! Images of one size that lie one after another in a file: CIFAR, STL-10, SVHN, MNIST.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::formats::{FileBytes, ppm};
use crate::item::Records;

/// Images of one size, `stride` bytes from one to the next.
#[derive(Debug)]
pub struct ImageArray {
    /// What its records are called: `NAME/INDEX`.
    pub name: String,
    /// Where the bytes are.
    pub store: Store,
    /// Offset of the first pixel.
    pub first: u64,
    /// From one image to the next, in bytes.
    pub stride: u64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// How an image's bytes follow each other.
    pub order: Order,
}

/// Where the bytes are.
#[derive(Debug)]
pub enum Store {
    /// In a file, read one image at a time.
    File(FileBytes),
    /// In memory, having been compressed in the file of that name.
    Memory(PathBuf, Vec<u8>),
}

/// How an image's bytes follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Grey values, row by row.
    Grey,
    /// A plane of red, one of green, one of blue, each row by row.
    PlanesOfRows,
    /// A plane of red, one of green, one of blue, each column by column (MATLAB's order).
    PlanesOfColumns,
}

impl Records for ImageArray {
    fn name(&self, index: usize) -> String {
        format!("{}/{index}", self.name)
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let (width, height) = (self.width, self.height);
        let pixels = self.pixels(index)?;
        Ok(match self.order {
            Order::Grey => ppm::grey(width, height, &pixels),
            Order::PlanesOfRows => ppm::rgb(width, height, &triples(&pixels, width, height, false)),
            Order::PlanesOfColumns => {
                ppm::rgb(width, height, &triples(&pixels, width, height, true))
            }
        })
    }
}

impl ImageArray {
    /// Bytes of one image.
    pub fn size(&self) -> u64 {
        let planes = if self.order == Order::Grey { 1 } else { 3 };
        u64::from(self.width).saturating_mul(u64::from(self.height)).saturating_mul(planes)
    }

    fn pixels(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let start = self.stride.saturating_mul(index as u64).saturating_add(self.first);
        match &self.store {
            Store::File(file) => Ok(file.read(start, self.size())?),
            Store::Memory(path, bytes) => {
                let end = start.saturating_add(self.size());
                let found = bytes.get(start as usize..end as usize).map(<[u8]>::to_vec);
                found
                    .ok_or_else(|| DataError::malformed(path, format!("there is no image {index}")))
            }
        }
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        match &self.store {
            Store::File(file) => file.path(),
            Store::Memory(path, _) => path,
        }
    }
}

/// Planes `[3, height, width]`, or `[3, width, height]` by columns, as rows of triples
/// `[height, width, 3]`.
fn triples(planes: &[u8], width: u32, height: u32, by_columns: bool) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    let plane = width.saturating_mul(height);
    let (across, down) = if by_columns { (height, 1) } else { (1, width) };
    let mut pixels = Vec::with_capacity(planes.len());
    for y in 0..height {
        for x in 0..width {
            let place = x.saturating_mul(across).saturating_add(y.saturating_mul(down));
            let color = |plane_index: usize| {
                planes.get(plane_index.saturating_mul(plane).saturating_add(place))
            };
            pixels.extend((0..3).filter_map(color));
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(order: Order, bytes: Vec<u8>) -> ImageArray {
        let store = Store::Memory("memory".into(), bytes);
        ImageArray { name: "test".into(), store, first: 1, stride: 7, width: 3, height: 2, order }
    }

    #[test]
    fn planes_of_rows_become_triples() {
        let planes: Vec<u8> = (0..18).collect();
        let expected = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 16, 5, 11, 17];
        assert_eq!(triples(&planes, 3, 2, false), expected);
    }

    #[test]
    fn planes_of_columns_become_triples() {
        let planes: Vec<u8> = (0..18).collect(); // first column of red is 0, 1; second 2, 3; third 4, 5
        let expected = [0, 6, 12, 2, 8, 14, 4, 10, 16, 1, 7, 13, 3, 9, 15, 5, 11, 17];
        assert_eq!(triples(&planes, 3, 2, true), expected);
    }

    #[test]
    fn records_start_after_their_labels() {
        let array = array(Order::Grey, (0..14).collect());
        assert_eq!(array.bytes(1).expect("two records"), ppm::grey(3, 2, &[8, 9, 10, 11, 12, 13]));
        assert_eq!(array.name(1), "test/1");
        assert!(array.bytes(2).expect_err("there is no third").to_string().contains("no image 2"));
    }
}
