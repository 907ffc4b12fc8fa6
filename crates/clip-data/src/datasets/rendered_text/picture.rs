//! A sentence as a picture.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::formats::ppm;

/// Side of a picture and its empty rim, in pixels.
const SIDE: usize = 448;
const RIM: usize = 14;

/// Of a glyph, and of its cell with the space to the next, in dots.
const GLYPH: (usize, usize) = (5, 9);
const CELL: (usize, usize) = (6, 11);

/// Pixels of a dot, largest first: the first at which the sentence fits.
const SCALES: [usize; 4] = [4, 3, 2, 1];

/// Drawn for characters that the font does not have.
const UNKNOWN: char = '□';

/// A PGM of `text`, broken between words, in the largest size at which all of it is to be seen.
pub(super) fn picture(text: &str) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut scale = 1;
    for tried in SCALES {
        scale = tried;
        let room = |cell: usize| (SIDE - 2 * RIM) / (cell * tried);
        lines = broken(text, room(CELL.0));
        if lines.len() <= room(CELL.1) {
            break;
        }
    }
    let mut pixels = vec![255; SIDE * SIDE];
    for (row, line) in lines.iter().enumerate() {
        for (column, character) in
            line.chars().enumerate().filter(|(_, character)| *character != ' ')
        {
            let (left, top) = (RIM + column * CELL.0 * scale, RIM + row * CELL.1 * scale);
            draw(&mut pixels, left, top, scale, character);
        }
    }
    ppm::grey(SIDE as u32, SIDE as u32, &pixels)
}

fn draw(pixels: &mut [u8], left: usize, top: usize, scale: usize, character: char) {
    let character = character.to_ascii_lowercase(); // SST-2 has no capitals
    let Some(glyph) = FONT.get(&character).or_else(|| FONT.get(&UNKNOWN)) else { return };
    for (y, row) in pixels.chunks_exact_mut(SIDE).skip(top).take(GLYPH.1 * scale).enumerate() {
        for (x, pixel) in row.iter_mut().skip(left).take(GLYPH.0 * scale).enumerate() {
            if glyph.get(y / scale * GLYPH.0 + x / scale) == Some(&true) {
                *pixel = 0;
            }
        }
    }
}

/// Lines of at most `columns` characters, broken at blanks; a longer word is broken where it must.
fn broken(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let characters: Vec<char> = word.chars().collect();
        for part in characters.chunks(columns.max(1)) {
            let Some(line) = lines.last_mut() else { return lines };
            let length = line.chars().count();
            if length > 0 && length + 1 + part.len() > columns {
                lines.push(part.iter().collect());
            } else {
                line.extend((length > 0).then_some(' ').iter().chain(part));
            }
        }
    }
    lines
}

/// Dots of each character, row by row: `assets/fonts/typewriter.txt`, drawn for this purpose.
static FONT: LazyLock<HashMap<char, Vec<bool>>> = LazyLock::new(|| {
    let mut font = HashMap::new();
    let lines: Vec<&str> = include_str!("../../../assets/fonts/typewriter.txt").lines().collect();
    for rows in lines.chunks(GLYPH.1 + 1) {
        let Some((characters, rows)) = rows.split_first() else { continue };
        for (column, character) in
            characters.split_whitespace().filter_map(|word| word.chars().next()).enumerate()
        {
            let dots = rows.iter().filter_map(|row| row.split_whitespace().nth(column));
            font.insert(
                character,
                dots.flat_map(|dots| dots.chars().map(|dot| dot == '#')).collect(),
            );
        }
    }
    font
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn font_has_whole_glyphs_for_all_of_sst2() {
        let needed = "abcdefghijklmnopqrstuvwxyz0123456789!?',`";
        assert!(needed.chars().all(|character| FONT.contains_key(&character)));
        assert!(FONT.values().all(|dots| dots.len() == GLYPH.0 * GLYPH.1));
        let mut glyphs: Vec<&Vec<bool>> = FONT.values().collect();
        glyphs.sort();
        glyphs.dedup();
        assert_eq!(glyphs.len(), FONT.len(), "no two look the same");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(broken("a fine film indeed", 6), ["a fine", "film", "indeed"]);
        assert_eq!(broken("incomprehensible", 6), ["incomp", "rehens", "ible"]);
    }

    #[test]
    fn picture_of_one_letter_is_its_glyph() {
        let picture = picture("l");
        let pixels = picture.strip_prefix(b"P5\n448 448\n255\n").expect("a PGM");
        assert_eq!(pixels.len(), SIDE * SIDE);
        let black = pixels.iter().filter(|&&pixel| pixel == 0).count();
        assert_eq!(black, 4 * 4 * 10, "ten dots of four by four pixels");
        assert_eq!(pixels[RIM * SIDE + RIM + 4], 0, "the second dot of the first row");
    }

    #[test]
    fn blanks_are_white() {
        let black = |text| picture(text).iter().skip(15).filter(|&&pixel| pixel == 0).count();
        assert_eq!(black("l l"), 2 * black("l"));
    }

    #[test]
    fn long_sentences_are_drawn_smaller_and_whole() {
        for words in [1, 20, 54, 200] {
            let picture = picture(&"good ".repeat(words));
            let pixels = picture.strip_prefix(b"P5\n448 448\n255\n").expect("a PGM");
            let clear = |place: usize| {
                pixels[place * SIDE..(place + 1) * SIDE].iter().all(|&pixel| pixel == 255)
            };
            assert!(
                (0..RIM).all(clear) && (SIDE - RIM..SIDE).all(clear),
                "{words} words reach into the rim"
            );
        }
    }
}
