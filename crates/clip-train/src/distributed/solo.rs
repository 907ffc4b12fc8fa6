//! One process alone.

use super::collective::{Collective, CollectiveError};
use super::traffic::Traffic;

/// The only rank: nobody to wait for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Solo;

impl Collective for Solo {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_gather(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        Ok(values.to_vec())
    }

    fn all_gather_u64(&self, values: &[u64]) -> Result<Vec<u64>, CollectiveError> {
        Ok(values.to_vec())
    }

    fn all_reduce_sum(&self, _: &mut [f32]) -> Result<(), CollectiveError> {
        Ok(())
    }

    fn all_reduce_sum_f64(&self, _: &mut [f64]) -> Result<(), CollectiveError> {
        Ok(())
    }

    fn broadcast(&self, _: &mut [f32], _: usize) -> Result<(), CollectiveError> {
        Ok(())
    }

    fn barrier(&self) -> Result<(), CollectiveError> {
        Ok(())
    }

    fn reduce_scatter_sum(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        Ok(values.to_vec())
    }

    fn fail(&self, _: &str) {}

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}
