//! Signs that training has lost what it learned from: told once each.

use crate::StepReport;

/// Logit scales below it tell pairs apart no more.
const LEAST_SCALE: f64 = 2.0;
/// Share of the greatest effective rank so far below which features have collapsed.
const LEAST_RANK: f64 = 0.25;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Collapse {
    /// The greatest effective rank.
    most_rank: f64,
    scale_is_told: bool,
    rank_is_told: bool,
}

impl Collapse {
    /// What is to be said of a step.
    pub(super) fn look(&mut self, report: &StepReport) -> Vec<String> {
        let mut said = Vec::new();
        let scale = report.logit_scale_before.exp();
        if scale < LEAST_SCALE && !self.scale_is_told {
            self.scale_is_told = true;
            said.push(format!(
                "the logit scale fell to {scale:.2}: pairs are hardly told apart; the learning \
                 rate may be too high"
            ));
        }
        let rank = report.image_rank.min(report.text_rank);
        self.most_rank = self.most_rank.max(rank);
        if rank < LEAST_RANK * self.most_rank && !self.rank_is_told {
            self.rank_is_told = true;
            said.push(format!(
                "the features of the batch have an effective rank of {rank:.2}, after {:.2}: they \
                 collapse; the learning rate may be too high",
                self.most_rank
            ));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossParts;

    fn step(scale: f64, rank: f64) -> StepReport {
        StepReport {
            step: 0,
            loss: 1.0,
            parts: LossParts::default(),
            pairs: 8,
            image_to_text_accuracy: 0.5,
            text_to_image_accuracy: 0.5,
            gradient_norm: 1.0,
            gradient_factor: 1.0,
            learning_rate: 1e-3,
            logit_scale_before: scale.ln(),
            logit_scale: scale.ln(),
            image_rank: rank,
            text_rank: 8.0,
            not_finite: None,
        }
    }

    #[test]
    fn fall_of_scale_or_rank_is_told_once() {
        let mut collapse = Collapse::default();
        for rank in [1.1, 3.0, 6.0, 2.0] {
            assert!(collapse.look(&step(14.0, rank)).is_empty(), "{rank}");
        }
        let said = collapse.look(&step(1.5, 1.2));
        assert!(said.len() == 2 && said[1].contains("rank of 1.20, after 6.00"), "{said:?}");
        assert!(collapse.look(&step(1.5, 1.2)).is_empty());
    }
}
