//! Sets whose classes are folders, each in miniature, and their traps (PROTOCOL_EVAL 6).

mod fixture;

use clip_data::{DataError, Item, Media, ReadOptions, Split, Target, find};
use fixture::{Fixture, classes, named, owned};

#[test]
fn country211_joins_by_code_in_three_splits() {
    let fixture = Fixture::new();
    fixture.images(&[
        "country211/test/XK/2.jpg",
        "country211/test/AD/1.jpg",
        "country211/valid/AE/3.jpg",
    ]);
    let test = fixture.read("country211", "test");
    let expected = [("test/AD/1.jpg", "Andorra"), ("test/XK/2.jpg", "Kosovo")];
    assert_eq!(named(&test), owned(&expected));
    assert_eq!(test.missing.len(), 209, "two of 211 have a folder");
    assert_eq!(fixture.read("country211", "valid").items.len(), 1);
    assert!(matches!(fixture.try_read("country211", "train"), Err(DataError::Read { .. })));
}

#[test]
fn folder_that_is_no_class_is_an_error() {
    let fixture = Fixture::new();
    fixture.images(&["country211/test/AD/1.jpg", "country211/test/ZZ/1.jpg"]);
    let error = fixture.try_read("country211", "test").expect_err("ZZ is no country");
    let message = error.to_string();
    assert!(message.contains("`ZZ`") && message.contains("211 classes"), "{message}");
}

#[test]
fn rendered_sst2_reads_the_released_folders() {
    let fixture = Fixture::new();
    fixture.images(&["rendered-sst2/test/positive/0.png", "rendered-sst2/test/negative/7.png"]);
    let expected = [("test/negative/7.png".to_owned(), 0), ("test/positive/0.png".to_owned(), 1)];
    assert_eq!(classes(&fixture.read("rendered_sst2", "test")), expected);
}

#[test]
fn imagenet_class_is_the_rank_of_the_wnid() {
    let fixture = Fixture::new();
    fixture.images(&[
        "val/n15075141/a.JPEG",
        "val/n01440764/b.JPEG",
        "val/n01443537/ILSVRC2012_val_00000236.JPEG",
    ]);
    let expected = [
        ("val/n01440764/b.JPEG", 0),
        ("val/n01443537/ILSVRC2012_val_00000236.JPEG", 1),
        ("val/n15075141/a.JPEG", 999),
    ];
    let expected: Vec<_> = expected.iter().map(|(id, class)| ((*id).to_owned(), *class)).collect();
    assert_eq!(classes(&fixture.read("imagenet", "val")), expected);
}

#[test]
fn subsets_of_imagenet_have_positions_in_their_own_lists() {
    let fixture = Fixture::new();
    fixture
        .images(&["imagenet-a/n01498041/x.jpg", "imagenet-a/n12267677/y.jpg"])
        .file("imagenet-a/README.txt", "");
    let a = fixture.read("imagenet_a", "test");
    assert_eq!(named(&a), owned(&[("n01498041/x.jpg", "stingray"), ("n12267677/y.jpg", "acorn")]));

    let fixture = Fixture::new();
    fixture.images(&["imagenet-r/n01443537/art_0.jpg", "imagenet-r/n01498041/toy_1.jpg"]);
    let r = fixture.read("imagenet_r", "test");
    assert_eq!(
        named(&r),
        owned(&[("n01443537/art_0.jpg", "goldfish"), ("n01498041/toy_1.jpg", "stingray")])
    );

    let fixture = Fixture::new();
    fixture.images(&["sketch/n01440764/sketch_1.JPEG"]);
    assert_eq!(
        named(&fixture.read("imagenet_sketch", "test")),
        owned(&[("n01440764/sketch_1.JPEG", "tench")])
    );
}

#[test]
fn imagenet_v2_sorts_folders_as_numbers() {
    let fixture = Fixture::new();
    for variant in ["matched-frequency", "threshold0.7", "top-images"] {
        let path = |class: u32| format!("imagenetv2-{variant}-format-val/{class}/x.jpeg");
        fixture.images(&[path(10), path(2), path(999)].each_ref().map(String::as_str));
    }
    for split in ["matched-frequency", "threshold-0.7", "top-images"] {
        let found: Vec<u32> =
            fixture.read("imagenetv2", split).items.iter().map(fixture::class).collect();
        assert_eq!(found, [2, 10, 999], "{split}");
    }
}

