//! Batches are a function of the seed and the position alone.

use std::collections::BTreeSet;

use clip_train::data::{
    CaptionChoice, DataError, DataOptions, Images, Loader, LoaderOptions, Pairs, Position, Share,
};

use crate::fixture::{
    batches, content, loader, loader_options, open, options, recipe, resumed, shard, shards, write,
};

#[test]
fn batches_are_the_same_for_any_number_of_threads() {
    let folder = shards(3, 7);
    let pairs = open(folder.path());
    let of = |threads| {
        let options = LoaderOptions { threads, ..loader_options(4) };
        batches(&mut Loader::new(&pairs, recipe(), &options, None).expect("a loader"), 15)
    };
    let one = of(1);
    assert!(one == of(2) && one == of(4) && one == of(11));
    let texts: BTreeSet<_> = one.iter().map(|batch| batch.3.clone()).collect();
    assert_eq!(texts.len(), 15);
}

#[test]
fn every_epoch_has_every_sample_once_but_for_the_rest_of_a_batch() {
    let folder = shards(2, 10);
    let pairs = open(folder.path());
    let mut loader = loader(&pairs, 6);
    assert_eq!(loader.batches_per_epoch(), 3);
    let (mut left_out, mut all) = (BTreeSet::new(), BTreeSet::new());
    for epoch in 0..12 {
        let samples: Vec<u64> = batches(&mut loader, 3).into_iter().flat_map(|b| b.0).collect();
        let once: BTreeSet<u64> = samples.iter().copied().collect();
        assert_eq!((samples.len(), once.len()), (18, 18), "epoch {epoch}");
        left_out.extend((0..20).filter(|sample| !once.contains(sample)));
        all.extend(once);
    }
    assert_eq!(all.len(), 20);
    assert!(left_out.len() > 8, "the rest of an epoch falls on others: {left_out:?}");
    let counters = loader.counters();
    assert_eq!((counters.seen, counters.unique, counters.repeated), (12 * 18, 20, 12 * 18 - 20));
    assert_eq!(loader.position(), Position { epoch: 12, batch: 0 });
}

#[test]
fn run_that_goes_on_at_any_position_sees_what_an_uninterrupted_one_sees() {
    let folder = shards(2, 9);
    write(
        folder.path(),
        "2.tar",
        clip_testing::tar(&[("x.ppm", b'0', b"no image"), ("x.txt", b'0', b"text")]),
    );
    let pairs = open(folder.path());
    let mut whole = loader(&pairs, 5);
    let mut states = vec![whole.state()];
    let mut expected = Vec::new();
    for _ in 0..12 {
        expected.extend(batches(&mut whole, 1));
        states.push(whole.state());
    }
    assert!(whole.counters().skipped.values().sum::<u64>() > 0);
    for (start, state) in states.iter().enumerate() {
        // As a checkpoint keeps it.
        let text = serde_json::to_string(state).expect("json");
        let mut again = resumed(&pairs, 5, &serde_json::from_str(&text).expect("a state"));
        assert!(batches(&mut again, 12 - start) == expected[start..], "from batch {start} on");
        assert_eq!(again.state(), whole.state(), "from batch {start} on");
    }
}

#[test]
fn state_of_other_data_is_refused() {
    let folder = shards(1, 12);
    let pairs = open(folder.path());
    let state = loader(&pairs, 4).state();
    let refuse = |pairs: &Pairs, batch, seed| {
        let options = LoaderOptions { seed, ..loader_options(batch) };
        Loader::new(pairs, recipe(), &options, Some(&state)).err().expect("refused").to_string()
    };
    assert!(refuse(&pairs, 6, 5).contains("pairs of a batch: 6 now, 4 when"));
    assert!(refuse(&pairs, 4, 6).contains("seed: 6 now, 5 when"));
    write(folder.path(), "1.tar", shard(12..13));
    assert!(refuse(&open(folder.path()), 4, 5).contains("samples: 13 now, 12 when"));
}

#[test]
fn batches_of_all_ranks_joined_are_the_batch_of_one() {
    let folder = shards(2, 12);
    write(
        folder.path(),
        "2.tar",
        clip_testing::tar(&[("x.ppm", b'0', b"no image"), ("x.txt", b'0', b"text")]),
    );
    let pairs = open(folder.path());
    let alone = batches(&mut loader(&pairs, 8), 9);
    for ranks in [2, 4, 8] {
        let of_rank = |rank| {
            let options = LoaderOptions { share: Share { rank, ranks }, ..loader_options(8) };
            Loader::new(&pairs, recipe(), &options, None).expect("a loader")
        };
        let mut loaders: Vec<Loader> = (0..ranks).map(of_rank).collect();
        for batch in &alone {
            let mut joined = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for loader in &mut loaders {
                let part = content(loader.next_batch().expect("a batch"));
                assert_eq!(part.0.len() as u64, 8 / ranks);
                joined.0.extend(part.0);
                joined.1.extend(part.1);
                joined.2.extend(part.2);
                joined.3.extend(part.3);
            }
            assert!(joined == *batch, "{ranks} ranks");
        }
        assert!(loaders.iter().all(|loader| loader.counters().seen == 72));
    }
    let uneven = LoaderOptions { share: Share { rank: 0, ranks: 3 }, ..loader_options(8) };
    let error = Loader::new(&pairs, recipe(), &uneven, None).err().expect("uneven");
    assert!(matches!(error, DataError::UnevenBatch { batch: 8, ranks: 3 }), "{error}");
}

