//! Convolutions of 3 × 3 cells, stride 1, one ring of zeros, by Winograd's algorithm
//! F(2 × 2, 3 × 3): 16 products for 4 outputs instead of 36. In f32, and in bf16, which is defined
//! this way (`reference/winograd.rs`), forward alone; transforms and sums are f32 in both.
//!
//! ```text
//! weight  g [3 × 3]  ──▶ U = G·g·Gᵀ   [4 × 4]   once, when it is packed, in f64
//! map     d [4 × 4]  ──▶ V = Bᵀ·d·B   [4 × 4]   of every second cell of every second row
//!                        M[p] = V[p] · U[p]ᵀ    for each of the 16 places p: [tiles, channels] times
//!                                               [channels, outputs], by the engine of all products
//! out     y [2 × 2]  ◀── Aᵀ·M·A, plus bias and residual, activation
//! ```
//!
//! `B` and `A` hold nothing but 0, 1 and −1, so what this costs in digits is two additions before a
//! product and two behind it (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks,
//! 2015).
//!
//! Order of every sum: for each place the channels in one chain from zero, then the places as
//! written below.
//!
//! Backward: the gradient of the maps is the same convolution of `dy` with the kernel turned by
//! half a turn and its sides exchanged; that of the kernel is `Gᵀ · Σ (A·dy·Aᵀ)ᵀ · V · G`, the sum
//! over all tiles being 16 products again.

mod convolution;
mod kernel;
mod maps;
mod outputs;
mod tiles;
mod weight_gradient;

pub(super) use convolution::Convolution;
pub(super) use kernel::{Kernel, Side};
pub(super) use weight_gradient::weight_gradient;

use crate::Precision;

/// Below this the transforms cost more than the products they save.
const MIN_CHANNELS: usize = 16;

/// Whether a convolution of this form is computed this way although its precision does not say so:
/// in f32, where it changes no more than the order of sums.
pub(super) fn pays(kernel: usize, stride: usize, channels: usize, precision: Precision) -> bool {
    (kernel, stride, precision) == (3, 1, Precision::F32) && channels >= MIN_CHANNELS
}
