//! Sets whose splits are lists, each in miniature, and their traps (PROTOCOL_EVAL 6).

mod fixture;

use clip_data::{DataError, Presence, ReadOptions, Split, Target, find};
use fixture::{Fixture, named, owned};

#[test]
fn food101_adds_the_ending_and_says_what_is_absent() {
    let fixture = Fixture::new();
    fixture
        .file("food-101/meta/test.txt", "apple_pie/1011328\nwaffles/984158\nwaffles/1\n")
        .images(&["food-101/images/apple_pie/1011328.jpg", "food-101/images/waffles/984158.jpg"]);
    let split = fixture.read("food101", "test");
    let expected =
        [("images/apple_pie/1011328.jpg", "apple pie"), ("images/waffles/984158.jpg", "waffles")];
    assert_eq!(named(&split), owned(&expected));
    assert_eq!(split.missing, ["images/waffles/1.jpg"]);
    assert_eq!(split.notes, ["not there: images/waffles/1.jpg"]);
}

#[test]
fn list_cannot_lead_out_of_the_folder() {
    let fixture = Fixture::new();
    fixture.file("data/dev.jsonl", "{\"img\":\"../../secret.png\",\"label\":1}\n");
    let message =
        fixture.try_read("hateful_memes", "dev_seen").expect_err("it points outside").to_string();
    assert!(message.contains("outside"), "{message}");
}

#[test]
fn class_of_a_list_that_nobody_knows_is_an_error() {
    let fixture = Fixture::new();
    fixture.file("food-101/meta/test.txt", "apple_pie/1\nfood_of_the_gods/2\n");
    assert!(matches!(fixture.try_read("food101", "test"), Err(DataError::UnknownClass { .. })));
}

#[test]
fn dtd_reads_the_first_of_ten_splits() {
    let fixture = Fixture::new();
    fixture
        .file("dtd/labels/test1.txt", "banded/banded_0002.jpg\n")
        .file("dtd/labels/test2.txt", "banded/banded_0005.jpg\nzigzagged/zigzagged_0001.jpg\n")
        .images(&["dtd/images/banded/banded_0002.jpg", "dtd/images/zigzagged/zigzagged_0001.jpg"]);
    assert_eq!(
        named(&fixture.read("dtd", "test")),
        owned(&[("images/banded/banded_0002.jpg", "banded")])
    );
    assert_eq!(fixture.read("dtd", "all").items.len(), 2);
}

#[test]
fn aircraft_names_hold_blanks_and_the_banner_is_cut_only_when_asked() {
    let fixture = Fixture::new();
    let photo = [b"P6\n1 22\n255\n".to_vec(), (0..66).collect()].concat();
    fixture
        .file(
            "fgvc-aircraft-2013b/data/images_variant_test.txt",
            "1514522 707-320\n0056978 Cessna 172\n",
        )
        .file("fgvc-aircraft-2013b/data/variants.txt", "707-320\nCessna 172\n")
        .file("fgvc-aircraft-2013b/data/images/1514522.jpg", &photo)
        .file("fgvc-aircraft-2013b/data/images/0056978.jpg", &photo);
    let split = fixture.read("fgvc_aircraft", "test");
    let expected = [("images/1514522.jpg", "707-320"), ("images/0056978.jpg", "Cessna 172")];
    assert_eq!(named(&split), owned(&expected));
    assert_eq!(split.items.bytes(&split.items[0]).expect("a photo"), photo);
    let dataset = find("fgvc_aircraft").expect("of the catalogue");
    let options = ReadOptions { strip_banner: true, ..Default::default() };
    let split = Split::read(dataset, fixture.root(), "test", &options).expect("readable");
    assert_eq!(
        split.items.bytes(&split.items[0]).expect("a photo"),
        b"P6\n1 2\n255\n\x00\x01\x02\x03\x04\x05"
    );
}

#[test]
fn pets_are_joined_by_breed_and_not_by_class_id() {
    let fixture = Fixture::new();
    fixture
        // Class id 2 is the american bulldog: position 12 in the authors' list, which has the cats
        // first.
        .file(
            "oxford-iiit-pet/annotations/test.txt",
            "Abyssinian_201 1 1 1\namerican_bulldog_203 2 2 1\nSphynx_10 34 1 12\n",
        )
        .file(
            "oxford-iiit-pet/annotations/trainval.txt",
            "#Image CLASS-ID SPECIES BREED ID\nBengal_1 6 1 2\n",
        )
        .file("oxford-iiit-pet/images/Abyssinian_201.mat", "stray")
        .images(&[
            "oxford-iiit-pet/images/Abyssinian_201.jpg",
            "oxford-iiit-pet/images/american_bulldog_203.jpg",
            "oxford-iiit-pet/images/Sphynx_10.jpg",
            "oxford-iiit-pet/images/Bengal_1.jpg",
        ]);
    let test = fixture.read("oxford_pets", "test");
    let expected = [
        ("images/Abyssinian_201.jpg", "Abyssinian"),
        ("images/american_bulldog_203.jpg", "american bulldog"),
        ("images/Sphynx_10.jpg", "Sphynx"),
    ];
    assert_eq!(named(&test), owned(&expected));
    assert_eq!(fixture::class(&test.items[1]), 12);
    assert_eq!(fixture.read("oxford_pets", "trainval").items.len(), 1);
}

