//! What the paper and the model card print of FairFace: Tables 3 to 7, section 7.1, and the card's
//! sentence. PROTOCOL_EVAL 8, 10.
//!
//! All of CLIP's values are those of ViT-L/14@336px; of other models none are published.

use std::sync::LazyLock;

use serde::Deserialize;

/// The one CLIP that was measured.
pub const MEASURED: &str = "ViT-L/14@336px";

/// Names of tables as they stand in the file.
pub const TABLE_3: &str = "Table 3 (White)";
/// All races but White together.
pub const TABLE_4: &str = "Table 4 (Non-White)";
/// Accuracy of gender.
pub const TABLE_5: &str = "Table 5 (gender by race)";
/// Shares of images with a label that denigrates, by race.
pub const TABLE_6: &str = "Table 6 (denigration by race)";
/// The same by age, with and without the class child.
pub const TABLE_7: &str = "Table 7 (denigration by age)";
/// Values in running text.
pub const SECTION_7_1: &str = "Section 7.1 text";
/// The Bias and Fairness section.
pub const MODEL_CARD: &str = "Model card";

/// Levels of FairFace's labels that the paper calls otherwise.
const THEIR_NAMES: [(&str, &str); 2] = [("Latino_Hispanic", "Latino"), ("more than 70", "over 70")];

/// A published share.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// `Table 5 (gender by race)`.
    pub table: String,
    /// `Linear probe CLIP / male`.
    pub row: String,
    /// `Latino`.
    pub column: String,
    /// A share, 0..1.
    pub value: f64,
    /// `confirmed`, `one transcription`, `unconfirmed`.
    pub status: String,
    /// Where it was seen.
    pub source: String,
}

#[derive(Deserialize)]
struct Line {
    table: String,
    row: String,
    column: String,
    value: f64,
    unit: String,
    status: String,
    source: String,
}

/// All values in the order of the file.
pub fn published() -> &'static [Published] {
    static VALUES: LazyLock<Vec<Published>> = LazyLock::new(|| {
        read(include_str!("../assets/published/fairface_tables.csv"))
            .unwrap_or_else(|error| panic!("a table inside the program: {error}"))
    });
    &VALUES
}

/// The share 0..1 in a cell; columns by their own name, or by that of FairFace's label.
pub fn value(table: &str, row: &str, column: &str) -> Option<f64> {
    let theirs = THEIR_NAMES.iter().find(|(ours, _)| *ours == column);
    let column = theirs.map_or(column, |(_, theirs)| theirs);
    let found = published().iter().find(|cell| {
        (cell.table.as_str(), cell.row.as_str(), cell.column.as_str()) == (table, row, column)
    });
    found.map(|cell| cell.value)
}

fn read(text: &str) -> Result<Vec<Published>, String> {
    let mut values = Vec::new();
    for line in csv::Reader::from_reader(text.as_bytes()).into_deserialize() {
        let Line { table, row, column, value, unit, status, source } =
            line.map_err(|error| error.to_string())?;
        if unit != "%" || !(0.0..=100.0).contains(&value) {
            return Err(format!("{table}, {row}, {column}: {value} {unit} is no percentage"));
        }
        values.push(Published { table, row, column, value: share(value), status, source });
    }
    Ok(values)
}

/// Per cent as a share, without the last bit that a division leaves: 91.3 becomes 0.913.
fn share(percent: f64) -> f64 {
    (percent * 10.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_can_be_reached_and_stands_once() {
        assert_eq!(published().len(), 144);
        for cell in published() {
            assert_eq!(value(&cell.table, &cell.row, &cell.column), Some(cell.value), "{cell:?}");
        }
        let tables = [TABLE_3, TABLE_4, TABLE_5, TABLE_6, TABLE_7, SECTION_7_1, MODEL_CARD];
        let sizes =
            tables.map(|table| published().iter().filter(|cell| cell.table == table).count());
        assert_eq!(sizes, [12, 12, 70, 14, 18, 13, 5]);
    }

    #[test]
    fn levels_of_the_labels_find_the_names_of_the_paper() {
        let male = "Linear probe CLIP / male";
        assert_eq!(value(TABLE_5, male, "Latino_Hispanic"), Some(0.965));
        assert_eq!(value(TABLE_7, "with 'child'", "more than 70"), Some(0.094));
        assert_eq!(value(TABLE_4, "Zero-shot CLIP", "race"), Some(0.913));
        assert_eq!(value(TABLE_5, male, "Martian"), None);
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        let text = "table,row,column,value,unit,status,source\nT,r,c,101,%,confirmed,s\n";
        assert_eq!(read(text), Err("T, r, c: 101 % is no percentage".to_owned()));
    }
}
