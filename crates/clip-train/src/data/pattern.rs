//! The text that names a source: `a-{000000..000005}.tar::b/{x,y}.csv`.

/// Names that one pattern may stand for, at most.
const LIMIT: usize = 10_000_000;

/// The parts that `::` joins.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split("::").map(str::trim)
}

/// All names that a text with braces stands for, as a shell writes them out: `{a,b}` and
/// `{01..10}`, also within each other; other braces are text.
///
/// # Errors
/// More than 10 million.
pub(super) fn expanded(text: &str) -> Result<Vec<String>, String> {
    let Some((before, inside, after)) = first_braces(text) else {
        return Ok(vec![text.to_owned()]);
    };
    let choices = match range(inside)? {
        Some(choices) => choices,
        None => {
            let mut choices = Vec::new();
            for choice in choices_of(inside) {
                choices.extend(expanded(choice)?);
            }
            choices
        }
    };
    let ends = expanded(after)?;
    if choices.len().saturating_mul(ends.len()) > LIMIT {
        return Err(format!("stands for more than {LIMIT} names"));
    }
    let join = |choice: &String| -> Vec<String> {
        ends.iter().map(|end| format!("{before}{choice}{end}")).collect()
    };
    Ok(choices.iter().flat_map(join).collect())
}

/// What is before, within and behind the first braces that mean something.
fn first_braces(text: &str) -> Option<(&str, &str, &str)> {
    for (open, _) in text.match_indices('{') {
        let mut depth = 0_usize;
        for (at, character) in text.get(open..)?.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let inside = text.get(open + 1..open + at)?;
                let means = choices_of(inside).len() > 1 || ends_of_range(inside).is_some();
                if means {
                    return Some((text.get(..open)?, inside, text.get(open + at + 1..)?));
                }
                break;
            }
        }
    }
    None
}

/// Divided at commas that are not within further braces.
fn choices_of(inside: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    inside
        .split(|character| {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        })
        .collect()
}

/// `first..last` or `first..last..step`, both whole numbers.
fn ends_of_range(inside: &str) -> Option<(&str, &str, u64)> {
    let mut parts = inside.split("..");
    let (first, last) = (parts.next()?, parts.next()?);
    let step = parts.next().map_or(Some(1), |step| step.parse().ok())?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (parts.next().is_none() && step > 0 && is_number(first) && is_number(last))
        .then_some((first, last, step))
}

/// The numbers of a range, with zeros in front where an end has them.
fn range(inside: &str) -> Result<Option<Vec<String>>, String> {
    let Some((first, last, step)) = ends_of_range(inside) else { return Ok(None) };
    let width = [first, last].into_iter().filter(|end| end.starts_with('0') && end.len() > 1);
    let width = width.map(|_| first.len().max(last.len())).max().unwrap_or(1);
    let number =
        |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no 64-bit number"));
    let (first, last) = (number(first)?, number(last)?);
    let count = first.abs_diff(last) / step;
    if count >= LIMIT as u64 {
        return Err(format!("stands for more than {LIMIT} names"));
    }
    let value =
        |index: u64| if first <= last { first + index * step } else { first - index * step };
    Ok(Some((0..=count).map(|index| format!("{:0width$}", value(index))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_written_out_as_shells_do() {
        let cases: [(&str, &[&str]); 11] = [
            ("a.tar", &["a.tar"]),
            ("{00..02}.tar", &["00.tar", "01.tar", "02.tar"]),
            ("x{8..11}", &["x8", "x9", "x10", "x11"]),
            ("{08..10}", &["08", "09", "10"]),
            ("{2..0}", &["2", "1", "0"]),
            ("{0..10..5}", &["0", "5", "10"]),
            ("{a,b}{1..2}", &["a1", "a2", "b1", "b2"]),
            ("{a,b{1,2}}.tar", &["a.tar", "b1.tar", "b2.tar"]),
            ("{only}.tar", &["{only}.tar"]),
            ("{x}{1,2}", &["{x}1", "{x}2"]),
            ("open{.tar", &["open{.tar"]),
        ];
        for (text, names) in cases {
            assert_eq!(expanded(text).expect("names"), names, "{text}");
        }
    }

    #[test]
    fn patterns_that_stand_for_too_much_are_refused() {
        for text in ["{0..99999999999}", "{0..9999999}{0..9}", "{0..99999999999999999999999}"] {
            assert!(expanded(text).is_err(), "{text}");
        }
    }

    #[test]
    fn double_colons_join_parts() {
        assert_eq!(parts("a{0..1}.tar::b.csv").collect::<Vec<_>>(), ["a{0..1}.tar", "b.csv"]);
    }
}
