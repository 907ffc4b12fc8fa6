//! Names: joined to paths, listed in notes, compared.

/// Things named in a note; the others are counted.
const NAMED: usize = 3;

/// `outer/inner` with no slash in front where `outer` is empty.
pub(crate) fn joined(outer: &str, inner: &str) -> String {
    if outer.is_empty() { inner.to_owned() } else { format!("{outer}/{inner}") }
}

/// The first of a list, and how many more there are.
pub(crate) fn named(list: &[String]) -> String {
    let first = list.get(..NAMED).unwrap_or(list).join(", ");
    match list.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// A name in letters and digits alone, without case and leading zeros: copies differ in the rest.
pub fn comparable(name: &str) -> String {
    let name: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    match name.trim_start_matches('0') {
        "" if !name.is_empty() => "0".to_owned(),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => number.to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_letters_and_digits() {
        for (one, other) in [("Oxford-IIIT_Pet", "oxford iiit pet"), ("00012", "12"), ("000", "0")]
        {
            assert_eq!(comparable(one), comparable(other));
        }
        assert_ne!(comparable("B-52"), comparable("52"));
    }
}
