//! Which column of a table is which, by the names that people and tools give them.

use crate::catalogue::Task;

/// Names of the column of pictures, the plainest first; in lower case, blanks and hyphens as `_`.
const FILE: &str = "file filepath file_path path image image_path img_path imagepath filename \
    file_name fname image_file image_filename image_name img_name imagename img images picture \
    photo image_id img_id name id";
/// Names before numbers: where there are both, a name is what a model can read.
const LABEL: &str = "class_name classname label_name category_name label_text label class \
    class_label category target labels classes class_id classid label_id category_id cls y";
const CAPTION: &str = "caption captions text title sentence description comment alt_text alt \
    raw_caption caption_text texts";
const SPLIT: &str = "split subset partition usage set";

/// Places of the columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) file: usize,
    /// One of labels; or of captions one or more: `caption_1`, `caption_2`.
    pub(super) values: Vec<usize>,
    pub(super) split: Option<usize>,
    pub(super) task: Task,
    pub(super) notes: Vec<String>,
}

/// Finds the columns of a header; none if it lacks those needed. A table that has labels and
/// captions is read for what is `wanted`.
pub(super) fn columns(header: &[String], wanted: Option<Task>) -> Option<Columns> {
    let names: Vec<String> = header.iter().map(|cell| plain(cell)).collect();
    let places = |known: &str| -> Vec<usize> {
        let of = |name: &str| names.iter().position(|column| column == name);
        known.split(' ').filter_map(of).collect()
    };
    let mut notes = Vec::new();
    let mut one = |what: &str, places: Vec<usize>| -> Option<usize> {
        let name = |place: &usize| {
            header.get(*place).map(|cell| cell.trim().to_owned()).unwrap_or_default()
        };
        if let [first, others @ ..] = &*places
            && !others.is_empty()
        {
            let others: Vec<String> = others.iter().map(name).collect();
            notes.push(format!(
                "the {what} is read from column {}, not from {}",
                name(first),
                others.join(", ")
            ));
        }
        places.first().copied()
    };
    let file = one("picture", places(FILE))?;
    let split = one("split", places(SPLIT));
    let captions = captions(&names);
    let labels = places(LABEL);
    let both = !labels.is_empty() && !captions.is_empty();
    let (read, values, task) = match wanted {
        Some(Task::Retrieval) if both => ("captions", captions, Task::Retrieval),
        _ => match one("label", labels) {
            Some(label) => ("labels", vec![label], Task::Classification),
            None => ("captions", captions, Task::Retrieval),
        },
    };
    if both {
        notes.push(format!("there are labels and captions: the {read} are read"));
    }
    (!values.is_empty()).then_some(Columns { file, values, split, task, notes })
}

/// What a header is told that has no column for images, or none for what is true of them.
pub(super) fn what_it_lacks(header: &[String]) -> String {
    format!(
        "the header `{}` needs a column for pictures (file, path, image, …) and one for labels (label, class, …) or \
         captions (caption, text, …); `file` and `label`, or `file` and `caption`, will do",
        header.join(",")
    )
}

/// Places of the columns for pictures, the plainest name first.
pub(super) fn file_columns(header: &[String]) -> Vec<usize> {
    let of = |name: &str| header.iter().position(|cell| plain(cell) == name);
    FILE.split(' ').filter_map(of).collect()
}

/// Places of the columns called `name`, whatever its case, blanks and hyphens.
pub(super) fn columns_called(header: &[String], name: &str) -> Vec<usize> {
    let name = plain(name);
    (0..).zip(header).filter(|(_, cell)| plain(cell) == name).map(|(place, _)| place).collect()
}

/// The columns of a table of captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionColumns {
    /// Place of the column of images.
    pub image: usize,
    /// Places of those of captions, one at least.
    pub captions: Vec<usize>,
    /// What else could have been meant, for people.
    pub notes: Vec<String>,
}

