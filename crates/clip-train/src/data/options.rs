//! What a person chooses about the data: the section `[data]` of a configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::DataError;

/// Where pairs come from, in which order, and what is drawn for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataOptions {
    /// Shards, tables or folders: `{000000..000005}` and `{a,b}` are written out, `*` fits names,
    /// and `::` joins parts.
    pub source: String,
    /// What the parts are; told by their names unless it is said.
    pub format: Format,
    /// How often an epoch uses the samples of each part: one number for each, 1 for all unless
    /// they are given. 2 uses each sample twice, 0.5 one half now and the other half next.
    pub weights: Vec<f64>,
    /// Column, or key, of the image: bytes, or a path. Found by the usual names unless it is said.
    pub image_column: Option<String>,
    /// Columns, or keys, of the captions. Found by the usual names unless they are said.
    pub caption_columns: Vec<String>,
    /// What divides the cells of a table; the one under which its header has the columns.
    pub separator: Option<char>,
    /// Where paths of images begin; in the folder of the file that names them unless it is said.
    pub image_root: Option<PathBuf>,
    /// Which caption of an image with several is used.
    pub captions: CaptionChoice,
    /// What the lines of a text file are.
    pub text_lines: TextLines,
    /// What becomes of a caption with more tokens than the model takes.
    pub long_captions: LongCaptions,
    /// Whether samples are drawn with replacement, not each once in an epoch.
    pub resampled: bool,
    /// Which part of an image is seen.
    pub crop: Crop,
    /// Least and largest share that the crop is of the image (of its largest square for
    /// [`Crop::Square`]); 0.9 to 1, and 1 for the square.
    pub scale: Option<[f64; 2]>,
    /// Least and largest width through height of [`Crop::ResizedCrop`].
    pub ratio: [f64; 2],
    /// By how much brightness, contrast, saturation and hue change at most (torchvision's
    /// `ColorJitter`).
    pub color_jitter: Option<[f64; 4]>,
    /// How probable that change is.
    pub color_jitter_prob: f64,
    /// How probable it is that an image loses its colours.
    pub gray_scale_prob: f64,
    /// How many samples may be unusable before the run ends.
    pub max_bad: MaxBad,
    /// Threads that decode beside the step; as many as the step has, unless it is said.
    pub workers: Option<usize>,
    /// Batches that are made ahead of the step.
    pub prefetch: usize,
}

impl Default for DataOptions {
    fn default() -> Self {
        Self {
            source: String::new(),
            format: Format::Auto,
            weights: Vec::new(),
            image_column: None,
            caption_columns: Vec::new(),
            separator: None,
            image_root: None,
            captions: CaptionChoice::Random,
            text_lines: TextLines::Captions,
            long_captions: LongCaptions::Skip,
            resampled: false,
            crop: Crop::ResizedCrop,
            scale: None,
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            color_jitter: None,
            color_jitter_prob: 0.0,
            gray_scale_prob: 0.0,
            max_bad: MaxBad::Share(0.01),
            workers: None,
            prefetch: 2,
        }
    }
}

/// What the parts of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// What their names say.
    #[default]
    Auto,
    /// Tar files whose members share a key.
    Webdataset,
    /// A table of text: commas, tabs, semicolons or bars.
    Csv,
    /// Apache Parquet, with images in it or with their paths.
    Parquet,
    /// Images with a `.txt` of their name beside them, or with `metadata.jsonl` or `metadata.csv`.
    Folder,
    /// One JSON object per line.
    Jsonl,
}

/// Which caption of an image with several is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionChoice {
    /// One is drawn for each time that the sample is used.
    #[default]
    Random,
    /// Always the first.
    First,
    /// Epoch after epoch another, until all have been used.
    InTurn,
}

/// What the lines of a text file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextLines {
    /// A caption each.
    #[default]
    Captions,
    /// One caption together.
    OneCaption,
}

/// What becomes of a caption with more tokens than the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LongCaptions {
    /// The sample is left out, counted and listed.
    #[default]
    Skip,
    /// The caption loses its end, which is counted.
    Truncate,
    /// The run ends.
    Refuse,
}

/// Which part of an image is seen, and how it becomes the model's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crop {
    /// A random part of random shape, resized to the square: torchvision's `RandomResizedCrop`, as
    /// open_clip trains. PROTOCOL 2.6.
    #[default]
    ResizedCrop,
    /// A random square of the resized image: the paper's. PROTOCOL 2.1.
    Square,
    /// What the model sees when it is used: nothing is drawn.
    Evaluation,
}

