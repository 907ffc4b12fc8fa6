//! Where a photo was taken: the place of the most similar reference photo. PROTOCOL_EVAL 7.8.

use std::path::Path;

use serde::Deserialize;

use crate::error::EvalError;
use crate::metrics::Place;

/// A table of photos and where they were taken, as read from a file with the columns `file`, `lat`
/// and `lon`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlaceTable {
    /// Paths as the table has them.
    pub files: Vec<String>,
    /// One for each file.
    pub places: Vec<Place>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(alias = "path", alias = "image", alias = "filename", alias = "filepath")]
    file: String,
    #[serde(alias = "latitude")]
    lat: f64,
    #[serde(alias = "longitude", alias = "lng", alias = "long")]
    lon: f64,
}

impl PlaceTable {
    /// Of the file: a million rows take a tenth of it.
    const LARGEST: u64 = 1 << 30;

    /// Reads a CSV file; columns by their names, in any order, others are allowed.
    ///
    /// # Errors
    /// The file cannot be read or is larger than 1 GiB, a column is missing, a line has no such
    /// numbers, or they are no degrees.
    pub fn read(path: &Path) -> Result<PlaceTable, EvalError> {
        let file = clip_files::open(path, Self::LARGEST).map_err(EvalError::io(path))?;
        let mut table = PlaceTable::default();
        for row in csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file).deserialize() {
            let Row { file, lat, lon } = row.map_err(|error| {
                let needed =
                    "the columns are file, lat and lon, divided by commas, in degrees with a point";
                EvalError::result(path, format!("{error}; {needed}"))
            })?;
            // Written so that NaN is refused.
            if !(lat.abs() <= 90.0 && lon.abs() <= 180.0) {
                let reason =
                    format!("`{file}` is at latitude {lat}, longitude {lon}: not degrees on earth");
                return Err(EvalError::result(path, reason));
            }
            table.files.push(file);
            table.places.push(Place { latitude: lat, longitude: lon });
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PlaceTable, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.csv");
        std::fs::write(&path, text).unwrap();
        PlaceTable::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn usual_names_are_known_and_what_is_needed_is_said() {
        let table = read("path,latitude,lng\na.jpg,10,20\n").unwrap();
        assert_eq!(table.places, [Place { latitude: 10.0, longitude: 20.0 }]);
        for text in
            ["file;lat;lon\na.jpg;10,5;20,5\n", "file,lat\na.jpg,1\n", "file,lat,lon\na.jpg,,3\n"]
        {
            let error = read(text).unwrap_err();
            assert!(error.contains("file, lat and lon, divided by commas"), "{error}");
        }
    }

    #[test]
    fn columns_go_by_name() {
        let table = read("lon,id,file,lat\n 2.2945, 7,\"a, b.jpg\", 48.8584\n").unwrap();
        assert_eq!(table.files, ["a, b.jpg"]);
        assert_eq!(table.places, [Place { latitude: 48.8584, longitude: 2.2945 }]);
        assert_eq!(read("file,lat,lon\n"), Ok(PlaceTable::default()));
    }

    #[test]
    fn what_is_no_place_is_named() {
        let wrong = |text: &str| read(text).unwrap_err();
        assert!(wrong("file,lat,lon\na.jpg,91,0\n").contains("`a.jpg` is at latitude 91"));
        assert!(wrong("file,lat,lon\na.jpg,NaN,0\n").contains("not degrees"));
        assert!(wrong("file,lat,lon\na.jpg,x,0\n").contains("line: 2"));
        assert!(wrong("file,lat\na.jpg,1\n").contains("lon"));
        assert!(wrong("file,lat,lon\na.jpg,1\n").contains("line: 2"));
    }
}
