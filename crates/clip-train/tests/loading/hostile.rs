//! Samples and files that cannot be used: left out, counted by reason, listed; and what ends a run.

use std::collections::BTreeMap;

use clip_train::data::{DataError, DataOptions, Loader, LongCaptions, MaxBad, Pairs, Reason};

use crate::fixture::{
    batches, loader, loader_options, open, options, picture, recipe, refusal, shard, shards, write,
};

fn reasons(pairs: &Pairs) -> BTreeMap<String, Reason> {
    pairs.ledger().samples().map(|bad| (bad.key, bad.reason)).collect()
}

#[test]
fn broken_samples_of_a_shard_are_named_with_their_reasons() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = picture(1);
    let tar = clip_testing::tar(&[
        ("good.ppm", b'0', &image),
        ("good.txt", b'0', b"fine"),
        ("mute.ppm", b'0', &image),
        ("blank.ppm", b'0', &image),
        ("blank.txt", b'0', b" \n\n"),
        ("blind.txt", b'0', b"no image"),
        ("film.mp4", b'0', b"a film"),
        ("film.txt", b'0', b"a film"),
        ("two.ppm", b'0', &image),
        ("two.png", b'0', &image),
        ("two.txt", b'0', b"two"),
        ("latin.ppm", b'0', &image),
        ("latin.txt", b'0', b"caf\xe9"),
        ("json.ppm", b'0', &image),
        ("json.json", b'0', b"{\"caption\": 7}"),
        ("again.ppm", b'0', &image),
        ("again.txt", b'0', b"one"),
        ("again.txt", b'0', b"two"),
        ("inside.ppm", b'0', &image),
        ("inside.json", b'0', br#"{"width": 3, "caption": "in json"}"#),
    ]);
    write(folder.path(), "0.tar", tar);
    let pairs = Pairs::open(&DataOptions { max_bad: MaxBad::Count(8), ..options(folder.path()) });
    let pairs = pairs.expect("two are good");
    assert_eq!(pairs.len(), 2);
    let expected = [
        ("0/again", Reason::Ambiguous),
        ("0/blank", Reason::EmptyCaption),
        ("0/blind", Reason::NoImage),
        ("0/film", Reason::NoImage),
        ("0/json", Reason::NotAText),
        ("0/latin", Reason::NotAText),
        ("0/mute", Reason::NoCaption),
        ("0/two", Reason::Ambiguous),
    ];
    let expected = expected.map(|(key, reason)| (key.to_owned(), reason));
    assert_eq!(reasons(&pairs).into_iter().collect::<Vec<_>>(), expected);

    let error = refusal(&DataOptions { max_bad: MaxBad::Count(7), ..options(folder.path()) });
    let message = error.to_string();
    assert!(message.starts_with("8 of 10 samples cannot be used, limit 7"), "{message}");
    assert!(message.contains("0/again: again.txt is there twice"), "{message}");
}

#[test]
fn shards_that_are_cut_empty_or_none_lose_no_others() {
    let folder = shards(1, 4);
    let whole = shard(10..16);
    write(folder.path(), "1.tar", &whole[..whole.len() - 3000]); // within the last members
    write(folder.path(), "2.tar", b"");
    write(folder.path(), "3.tar", clip_testing::tar(&[]));
    write(folder.path(), "4.tar", clip_testing::tar(&[("readme.md", b'0', b"nothing here")]));
    write(folder.path(), "5.tar", vec![b'x'; 4000]);
    let mut damaged = shard(20..23);
    damaged[3 * 1024 + 20] ^= 1; // a header's check sum is wrong: what lies behind is lost
    write(folder.path(), "6.tar", damaged);
    let pairs = Pairs::open(&DataOptions { max_bad: MaxBad::Count(20), ..options(folder.path()) });
    let pairs = pairs.expect("some are good");
    let of_files: BTreeMap<String, Reason> = reasons(&pairs)
        .into_iter()
        .filter(|(key, _)| key.ends_with(".tar"))
        .map(|(key, reason)| (key.rsplit('/').next().unwrap_or_default().to_owned(), reason))
        .collect();
    let expected = [
        ("1.tar", Reason::DamagedFile),
        ("2.tar", Reason::EmptyFile),
        ("3.tar", Reason::EmptyFile),
        ("4.tar", Reason::NoImage),
        ("5.tar", Reason::DamagedFile),
        ("6.tar", Reason::DamagedFile),
    ];
    for (name, reason) in expected {
        match name {
            "4.tar" => assert_eq!(reasons(&pairs)["4/readme"], reason),
            name => assert_eq!(of_files[name], reason, "{name}"),
        }
    }
    assert!(pairs.len() > 8, "{} pairs", pairs.len());
    batches(&mut loader(&pairs, 3), 6); // all of them can be read
}

