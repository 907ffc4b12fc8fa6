//! Which caption belongs to which image, among a few that are made to be mistaken for each other:
//! CLIP_benchmark's `image_caption_selection` (Winoground's pairs, SugarCrepe's one image with a
//! right and a wrong caption).
//!
//! ```text
//! a row of the table ─▶ images 0..n, captions 0..m; image i belongs to caption i
//!                         ├─ text:  for every image its own caption is nearest
//!                         ├─ image: for every caption its own image is nearest
//!                         └─ both
//! ```

use std::path::{Path, PathBuf};

use clip_data::{Item, Items, Target};
use clip_rs::joint_space::cosines;

use super::outcome::{Metrics, Outcome, Scores};
use super::scoring::share_of_hits;
use super::tables::{TableTask, list_of};
use super::targets::Asked;
use crate::context::EvalContext;
use crate::error::{EvalError, Result};
use crate::options::IntervalOptions;
use crate::results::{Counts, Figure, Unit};

/// Name of the task in results, as CLIP_benchmark has it.
const TASK: &str = "image_caption_selection";
/// Bytes of a table, at most.
const LARGEST: u64 = 1 << 30;

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
struct Question {
    images: Vec<String>,
    captions: Vec<String>,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    text: bool,
    image: bool,
}

/// Answers every row of a table. Columns: `image_0, image_1, …` and `caption_0, caption_1, …`; or
/// `file` (`image`, `filename`), `caption`, and `negative_caption` (several with numbers behind).
/// Paths from the table's folder.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The table.
    pub table: PathBuf,
}

impl TableTask for Selection {
    fn result_name(&self) -> &'static str {
        TASK
    }

    fn tables(&self) -> Vec<&Path> {
        vec![&self.table]
    }

    fn run(&self, context: &mut EvalContext, options: &IntervalOptions) -> Result<Outcome> {
        let questions = read(&self.table)?;
        let files = questions.iter().flat_map(|question| &question.images);
        let items = Items {
            list: files.map(|file| Item::file(file.as_str(), Target::Unknown)).collect(),
            folder: self.table.parent().unwrap_or(Path::new("")).to_owned(),
        };
        let encoded = context.encode_split(list_of(&self.table, items))?;
        let mut row_of_item = vec![None; encoded.list.items.len()];
        for (row, &item) in encoded.rows.usable.iter().enumerate() {
            row_of_item[item] = Some(row);
        }
        let captions: Vec<&str> =
            questions.iter().flat_map(|question| &question.captions).map(String::as_str).collect();
        let (texts, truncated) = context.embed_texts(&captions)?;
        let images = encoded.rows.features.clone().normalize();
        let answers =
            answers(&questions, &row_of_item, images.as_slice(), &texts, images.embed_dim());
        let asked = Asked { task: TASK, dataset: &encoded.list.dataset };
        let mut scores = scores_of(asked, &questions, &answers, options)?;
        let cut = format!("{} captions, {truncated} cut to the context length", captions.len());
        scores.notes.push(cut);
        let (found, scored) = (questions.len(), answers.len());
        Ok(Outcome {
            counts: Counts { expected: None, found, scored, skipped: found - scored },
            ..Outcome::new(encoded, None, Vec::new(), scores, Vec::new())
        })
    }
}

/// One for each row of the table that has all its images.
///
/// - `row_of_item`: where the features of each image of the table are, if it can be used
/// - `images`, `texts`: `[rows, width]`, rows of norm 1
fn answers(
    questions: &[Question],
    row_of_item: &[Option<usize>],
    images: &[f32],
    texts: &[f32],
    width: usize,
) -> Vec<Answer> {
    let (mut first_item, mut first_caption) = (0, 0);
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        let (items, of_captions) = (question.images.len(), question.captions.len());
        let rows: Option<Vec<usize>> = row_of_item[first_item..][..items].iter().copied().collect();
        if let Some(rows) = rows {
            let images: Vec<f32> =
                rows.iter().flat_map(|row| &images[row * width..][..width]).copied().collect();
            let texts = &texts[first_caption * width..][..of_captions * width];
            answers.push(answer(&cosines(&images, texts, width), items, of_captions));
        }
        first_item += items;
        first_caption += of_captions;
    }
    answers
}

fn scores_of(
    asked: Asked<'_>,
    questions: &[Question],
    answers: &[Answer],
    options: &IntervalOptions,
) -> Result<Scores> {
    if answers.is_empty() {
        return Err(asked.error("no row has all its images"));
    }
    let share = |name: &str, of: fn(&Answer) -> bool| {
        let hits: Vec<bool> = answers.iter().map(of).collect();
        let figure =
            share_of_hits(name, &hits, options.level).map_err(|error| asked.error(error))?;
        Ok::<Figure, EvalError>(Figure { over: Some("rows of the table".to_owned()), ..figure })
    };
    let score = share("accuracy", |answer| answer.text && answer.image)?;
    let text = share("text_accuracy", |answer| answer.text)?;
    let image = if questions.iter().all(|question| question.images.len() == 1) {
        let reason = "undefined: one image a row, there is none to choose among";
        Figure::undefined("image_accuracy", Unit::Share, reason)
    } else {
        share("image_accuracy", |answer| answer.image)?
    };
    let metrics = Metrics::from([
        ("acc".to_owned(), score.value),
        ("text_acc".to_owned(), text.value),
        ("image_acc".to_owned(), image.value),
    ]);
    let note = "n counts rows of the table; equal scores are no choice and count as wrong";
    Ok(Scores {
        figures: vec![text, image],
        metrics,
        notes: vec![note.to_owned()],
        ..Scores::of(score)
    })
}