/// The columns of images and captions in a header, by the names that people and tools give them;
/// none if it lacks either.
pub fn caption_columns(header: &[String]) -> Option<CaptionColumns> {
    let found = columns(header, Some(Task::Retrieval))?;
    (found.task == Task::Retrieval).then_some(CaptionColumns {
        image: found.file,
        captions: found.values,
        notes: found.notes,
    })
}

/// A column that is read and another of the same name: nobody can say which is meant. Captions are
/// read from all.
pub(super) fn repeated<'a>(header: &'a [String], columns: &Columns) -> Option<&'a str> {
    let label = columns.values.first().filter(|_| columns.task == Task::Classification);
    let names = [Some(&columns.file), label, columns.split.as_ref()].into_iter().flatten();
    let mut names = names.filter_map(|&place| header.get(place));
    let twice =
        |name: &&String| header.iter().filter(|cell| plain(cell) == plain(name)).count() > 1;
    names.find(twice).map(|name| name.trim())
}

/// The plainest column of captions, and those that differ from it by a number alone.
fn captions(names: &[String]) -> Vec<usize> {
    let base = |name: &str| {
        name.trim_end_matches(|letter: char| letter.is_ascii_digit())
            .trim_end_matches('_')
            .to_owned()
    };
    let known = CAPTION.split(' ').find(|known| names.iter().any(|name| base(name) == *known));
    let of = |known| {
        (0..).zip(names).filter(|(_, name)| base(name) == known).map(|(place, _)| place).collect()
    };
    known.map(of).unwrap_or_default()
}

fn plain(cell: &str) -> String {
    let cell = cell.trim().trim_matches('"').trim().to_lowercase();
    cell.replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Option<(usize, Vec<usize>, Option<usize>, Task)> {
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        columns(&header, None)
            .map(|columns| (columns.file, columns.values, columns.split, columns.task))
    }

    #[test]
    fn usual_names_are_known() {
        let (classes, captions) = (Task::Classification, Task::Retrieval);
        for (header, expected) in [
            ("file,label", Some((0, vec![1], None, classes))),
            ("Label,File Name,Split", Some((1, vec![0], Some(2), classes))),
            ("path,class", Some((0, vec![1], None, classes))),
            ("filepath,title", Some((0, vec![1], None, captions))),
            ("image_name, comment_number, comment", Some((0, vec![2], None, captions))),
            ("image,caption_1,caption_2,url", Some((0, vec![1, 2], None, captions))),
            ("image,caption,label", Some((0, vec![2], None, classes))),
            ("image,caption,text", Some((0, vec![1], None, captions))),
            ("file,breed", None),
            ("label,caption", None),
        ] {
            assert_eq!(of(header), expected, "{header}");
        }
    }

    #[test]
    fn labels_or_captions_by_what_is_wanted() {
        let header = ["file", "label", "caption"].map(str::to_owned);
        for (wanted, place) in
            [(Some(Task::Retrieval), 2), (Some(Task::Classification), 1), (None, 1)]
        {
            let columns = columns(&header, wanted).expect("a table");
            assert_eq!((&*columns.values, columns.notes.len()), (&[place][..], 1), "{wanted:?}");
        }
    }

    #[test]
    fn names_come_before_numbers() {
        assert_eq!(of("file,label,label_name"), Some((0, vec![2], None, Task::Classification)));
    }

    #[test]
    fn choice_among_columns_is_said() {
        let header = ["file", "path", "label", "class"].map(str::to_owned);
        let notes = columns(&header, None).expect("a table").notes;
        assert!(notes.len() == 2 && notes[0].contains("column file, not from path"), "{notes:?}");
    }

    #[test]
    fn second_column_of_a_name_that_is_read_is_found() {
        for (header, expected) in [
            ("file,label,label", Some("label")),
            ("file,File,label", Some("file")),
            ("file,label,split,Split", Some("split")),
            ("file,caption,caption", None),
            ("file,label,size,size", None),
        ] {
            let header: Vec<String> = header.split(',').map(str::to_owned).collect();
            let columns = columns(&header, None).expect("a table");
            assert_eq!(repeated(&header, &columns), expected, "{header:?}");
        }
    }
}