#[test]
fn place_of_a_broken_image_is_filled_by_the_next_batch_and_counted() {
    let folder = shards(1, 20);
    let cut = picture(3);
    let tar = clip_testing::tar(&[
        ("cut.ppm", b'0', &cut[..cut.len() / 2]),
        ("cut.txt", b'0', b"cut off"),
        ("page.jpg", b'0', b"<html>gone</html>"),
        ("page.txt", b'0', b"a web page"),
    ]);
    write(folder.path(), "1.tar", tar);
    let pairs = open(folder.path());
    assert_eq!((pairs.len(), pairs.ledger().len()), (22, 0));
    let mut loader = loader(&pairs, 5);
    let all = batches(&mut loader, 8);
    for batch in &all {
        let different: std::collections::BTreeSet<&u64> = batch.0.iter().collect();
        assert_eq!(different.len(), 5, "batches keep their size");
        assert!(batch.1.iter().all(|key| key.starts_with("0/")));
        assert_eq!(batch.2.len(), 5 * 3 * 36);
    }
    let bad: Vec<_> = loader.ledger().samples().map(|bad| (bad.key, bad.reason)).collect();
    let expected = [("1/cut", Reason::DamagedImage), ("1/page", Reason::NotAnImage)];
    assert_eq!(bad, expected.map(|(key, reason)| (key.to_owned(), reason)));
    let counters = loader.counters();
    assert_eq!(counters.seen, 40);
    assert_eq!(counters.unique + counters.repeated, 40);
    assert!(counters.skipped[&Reason::DamagedImage] >= 1);
    let ledger = folder.path().join("bad.jsonl");
    loader.ledger().write(&ledger).expect("written");
    let text = std::fs::read_to_string(ledger).expect("read");
    assert!(text.lines().count() == 2 && text.contains("not an image"), "{text}");
}

#[test]
fn too_many_broken_images_end_the_run() {
    let folder = shards(1, 10);
    let names: Vec<(String, String)> =
        (0..6).map(|n| (format!("{n}.ppm"), format!("{n}.txt"))).collect();
    let members: Vec<(&str, u8, &[u8])> = names
        .iter()
        .flat_map(|(image, text)| {
            [(image.as_str(), b'0', &b"P6 9"[..]), (text.as_str(), b'0', &b"x"[..])]
        })
        .collect();
    write(folder.path(), "1.tar", clip_testing::tar(&members));
    let options = DataOptions { max_bad: MaxBad::Count(3), ..options(folder.path()) };
    let pairs = Pairs::open(&options).expect("nothing is known yet");
    let run = |threads| {
        let loading = clip_train::data::LoaderOptions { threads, ..loader_options(4) };
        let mut loader = Loader::new(&pairs, recipe(), &loading, None).expect("a loader");
        let mut count = 0;
        loop {
            match loader.next_batch() {
                Ok(_) => count += 1,
                Err(error) => return (count, error.to_string()),
            }
            assert!(count < 20);
        }
    };
    let (count, message) = run(1);
    assert!(message.contains("of 16 samples cannot be used, limit 3 (max_bad)"), "{message}");
    assert_eq!(run(4), (count, message));
}

