//! Text tables and bars that fit 80 columns.

/// Width of a terminal that everybody has.
pub(crate) const COLUMNS: usize = 80;

const BAR_CELLS: usize = 24;
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar of `share` (0..1) in eighths of a cell, padded to its full width.
pub(crate) fn bar(share: f32) -> String {
    let eighths = (f64::from(share.clamp(0.0, 1.0)) * (BAR_CELLS * 8) as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar + &" ".repeat(BAR_CELLS - eighths.div_ceil(8))
}

/// `97.3 %`; below half of the last digit `<0.1 %`, never a zero that is none.
pub(crate) fn percent(share: f32) -> String {
    if share > 0.0 && share < 0.0005 { "<0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

/// `text` in exactly `width` columns: padded, or cut with `…`. Counts characters.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return format!("{text}{}", " ".repeat(width - length));
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_has_the_same_width_for_every_share() {
        for share in [0.0, 0.001, 0.02, 0.5, 0.999, 1.0] {
            assert_eq!(bar(share).chars().count(), BAR_CELLS, "{share}");
        }
        assert_eq!(bar(0.5), "█".repeat(12) + &" ".repeat(12));
    }

    #[test]
    fn small_probabilities_are_not_called_zero() {
        assert_eq!(percent(0.0004), "<0.1 %");
        assert_eq!(percent(0.9731), "97.3 %");
        assert_eq!(percent(0.0), "0.0 %");
    }

    #[test]
    fn fit_cuts_with_an_ellipsis() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 5), "abcd…");
    }
}
