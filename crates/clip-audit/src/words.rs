//! Which labels are not English, and which are about people: by script and by small lists of words
//! (`assets/words/`). They miss much; what they find is worth a warning.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Deserialize;

/// Words of a language in a label that tell it together.
const TOGETHER: usize = 2;

#[derive(Deserialize)]
struct Languages {
    languages: Vec<Language>,
}

#[derive(Deserialize)]
struct Language {
    telling: HashSet<String>,
    common: HashSet<String>,
}

#[derive(Deserialize)]
struct People {
    anywhere: HashSet<String>,
    whole: HashSet<String>,
    beside: HashSet<String>,
}

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let file: Languages = serde_json::from_str(include_str!("../assets/words/not_english.json"))
        .expect("assets/words/not_english.json is part of the program and tested");
    file.languages
});
static PEOPLE: LazyLock<People> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../assets/words/people.json"))
        .expect("assets/words/people.json is part of the program and tested")
});

/// Labels in another script than Latin, or with words of another language.
pub(crate) fn not_english<'l>(labels: &[&'l str]) -> Vec<&'l str> {
    let is_foreign = |words: &[String]| {
        let of = |language: &Language| {
            let has = |list: &HashSet<String>| words.iter().filter(|&w| list.contains(w)).count();
            has(&language.telling) > 0 || has(&language.common) >= TOGETHER
        };
        words.iter().any(|word| is_of_another_script(word)) || LANGUAGES.iter().any(of)
    };
    labels.iter().copied().filter(|label| is_foreign(&words(label))).collect()
}

/// Labels that describe people.
pub(crate) fn about_people<'l>(labels: &[&'l str]) -> Vec<&'l str> {
    let is_person = |label: &&str| {
        let words = words(label);
        words.iter().any(|word| PEOPLE.anywhere.contains(word))
            || PEOPLE.whole.contains(&bare(&words))
    };
    let is_any = labels.iter().any(is_person);
    let is_beside = |label: &&str| is_any && PEOPLE.beside.contains(&bare(&words(label)));
    labels.iter().copied().filter(|label| is_person(label) || is_beside(label)).collect()
}

/// Lower-case runs of letters, digits and apostrophes: `l'homme` is one.
fn words(label: &str) -> Vec<String> {
    let parts = label.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')));
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(|part| part.to_lowercase().replace('’', "'")).collect()
}

/// The words of a label without its article.
fn bare(words: &[String]) -> String {
    match words {
        [article, rest @ ..] if matches!(&**article, "a" | "an" | "the") => rest.join(" "),
        words => words.join(" "),
    }
}

/// A single Greek letter is a symbol, not a word.
fn is_of_another_script(word: &str) -> bool {
    let is_symbol = word.chars().count() == 1 && word.chars().all(|c| matches!(c, 'α'..='ω'));
    !is_symbol && word.chars().any(|c| c.is_alphabetic() && !is_latin(c))
}

/// Latin letters by Unicode's blocks, with the micro sign and the wide forms.
fn is_latin(letter: char) -> bool {
    letter.is_ascii()
        || matches!(letter,
            '\u{aa}'..='\u{24f}' | '\u{250}'..='\u{2ff}' | '\u{1d00}'..='\u{1eff}'
            | '\u{2071}' | '\u{207f}' | '\u{212a}'..='\u{212b}' | '\u{2c60}'..='\u{2c7f}'
            | '\u{a720}'..='\u{a7ff}' | '\u{ab30}'..='\u{ab6f}' | '\u{fb00}'..='\u{fb06}'
            | '\u{ff21}'..='\u{ff5a}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_data::PromptSet;

    #[test]
    fn scripts_and_words_of_other_languages_are_found() {
        let found = [
            "猫",
            "собака",
            "كلب",
            "犬の写真",
            "γάτα",
            "un chien",
            "une photo d'un chat",
            "l’homme",
            "ein Foto von der Katze",
            "das Auto",
            "una foto de un gato",
            "mujer",
            "um gato e uma casa",
            "een hond",
            "một con mèo",
            "zdjęcie",
        ];
        assert_eq!(not_english(&found), found);
        let english = [
            "naïve café",
            "crème brûlée",
            "Bichon Frisé",
            "jalapeño",
            "α particle",
            "5 µm",
            "Los Angeles",
            "die cutter",
            "yin and yang",
            "🐈 cat",
            "a photo of a man",
            "",
            "42",
        ];
        assert_eq!(not_english(&english), [""; 0]);
    }

    #[test]
    fn labels_about_people_are_found_and_colours_only_beside_them() {
        let found = ["a photo of a man.", "White woman", "person", "East Asian", "a Mexican"];
        assert_eq!(about_people(&found), found);
        assert_eq!(about_people(&["Black", "White", "Indian"]), ["Black", "White", "Indian"]);
        assert_eq!(about_people(&["black", "white", "red"]), [""; 0]);
        let none = ["French bulldog", "Egyptian cat", "manhole cover", "Doberman", "model T"];
        assert_eq!(about_people(&none), [""; 0]);
    }

    /// Every list inside the program: what is found by mistake stands here by name.
    #[test]
    fn false_alarms_on_the_programs_own_class_names_are_few() {
        let mut people = Vec::new();
        let mut lists = 0;
        for prompts in prompt_sets() {
            let names: Vec<&str> = prompts.classes.iter().flatten().map(String::as_str).collect();
            assert_eq!(not_english(&names), [""; 0], "{}", prompts.id);
            people.extend(about_people(&names).into_iter().map(str::to_owned));
            lists += usize::from(!names.is_empty());
        }
        people.sort_unstable();
        people.dedup();
        assert_eq!(lists, 34); // the other files are of identifiers and captions
        let mistaken = [
            "Isle of Man",
            "baby back ribs",
            "baby bib",
            "baby pacifier",
            "dress shoe (men)",
            "face of a cougar cat",
            "face powder",
            "infant bed",
            "ram (adult male sheep)",
        ];
        let is_mistaken = |label: &String| mistaken.contains(&&**label);
        assert_eq!(people.iter().filter(|label| is_mistaken(label)).count(), mistaken.len());
        people.retain(|label| !is_mistaken(label));
        let meant = [
            "Baby Crawling",
            "baby",
            "baby waking up",
            "backflip (human)",
            "boy",
            "bridegroom",
            "carrying baby",
            "centered face",
            "crawling baby",
            "girl",
            "hugging (not baby)",
            "hugging baby",
            "man",
            "moving baby",
            "moving child",
            "off-center face",
            "person",
            "person collecting garbage",
            "punching person (boxing)",
            "red and white triangle with child and person walking warning",
            "red and white triangle with person digging / construction / road work warning",
            "red and white triangle with person walking warning",
            "scrubbing face",
            "surfing crowd",
            "woman",
        ];
        assert_eq!(people, meant);
    }

    fn prompt_sets() -> Vec<PromptSet> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../clip-data/assets/prompts");
        let files = std::fs::read_dir(folder).expect("the program's lists").flatten();
        let ids = files.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()));
        ids.filter_map(|id| PromptSet::of(&id).ok()).collect()
    }
}
