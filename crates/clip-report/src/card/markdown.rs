//! Markdown in which text from files is text, whatever it holds.

use crate::plain::{Align, PlainTable};

/// A page as it grows.
#[derive(Default)]
pub(super) struct Markdown {
    text: String,
}

impl Markdown {
    /// Markdown of the program's own.
    pub(super) fn own(&mut self, markdown: &str) {
        self.text += markdown.trim_end();
        self.text += "\n\n";
    }

    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.own(&format!("{} {}", "#".repeat(level), escaped(text)));
    }

    /// A paragraph of any text.
    pub(super) fn text(&mut self, text: &str) {
        self.own(&escaped(text));
    }

    /// A paragraph that begins with a word in bold.
    pub(super) fn said(&mut self, word: &str, text: &str) {
        self.own(&format!("**{word}** {}", escaped(text)));
    }

    /// A list of any texts; nothing where there are none.
    pub(super) fn list<S: AsRef<str>>(&mut self, items: impl IntoIterator<Item = S>) {
        let items: String =
            items.into_iter().map(|item| format!("- {}\n", escaped(item.as_ref()))).collect();
        if !items.is_empty() {
            self.own(&items);
        }
    }

    /// A table and its sentences.
    pub(super) fn table(&mut self, table: &PlainTable) {
        if table.rows.is_empty() {
            self.own("Nothing.");
        } else {
            let row = |cells: &mut dyn Iterator<Item = String>| {
                format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
            };
            let mut text = row(&mut table.columns.iter().map(|column| escaped(&column.name)));
            text += &row(&mut table.columns.iter().map(|column| match column.align {
                Align::Left => "---".to_owned(),
                Align::Right => "---:".to_owned(),
            }));
            for cells in &table.rows {
                text += &row(&mut cells.iter().map(|cell| escaped(cell)));
            }
            self.own(&text);
        }
        if !table.sentences.is_empty() {
            self.text(&table.sentences.join(" "));
        }
    }

    pub(super) fn finish(self) -> String {
        self.text.trim_end().to_owned() + "\n"
    }
}

/// Text on one line that no reader of Markdown takes for markup, a link, a formula or HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut letters = text.trim().chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '\\' => escaped += "&#92;",
            '`' | '*' | '_' | '|' | '~' | '$' | '@' => escaped.extend(['\\', c]),
            // `[1.0, 2.0]` is an interval; a link needs one of these behind its text.
            ']' if matches!(letters.peek(), Some('(' | '[' | ':')) => escaped += "\\]",
            '#' | '-' | '=' if escaped.is_empty() => escaped.extend(['\\', c]),
            ':' if letters.peek() == Some(&'/') => escaped += "&#58;",
            '.' if escaped.ends_with("www") => escaped += "\\.",
            '+' | '.' | ')' if is_number(&escaped) && is_blank(letters.peek()) => {
                escaped.extend(['\\', c]);
            }
            c if c.is_whitespace() => escaped.push(' '),
            c if is_obeyed(c) => escaped += "\u{fffd}",
            c => escaped.push(c),
        }
    }
    escaped
}

/// The beginning of an item of a list.
fn is_number(text: &str) -> bool {
    text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_blank(next: Option<&char>) -> bool {
    next.is_none_or(|next| next.is_whitespace())
}

/// Control characters, and those that turn the direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        for (text, markdown) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("a | b\nc", "a \\| b c"),
            ("[x](http://a.b)", "[x\\](http&#58;//a.b)"),
            ("![x][y]", "![x\\][y]"),
            ("# one", "\\# one"),
            ("- one", "\\- one"),
            ("12. one", "12\\. one"),
            ("+ one", "\\+ one"),
            ("+1.5 points", "+1.5 points"),
            (
                "`code` *b* __c__ ~~d~~ $$e$$",
                "\\`code\\` \\*b\\* \\_\\_c\\_\\_ \\~\\~d\\~\\~ \\$\\$e\\$\\$",
            ),
            ("\\(x\\)", "&#92;(x&#92;)"),
            ("a\u{1b}[31m\u{202e}b", "a\u{fffd}[31m\u{fffd}b"),
            ("&lt;", "&amp;lt;"),
            ("www.example.org", "www\\.example.org"),
            ("61.2 % [50.1, 71.5]", "61.2 % [50.1, 71.5]"),
        ] {
            assert_eq!(escaped(text), markdown, "{text}");
        }
    }
}