#[test]
fn long_captions_are_skipped_truncated_or_refused_as_told() {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..6 {
        write(folder.path(), &format!("{number}.ppm"), picture(number));
        let words = if number == 2 { "cat ".repeat(100) } else { "a cat".to_owned() };
        write(folder.path(), &format!("{number}.txt"), words);
    }
    let load = |long_captions| {
        let pairs = Pairs::open(&DataOptions { long_captions, ..options(folder.path()) });
        loader(&pairs.expect("pairs"), 3)
    };
    let mut skips = load(LongCaptions::Skip);
    assert!(batches(&mut skips, 4).iter().all(|batch| batch.3.iter().all(|ids| ids.len() < 77)));
    assert_eq!(skips.ledger().by_reason(), BTreeMap::from([(Reason::LongCaption, 1)]));
    let mut cuts = load(LongCaptions::Truncate);
    let texts: Vec<usize> =
        batches(&mut cuts, 4).into_iter().flat_map(|batch| batch.3).map(|ids| ids.len()).collect();
    assert_eq!(texts.iter().filter(|length| **length == 77).count(), 2);
    assert_eq!((cuts.counters().truncated, cuts.ledger().len()), (2, 0));
    let mut refuses = load(LongCaptions::Refuse);
    let error = (0..2).find_map(|_| refuses.next_batch().err()).expect("refused");
    assert!(matches!(error, DataError::LongCaption(_)), "{error}");
    assert!(error.to_string().contains("2.ppm: text has 102 tokens, limit 77"), "{error}");
}

#[test]
fn data_without_any_spare_sample_makes_smaller_batches_alone_and_an_error_among_ranks() {
    let folder = shards(1, 3);
    let tar = clip_testing::tar(&[("x.ppm", b'0', b"no image"), ("x.txt", b'0', b"text")]);
    write(folder.path(), "1.tar", tar);
    let pairs = open(folder.path());
    let mut alone = loader(&pairs, 4);
    assert_eq!(batches(&mut alone, 1)[0].0.len(), 3);
    assert_eq!(alone.counters().seen, 3);
    let of_rank = |rank| {
        let share = clip_train::data::Share { rank, ranks: 2 };
        let options = clip_train::data::LoaderOptions { share, ..loader_options(4) };
        Loader::new(&pairs, recipe(), &options, None).expect("a loader").next_batch().err()
    };
    let errors: Vec<String> = (0..2).filter_map(of_rank).map(|error| error.to_string()).collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("none of the samples tried in the place of 1/x"), "{errors:?}");
}

#[test]
fn sources_that_lead_nowhere_say_why() {
    let folder = shards(1, 2);
    write(folder.path(), "notes.doc", b"x");
    std::fs::create_dir(folder.path().join("empty")).expect("made");
    let at = |name: &str| folder.path().join(name).display().to_string();
    for (source, reason) in [
        (at("{0..3}.tar"), "1.tar is not there"),
        (at("*.parquet"), "nothing fits"),
        (at("notes.doc"), "does not say what it is; `format` says it"),
        (format!("{}::", at("0.tar")), "a part between `::` is empty"),
        (at("empty"), "holds no pair of image and caption"),
        (at("{0.tar,notes.csv}"), "are of two kinds"),
    ] {
        write(folder.path(), "notes.csv", b"filepath,title\n");
        let options = DataOptions { source: source.clone(), ..DataOptions::default() };
        let message = refusal(&options).to_string();
        assert!(message.contains(reason), "{source}: {message}");
    }
}

#[test]
fn file_that_vanishes_while_it_is_used_is_a_broken_sample() {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..12 {
        write(folder.path(), &format!("{number}.ppm"), picture(number));
        write(folder.path(), &format!("{number}.txt"), "a cat");
    }
    let pairs = open(folder.path());
    std::fs::remove_file(folder.path().join("5.ppm")).expect("removed");
    std::fs::remove_file(folder.path().join("6.txt")).expect("removed");
    let mut loader = loader(&pairs, 4);
    batches(&mut loader, 6);
    let reasons: Vec<Reason> = loader.ledger().samples().map(|bad| bad.reason).collect();
    assert_eq!(reasons, [Reason::UnreadableFile, Reason::NoCaption]);
    assert_eq!(pairs.probe(12).len(), 2);
}