#[test]
fn objectnet_keeps_113_folders_and_cuts_the_red_border() {
    let fixture = Fixture::new();
    let red = [255, 0, 0];
    let mut pixels = Vec::new();
    for (row, column) in (0..6).flat_map(|row| (0..7).map(move |column| (row, column))) {
        let inside = (2..4).contains(&row) && (2..5).contains(&column);
        pixels.extend(if inside { [row, column, 9] } else { red });
    }
    let ppm = [b"P6\n7 6\n255\n", &pixels[..]].concat();
    fixture.file("objectnet-1.0/images/alarm_clock/a.png", ppm).images(&[
        "objectnet-1.0/images/wine_bottle/b.png",
        "objectnet-1.0/images/squeegee/c.png", // one of the 313, none of the 113
    ]);
    let split = fixture.read("objectnet", "test");
    let expected =
        [("images/alarm_clock/a.png", "alarm clock"), ("images/wine_bottle/b.png", "wine bottle")];
    assert_eq!(named(&split), owned(&expected));
    assert!(split.notes.iter().any(|note| note.contains("1 folders")), "{:?}", split.notes);
    let cut = split.items.bytes(&split.items[0]).expect("a picture");
    assert_eq!(
        cut,
        [&b"P6\n3 2\n255\n"[..], &[2, 2, 9, 2, 3, 9, 2, 4, 9, 3, 2, 9, 3, 3, 9, 3, 4, 9]].concat()
    );

    fixture.images(&["objectnet-1.0/images/unicorn/d.png"]);
    assert!(matches!(fixture.try_read("objectnet", "test"), Err(DataError::UnknownClass { .. })));
}

/// Thirty-two images of one class, two of another; `tmp` among the background's.
fn caltech() -> Fixture {
    let fixture = Fixture::new();
    for number in 1..=32 {
        fixture.images(&[&format!("101_ObjectCategories/ant/image_{number:04}.jpg")]);
    }
    fixture.images(&["101_ObjectCategories/BACKGROUND_Google/image_0001.jpg"]);
    fixture.file("101_ObjectCategories/BACKGROUND_Google/tmp", "not a picture");
    fixture.images(&["101_ObjectCategories/Faces_easy/image_0002.jpg"]);
    fixture
}

#[test]
fn caltech101_draws_thirty_of_each_class_and_never_tmp() {
    let fixture = caltech();
    let all = fixture.read("caltech101", "all");
    assert_eq!(all.items.len(), 34);
    assert!(all.notes.iter().any(|note| note.contains("BACKGROUND_Google/tmp")), "{:?}", all.notes);
    assert_eq!(named(&all)[0], ("BACKGROUND_Google/image_0001.jpg".to_owned(), "background"));
    assert_eq!(named(&all)[1].1, "centered face");
    let ids = |split: &Split| split.items.iter().map(Item::id).collect::<Vec<_>>();
    let (train, test) =
        (ids(&fixture.read("caltech101", "train")), ids(&fixture.read("caltech101", "test")));
    assert_eq!((train.len(), test.len()), (32, 2));
    assert!(test.iter().all(|id| id.starts_with("ant/") && !train.contains(id)), "{test:?}");
    assert_eq!(train, ids(&fixture.read("caltech101", "train")), "the same draw every time");
}

#[test]
fn split_file_takes_the_place_of_the_draw() {
    let fixture = caltech();
    let list = fixture.root().join("list.txt");
    let read = |text: &str, split: &str| {
        std::fs::write(&list, text).expect("a file");
        let options = ReadOptions { split_file: Some(list.clone()), ..Default::default() };
        Split::read(find("caltech101").expect("of the catalogue"), fixture.root(), split, &options)
    };
    let ids = |split: Split| split.items.iter().map(Item::id).collect::<Vec<_>>();

    let training = "ant/image_0007.jpg\nant/image_0003.jpg\nant/image_9999.jpg\n";
    let train = read(training, "train").expect("readable");
    assert_eq!(train.missing, ["ant/image_9999.jpg"]);
    assert_eq!(ids(train), ["ant/image_0007.jpg", "ant/image_0003.jpg"]);
    let rest = ids(read(training, "test").expect("readable"));
    assert_eq!(rest.len(), 32, "all that is not for training");
    assert!(!rest.contains(&"ant/image_0007.jpg".to_owned()) && rest.is_sorted());

    let both = "ant/image_0001.jpg\ttest\nant/image_0002.jpg\ttrain\n";
    assert_eq!(ids(read(both, "test").expect("readable")), ["ant/image_0001.jpg"]);
    assert_eq!(ids(read(both, "train").expect("readable")), ["ant/image_0002.jpg"]);
    let message = read("ant/image_0001.jpg\ttrain\n", "test").expect_err("no test").to_string();
    assert!(message.contains("has no line `id<tab>test`"), "{message}");
}

