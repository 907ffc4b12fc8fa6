//! KITTI Distance: how far the closest vehicle is. PROTOCOL_EVAL 6.1, after VTAB and TFDS `kitti`
//! 3.3.0.
//!
//! Vehicles are Car, Van and Truck; everything else, `DontCare` too, does not count. The classes
//! are distances up to 8 m, 20 m, 999 m, and none. Splits are by drive, drawn with numpy's
//! generator.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::item::Target;
use crate::random::Numpy;
use crate::reader::{Listing, Source};
use crate::text::text;

const LABELS: &str = "training/label_2";
/// Column of z in a line of labels: the third value of the location.
const DEPTH: usize = 13;

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let images = if source.split == "all" { listed(source)? } else { drawn(source)? };
    let classes = source.prompts.classes()?;
    let (labels, pictures) = (source.path(LABELS), source.place("training/image_2"));
    let mut found = source.listing();
    for image in &images {
        let path = labels.join(format!("{image}.txt"));
        let class = class(&text(&path)?).map_err(|reason| DataError::malformed(&path, reason))?;
        let class = classes.position(&class.to_string(), &path)?;
        found.file(format!("{pictures}/{image}.png"), Target::Class(class))?;
    }
    Ok(found)
}

fn class(labels: &str) -> Result<u32, String> {
    let mut closest = 1000.0f64;
    for line in labels.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if !matches!(words.first(), Some(&("Car" | "Van" | "Truck"))) {
            continue;
        }
        let depth = words.get(DEPTH).and_then(|word| word.parse::<f64>().ok());
        closest = closest.min(depth.ok_or_else(|| format!("`{line}` has no location"))?);
    }
    Ok(match closest {
        depth if depth <= 8.0 => 0,
        depth if depth <= 20.0 => 1,
        depth if depth <= 999.0 => 2,
        _ => 3,
    })
}

/// All labelled images.
fn listed(source: &Source<'_>) -> Result<Vec<String>, DataError> {
    let folder = source.path(LABELS);
    let mut names = Vec::new();
    for entry in clip_files::entries(&folder).map_err(DataError::read(&folder))? {
        names.extend(
            entry.name.to_str().and_then(|name| name.strip_suffix(".txt")).map(str::to_owned),
        );
    }
    Ok(names)
}

/// The images of the drives of a split.
fn drawn(source: &Source<'_>) -> Result<Vec<String>, DataError> {
    let drives =
        drives(&mapping(source, "train_rand.txt")?, &mapping(source, "train_mapping.txt")?)?;
    let all: BTreeSet<&str> = drives.iter().map(String::as_str).collect();
    let count = (all.len() / 10).max(1);
    let mut random = Numpy::seed(123);
    let mut draw = |from: &BTreeSet<&str>| -> BTreeSet<String> {
        let sorted: Vec<&str> = from.iter().copied().collect();
        let chosen = random.choice(sorted.len(), count.min(sorted.len()));
        chosen
            .into_iter()
            .filter_map(|index| sorted.get(index))
            .map(|&drive| drive.to_owned())
            .collect()
    };
    let test = draw(&all);
    let rest = all.iter().copied().filter(|drive| !test.contains(*drive)).collect();
    let val = draw(&rest);
    let belongs = |drive: &String| match source.split {
        "test" => test.contains(drive),
        "val" => val.contains(drive),
        _ => !test.contains(drive) && !val.contains(drive),
    };
    let images = drives.iter().enumerate().filter(|(_, drive)| belongs(drive));
    Ok(images.map(|(image, _)| format!("{image:06}")).collect())
}

/// The drive of each image.
fn drives(numbers_path: &Path, lines_path: &Path) -> Result<Vec<String>, DataError> {
    let (numbers, lines) = (text(numbers_path)?, text(lines_path)?);
    let drive = |line: &str| line.split(' ').nth(1).map(|drive| drive.trim().to_owned());
    let drives: Vec<Option<String>> = lines.lines().map(drive).collect();
    let of_image = |word: &str| {
        let number = word.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        number.and_then(|line| drives.get(line).cloned().flatten()).ok_or_else(|| {
            DataError::malformed(
                numbers_path,
                format!("`{}` is no line of {}", word.trim(), lines_path.display()),
            )
        })
    };
    numbers.split(',').filter(|word| !word.trim().is_empty()).map(of_image).collect()
}

fn mapping(source: &Source<'_>, name: &str) -> Result<PathBuf, DataError> {
    let path = source.path(&format!("mapping/{name}"));
    Some(path).filter(|path| path.exists()).ok_or_else(|| {
        let reason =
            "is needed for the splits by drive; it is in devkit_object.zip (split `all` does without)";
        DataError::malformed(source.folder.join("mapping").join(name), reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, z: &str) -> String {
        format!("{kind} 0.00 0 -1.57 599 156 629 189 2.85 2.63 12.34 0.47 1.49 {z} -1.56\n")
    }

    #[test]
    fn distances_on_the_borders_belong_to_the_nearer_class() {
        for (z, expected) in
            [("8.0", 0), ("8.01", 1), ("20", 1), ("20.5", 2), ("999", 2), ("-1", 0)]
        {
            assert_eq!(class(&line("Car", z)), Ok(expected), "{z} m");
        }
    }

    #[test]
    fn other_objects_do_not_count() {
        let near = ["Pedestrian", "Cyclist", "Tram", "Misc", "DontCare"]
            .map(|kind| line(kind, "1"))
            .concat();
        assert_eq!(class(&near), Ok(3));
        assert_eq!(class(&(near + &line("Van", "15"))), Ok(1));
        assert_eq!(class(""), Ok(3));
    }
}
