//! German traffic signs: `Training/00000/*.ppm`, `Final_Test/Images/*.ppm` with
//! `GT-final_test.csv`. PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::item::Target;
use crate::listing::{class_folders, table};
use crate::names::joined;
use crate::reader::{Listing, Source};

/// Where people put the file with the answers; the `GT-final_test.test.csv` among the images has
/// none.
const TRUTHS: [&str; 3] =
    ["Final_Test/GT-final_test.csv", "GT-final_test.csv", "Final_Test/Images/GT-final_test.csv"];

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    match source.split {
        "train" => training(source, "Training"),
        "train-official" => training(source, "Final_Training/Images"),
        _ => test(source),
    }
}

/// Folders are the class numbers in five digits, in copies in none; the csv in each holds boxes,
/// which are not cut out.
fn training(source: &Source<'_>, inside: &str) -> Result<Listing, DataError> {
    let folders: Vec<String> =
        (0..source.prompts.classes.len()).map(|class| format!("{class:05}")).collect();
    class_folders(source, &source.place(inside), &folders)
}

fn test(source: &Source<'_>) -> Result<Listing, DataError> {
    let of_a_copy = source.folder.join("Test.csv");
    let beside = source.folder.parent().map(|folder| folder.join("GT-final_test.csv"));
    let beside = beside.into_iter().chain([of_a_copy.clone()]).find(|path| path.is_file());
    let truth = source.first_of(&TRUTHS).or_else(|error| beside.ok_or(error))?;
    let is_copy = truth == of_a_copy;
    let (separator, names) =
        if is_copy { (b',', ["Path", "ClassId"]) } else { (b';', ["Filename", "ClassId"]) };
    let rows = table(&truth, separator, names)?;
    let classes = source.prompts.classes()?;
    let images = if is_copy { String::new() } else { source.place("Final_Test/Images") };
    let mut found = source.listing();
    for [file, class] in rows {
        let target = Target::Class(classes.position(&class, &truth)?);
        found.file(joined(&images, &file), target)?;
    }
    if is_copy {
        found.notes.push(
            "layout of a copy: Test.csv names the images, which are no longer PPM".to_owned(),
        );
    }
    Ok(found)
}
