//! HTML and SVG, balanced and escaped by construction: tags and attribute names are ours, every
//! value is text.

use std::fmt::{self, Display, Write};

/// The style sheet of pages and pictures.
pub(crate) const STYLE: &str = include_str!("../assets/report.css");

/// A piece of a page.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    text: String,
}

/// Attributes of one tag.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

impl Markup {
    /// `<tag …>inner</tag>`
    pub(crate) fn element(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        inner: impl FnOnce(&mut Markup),
    ) {
        self.open(tag, attributes);
        self.text.push('>');
        inner(self);
        self.text.push_str("</");
        self.text.push_str(tag);
        self.text.push('>');
    }

    /// `<tag …>text</tag>`
    pub(crate) fn leaf(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) {
        self.element(tag, attributes, |inner| inner.text(text));
    }

    /// `<tag …/>`: a shape of SVG, or an element of HTML that never has an end.
    pub(crate) fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.open(tag, attributes);
        self.text.push_str("/>");
    }

    /// Text between tags.
    pub(crate) fn text(&mut self, text: impl Display) {
        // Writing to a string never fails.
        let _ = write!(Escaped(&mut self.text), "{text}");
    }

    /// What was built apart.
    pub(crate) fn append(&mut self, part: &Markup) {
        self.text.push_str(&part.text);
    }

    /// A line's end, for people who read the source.
    pub(crate) fn line(&mut self) {
        self.text.push('\n');
    }

    /// The document's first line and `<style>`, which are not escaped and not made from anybody's
    /// data.
    pub(crate) fn own(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(tag);
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"");
            let _ = write!(Escaped(&mut self.text), "{value}");
            self.text.push('"');
        }
    }
}

/// Escapes what is written to it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ if misleads(character) => self.0.push('\u{fffd}'),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

/// Controls, and what turns the direction of the text after it: a file's name must not rearrange
/// the page.
fn misleads(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{fdd0}'..='\u{fdef}')
        || u32::from(character) & 0xfffe == 0xfffe
}

/// A coordinate: a tenth of a unit is finer than a screen shows.
pub(crate) struct Px(pub(crate) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0 + 0.0; // no negative zero
        write!(f, "{tenths}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        let mut page = Markup::default();
        page.leaf(
            "b",
            &[("title", &"\" onload='x'")],
            "</b><script>alert(1)</script>\0\u{202e}&amp;",
        );
        assert_eq!(
            page.finish(),
            "<b title=\"&quot; onload=&#39;x&#39;\">&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u{fffd}\u{fffd}&amp;amp;</b>"
        );
    }

    #[test]
    fn coordinates_have_one_decimal_and_no_negative_zero() {
        let texts = [12.34, -0.01, 7.0, 0.05].map(|x| Px(x).to_string());
        assert_eq!(texts, ["12.3", "0", "7", "0.1"]);
    }
}