/// Whether every image's own caption, and every caption's own image, is nearer than all others;
/// those without a partner only stand in the way.
///
/// - `scores`: `[images, captions]`
fn answer(scores: &[f32], images: usize, captions: usize) -> Answer {
    let at = |image: usize, caption: usize| scores[image * captions + caption];
    let pairs = images.min(captions);
    let text =
        |pair: usize| (0..captions).all(|other| other == pair || at(pair, other) < at(pair, pair));
    let image =
        |pair: usize| (0..images).all(|other| other == pair || at(other, pair) < at(pair, pair));
    Answer { text: (0..pairs).all(text), image: (0..pairs).all(image) }
}

/// Reads a table in either form.
fn read(path: &Path) -> Result<Vec<Question>> {
    let bytes = clip_files::read(path, LARGEST).map_err(EvalError::io(path))?;
    let refused = |reason: String| EvalError::result(path, reason);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(&*bytes);
    let header = reader.headers().map_err(|error| EvalError::result(path, error))?.clone();
    let columns = |names: &[&str]| -> Vec<usize> {
        names.iter().flat_map(|name| numbered(&header, name)).collect()
    };
    let images = columns(&["image", "file", "filename"]);
    let captions = columns(&["caption", "negative_caption"]);
    if images.is_empty() || captions.len() < 2 {
        let columns = header.iter().collect::<Vec<_>>().join(", ");
        return Err(refused(format!(
            "its columns are {columns}; needed are image_0, caption_0, caption_1, …, or file, caption, negative_caption"
        )));
    }
    let mut questions = Vec::new();
    for (number, row) in (2..).zip(reader.records()) {
        let row = row.map_err(|error| EvalError::result(path, error))?;
        let cells = |columns: &[usize]| -> Vec<String> {
            columns.iter().map(|&column| row.get(column).unwrap_or_default().to_owned()).collect()
        };
        let question = Question { images: cells(&images), captions: cells(&captions) };
        if question.images.iter().chain(&question.captions).any(|cell| cell.trim().is_empty()) {
            return Err(refused(format!("row {number} has an empty image or caption")));
        }
        questions.push(question);
    }
    if questions.is_empty() {
        Err(refused("the table has no row".to_owned()))
    } else {
        Ok(questions)
    }
}

/// Places of `name`, or of `name_0`, `name_1`, … (`name_1`, … too) in order of their numbers.
fn numbered(header: &csv::StringRecord, name: &str) -> Vec<usize> {
    let number = |column: &str| match column.strip_prefix(name)? {
        "" => Some(0),
        rest => rest.strip_prefix('_')?.parse::<usize>().ok(),
    };
    let mut found: Vec<(usize, usize)> = header
        .iter()
        .enumerate()
        .filter_map(|(place, column)| Some((number(column)?, place)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_asked_and_a_tie_is_no_choice() {
        // Image 1 is nearer to both captions; each image is nearer to its own.
        let leaning = [0.3, 0.2, 0.4, 0.5];
        assert_eq!(answer(&leaning, 2, 2), Answer { text: true, image: false });
        assert_eq!(answer(&[0.9, 0.2, 0.1, 0.8], 2, 2), Answer { text: true, image: true });
        assert_eq!(answer(&[0.5, 0.5], 1, 2), Answer { text: false, image: true });
        assert_eq!(answer(&[0.6, 0.5], 1, 2), Answer { text: true, image: true });
    }

    #[test]
    fn both_forms_of_a_table_are_read_and_others_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        let of = |text: &str| {
            std::fs::write(&path, text).expect("a file");
            read(&path)
        };
        let pairs = of("caption_1,image_1,id,caption_0,image_0\nb,1.jpg,x,a,0.jpg\n")
            .expect("Winoground's");
        assert_eq!(pairs[0].images, ["0.jpg", "1.jpg"]);
        assert_eq!(pairs[0].captions, ["a", "b"]);
        let one =
            of("filename,caption,negative_caption\n0.jpg,right,wrong\n").expect("SugarCrepe's");
        assert_eq!(
            (&one[0].images[..], &one[0].captions[..]),
            (&["0.jpg".to_owned()][..], &["right".to_owned(), "wrong".to_owned()][..])
        );
        for (text, reason) in [
            ("file,caption\n0.jpg,a\n", "needed are"),
            ("file,caption,negative_caption\n0.jpg,a,\n", "row 2 has an empty"),
            ("file,caption,negative_caption\n", "no row"),
        ] {
            let error = of(text).expect_err("refused").to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