#[test]
fn split_file_may_be_coop_s_and_must_name_what_is_there() {
    let fixture = caltech();
    let list = fixture.root().join("list.json");
    let read = |text: &str, id: &str, split: &str| {
        std::fs::write(&list, text).expect("a file");
        let options = ReadOptions { split_file: Some(list.clone()), ..Default::default() };
        Split::read(find(id).expect("of the catalogue"), fixture.root(), split, &options)
    };
    let coop = r#"{"train": [["ant/image_0001.jpg", 0, "ant"]], "val": [],
        "test": [["ant/image_0002.jpg", 0, "ant"], ["Faces_easy/image_0002.jpg", 1, "face"]]}"#;
    let test = read(coop, "caltech101", "test").expect("readable");
    assert_eq!(named(&test)[1], ("Faces_easy/image_0002.jpg".to_owned(), "centered face"));
    assert_eq!((test.items.len(), test.missing.len()), (2, 0));
    let prefixed = "101_ObjectCategories\\ant\\image_0001.jpg\ttest\r\n";
    assert_eq!(read(prefixed, "caltech101", "test").expect("readable").items.len(), 1);
    let twice = "ant/image_0001.jpg\ttrain\nant/image_0001.jpg\ttest\n";
    for (text, id, split, reason) in [
        ("nowhere/image_0001.jpg\ttest\n", "caltech101", "test", "1 of 1 ids are in no folder"),
        (twice, "caltech101", "test", "`ant/image_0001.jpg` is listed twice"),
        ("ant/image_0001.jpg\ttset\n", "caltech101", "test", "`tset` is none of train, val, test"),
        (coop, "caltech101", "all", "is published, not drawn"),
        (coop, "food101", "test", "is published, not drawn"),
    ] {
        let message = read(text, id, split).expect_err(reason).to_string();
        assert!(message.contains("list.json") && message.contains(reason), "{message}");
    }
}

/// Twelve images of each class; the expected draws are CPython's: `random.seed(42)`, then for the
/// sorted classes `random.sample(sorted(files), 12)`.
#[test]
fn eurosat_draws_as_cpython_does_with_seed_42() {
    let fixture = Fixture::new();
    let labels = [
        "AnnualCrop",
        "Forest",
        "HerbaceousVegetation",
        "Highway",
        "Industrial",
        "Pasture",
        "PermanentCrop",
        "Residential",
        "River",
        "SeaLake",
    ];
    for (label, number) in
        labels.iter().flat_map(|label| (1..=12).map(move |number| (label, number)))
    {
        fixture.images(&[&format!("2750/{label}/{label}_{number}.jpg")]);
    }
    let drawn = |split: &str, label: &str| -> Vec<u32> {
        let number =
            |item: &Item| item.id().strip_prefix(label)?.rsplit(['_', '.']).nth(1)?.parse().ok();
        fixture.read("eurosat", split).items.iter().filter_map(number).collect()
    };
    assert_eq!(drawn("train", "AnnualCrop"), [8, 10, 1, 2]);
    assert_eq!(drawn("val", "AnnualCrop"), [12, 9, 4, 7]);
    assert_eq!(drawn("test", "AnnualCrop"), [6, 11, 3, 5]);
    assert_eq!(drawn("test", "SeaLake"), [10, 7, 2, 8]);
    let test = fixture.read("eurosat", "test");
    assert_eq!(test.items.len(), 40);
    // The authors' list begins with Forest; the folder's does not.
    assert!(
        test.items
            .iter()
            .all(|item| item.id().starts_with("Forest/") == (item.target == Target::Class(0)))
    );
}

/// Four images of each class; the expected order is CPython's
/// `random.seed(42); random.shuffle(sorted(files))`.
#[test]
fn resisc45_is_one_shuffle_of_all_sorted_paths() {
    let fixture = Fixture::new();
    let labels = clip_data::PromptSet::of("resisc45").expect("prompts").labels.expect("labels");
    for (label, number) in
        labels.iter().flat_map(|label| (1..=4).map(move |number| (label, number)))
    {
        fixture.images(&[&format!("NWPU-RESISC45/{label}/{label}_{number:03}.jpg")]);
    }
    let ids = |split: &str| {
        fixture.read("resisc45", split).items.iter().map(Item::id).collect::<Vec<_>>()
    };
    let (train, val, test) = (ids("train"), ids("val"), ids("test"));
    assert_eq!((train.len(), val.len(), test.len()), (18, 18, 144));
    let first = |ids: &[String]| ids[..2].join(" ");
    assert_eq!(first(&train), "terrace/terrace_002.jpg forest/forest_002.jpg");
    assert_eq!(
        first(&val),
        "terrace/terrace_003.jpg ground_track_field/ground_track_field_003.jpg"
    );
    assert_eq!(first(&test), "harbor/harbor_002.jpg island/island_001.jpg");
}

#[test]
fn items_are_files_without_a_border() {
    let fixture = Fixture::new();
    fixture.images(&["country211/test/AD/1.jpg"]);
    let split = fixture.read("country211", "test");
    assert!(
        matches!(&split.items[0].media, Media::File { border, .. } if *border == Default::default())
    );
    assert_eq!(split.items.bytes(&split.items[0]).expect("a file"), b"P5 1 1 255\n\x80");
}