#[test]
fn a_rank_count_may_change_between_runs() {
    let folder = shards(2, 12);
    let pairs = open(folder.path());
    let expected = batches(&mut loader(&pairs, 8), 6);
    let half = LoaderOptions { share: Share { rank: 0, ranks: 2 }, ..loader_options(8) };
    let mut first = Loader::new(&pairs, recipe(), &half, None).expect("a loader");
    batches(&mut first, 4);
    let mut alone = resumed(&pairs, 8, &first.state());
    assert!(batches(&mut alone, 2) == expected[4..]);
}

#[test]
fn parts_with_weights_come_as_often_as_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a-0.tar", shard(0..4));
    write(folder.path(), "a-1.tar", shard(4..8));
    write(folder.path(), "b.tar", shard(8..12));
    let at = |name: &str| folder.path().join(name).display().to_string();
    let options = DataOptions {
        source: format!("{}::{}", at("a-{0..1}.tar"), at("b.tar")),
        weights: vec![0.5, 3.0],
        ..DataOptions::default()
    };
    let pairs = Pairs::open(&options).expect("pairs");
    let summary = pairs.summary();
    assert_eq!((summary.samples, summary.epoch), (12, 16));
    let mut loader = loader(&pairs, 4);
    let mut counts = [0; 12];
    for batch in batches(&mut loader, 8) {
        batch.0.into_iter().for_each(|sample| counts[sample as usize] += 1);
    }
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 1, 6, 6, 6, 6]);
    let counters = loader.counters();
    assert_eq!((counters.seen, counters.unique), (32, 12));

    let error = Pairs::open(&DataOptions { weights: vec![1.0], ..options }).err().expect("one");
    assert!(error.to_string().contains("weights are 1, for 2 parts"), "{error}");
}

#[test]
fn shards_of_one_name_in_two_folders_keep_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = clip_testing::tar(&[("x.ppm", b'0', b"no image"), ("x.txt", b'0', b"text")]);
    for part in ["a", "b"] {
        write(folder.path(), &format!("{part}/0.tar"), shard(0..4));
        write(folder.path(), &format!("{part}/1.tar"), &broken);
    }
    let source = folder.path().join("{a,b}/{0,1}.tar");
    let mut loader = loader(&open(source), 5);
    batches(&mut loader, 4);
    let keys: Vec<String> = loader.ledger().samples().map(|bad| bad.key).collect();
    assert!(
        keys.len() == 2 && keys[0].ends_with("a/1/x") && keys[1].ends_with("b/1/x"),
        "{keys:?}"
    );
}

#[test]
fn resampled_epochs_draw_with_replacement() {
    let folder = shards(1, 30);
    let pairs = Pairs::open(&DataOptions { resampled: true, ..options(folder.path()) });
    let pairs = pairs.expect("pairs");
    let mut first = loader(&pairs, 10);
    let one = batches(&mut first, 6);
    let different: BTreeSet<u64> = one[..3].iter().flat_map(|batch| batch.0.clone()).collect();
    assert!((12..27).contains(&different.len()), "{different:?}");
    assert_eq!(first.counters().repeated, 60 - first.counters().unique);
    assert!(batches(&mut loader(&pairs, 10), 6) == one);
}

#[test]
fn captions_are_drawn_first_or_in_turn() {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..8 {
        write(folder.path(), &format!("{number}.ppm"), crate::fixture::picture(number));
        write(folder.path(), &format!("{number}.txt"), "one\ntwo\n\nthree");
    }
    let texts = |captions| {
        let pairs =
            Pairs::open(&DataOptions { captions, ..options(folder.path()) }).expect("pairs");
        assert_eq!((pairs.summary().captions, pairs.summary().repeated_captions), (24, 21));
        let mut loader = loader(&pairs, 8);
        let epochs = batches(&mut loader, 6).into_iter();
        epochs
            .map(|batch| batch.3.into_iter().map(|ids| ids[1]).collect::<Vec<u32>>())
            .collect::<Vec<_>>()
    };
    let ids = ["one", "two", "three"].map(|word| clip_tokenizer::Tokenizer::new().encode(word)[0]);
    assert!(texts(CaptionChoice::First).concat().iter().all(|id| *id == ids[0]));
    for (epoch, drawn) in texts(CaptionChoice::InTurn).into_iter().enumerate() {
        assert!(drawn.iter().all(|id| *id == ids[epoch % 3]));
    }
    let drawn = texts(CaptionChoice::Random);
    assert!(ids.iter().all(|id| drawn.concat().iter().filter(|found| *found == id).count() > 5));
    assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn images_whose_features_are_kept_are_not_decoded() {
    let folder = shards(1, 6);
    write(
        folder.path(),
        "1.tar",
        clip_testing::tar(&[("x.ppm", b'0', b"no image"), ("x.txt", b'0', b"text")]),
    );
    let pairs = open(folder.path());
    let load = |unusable: &[u64]| {
        let images = Images::Kept { unusable: unusable.iter().copied().collect() };
        let options = LoaderOptions { images, ..loader_options(3) };
        let mut loader = Loader::new(&pairs, recipe(), &options, None).expect("a loader");
        (batches(&mut loader, 4), loader.ledger().len())
    };
    let (all, bad) = load(&[]);
    assert!(bad == 0 && all.iter().all(|batch| batch.2.is_empty() && batch.0.len() == 3));
    // With those left out that could not be used then, the order is that of decoded images.
    let (kept, bad) = load(&[6]);
    let decoded = batches(&mut loader(&pairs, 3), 4);
    assert!(bad == 1 && kept.iter().zip(&decoded).all(|(a, b)| (&a.0, &a.3) == (&b.0, &b.3)));
}

#[test]
fn batch_larger_than_an_epoch_is_refused() {
    let folder = shards(1, 6);
    let error = Loader::new(&open(folder.path()), recipe(), &loader_options(7), None);
    let error = error.err().expect("too large").to_string();
    assert!(error.contains("an epoch has 6 samples, a batch 7"), "{error}");
}