#[test]
fn sun397_has_classes_at_two_depths_and_two_sets_of_images() {
    let fixture = Fixture::new();
    fixture
        .file("SUN397/ClassName.txt", "/a/abbey\n/a/apse/indoor\n")
        .file("Partitions/Testing_01.txt", "/a/abbey/sun_aab.jpg\n/a/apse/indoor/sun_aac.jpg\n")
        .file("Partitions/Testing_02.txt", "/a/abbey/sun_zzz.jpg\n")
        .images(&[
            "SUN397/a/abbey/sun_aab.jpg",
            "SUN397/a/apse/indoor/sun_aac.jpg",
            "SUN397/a/apse/indoor/sun_zzz.jpg",
            "SUN397/y/youth_hostel/sun_a.jpg",
        ]);
    let expected = [("a/abbey/sun_aab.jpg", "abbey"), ("a/apse/indoor/sun_aac.jpg", "apse indoor")];
    assert_eq!(named(&fixture.read("sun397", "test")), owned(&expected));
    let all = fixture.read("sun397-all", "all");
    assert_eq!(all.items.len(), 4);
    assert_eq!(all.missing.len(), 394);
    assert_eq!(named(&all)[2], ("a/apse/indoor/sun_zzz.jpg".to_owned(), "apse indoor"));
    fixture.images(&["SUN397/a/attic_of_doom/sun_b.jpg"]);
    assert!(matches!(fixture.try_read("sun397-all", "all"), Err(DataError::UnknownClass { .. })));
}

#[test]
fn birdsnap_joins_by_common_name_and_scores_what_is_left() {
    let fixture = Fixture::new();
    let species = "id\tcommon\tscientific\tdir\n\
                   1\tAllen's Hummingbird\tSelasphorus sasin\tAllens_Hummingbird\n\
                   2\tAmerican Three-toed Woodpecker\tPicoides dorsalis\tAmerican_Three_toed_Woodpecker\n";
    let images = "url\tmd5\tpath\tspecies_id\tbb_x1\n\
                  http://a/1\t0\tAllens_Hummingbird/1.jpg\t1\t5\n\
                  http://a/2\t0\tAmerican_Three_toed_Woodpecker/2.jpg\t2\t5\n\
                  http://a/3\t0\tAmerican_Three_toed_Woodpecker/3.jpg\t2\t5\n";
    let test = "path\nAllens_Hummingbird/1.jpg\nAmerican_Three_toed_Woodpecker/2.jpg\n";
    fixture
        .file("birdsnap/species.txt", species)
        .file("birdsnap/images.txt", images)
        .file("birdsnap/test_images.txt", test)
        .images(&["birdsnap/images/American_Three_toed_Woodpecker/2.jpg"])
        .images(&["birdsnap/images/American_Three_toed_Woodpecker/3.jpg"]);
    let split = fixture.read("birdsnap", "test");
    let two = "images/American_Three_toed_Woodpecker/2.jpg";
    assert_eq!(named(&split), owned(&[(two, "American Three toed Woodpecker")]));
    assert_eq!(split.missing, ["images/Allens_Hummingbird/1.jpg"]);
    assert_eq!(fixture.read("birdsnap", "train").items.len(), 1);
}

#[test]
fn gtsrb_reads_csv_with_semicolons_and_not_the_one_without_answers() {
    let fixture = Fixture::new();
    let head = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2";
    fixture
        .file(
            "GTSRB/Final_Test/Images/GT-final_test.test.csv",
            format!("{head}\r\n00000.ppm;53;54;6;5;48;49\r\n"),
        )
        .file("GT-final_test.csv", format!("{head};ClassId\r\n00000.ppm;53;54;6;5;48;49;16\r\n"))
        .file("GTSRB/Training/00042/GT-00042.csv", format!("{head};ClassId\r\n"))
        .images(&["GTSRB/Final_Test/Images/00000.ppm", "GTSRB/Training/00042/00000_00000.ppm"]);
    let test = fixture.read("gtsrb", "test");
    assert_eq!((test.items.len(), fixture::class(&test.items[0])), (1, 16));
    let train = fixture.read("gtsrb", "train");
    assert_eq!((train.items.len(), fixture::class(&train.items[0])), (1, 42));
    fixture.images(&["GTSRB/Training/00043/x.ppm"]);
    assert!(matches!(fixture.try_read("gtsrb", "train"), Err(DataError::UnknownClass { .. })));
}

