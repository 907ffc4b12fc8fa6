//! Why there is no figure.

/// Errors of the metrics. Shapes that do not fit together are a broken contract of the caller and
/// panic.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Nothing to count.
    #[error("there are no items to score")]
    NoItems,
    /// A model that computes this is broken, or its features are.
    #[error("the score of item {item} for class {class} is {value}")]
    NotAScore {
        /// Position of the item.
        item: usize,
        /// Position of the class.
        class: usize,
        /// NaN or an infinity.
        value: f32,
    },
    /// A target outside the prompt file.
    #[error("item {item} is of class {class}, but there are {classes} classes (the first is 0)")]
    NoSuchClass {
        /// Position of the item.
        item: usize,
        /// Its class.
        class: u32,
        /// How many there are.
        classes: usize,
    },
    /// Top-5 of three classes says nothing.
    #[error("top-{k} of {classes} classes is not defined")]
    TooFewClasses {
        /// How many were asked for.
        k: usize,
        /// How many there are.
        classes: usize,
    },
    /// Precision and recall need something to find.
    #[error("none of the {items} items is positive")]
    NoPositives {
        /// How many there are.
        items: usize,
    },
    /// A curve needs both kinds.
    #[error("all of the {items} items are positive")]
    NoNegatives {
        /// How many there are.
        items: usize,
    },
}

impl MetricError {
    /// Whether the items define no such figure, whatever the model: there is one kind of them
    /// alone.
    pub fn is_one_sided(&self) -> bool {
        matches!(self, Self::NoPositives { .. } | Self::NoNegatives { .. })
    }
}

/// Checks the shape, and that every score is a number or `-inf`; returns the number of items.
///
/// # Panics
/// When `scores` are no rows of `classes`.
pub(crate) fn check_scores(scores: &[f32], classes: usize) -> Result<usize, MetricError> {
    assert!(classes > 0, "scores need at least one class");
    assert!(
        scores.len().is_multiple_of(classes),
        "{} scores are no rows of {classes}",
        scores.len()
    );
    let bad = |score: &f32| score.is_nan() || *score == f32::INFINITY;
    match scores.iter().position(bad) {
        Some(at) => {
            let (item, class) = (at / classes, at % classes);
            Err(MetricError::NotAScore { item, class, value: scores[at] })
        }
        None if scores.is_empty() => Err(MetricError::NoItems),
        None => Ok(scores.len() / classes),
    }
}

/// Checks that every target is a class.
pub(super) fn check_targets(truth: &[u32], classes: usize) -> Result<(), MetricError> {
    match truth.iter().position(|&class| class as usize >= classes) {
        Some(item) => Err(MetricError::NoSuchClass { item, class: truth[item], classes }),
        None => Ok(()),
    }
}
