//! Files of captions: Flickr's token files, Karpathy's splits, COCO's annotations, CLIP_benchmark's
//! lists.

use std::collections::HashMap;

use serde::Deserialize;

use crate::listing::lists::columns;
use crate::names::joined;

/// An image and its captions, as they are written: blanks and line ends at their ends stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captioned {
    /// Name of the file, with the folder where the file of captions says it.
    pub image: String,
    /// In the file's order.
    pub captions: Vec<String>,
}

/// `name.jpg#0<tab>caption`: `results_20130124.token`, `Flickr8k.token.txt`.
///
/// # Errors
/// A line has another form; it is named.
pub fn token_file(text: &str) -> Result<Vec<Captioned>, String> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
    let pairs = pairs(lines, "name#number<tab>caption", |line| {
        let (name, caption) = line.split_once('\t')?;
        Some((name.rsplit_once('#')?.0, caption))
    });
    Ok(grouped(pairs?))
}

/// CLIP_benchmark's `flickr30k_test_karpathy.txt`: a line of header, then `name.jpg,caption`.
///
/// # Errors
/// A line has another form; it is named.
pub fn comma_list(text: &str) -> Result<Vec<Captioned>, String> {
    let lines = (1..).zip(text.lines()).skip(1).filter(|(_, line)| !line.is_empty());
    // At the first `.jpg,`: captions hold commas.
    let pairs = pairs(lines, "name.jpg,caption", |line| line.split_once(".jpg,"));
    let mut all = grouped(pairs?);
    all.iter_mut().for_each(|one| one.image.push_str(".jpg"));
    Ok(all)
}

/// The image and the caption of every line.
fn pairs<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    form: &str,
    split: impl Fn(&'a str) -> Option<(&'a str, &'a str)>,
) -> Result<Vec<(&'a str, &'a str)>, String> {
    let pair = |(number, line)| split(line).ok_or_else(|| format!("line {number} is not `{form}`"));
    lines.map(pair).collect()
}

/// Kaggle's tables, a row for each caption: `image,caption` with quotes, or
/// `image_name| comment_number| comment`.
///
/// # Errors
/// It has no such columns, or a row is too short; it is named.
pub fn caption_table(text: &str) -> Result<Vec<Captioned>, String> {
    let header = text.lines().next().unwrap_or_default();
    if !header.contains('|') {
        let image =
            ["image", "image_name", "filename"].into_iter().find(|name| has_column(header, name));
        let caption = ["caption", "comment"].into_iter().find(|name| has_column(header, name));
        let (image, caption) = image
            .zip(caption)
            .ok_or_else(|| format!("the header `{header}` has no `image` and `caption`"))?;
        let rows = columns(text, b',', [image, caption])?;
        return Ok(grouped(
            rows.iter().map(|[image, caption]| (image.as_str(), caption.as_str())).collect(),
        ));
    }
    let rows = (1..).zip(text.lines()).skip(1).filter(|(_, line)| !line.trim().is_empty());
    let pairs = pairs(rows, "image|number|caption", |line| {
        let (image, rest) = line.split_once('|')?;
        // One row of the published table has a blank in place of the second line.
        let caption =
            rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        Some((image.trim(), caption.strip_prefix('|').unwrap_or(caption).trim()))
    });
    Ok(grouped(pairs?))
}

fn has_column(header: &str, name: &str) -> bool {
    header.split(',').any(|column| column.trim().trim_matches('"') == name)
}

/// Hugging Face's table of Flickr30k: an image a row, its captions as a JSON list in `raw`,
/// Karpathy's `split`.
///
/// # Errors
/// It has no such columns, or `raw` is no list of texts.
pub fn table_of_splits(text: &str, split: &str) -> Result<Vec<Captioned>, String> {
    let rows = columns(text, b',', ["filename", "raw", "split"])?;
    let of_split = rows.into_iter().filter(|[.., of]| of == split);
    let captioned = of_split.map(|[image, raw, _]| {
        let captions = serde_json::from_str(&raw);
        Ok(Captioned {
            captions: captions.map_err(|error| format!("captions of {image}: {error}"))?,
            image,
        })
    });
    captioned.collect()
}

/// Captions of the same image together, in the order of its first.
fn grouped(pairs: Vec<(&str, &str)>) -> Vec<Captioned> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut all: Vec<Captioned> = Vec::new();
    for (image, caption) in pairs {
        let place = *places.entry(image).or_insert(all.len());
        match all.get_mut(place) {
            Some(known) => known.captions.push(caption.to_owned()),
            None => {
                all.push(Captioned { image: image.to_owned(), captions: vec![caption.to_owned()] });
            }
        }
    }
    all
}

/// Karpathy's `dataset_{flickr30k,flickr8k,coco}.json`.
#[derive(Deserialize)]
pub struct Karpathy {
    images: Vec<KarpathyImage>,
}

#[derive(Deserialize)]
struct KarpathyImage {
    #[serde(default)]
    filepath: String,
    filename: String,
    split: String,
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    raw: String,
}

