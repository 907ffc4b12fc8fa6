//! Parquet: images within the file or beside it, captions alone or in lists.

use std::path::Path;
use std::sync::Arc;

use clip_train::data::{CaptionChoice, DataOptions, MaxBad, Pairs, Reason};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::fixture::{batches, loader, options, picture, refusal, texts, write};

/// Values, definition levels and repetition levels of a column in one group of rows.
type Column = (Vec<ByteArray>, Vec<i16>, Vec<i16>);

fn file(path: &Path, schema: &str, compression: Compression, groups: &[Vec<Column>]) {
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_data_page_size_limit(200)
        .set_write_batch_size(1)
        .build();
    let file = std::fs::File::create(path).expect("a file");
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(properties)).expect("a writer");
    for group in groups {
        let mut columns = writer.next_row_group().expect("a group");
        for (values, definitions, repetitions) in group {
            let mut column = columns.next_column().expect("written").expect("a column");
            let typed = column.typed::<ByteArrayType>();
            let levels = |levels: &Vec<i16>| (!levels.is_empty()).then(|| levels.clone());
            let (definitions, repetitions) = (levels(definitions), levels(repetitions));
            typed
                .write_batch(values, definitions.as_deref(), repetitions.as_deref())
                .expect("written");
            column.close().expect("closed");
        }
        columns.close().expect("closed");
    }
    writer.close().expect("closed");
}

/// Hugging Face's `image: {bytes, path}`, and a list of captions.
const IN_FILE: &str = "
message schema {
  optional group image { optional binary bytes; optional binary path (STRING); }
  optional group captions (LIST) { repeated group list { optional binary element (STRING); } }
}";

/// Rows of numbers: number n has n % 3 captions, and every fifth has a path for bytes.
fn in_file(numbers: std::ops::Range<usize>) -> Vec<Column> {
    let (mut bytes, mut paths, mut captions) =
        (Column::default(), Column::default(), Column::default());
    for number in numbers {
        let beside = number % 5 == 0;
        bytes.1.push(if beside { 1 } else { 2 });
        paths.1.push(2);
        paths.0.push(format!("images/{number}.ppm").as_str().into());
        if !beside {
            bytes.0.push(picture(number).into());
        }
        if number % 3 == 0 {
            captions.1.push(1);
            captions.2.push(0);
        }
        for caption in 0..number % 3 {
            captions.0.push(format!("photo {number} caption {caption}").as_str().into());
            captions.1.push(3);
            captions.2.push(i16::from(caption > 0));
        }
    }
    vec![bytes, paths, captions]
}

#[test]
fn images_in_the_file_and_beside_it_are_found_at_any_row() {
    let folder = tempfile::tempdir().expect("a folder");
    for number in (0..30).step_by(5) {
        write(folder.path(), &format!("images/{number}.ppm"), picture(number));
    }
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let path = folder.path().join("train-0.parquet");
        file(&path, IN_FILE, compression, &[in_file(0..17), in_file(17..30)]);
        let first = DataOptions { captions: CaptionChoice::First, ..options(&path) };
        let expected = (0..30).filter(|number| number % 3 > 0).map(|number| {
            (format!("train-0.parquet:{number}"), format!("photo {} caption 0", spaced(number)))
        });
        assert_eq!(texts(&first), expected.collect::<Vec<_>>());
        let pairs = Pairs::open(&first).expect("pairs");
        let summary = pairs.summary();
        assert_eq!((summary.samples, summary.captions, summary.bad), (20, 30, 10));
        assert!(pairs.ledger().samples().all(|bad| bad.reason == Reason::NoCaption));
    }
}

/// As the tokenizer divides numbers.
fn spaced(number: usize) -> String {
    number.to_string().chars().map(String::from).collect::<Vec<_>>().join(" ")
}

#[test]
fn pixels_are_those_of_the_same_images_in_a_shard() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = "message schema { required binary image; required binary text (STRING); }";
    let column = |values: Vec<ByteArray>| (values, Vec::new(), Vec::new());
    let images = column((0..12).map(|n| picture(n).into()).collect());
    let captions = (0..12).map(|n| format!("a photo of {n}").as_str().into()).collect();
    let path = folder.path().join("a.parquet");
    file(&path, schema, Compression::SNAPPY, &[vec![images, column(captions)]]);
    write(folder.path(), "shards/0.tar", crate::fixture::shard(0..12));
    let load = |path: &Path| {
        let all = batches(&mut loader(&Pairs::open(&options(path)).expect("pairs"), 4), 6);
        all.into_iter().map(|batch| (batch.0, batch.2, batch.3)).collect::<Vec<_>>()
    };
    assert!(load(&path) == load(&folder.path().join("shards/0.tar")));
}

#[test]
fn column_of_paths_and_files_that_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema =
        "message schema { optional binary image_path (STRING); required binary caption (STRING); }";
    write(folder.path(), "x/0.ppm", picture(0));
    let paths = (vec!["0.ppm".into(), "gone.ppm".into()], vec![1, 0, 1], Vec::new());
    let captions = (["a", "b", "c"].map(Into::into).to_vec(), Vec::new(), Vec::new());
    let path = folder.path().join("a.parquet");
    file(&path, schema, Compression::UNCOMPRESSED, &[vec![paths, captions]]);
    let options = DataOptions {
        image_root: Some(folder.path().join("x")),
        max_bad: MaxBad::Count(2),
        ..options(&path)
    };
    let pairs = Pairs::open(&options).expect("pairs");
    let mut loader = loader(&pairs, 1);
    batches(&mut loader, 3);
    let bad: Vec<_> = loader.ledger().samples().map(|bad| bad.reason).collect();
    assert_eq!(bad, [Reason::NoImage, Reason::UnreadableFile]);

    for (name, bytes) in
        [("cut.parquet", &std::fs::read(&path).expect("read")[..60]), ("none.parquet", b"")]
    {
        write(folder.path(), name, bytes);
        let message = refusal(&DataOptions {
            source: folder.path().join(name).display().to_string(),
            ..options.clone()
        });
        assert!(message.to_string().contains(name), "{message}");
    }
}

#[test]
fn damaged_files_are_errors_or_broken_samples_and_never_a_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    file(&path, IN_FILE, Compression::SNAPPY, &[in_file(0..9), in_file(9..20)]);
    let whole = std::fs::read(&path).expect("read");
    let options = DataOptions { max_bad: MaxBad::Count(1000), ..options(&path) };
    let (mut opened, mut refused) = (0, 0);
    for step in 0..400_usize {
        let mut bytes = whole.clone();
        let at = step * 7919 % bytes.len();
        bytes[at] = bytes[at].wrapping_add((step % 255 + 1) as u8);
        if step % 10 == 0 {
            bytes.truncate(at.max(1));
        }
        write(folder.path(), "a.parquet", &bytes);
        match Pairs::open(&options) {
            Err(_) => refused += 1,
            Ok(pairs) => {
                opened += 1;
                pairs.probe(pairs.len());
            }
        }
    }
    assert!(opened > 20 && refused > 40, "{opened} opened, {refused} refused");
}
