//! Real data sets in small, in their original layouts. Skipped, and said so, where they are not.

mod fixture;

use std::collections::BTreeMap;
use std::path::Path;

use clip_data::{Item, Presence, ReadOptions, Split, Target, find};
use clip_testing::data as real;
use fixture::{Fixture, class, named};

fn read(root: &Path, id: &str, split: &str) -> Split {
    let split =
        Split::read(find(id).expect("of the catalogue"), root, split, &ReadOptions::default());
    let split = split.unwrap_or_else(|error| panic!("{id}: {error}"));
    for item in &split.items {
        let bytes =
            split.items.bytes(item).unwrap_or_else(|error| panic!("{}: {error}", item.id()));
        assert!(bytes.len() > 50, "{}", item.id());
    }
    split
}

/// The part of the path that names the class.
fn folder(item: &Item) -> String {
    item.id().rsplit('/').nth(1).expect("a folder").to_owned()
}

#[test]
fn caltech101_has_two_of_each_and_no_tmp() {
    let Some(root) = real("caltech101") else { return };
    let split = read(&root, "caltech101", "all");
    assert_eq!(split.items.len(), 204);
    assert_eq!(split.notes, ["no images, left out: BACKGROUND_Google/tmp"]);
    let labels = split.prompts.labels.clone().expect("labels");
    assert!(split.items.iter().all(|item| labels[class(item) as usize] == folder(item)));
}

#[test]
fn dtd_without_its_lists_is_read_as_all() {
    let Some(root) = real("dtd") else { return };
    let split = read(&root, "dtd", "all");
    assert_eq!((split.items.len(), split.missing.len()), (70, 37));
    assert!(named(&split).iter().all(|(id, name)| id.split('/').nth(1) == Some(*name)));
}

#[test]
fn fairface_has_26_faces_of_each_group() {
    let Some(root) = real("fairface") else { return };
    let split = read(&root, "fairface", "val");
    let mut groups: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for item in &split.items {
        let Target::Person { race, gender, age } = item.target else { panic!("{}", item.id()) };
        assert!(age < 9);
        *groups.entry((race, gender)).or_default() += 1;
    }
    assert_eq!((split.items.len(), groups.len()), (364, 14));
    assert!(groups.values().all(|&count| count == 26), "{groups:?}");
    let first = split.items.iter().find(|item| item.id() == "val/52.jpg").expect("the first row");
    assert_eq!(first.target, Target::Person { race: 5, gender: 0, age: 1 }); // Middle Eastern, Male, 3-9
}

#[test]
fn gtsrb_has_five_of_each_class_and_430_test_signs() {
    let Some(root) = real("gtsrb") else { return };
    let train = read(&root, "gtsrb", "train-official");
    assert_eq!(train.items.len(), 215);
    assert!(train.items.iter().all(|item| folder(item).parse() == Ok(class(item))));
    let test = read(&root, "gtsrb", "test");
    assert_eq!((test.items.len(), test.missing.len()), (430, 0));
    let first =
        test.items.iter().find(|item| item.id().ends_with("/00032.ppm")).expect("the first row");
    assert_eq!(class(first), 34);
}

#[test]
fn hateful_memes_has_labels_but_for_the_test() {
    let Some(root) = real("hateful-memes-layout") else { return };
    let counts = ["train", "dev_seen", "test_seen"]
        .map(|split| read(&root, "hateful_memes", split).items.len());
    assert_eq!(counts, [3, 5, 2]);
    let dev = read(&root, "hateful_memes", "dev_seen");
    let first: Vec<(String, u32)> =
        dev.items.iter().take(3).map(|item| (item.id(), class(item))).collect();
    assert_eq!(
        first,
        [("img/04826.png".into(), 0), ("img/05713.png".into(), 0), ("img/06390.png".into(), 1)]
    );
    assert!(
        read(&root, "hateful_memes", "test_seen")
            .items
            .iter()
            .all(|item| item.target == Target::Unknown)
    );
}