impl Karpathy {
    /// The images of `split`; to `train` belongs `restval`, as everyone counts them.
    pub fn of_split(self, split: &str) -> Vec<Captioned> {
        let belongs = |image: &KarpathyImage| {
            image.split == split || (split == "train" && image.split == "restval")
        };
        let captioned = |image: KarpathyImage| Captioned {
            image: joined(&image.filepath, &image.filename),
            captions: image.sentences.into_iter().map(|sentence| sentence.raw).collect(),
        };
        self.images.into_iter().filter(belongs).map(captioned).collect()
    }
}

/// COCO's `captions_val2017.json`, and CLIP_benchmark's `coco_test_karpathy.json`.
#[derive(Deserialize)]
pub struct Coco {
    images: Vec<CocoImage>,
    annotations: Vec<CocoCaption>,
}

#[derive(Deserialize)]
struct CocoImage {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct CocoCaption {
    image_id: u64,
    caption: String,
}

impl Coco {
    /// All images by rising id, as COCO's own reader goes through them; images without captions are
    /// left out.
    pub fn captioned(self) -> Vec<Captioned> {
        let mut captions: HashMap<u64, Vec<String>> = HashMap::new();
        for caption in self.annotations {
            captions.entry(caption.image_id).or_default().push(caption.caption);
        }
        let mut images = self.images;
        images.sort_by_key(|image| image.id);
        let with_captions = images.into_iter().filter_map(|image| {
            Some(Captioned { image: image.file_name, captions: captions.remove(&image.id)? })
        });
        with_captions.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(image: &str, captions: &[&str]) -> Captioned {
        let captions = captions.iter().map(|&caption| caption.to_owned()).collect();
        Captioned { image: image.to_owned(), captions }
    }

    #[test]
    fn token_file_groups_the_captions_of_an_image() {
        let text = "1.jpg#0\tA man .\n1.jpg#1\tTwo # men\ttalk \n2.jpg#0\tA dog\n";
        let expected = [one("1.jpg", &["A man .", "Two # men\ttalk "]), one("2.jpg", &["A dog"])];
        assert_eq!(token_file(text), Ok(expected.to_vec()));
        assert!(token_file("1.jpg A man").is_err());
    }

    #[test]
    fn commas_in_captions_do_not_split_them() {
        let text = "image,caption\n1.jpg,A man, a dog and x.jpg, all here.\n1.jpg,Two\n";
        assert_eq!(
            comma_list(text),
            Ok(vec![one("1.jpg", &["A man, a dog and x.jpg, all here.", "Two"])])
        );
    }

    #[test]
    fn tables_of_copies_are_read_with_the_row_that_lacks_a_line() {
        let piped = "image_name| comment_number| comment\n1.jpg| 0| A man , 2 dogs .\n1.jpg| 4   A dog | runs .\n";
        assert_eq!(
            caption_table(piped),
            Ok(vec![one("1.jpg", &["A man , 2 dogs .", "A dog | runs ."])])
        );
        let quoted = "image,caption\n1.jpg,\"A child , in a dress .\"\n2.jpg,Two\n";
        let expected = [one("1.jpg", &["A child , in a dress ."]), one("2.jpg", &["Two"])];
        assert_eq!(caption_table(quoted), Ok(expected.to_vec()));
        let numbered = "image_name,comment_number,comment\n1.jpg,0,One\n";
        assert_eq!(caption_table(numbered), Ok(vec![one("1.jpg", &["One"])]));
        assert!(caption_table("name;text\n1.jpg;One\n").is_err());
    }

    #[test]
    fn table_of_splits_keeps_the_split_asked_for() {
        let table = "raw,sentids,split,filename,img_id\n\
                     \"[\"\"One .\"\", \"\"Two\"\"]\",\"[0, 1]\",test,1.jpg,0\n\
                     \"[\"\"Three\"\"]\",[2],train,2.jpg,1\n";
        assert_eq!(table_of_splits(table, "test"), Ok(vec![one("1.jpg", &["One .", "Two"])]));
        assert!(table_of_splits("raw,split,filename\nOne,test,1.jpg\n", "test").is_err());
    }

    #[test]
    fn restval_belongs_to_train() {
        let text = r#"{"images": [
            {"filepath": "val2014", "filename": "a.jpg", "split": "restval", "sentences": [{"raw": " x \n"}], "cocoid": 1},
            {"filepath": "val2014", "filename": "b.jpg", "split": "test", "sentences": []}]}"#;
        let karpathy = || serde_json::from_str::<Karpathy>(text).expect("of this form");
        assert_eq!(karpathy().of_split("train"), [one("val2014/a.jpg", &[" x \n"])]);
        assert_eq!(karpathy().of_split("test"), [one("val2014/b.jpg", &[])]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\PC{0,9}[\n\t,#]|\\.jpg,){0,30}") {
            let _ = (token_file(&text), comma_list(&text), caption_table(&text), table_of_splits(&text, "test"));
        }
    }
}
