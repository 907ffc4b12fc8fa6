//! One direction of a resize: how many pixels become how many, and which of them are wanted.

use std::ops::Range;

use super::filter::Filter;
use super::weights::Weights;
use super::window::Window;

/// `input` pixels become `output`, of which `kept` are computed.
#[derive(Clone)]
pub(super) struct Axis {
    pub(super) input: u64,
    /// The same, less what the last pixel covers beyond the image, where that was decoded to a
    /// smaller size.
    extent: f64,
    output: u64,
    kept: Range<u64>,
}

/// Both axes, and which comes first.
pub(super) struct Axes {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) vertical_first: bool,
}

impl Axes {
    pub(super) fn new(source: (u64, u64), window: &Window) -> Self {
        Self::with_extent(source, (source.0 as f64, source.1 as f64), window)
    }

    pub(super) fn with_extent(source: (u64, u64), extent: (f64, f64), window: &Window) -> Self {
        let full = window.full_size();
        let x = Axis {
            input: source.0,
            extent: extent.0,
            output: full.0,
            kept: window.columns.clone(),
        };
        let y =
            Axis { input: source.1, extent: extent.1, output: full.1, kept: window.rows.clone() };
        // Observed in Pillow 13: the height is reduced first where it loses more than twice what
        // the width loses.
        let lost = |axis: &Axis| axis.input as i64 - axis.output as i64;
        let vertical_first = x.changes() && lost(&y) > 0 && lost(&y) > 2 * lost(&x);
        Self { x, y, vertical_first }
    }
}

/// Most weights held at a time; an extreme reduction is computed a few outputs at a time.
const MOST_WEIGHTS: usize = 1 << 22;

impl Axis {
    /// A pass is left out where the size stays.
    pub(super) fn changes(&self) -> bool {
        self.input != self.output
    }

    /// How many outputs are kept.
    pub(super) fn len(&self) -> usize {
        (self.kept.end - self.kept.start) as usize
    }

    /// The kept outputs, for an axis that does not change.
    pub(super) fn kept(&self) -> Range<usize> {
        self.kept.start as usize..self.kept.end as usize
    }

    /// The inputs that the kept outputs are made of.
    pub(super) fn needed(&self, filter: &Filter) -> Range<usize> {
        if !self.changes() {
            return self.kept();
        }
        let span = |index: u64| {
            Weights::new((self.input, self.extent), self.output, index..index + 1, filter).span()
        };
        // The outermost outputs see the outermost inputs.
        span(self.kept.start).start..span(self.kept.end - 1).end
    }

    /// The weights of all kept outputs, in parts; with each part, where among the kept ones it
    /// begins.
    pub(super) fn parts(&self, filter: &Filter) -> impl Iterator<Item = (usize, Weights<f64>)> {
        let scale = (self.extent / self.output as f64).max(1.0);
        let stride = (filter.support * scale).ceil() as usize * 2 + 1;
        let step = (MOST_WEIGHTS / stride).max(1);
        self.kept.clone().step_by(step).map(move |start| {
            let end = (start + step as u64).min(self.kept.end);
            (
                (start - self.kept.start) as usize,
                Weights::new((self.input, self.extent), self.output, start..end, filter),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::Interpolation;
    use super::*;

    #[test]
    fn parts_cover_every_output_once() {
        let filter = Filter::of(Interpolation::Lanczos);
        let axis = Axis { input: 10_000_000, extent: 1e7, output: 224, kept: 3..40 };
        let starts: Vec<_> =
            axis.parts(&filter).map(|(start, weights)| (start, weights.iter().len())).collect();
        assert!(starts.len() > 1);
        assert!(starts.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0));
        assert_eq!(starts.iter().map(|(_, count)| count).sum::<usize>(), axis.len());
    }

    #[test]
    fn height_comes_first_where_it_loses_more_than_twice_the_width() {
        let cases = [
            ((400, 2000), (224, 1120), true),
            ((333, 500), (224, 336), false),
            ((130, 244), (276, 143), true),
            ((93, 71), (85, 7), true),
            ((100, 100), (90, 80), false),
            ((100, 100), (90, 79), true),
            ((100, 100), (200, 101), false),
            ((100, 100), (100, 50), false),
        ];
        for (source, full, vertical_first) in cases {
            let axes = Axes::new(source, &Window::whole(full.0, full.1));
            assert_eq!(axes.vertical_first, vertical_first, "{source:?} to {full:?}");
        }
    }
}
