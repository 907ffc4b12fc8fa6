//! The images of an audit of classes: what is true of them, and how they are grouped.

use clip_eval::results::{Figure, Unit};
use clip_eval::statistics::clopper_pearson;

use crate::groups::Grouping;
use crate::options::GroupOptions;

/// What all parts of the audit are told.
pub(super) struct Images {
    /// `[images]`: class of the data set.
    pub(super) truth: Vec<u32>,
    /// What classes are called.
    pub(super) classes: Vec<String>,
    /// By class.
    pub(super) by_class: Grouping,
    /// By the columns of a person's table.
    pub(super) groupings: Vec<Grouping>,
    /// How they are measured.
    pub(super) options: GroupOptions,
}

impl Images {
    /// - `truth`: `[images]`: classes, positions in `classes`
    pub(super) fn new(
        truth: Vec<u32>,
        classes: Vec<String>,
        groupings: Vec<Grouping>,
        options: GroupOptions,
    ) -> Images {
        let mut occurring = truth.clone();
        occurring.sort_unstable();
        occurring.dedup();
        let position = |class: &u32| occurring.binary_search(class).ok().map(|at| at as u32);
        let by_class = Grouping {
            by: vec!["class".to_owned()],
            names: occurring.iter().map(|&class| vec![classes[class as usize].clone()]).collect(),
            of_item: truth.iter().map(position).collect(),
        };
        Images { truth, classes, by_class, groupings, options }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.truth.len()
    }

    /// `[classes]`: images of each.
    pub(super) fn of_classes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.classes.len()];
        self.truth.iter().for_each(|&class| sizes[class as usize] += 1);
        sizes
    }

    /// `[classes]`: which have as many images as a figure needs. What becomes of the images of
    /// others is counted nowhere by their class: it would speak of single images.
    pub(super) fn are_large(&self) -> Vec<bool> {
        let least = self.options.least_group();
        self.of_classes().into_iter().map(|images| images >= least).collect()
    }

    /// Classes that are left out for it, in words; none where all are large enough.
    pub(super) fn without_small_classes(&self) -> Option<String> {
        let (occurring, least) = (&self.by_class.names, self.options.least_group());
        let small = self.by_class.sizes().into_iter().filter(|&images| images < least).count();
        let all = occurring.len();
        (small > 0).then(|| {
            format!("{small} of {all} classes have fewer than {least} images, and are left out")
        })
    }

    /// A share with its exact interval; undefined for too few.
    pub(super) fn share(&self, name: &str, hits: usize, items: usize) -> Figure {
        if items < self.options.least_group() {
            return Figure::undefined(name, Unit::Share, &self.too_few(items));
        }
        let interval = clopper_pearson(hits as u64, items as u64, self.options.level);
        Figure::share(name, hits as f64 / items as f64).within(Some(interval), "images")
    }

    /// [`Images::share`] of those for which something holds.
    pub(super) fn share_of(
        &self,
        name: &str,
        holds: impl ExactSizeIterator<Item = bool>,
    ) -> Figure {
        let items = holds.len();
        self.share(name, holds.filter(|&holds| holds).count(), items)
    }

    /// Why there is no figure.
    pub(super) fn too_few(&self, items: usize) -> String {
        format!("too few images: {items}, of at least {}", self.options.least_group())
    }
}

/// A figure in words: `81.2 % (77.1 to 84.8)`, or why there is none.
pub(super) fn said(figure: &Figure) -> String {
    let number = |value: f64| match figure.unit {
        Unit::Share => format!("{:.1}", value * 100.0),
        Unit::Points => format!("{:+.1}", value * 100.0),
        _ => format!("{value:.3}"),
    };
    let unit = match figure.unit {
        Unit::Share => " %",
        Unit::Points => " points",
        _ => "",
    };
    match (figure.value, figure.interval()) {
        (Some(value), Some((low, high))) => {
            format!("{}{unit} ({} to {})", number(value), number(low), number(high))
        }
        (Some(value), None) => format!("{}{unit}", number(value)),
        (None, _) => format!("no figure ({})", figure.note.as_deref().unwrap_or("undefined")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_large_by_their_own_images() {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        let truth = [vec![0; 20], vec![2; 19]].concat();
        let images = Images::new(truth, classes, Vec::new(), GroupOptions::default());
        assert_eq!(images.of_classes(), [20, 0, 19]);
        assert_eq!(images.are_large(), [true, false, false]);
        let said = images.without_small_classes().expect("one that occurs is small");
        assert_eq!(said, "1 of 2 classes have fewer than 20 images, and are left out");
        let large = Images::new(vec![0; 20], images.classes, Vec::new(), GroupOptions::default());
        assert_eq!(large.without_small_classes(), None);
    }

    #[test]
    fn too_few_images_have_no_share() {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        let images = Images::new(vec![2, 0, 2], classes, Vec::new(), GroupOptions::default());
        assert_eq!(images.by_class.names, [["a"], ["c"]]);
        assert_eq!(images.by_class.of_item, [Some(1), Some(0), Some(1)]);
        let few = images.share("accuracy", 19, 19);
        assert_eq!((few.value, few.interval()), (None, None));
        assert!(said(&few).contains("too few images: 19, of at least 20"));
        let enough = images.share_of("accuracy", [true; 20].into_iter());
        assert_eq!(enough.value, Some(1.0));
        assert!(said(&enough).starts_with("100.0 % (83.2 to 100.0)"));
        let points = Figure::plain("difference", Unit::Points, -0.021);
        assert_eq!(said(&points), "-2.1 points");
    }
}