/// How many samples may be unusable: `100`, or `0.01` for one in a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaxBad {
    /// So many.
    Count(u64),
    /// This share of all.
    Share(f64),
}

impl MaxBad {
    /// The most that are allowed of `samples`.
    pub fn of(self, samples: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (share * samples as f64) as u64,
        }
    }
}

impl DataOptions {
    /// The range of the crop's share of the image.
    pub fn scale(&self) -> [f64; 2] {
        self.scale.unwrap_or(match self.crop {
            Crop::Square => [1.0, 1.0],
            _ => [0.9, 1.0],
        })
    }

    /// Holds every choice against its range.
    ///
    /// # Errors
    /// [`DataError::Options`] names the key, what was found and what is allowed.
    pub fn check(&self) -> Result<(), DataError> {
        let refuse = |key: &'static str, reason: String| Err(DataError::Options { key, reason });
        if self.source.trim().is_empty() {
            return refuse("source", "is empty: name shards, tables or a folder".to_owned());
        }
        let ordered = |[low, high]: [f64; 2]| low > 0.0 && low <= high && high.is_finite();
        let [low, high] = self.scale();
        if !ordered([low, high]) || high > 1.0 {
            return refuse("scale", format!("[{low}, {high}] is no range within 0 and 1"));
        }
        let [low, high] = self.ratio;
        if !ordered(self.ratio) {
            return refuse("ratio", format!("[{low}, {high}] is no range of positive numbers"));
        }
        for (key, prob) in [
            ("color_jitter_prob", self.color_jitter_prob),
            ("gray_scale_prob", self.gray_scale_prob),
        ] {
            if !(0.0..=1.0).contains(&prob) {
                return refuse(key, format!("{prob} is no probability"));
            }
        }
        if self.color_jitter_prob > 0.0 && self.color_jitter.is_none() {
            let reason = "is above 0, but color_jitter says no strengths: [0.4, 0.4, 0.4, 0.1]";
            return refuse("color_jitter_prob", reason.to_owned());
        }
        if let Some([brightness, contrast, saturation, hue]) = self.color_jitter
            && (![brightness, contrast, saturation].iter().all(|by| (0.0..=1e3).contains(by))
                || !(0.0..=0.5).contains(&hue))
        {
            let reason = "wants brightness, contrast and saturation of 0 or more, hue up to 0.5";
            return refuse("color_jitter", reason.to_owned());
        }
        if let MaxBad::Share(share) = self.max_bad
            && !(0.0..=1.0).contains(&share)
        {
            return refuse("max_bad", format!("{share} is neither a count nor a share up to 1"));
        }
        if let Some(weight) = self.weights.iter().find(|weight| !(0.0..=1e6).contains(*weight)) {
            return refuse("weights", format!("{weight} is not from 0 to 1000000"));
        }
        if self.prefetch == 0 || self.workers == Some(0) {
            return refuse("prefetch and workers", "are 1 at least".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_out_of_range_are_named() {
        let good = DataOptions { source: "a.tar".to_owned(), ..DataOptions::default() };
        assert!(good.check().is_ok());
        let bad = [
            ("source", DataOptions { source: " ".to_owned(), ..good.clone() }),
            ("scale", DataOptions { scale: Some([0.9, 1.1]), ..good.clone() }),
            ("scale", DataOptions { scale: Some([0.0, 1.0]), ..good.clone() }),
            ("ratio", DataOptions { ratio: [2.0, f64::NAN], ..good.clone() }),
            ("color_jitter_prob", DataOptions { color_jitter_prob: 0.5, ..good.clone() }),
            (
                "color_jitter",
                DataOptions { color_jitter: Some([0.1, 0.1, 0.1, 0.6]), ..good.clone() },
            ),
            ("gray_scale_prob", DataOptions { gray_scale_prob: -0.1, ..good.clone() }),
            ("max_bad", DataOptions { max_bad: MaxBad::Share(1.5), ..good.clone() }),
            ("weights", DataOptions { weights: vec![1.0, -1.0], ..good.clone() }),
            ("prefetch", DataOptions { prefetch: 0, ..good.clone() }),
        ];
        for (key, options) in bad {
            let error = options.check().expect_err(key).to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn max_bad_is_a_count_or_a_share() {
        let of = |text: &str| serde_json::from_str::<MaxBad>(text).expect("a limit");
        assert_eq!((of("3"), of("0.5")), (MaxBad::Count(3), MaxBad::Share(0.5)));
        assert_eq!((of("3").of(10), of("0.25").of(10)), (3, 2));
    }
}
