//! Which caption belongs to which image, among a few that are made to be mistaken for each other: CLIP_benchmark's
//! `image_caption_selection` (Winoground's pairs, SugarCrepe's one image with a right and a wrong caption).
//!
//! ```text
//! a row of the table ─▶ images 0..n, captions 0..m; image i belongs to caption i
//!                         ├─ text:  for every image its own caption is nearest
//!                         ├─ image: for every caption its own image is nearest
//!                         └─ both
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use clip_data::{Item, Target};
use clip_rs::Overflow;
use clip_rs::joint_space::cosines;

use crate::EvalError;
use crate::context::EvalContext;
use crate::progress::{Progress, Step};
use crate::results::{Counts, Figure, Record, Unit};
use crate::tasks::scoring::share_of_hits;
use crate::tasks::tables::split_of_table;
use crate::tasks::zero_shot::metric_error;

/// Name of the task in results, as CLIP_benchmark has it.
const TASK: &str = "image_caption_selection";
/// Bytes of a table, at most.
const LARGEST: u64 = 1 << 30;
/// Captions encoded between two reports of progress.
const CAPTIONS_AT_A_TIME: usize = 2048;

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

impl EvalContext {
    /// Answers every row of a table. Columns: `image_0, image_1, …` and `caption_0, caption_1, …`; or `file` (`image`,
    /// `filename`), `caption`, and `negative_caption` (several with numbers behind). Paths from the table's folder.
    ///
    /// # Errors
    /// The table cannot be read, or no row can be answered.
    pub fn selection(
        &mut self,
        table: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Record, EvalError> {
        let started = Instant::now();
        let questions = read(table)?;
        let items: Vec<Item> =
            questions.iter().flat_map(|question| &question.images).map(|file| item(file)).collect();
        let encoded = self.encode_split(split_of_table(table, items), progress)?;
        let mut row_of_item = vec![None; encoded.split.items.len()];
        for (row, &item) in encoded.rows.usable.iter().enumerate() {
            row_of_item[item] = Some(row);
        }
        let captions: Vec<&str> =
            questions.iter().flat_map(|question| &question.captions).map(String::as_str).collect();
        let (texts, truncated) = self.embed_captions(&captions, progress)?;
        let images = encoded.rows.features.clone().normalize();
        let width = self.clip.embed_dim();
        let (mut first_item, mut first_caption) = (0, 0);
        let mut answers = Vec::with_capacity(questions.len());
        for question in &questions {
            let (items, of_captions) = (question.images.len(), question.captions.len());
            let rows: Option<Vec<usize>> =
                row_of_item[first_item..][..items].iter().copied().collect();
            if let Some(rows) = rows {
                let images: Vec<f32> = rows
                    .iter()
                    .flat_map(|row| &images.as_slice()[row * width..][..width])
                    .copied()
                    .collect();
                let texts = &texts[first_caption * width..][..of_captions * width];
                answers.push(answer(&cosines(&images, texts, width), items, of_captions));
            }
            first_item += items;
            first_caption += of_captions;
        }
        let mut record = self.record(TASK, &encoded, None, started);
        self.enter_answers(&mut record, &questions, &answers)?;
        record
            .notes
            .push(format!("{} captions, {truncated} cut to the context length", captions.len()));
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok(record)
    }

    /// `[captions, width]`, rows of norm 1, and how many were too long.
    fn embed_captions(
        &self,
        captions: &[&str],
        progress: &mut Progress<'_>,
    ) -> Result<(Vec<f32>, usize), EvalError> {
        progress(Step::Texts(captions.len()));
        let (mut rows, mut truncated) = (Vec::new(), 0);
        for captions in captions.chunks(CAPTIONS_AT_A_TIME) {
            let (features, cut) = self.clip.encode_texts_with(captions, Overflow::Truncate)?;
            rows.extend_from_slice(features.normalize().as_slice());
            truncated += cut.len();
            progress(Step::Done(captions.len()));
        }
        Ok((rows, truncated))
    }

    fn enter_answers(
        &self,
        record: &mut Record,
        questions: &[Question],
        answers: &[Answer],
    ) -> Result<(), EvalError> {
        if answers.is_empty() {
            return Err(EvalError::task(TASK, &record.dataset, "no row has all its images"));
        }
        let share = |name: &str, of: fn(&Answer) -> bool, record: &Record| {
            let hits: Vec<bool> = answers.iter().map(of).collect();
            let figure =
                share_of_hits(name, &hits, self.options.level).map_err(metric_error(record))?;
            Ok::<Figure, EvalError>(Figure { over: Some("rows of the table".to_owned()), ..figure })
        };
        record.score = share("accuracy", |answer| answer.text && answer.image, record)?;
        let text = share("text_accuracy", |answer| answer.text, record)?;
        let image = if questions.iter().all(|question| question.images.len() == 1) {
            let reason = "undefined: one image a row, there is none to choose among";
            Figure::undefined("image_accuracy", Unit::Share, reason)
        } else {
            share("image_accuracy", |answer| answer.image, record)?
        };
        record.metrics = BTreeMap::from([
            ("acc".to_owned(), record.score.value),
            ("text_acc".to_owned(), text.value),
            ("image_acc".to_owned(), image.value),
        ]);
        record.figures.extend([text, image]);
        let (found, scored) = (questions.len(), answers.len());
        record.counts = Counts { expected: None, found, scored, skipped: found - scored };
        record.notes.push(
            "n counts rows of the table; equal scores are no choice and count as wrong".to_owned(),
        );
        Ok(())
    }
}

fn item(file: &str) -> Item {
    Item::file(file, Target::Unknown)
}

/// Whether every image's own caption, and every caption's own image, is nearer than all others; those without a partner
/// only stand in the way.
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
fn read(path: &Path) -> Result<Vec<Question>, EvalError> {
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
