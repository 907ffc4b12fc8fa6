//! One number for several shifts.

/// A model under one shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShiftPoint {
    /// On the matching part of ImageNet.
    pub x: f64,
    /// Under the shift; of a video data set the mean of pm-0 and pm-10.
    pub y: f64,
}

/// Unweighted means over shifts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many shifts.
    pub shifts: usize,
    /// Mean accuracy on the matching parts of ImageNet.
    pub imagenet: f64,
    /// Mean accuracy under the shifts.
    pub shifted: f64,
}

impl Summary {
    /// None for no shifts.
    pub fn new(points: &[ShiftPoint]) -> Option<Summary> {
        let mean = |value: fn(&ShiftPoint) -> f64| {
            points.iter().map(value).sum::<f64>() / points.len() as f64
        };
        let (imagenet, shifted) = (mean(|point| point.x), mean(|point| point.y));
        (!points.is_empty()).then_some(Summary { shifts: points.len(), imagenet, shifted })
    }

    /// The robustness gap: what the shifts cost.
    pub fn gap(&self) -> f64 {
        self.imagenet - self.shifted
    }
}

/// By which share a gap is smaller than that of ordinary models of the same accuracy on ImageNet.
pub fn gap_reduction(gap: f64, ordinary_gap: f64) -> f64 {
    1.0 - gap / ordinary_gap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_gap_over_two_shifts() {
        let summary =
            Summary::new(&[ShiftPoint { x: 0.75, y: 0.5 }, ShiftPoint { x: 0.85, y: 0.7 }])
                .unwrap();
        assert!((summary.gap() - 0.2).abs() < 1e-12);
        assert!((gap_reduction(summary.gap(), 0.8) - 0.75).abs() < 1e-12);
        assert_eq!(Summary::new(&[]), None);
    }
}
