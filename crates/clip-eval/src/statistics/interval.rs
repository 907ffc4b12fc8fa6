//! What stands beside every figure.

use serde::{Deserialize, Serialize};

/// Where a figure may well be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// How often intervals made like this one hold the true value: 0.95, or 0.995 as in the paper.
    pub level: f64,
    /// Lower end, in the unit of the figure.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was made.
    pub method: Method,
}

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Exact, for k hits of n.
    ClopperPearson,
    /// Of two shares, from the Clopper-Pearson limits of each (MOVER).
    Mover,
    /// Percentiles of the figure over resamples of the items.
    Bootstrap {
        /// How many.
        resamples: u32,
        /// Of the generator.
        seed: u64,
    },
    /// Student's t of the mean over draws.
    Student {
        /// How many.
        draws: u32,
    },
}

impl Method {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClopperPearson => "Clopper-Pearson",
            Self::Mover => "MOVER",
            Self::Bootstrap { .. } => "bootstrap",
            Self::Student { .. } => "t",
        }
    }

    /// Whether it drew anything: draws that are all alike know nothing of others.
    pub(crate) fn draws(self) -> bool {
        matches!(self, Self::Bootstrap { .. } | Self::Student { .. })
    }
}

impl Interval {
    /// Whether a value is inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_reads_back_from_its_json() {
        let method = Method::Bootstrap { resamples: 2000, seed: 7 };
        let interval = Interval { level: 0.95, low: 0.1, high: 0.3, method };
        let json = serde_json::to_string(&interval).unwrap();
        let expected = r#"{"level":0.95,"low":0.1,"high":0.3,"method":{"bootstrap":{"resamples":2000,"seed":7}}}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Interval>(&json).unwrap(), interval);
        assert!(interval.contains(0.3) && !interval.contains(0.31));
    }
}
