//! A column of a table of texts.

/// The cells under `name` in the header, from top to bottom.
///
/// # Errors
/// There is no header or no such column in it, a row ends before it or has more cells than the
/// header, or a quote is not closed.
pub(crate) fn column_of(table: &str, separator: u8, name: &str) -> Result<Vec<String>, String> {
    let table = table.strip_prefix('\u{feff}').unwrap_or(table);
    if table.matches('"').count() % 2 == 1 {
        return Err("a quote is not closed; a quote within a cell is written twice".to_owned());
    }
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(table.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let place = header.iter().position(|cell| cell.trim() == name).ok_or_else(|| {
        format!(
            "there is no column `{name}`; it has {}",
            header.iter().collect::<Vec<_>>().join(", ")
        )
    })?;
    if header.iter().filter(|cell| cell.trim() == name).count() > 1 {
        return Err(format!("there are several columns `{name}`"));
    }
    let cell = |record: csv::Result<csv::StringRecord>| {
        let record = record.map_err(|error| error.to_string())?;
        Ok(record.get(place).unwrap_or_default().to_owned())
    };
    reader.records().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_one_column_are_texts() {
        let table = "\u{feff}file,caption\r\n1.jpg,\"a cat, asleep\"\r\n2.jpg,a dog\r\n";
        assert_eq!(
            column_of(table, b',', "caption"),
            Ok(vec!["a cat, asleep".to_owned(), "a dog".to_owned()])
        );
        let missing = column_of(table, b',', "text").expect_err("none");
        assert_eq!(missing, "there is no column `text`; it has file, caption");
        assert!(column_of("a,b\n1\n", b',', "a").is_err());
        assert!(column_of("a,b\n\"1,2\n3,4\n", b',', "b").is_err());
        assert!(column_of("a,a\n1,2\n", b',', "a").is_err());
    }
}