#[test]
fn family_of_imagenet_is_joined_by_wnid_and_number() {
    if let Some(root) = real("imagenet-samples") {
        let split = read(&root, "imagenet", "val");
        let found: Vec<u32> = split.items.iter().map(class).collect();
        assert_eq!(found, (0..1000).collect::<Vec<_>>(), "one of each class, in order");
        assert!(split.notes.is_empty(), "{:?}", split.notes);
    }
    if let Some(root) = real("imagenet-a") {
        let split = read(&root, "imagenet_a", "test");
        let names: Vec<&str> = named(&split).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["stingray", "starfish", "cradle"]);
    }
    if let Some(root) = real("imagenetv2") {
        let split = read(&root, "imagenetv2", "matched-frequency");
        assert_eq!(split.items.iter().map(class).collect::<Vec<_>>(), [473, 839]);
    }
    if let Some(root) = real("objectnet") {
        let split = read(&root, "objectnet", "test");
        let names: Vec<&str> = named(&split).into_iter().map(|(_, name)| name).collect();
        assert_eq!((names, split.missing.len()), (vec!["wine bottle"], 112));
        assert!(
            split.items.bytes(&split.items[0]).expect("a picture").starts_with(b"P6\n"),
            "cut, so a PPM"
        );
    }
}

#[test]
fn robust_videos_have_an_anchor_and_twenty_neighbours() {
    if let Some(root) = real("imagenet-vid-robust") {
        let split = read(&root, "imagenet_vid", "val");
        assert_eq!(split.items.len(), 21);
        assert!(split.items[0].id().ends_with("/000442.JPEG"));
        let expected = Target::Frame { labels: [26].into(), anchor: 0 };
        assert!(split.items.iter().all(|item| item.target == expected));
    }
    if let Some(root) = real("ytbb-robust") {
        let reviewed = read(&root, "ytbb", "val");
        assert_eq!(reviewed.items.len(), 21, "the frames of its own list of anchors");
        // Its video is none of the published anchors: the list of the user's own takes their place.
        let fixture = Fixture::new();
        fixture.file("anchors.json", r#"{"anchors": {"unknown_24400/frame-732.jpg": [7]}}"#);
        for number in 722..=742 {
            let name = format!("unknown_24400/frame-{number}.jpg");
            fixture.file(&name, std::fs::read(root.join(&name)).expect("a frame"));
        }
        let split = read(fixture.root(), "ytbb", "val");
        assert_eq!(split.items.len(), 21);
        assert!(split.items[0].id().ends_with("/frame-732.jpg"));
        let expected = Target::Frame { labels: [7].into(), anchor: 0 };
        assert!(split.items.iter().all(|item| item.target == expected));
    }
}

#[test]
fn captions_keep_their_blanks() {
    if let Some(root) = real("mscoco") {
        let split = read(&root, "mscoco", "val2017");
        let captions: Vec<Vec<&str>> = split.items.iter().map(captions).collect();
        assert_eq!((captions.len(), captions.iter().map(Vec::len).sum::<usize>()), (64, 320));
        assert!(captions.iter().flatten().any(|caption| caption.ends_with([' ', '\n'])));
    }
    if let Some(root) = real("flickr30k-text") {
        // The photos are not there: files that stand for them.
        let fixture = Fixture::new();
        for name in ["results_20130124.token", "test_2016_images.txt"] {
            fixture.file(name, std::fs::read(root.join(name)).expect("a list"));
        }
        let names = std::fs::read_to_string(root.join("test_2016_images.txt")).expect("a list");
        names.lines().for_each(|name| {
            fixture.file(&format!("flickr30k-images/{name}"), [b'x'; 64]);
        });
        let split = read(fixture.root(), "flickr30k", "test");
        assert_eq!(split.items.len(), 1000);
        assert!(split.items.iter().all(|item| captions(item).len() == 5));
        assert_eq!(split.items[0].id(), "flickr30k-images/1007129816.jpg");
        let first = "The man with pierced ears is wearing glasses and an orange hat.";
        assert_eq!(captions(&split.items[0])[0], first);
    }
}

fn captions(item: &Item) -> Vec<&str> {
    match &item.target {
        Target::Captions(captions) => captions.iter().map(|caption| &**caption).collect(),
        other => panic!("{} has no captions but {other:?}", item.id()),
    }
}

#[test]
fn pets_are_read_by_list() {
    let Some(root) = real("oxford-iiit-pet") else { return };
    let (test, train) =
        (read(&root, "oxford_pets", "test"), read(&root, "oxford_pets", "trainval"));
    assert_eq!((test.items.len(), train.items.len()), (31, 24));
    for (id, name) in named(&test).into_iter().chain(named(&train)) {
        let stem =
            id.trim_start_matches("images/").rsplit_once('_').expect("a breed").0.replace('_', " ");
        assert_eq!(stem, name, "{id}");
    }
}

#[test]
fn rendered_sst2_has_both_classes() {
    let Some(root) = real("rendered-sst2-layout") else { return };
    for (split, each) in [("train", 8), ("valid", 8), ("test", 20)] {
        let split = read(&root, "rendered_sst2", split);
        let positive = split.items.iter().filter(|item| class(item) == 1).count();
        assert_eq!((positive, split.items.len()), (each, 2 * each));
        assert!(
            split
                .items
                .iter()
                .all(|item| folder(item) == ["negative", "positive"][class(item) as usize])
        );
    }
}

/// The lists against the boxes that they were made from: present if an object is not marked
/// difficult.
#[test]
fn voc2007_lists_agree_with_its_annotations() {
    let Some(root) = real("voc2007-layout") else { return };
    let mut difficult = 0;
    let mut images = 0;
    for name in ["train", "val", "test"] {
        let split = read(&root, "voc2007", name);
        let labels = split.prompts.labels.clone().expect("labels");
        images += split.items.len();
        for item in &split.items {
            let id =
                item.id().trim_start_matches("JPEGImages/").trim_end_matches(".jpg").to_owned();
            let xml = root.join(format!("VOCdevkit/VOC2007/Annotations/{id}.xml"));
            let xml = std::fs::read_to_string(xml).expect("its boxes");
            let Target::Labels(presences) = &item.target else { panic!("{id}") };
            for (label, presence) in labels.iter().zip(presences) {
                let objects = xml.split("<object>").skip(1);
                let of_class: Vec<bool> = objects
                    .filter(|object| object.contains(&format!("<name>{label}</name>")))
                    .map(|object| object.contains("<difficult>1</difficult>"))
                    .collect();
                let expected = match of_class.iter().all(|&difficult| difficult) {
                    _ if of_class.is_empty() => Presence::Absent,
                    true => Presence::Difficult,
                    false => Presence::Present,
                };
                assert_eq!(*presence, expected, "{id} {label}");
                difficult += usize::from(expected == Presence::Difficult);
            }
        }
    }
    assert_eq!(images, 36);
    assert!(difficult > 0, "the case occurs");
}

#[test]
fn sentences_of_sst2_are_drawn() {
    let Some(root) = real("sst2") else { return };
    for (split, count, positive) in
        [("train", 6920, 3610), ("valid", 872, 444), ("test", 1821, 909)]
    {
        let split = Split::read(
            find("rendered_sst2_own").expect("known"),
            &root,
            split,
            &ReadOptions::default(),
        );
        let split = split.expect("readable");
        let found = split.items.iter().filter(|item| class(item) == 1).count();
        assert_eq!((split.items.len(), found), (count, positive));
        let picture = split.items.bytes(&split.items[0]).expect("a picture");
        assert!(picture.starts_with(b"P5\n448 448\n255\n") && picture.len() == 15 + 448 * 448);
        assert!(split.notes[0].contains("not to be compared"), "{:?}", split.notes);
    }
}

/// One bird under 18 corruptions at the severities 1, 3 and 5.
#[test]
fn imagenet_c_has_a_split_for_each_corruption_and_severity() {
    let Some(root) = real("imagenet-c") else { return };
    for name in ["snow/1", "jpeg_compression/5", "gaussian_blur/3"] {
        let split = read(&root, "imagenet_c", name);
        assert_eq!(
            (split.items.len(), class(&split.items[0])),
            (1, 14),
            "{name}: an indigo bunting"
        );
        assert_eq!(split.items[0].id(), format!("{name}/n01537544/bird.JPEG"));
    }
    let missing =
        Split::read(find("imagenet_c").expect("of it"), &root, "snow/2", &ReadOptions::default());
    assert!(missing.expect_err("severity 2 is not in this part").to_string().contains("snow/2"));
}
