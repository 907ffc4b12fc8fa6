//! How wide words are, and where names of points fit.

/// Size of letters in a plot, in its own units.
pub(crate) const LETTERS: f64 = 11.0;

/// Width of a text in an ordinary sans-serif face, a little generous.
pub(crate) fn width(text: &str) -> f64 {
    let letter = |letter: char| match letter {
        'i' | 'l' | 'j' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '(' | ')' | '[' | ']'
        | ' ' => 0.34,
        'f' | 't' | 'r' | '/' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        'A'..='Z' => 0.7,
        ' '..='~' => 0.6,
        '\u{80}'..='\u{24ff}' => 0.65,
        _ => 1.0,
    };
    text.chars().map(letter).sum::<f64>() * LETTERS
}

/// As much of `text` as `room` holds, with `…` where it was cut.
pub(crate) fn fit(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let room = room - width("…");
    let mut used = 0.0;
    let kept = |letter: &char| {
        used += width(letter.encode_utf8(&mut [0; 4]));
        used <= room
    };
    text.chars().take_while(kept).collect::<String>().trim_end().to_owned() + "…"
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Area {
    /// Around a point.
    pub(crate) fn around(x: f64, y: f64, reach: f64) -> Area {
        Area { left: x - reach, top: y - reach, right: x + reach, bottom: y + reach }
    }

    fn meets(&self, other: &Area) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn holds(&self, other: &Area) -> bool {
        self.left <= other.left
            && other.right <= self.right
            && self.top <= other.top
            && other.bottom <= self.bottom
    }
}

/// Where the left end of each name's base line goes so that no name covers a point or another name;
/// none where there is no room. Earlier names choose first.
pub(crate) fn place(
    points: &[(f64, f64)],
    names: &[&str],
    bounds: Area,
) -> Vec<Option<(f64, f64)>> {
    const REACH: f64 = 5.0;
    let mut taken: Vec<Area> =
        points.iter().map(|&(x, y)| Area::around(x, y, REACH - 1.0)).collect();
    let mut places = Vec::new();
    for (&(x, y), name) in points.iter().zip(names) {
        let wide = width(name);
        let beside = y + LETTERS * 0.36;
        let (above, below) = (y - REACH - 2.0, y + REACH + LETTERS - 1.0);
        let (right, left, middle) = (x + REACH + 2.0, x - REACH - 2.0 - wide, x - wide / 2.0);
        let candidates = [
            (right, beside),
            (left, beside),
            (middle, above),
            (middle, below),
            (right, above + 2.0),
            (right, below - 2.0),
            (left, above + 2.0),
            (left, below - 2.0),
            (middle, above - LETTERS),
            (middle, below + LETTERS),
        ];
        let area = |(left, base): (f64, f64)| Area {
            left,
            top: base - LETTERS * 0.8,
            right: left + wide,
            bottom: base + LETTERS * 0.25,
        };
        let free = |candidate: &(f64, f64)| {
            let area = area(*candidate);
            bounds.holds(&area) && !taken.iter().any(|other| other.meets(&area))
        };
        let chosen = candidates.into_iter().find(free);
        taken.extend(chosen.map(area));
        places.push(chosen);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_to_their_room() {
        assert_eq!(fit("tench", 100.0), "tench");
        let cut = fit(&"golden retriever ".repeat(9), 60.0);
        assert!(cut.ends_with('…') && width(&cut) <= 60.0, "{cut}");
        assert_eq!(fit("mmmm", 0.0), "…");
    }

    #[test]
    fn names_of_close_points_do_not_overlap() {
        let bounds = Area { left: 0.0, top: 0.0, right: 300.0, bottom: 200.0 };
        let points = [(100.0, 100.0), (104.0, 101.0), (108.0, 99.0), (290.0, 100.0)];
        let names = ["ViT-B/32", "ViT-B/16", "RN50x4", "ViT-L/14@336px"];
        let placed = place(&points, &names, bounds);
        let areas: Vec<Area> = placed
            .iter()
            .zip(names)
            .filter_map(|(place, name)| {
                let (left, base) = (*place)?;
                Some(Area { left, top: base - 8.0, right: left + width(name), bottom: base })
            })
            .collect();
        assert_eq!(areas.len(), 4, "{placed:?}");
        for (index, area) in areas.iter().enumerate() {
            assert!(bounds.holds(area), "{area:?}");
            assert!(areas[..index].iter().all(|other| !other.meets(area)), "{areas:?}");
        }
    }

    #[test]
    fn name_without_room_is_left_out() {
        let bounds = Area { left: 0.0, top: 0.0, right: 20.0, bottom: 20.0 };
        assert_eq!(place(&[(10.0, 10.0)], &["a very long name"], bounds), [None]);
    }
}
