//! A strict reader of the little HTML that the report writes.

/// A start tag.
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// All start tags, and the text between tags.
///
/// # Panics
/// If tags are not balanced, an attribute is not quoted or not known to end, or a bare `<` or `&`
/// stands in the text.
pub(crate) fn read(page: &str) -> (Vec<Tag>, String) {
    let body = page.strip_prefix("<!DOCTYPE html>").expect("a document");
    let (mut tags, mut open, mut text): (Vec<Tag>, Vec<String>, String) = Default::default();
    let mut rest = body;
    while let Some(start) = rest.find('<') {
        text.push_str(&entities_checked(&rest[..start]));
        let end = end_of_tag(&rest[start..]) + start;
        let inside = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closes what is not open");
            continue;
        }
        let (inside, is_empty) =
            inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let tag = start_tag(inside);
        let is_void = ["meta", "img", "br"].contains(&tag.name.as_str());
        let is_shape = tag.name == "path";
        assert!(!is_void || is_empty, "{} has no end", tag.name);
        assert!(!is_empty || is_void || is_shape, "{} must be closed", tag.name);
        if !is_empty {
            open.push(tag.name.clone());
        }
        if tag.name == "style" {
            let end = rest.find("</style>").expect("its end");
            rest = &rest[end..];
        }
        tags.push(tag);
    }
    text.push_str(&entities_checked(rest));
    assert!(open.is_empty(), "never closed: {open:?}");
    (tags, text)
}

/// `>` outside of quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (index, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => return index,
            _ => {}
        }
    }
    panic!("a tag without end: {}", &text[..text.len().min(80)]);
}

fn start_tag(inside: &str) -> Tag {
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    assert!(name.chars().all(|letter| letter.is_ascii_alphanumeric()), "a tag called {name:?}");
    let mut attributes = Vec::new();
    while !rest.trim().is_empty() {
        let (attribute, after) = rest.split_once("=\"").expect("a quoted value");
        let (value, after) = after.split_once('"').expect("its end");
        assert!(
            attribute.trim().chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-'),
            "{attribute:?}"
        );
        attributes.push((attribute.trim().to_owned(), entities_checked(value)));
        rest = after;
    }
    Tag { name: name.to_owned(), attributes }
}

/// Text with its entities resolved.
fn entities_checked(text: &str) -> String {
    assert!(!text.contains('<'), "a bare < in {text:?}");
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').expect("an entity has an end");
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => panic!("an entity called {entity:?}"),
        });
        plain.push_str(rest);
    }
    plain
}