/// Twenty lists; image 1 holds only a difficult dining table and a dog, image 2 a person.
#[test]
fn voc2007_keeps_difficult_apart_and_reads_lists_by_name() {
    let fixture = Fixture::new();
    let prompts = clip_data::PromptSet::of("voc2007").expect("prompts");
    let labels = prompts.labels.clone().expect("labels");
    for label in &labels {
        let (one, two) = match label.as_str() {
            "diningtable" => (" 0", "-1"),
            "dog" => (" 1", "-1"),
            "person" => ("-1", " 1"),
            _ => ("-1", "-1"),
        };
        let list = format!("VOCdevkit/VOC2007/ImageSets/Main/{label}_test.txt");
        fixture.file(&list, format!("000001 {one}\n000002 {two}\n"));
    }
    fixture.images(&[
        "VOCdevkit/VOC2007/JPEGImages/000001.jpg",
        "VOCdevkit/VOC2007/JPEGImages/000002.jpg",
    ]);
    let split = fixture.read("voc2007", "test");
    let of = |item: usize, label: &str| {
        let Target::Labels(presences) = &split.items[item].target else { panic!("no labels") };
        assert_eq!(presences.len(), 20);
        presences[labels.iter().position(|known| known == label).expect("a class")]
    };
    assert_eq!((of(0, "diningtable"), of(0, "dog")), (Presence::Difficult, Presence::Present));
    assert_eq!((of(0, "cat"), of(1, "person")), (Presence::Absent, Presence::Present));
    assert_eq!(labels[16], "diningtable", "not the official order, in which it would be at 10");

    fixture.file("VOCdevkit/VOC2007/ImageSets/Main/train_test.txt", "000001 -1\n");
    let message = fixture.try_read("voc2007", "test").expect_err("lists differ").to_string();
    assert!(message.contains("lists of all classes"), "{message}");
}

#[test]
fn hateful_memes_uses_the_path_of_the_line_and_knows_the_older_names() {
    let fixture = Fixture::new();
    let lines = "{\"id\":8291,\"img\":\"img/08291.png\",\"label\":1,\"text\":\"white people\"}\n\
                 {\"id\":46971,\"img\":\"img/46971.png\",\"label\":0,\"text\":\"x\"}\n";
    fixture
        .file("data/dev.jsonl", lines)
        .file("data/test.jsonl", "{\"id\":16395,\"img\":\"img/16395.png\",\"text\":\"y\"}\n")
        .images(&["data/img/08291.png", "data/img/46971.png", "data/img/16395.png"]);
    let dev = fixture.read("hateful_memes", "dev_seen");
    let expected = [("img/08291.png", "hatespeech meme"), ("img/46971.png", "meme")];
    assert_eq!(named(&dev), owned(&expected));
    let test = fixture.read("hateful_memes", "test_seen");
    assert_eq!(test.items[0].target, Target::Unknown);
    assert_eq!(
        test.notes,
        ["layout of the first release: test.jsonl", "1 images have no published label"]
    );
    fixture.file("data/dev_seen.jsonl", "{\"id\":1}\n");
    let message = fixture.try_read("hateful_memes", "dev_seen").expect_err("no img").to_string();
    assert!(message.contains("dev_seen.jsonl: line 1"), "{message}");
}

#[test]
fn fairface_refuses_ages_that_a_spreadsheet_made_dates_of() {
    let fixture = Fixture::new();
    let head = "file,age,gender,race,service_test\n";
    let good = format!(
        "{head}val/1.jpg,3-9,Male,Latino_Hispanic,True\nval/2.jpg,more than 70,Female,White,False\n"
    );
    fixture.file("fairface_label_val.csv", good).images(&["val/1.jpg", "val/2.jpg"]);
    let split = fixture.read("fairface", "val");
    assert_eq!(split.items[0].target, Target::Person { race: 6, gender: 0, age: 1 });
    assert_eq!(split.items[1].target, Target::Person { race: 0, gender: 1, age: 8 });
    fixture.file("fairface_label_val.csv", format!("{head}val/1.jpg,03-Sep,Male,White,TRUE\n"));
    let message = fixture.try_read("fairface", "val").expect_err("a date is no age").to_string();
    assert!(message.contains("`03-Sep`"), "{message}");
}
