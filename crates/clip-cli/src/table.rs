//! Text tables and bars that fit the terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Widths that tables adapt to; a narrower terminal breaks lines, on a wider one the eye loses the
/// row.
const NARROWEST: usize = 60;
const WIDEST: usize = 200;
/// Where nobody looks: in a file, through a pipe.
const WITHOUT_TERMINAL: usize = 120;

/// Columns of a table: those of the terminal, or as `COLUMNS` says where stdout is none.
pub(crate) fn columns() -> usize {
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal().or_else(said).map_or(WITHOUT_TERMINAL, |width| width.clamp(NARROWEST, WIDEST))
}

/// Columns of the terminal that stdout is. Some know their width alone (`script` where there is no
/// other terminal).
#[cfg(unix)]
fn terminal() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&width| width > 0)
}

#[cfg(not(unix))]
fn terminal() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

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
    if share > 0.0 && share < 0.0005 {
        "<0.1 %".to_owned()
    } else {
        format!("{:.1} %", share * 100.0)
    }
}

/// `text` on one line, without what a terminal would obey: control characters and those that turn
/// the direction of writing are shown as `\u{1b}`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let shown = text
        .chars()
        .map(|c| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() });
    Cow::Owned(shown.collect())
}

/// Columns that `text` takes on a terminal as it is [`printable`]; Chinese characters take two.
pub(crate) fn width(text: &str) -> usize {
    printable(text).width()
}

/// `text` in exactly `width` columns: padded, or cut with `…`.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let text = &*printable(text);
    if text.width() <= width {
        return padded(text, width);
    }
    padded(&(beginning(text.chars(), width.saturating_sub(1)) + "…"), width)
}

/// `text` in exactly `width` columns, cut at the front: the end of a path says more than its
/// beginning.
pub(crate) fn fit_end(text: &str, width: usize) -> String {
    let text = &*printable(text);
    if text.width() <= width {
        return padded(text, width);
    }
    let end = beginning(text.chars().rev(), width.saturating_sub(1));
    padded(&std::iter::once('…').chain(end.chars().rev()).collect::<String>(), width)
}

/// As many characters as `width` columns hold.
fn beginning(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

fn padded(text: &str, width: usize) -> String {
    text.to_owned() + &" ".repeat(width.saturating_sub(text.width()))
}

/// `key   value`, the key in `key_width` columns, the value broken at blanks so that lines fit the
/// columns.
pub(crate) fn wrapped(key: &str, key_width: usize, value: &str, columns: usize) -> String {
    let (mut text, mut line) = (String::new(), fit(key, key_width));
    for word in value.split(' ') {
        let full = width(&line) + 1 + width(word) > columns;
        if full && !line.trim().is_empty() && width(&line) > key_width {
            text += &format!("{}\n", line.trim_end());
            line = " ".repeat(key_width);
        }
        line += &format!(" {word}");
    }
    text + line.trim_end() + "\n"
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
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{202e}c"), r"a\u{1b}[31m\nb\u{202e}c");
        assert_eq!(printable("naïve 猫"), "naïve 猫");
    }

    #[test]
    fn fit_cuts_with_an_ellipsis() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 5), "abcd…");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!((width("猫 cat"), width("e\u{301}")), (6, 1));
        assert_eq!(fit("猫が座る", 5), "猫が…");
        assert_eq!(fit("猫が座る", 6), "猫が… ");
        assert_eq!(fit_end("a/猫.jpg", 6), "….jpg ");
    }

    #[test]
    fn fit_end_keeps_the_end() {
        assert_eq!(fit_end("a/b/cat.jpg", 8), "…cat.jpg");
        assert_eq!(fit_end("cat.jpg", 8), "cat.jpg ");
    }

    #[test]
    fn long_values_stay_within_the_columns() {
        let text = wrapped("mind", 11, &"four ".repeat(60), 80);
        assert!(text.lines().all(|line| width(line) <= 80), "{text}");
        assert_eq!(text.split_whitespace().filter(|word| *word == "four").count(), 60);
    }
}
