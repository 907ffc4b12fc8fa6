//! RareAct: segments of videos, annotated for unusual pairs of verb and noun. PROTOCOL_EVAL 6.3,
//! 7.7.

use serde::Deserialize;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::{clips_below, csv_rows};
use crate::reader::{Listing, Source};

#[derive(Deserialize)]
struct Row {
    video_id: String,
    start: f64,
    end: f64,
    class_id: u32,
    verb: String,
    noun: String,
    annotation: u8,
}

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let path = source.path("rareact.csv");
    let rows: Vec<Row> = csv_rows(&path, csv::Trim::None)?.collect::<Result<_, _>>()?;
    let ids: std::collections::HashSet<&str> =
        rows.iter().map(|row| row.video_id.as_str()).collect();
    let clips = clips_below(source.folder, &|name| ids.contains(name))?;
    let mut found = source.listing();
    for row in &rows {
        check(source, row, &path)?;
        let (class, annotation, video) =
            (row.class_id, row.annotation, row.video_id.as_str().into());
        let target = Target::Segment { class, annotation, video };
        match clips.get(&row.video_id) {
            Some(clip) => {
                found.clip(clip.clone(), Some((row.start, row.end)), target)?;
            }
            None => found.missing.push(format!("{}.mp4#{}-{}", row.video_id, row.start, row.end)),
        }
    }
    let missing = ids.iter().filter(|&&id| !clips.contains_key(id)).count();
    found.count(missing, &format!("of {} videos are missing", ids.len()));
    Ok(found)
}

/// The row's class is ours of the same verb and noun.
fn check(source: &Source<'_>, row: &Row, path: &std::path::Path) -> Result<(), DataError> {
    let pair =
        source.prompts.rest.get("verb_noun").and_then(|pairs| pairs.get(row.class_id as usize));
    let word =
        |index: usize| pair.and_then(|pair| pair.get(index)).and_then(serde_json::Value::as_str);
    if word(0) != Some(&row.verb) || word(1) != Some(&row.noun) {
        let class = format!("{} {} {}", row.class_id, row.verb, row.noun);
        return Err(source.unknown_class(path, class));
    }
    if row.annotation > 4 {
        return Err(DataError::malformed(
            path,
            format!("annotation {}, expected 0 to 4", row.annotation),
        ));
    }
    Ok(())
}
