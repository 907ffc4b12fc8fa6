//! Robustness sets and retrieval sets, each in miniature, and their traps (PROTOCOL_EVAL 6.2, 6.3,
//! 7.4, 7.5).

mod fixture;

use clip_data::{Item, PromptSet, ReadOptions, Split, Target, find};
use fixture::Fixture;

fn frame(item: &Item) -> (&[u32], usize) {
    match &item.target {
        Target::Frame { labels, anchor } => (labels, *anchor),
        other => panic!("{} is no frame but {other:?}", item.id()),
    }
}

fn captions(item: &Item) -> Vec<&str> {
    match &item.target {
        Target::Captions(captions) => captions.iter().map(|caption| &**caption).collect(),
        other => panic!("{} has no captions but {other:?}", item.id()),
    }
}

/// In the published lists the anchor 31 of this video is an antelope, a bus or a lizard among
/// others; from frame 35 on its last label is gone.
#[test]
fn neighbour_of_imagenet_vid_has_its_own_labels() {
    let fixture = Fixture::new();
    let folder = "imagenet-vid-robust/val/ILSVRC2015_val_00023004";
    fixture.images(&["imagenet-vid-robust/val/ILSVRC2015_val_00000000/000441.JPEG"]); // its anchor is not there
    for number in [30, 31, 35] {
        fixture.images(&[&format!("{folder}/{number:06}.JPEG")]);
    }
    let split = fixture.read("imagenet_vid", "val");
    let found: Vec<_> = split.items.iter().map(|item| (item.id(), frame(item))).collect();
    let id = |number: u32| format!("val/ILSVRC2015_val_00023004/{number:06}.JPEG");
    let expected =
        [(id(31), (&[5, 6, 18][..], 0)), (id(30), (&[5, 6, 18], 0)), (id(35), (&[5, 6], 0))];
    assert_eq!(found, expected);
    assert_eq!(split.missing.len(), 1108 + 15, "anchors, and neighbours of the one that is there");
}

#[test]
fn ytbb_takes_frames_within_ten_and_knows_22_from_23() {
    let fixture = Fixture::new();
    // Labels are positions in the file's own list: marks first, then classes that reviewers added.
    let reviewed = r#"{"annotations": [
        {"key": "vF7yMilclwc_459733/frame-13792.jpg", "notes": "", "labels": [0, 4]},
        {"key": "A_weMKVolQM_82466/frame-2062.jpg", "notes": "", "labels": [2]}],
        "labels": ["good", "unsure", "bad", "person", "car"]}"#;
    fixture.file("ytbb/metadata/anchor_labels.json", reviewed);
    for number in [13781, 13782, 13792, 13802, 13803] {
        fixture.images(&[&format!("ytbb/vF7yMilclwc_459733/frame-{number}.jpg")]);
    }
    fixture.images(&["ytbb/vF7yMilclwc_459733/cover.jpg"]);
    let split = fixture.read("ytbb", "val");
    let found: Vec<_> = split.items.iter().map(|item| (item.id(), frame(item))).collect();
    let id = |number: u32| format!("vF7yMilclwc_459733/frame-{number}.jpg");
    let labels = &[0, 23][..];
    assert_eq!(
        found,
        [(id(13792), (labels, 0)), (id(13782), (labels, 0)), (id(13802), (labels, 0))]
    );
    assert_eq!(split.missing, [""; 0], "an anchor marked bad is none");
    let prompts = PromptSet::of("ytbb").expect("prompts");
    assert_eq!((&*prompts.classes[22][0], &*prompts.classes[23][0]), ("none", "car"));
    assert!(split.notes.iter().any(|note| note.contains("reviewed list")), "{:?}", split.notes);
}

#[test]
fn anchor_whose_class_no_list_names_is_there_and_has_no_truth() {
    let fixture = Fixture::new();
    let reviewed = r#"{"annotations": [{"key": "unknown_24400/frame-732.jpg", "notes": "", "labels": [0]}],
        "labels": ["good", "unsure", "bad", "person"]}"#;
    fixture.file("ytbb-robust/metadata/anchor_labels.json", reviewed);
    for number in 721..=743 {
        fixture.images(&[&format!("ytbb-robust/unknown_24400/frame-{number}.jpg")]);
    }
    let split = fixture.read("ytbb", "val");
    assert_eq!(split.items.len(), 21);
    assert!(split.items.iter().all(|item| item.target == Target::Unknown));
}

#[test]
fn karpathys_split_of_flickr30k_goes_before_the_other_lists() {
    let fixture = Fixture::new();
    let karpathy = r#"{"images": [
        {"filename": "2.jpg", "split": "test", "imgid": 0, "sentids": [0, 1],
         "sentences": [{"raw": "Two men. ", "tokens": [], "sentid": 0}, {"raw": "Men", "tokens": []}]},
        {"filename": "1.jpg", "split": "val", "sentences": [{"raw": "A dog"}]}], "dataset": "flickr30k"}"#;
    fixture
        .file("flickr30k/dataset_flickr30k.json", karpathy)
        .file("flickr30k/flickr30k_test_karpathy.txt", "image,caption\n1.jpg,not this\n")
        .images(&["flickr30k/flickr30k-images/1.jpg", "flickr30k/flickr30k-images/2.jpg"]);
    let test = fixture.read("flickr30k", "test");
    assert_eq!(test.items[0].id(), "flickr30k-images/2.jpg");
    assert_eq!(captions(&test.items[0]), ["Two men. ", "Men"]);
    assert_eq!(test.items.len(), 1);
    let options = ReadOptions { captions: Some(1), ..Default::default() };
    let dataset = find("flickr30k").expect("of the catalogue");
    let first = Split::read(dataset, fixture.root(), "test", &options).expect("readable");
    assert_eq!(captions(&first.items[0]), ["Two men. "]);
    assert_eq!(first.notes, ["1 captions beyond the first 1 of an image are left out"]);
}

#[test]
fn list_of_clip_benchmark_serves_flickr30k() {
    let fixture = Fixture::new();
    fixture
        .file(
            "flickr30k/flickr30k_test_karpathy.txt",
            "image,caption\n7.jpg,A man, a dog.\n7.jpg,Two\n",
        )
        .images(&["flickr30k/flickr30k-images/7.jpg"]);
    let test = fixture.read("flickr30k", "test");
    assert_eq!(captions(&test.items[0]), ["A man, a dog.", "Two"]);
}

#[test]
fn token_file_needs_a_list_of_the_split() {
    let fixture = Fixture::new();
    fixture
        .file(
            "flickr30k/results_20130124.token",
            "1.jpg#0\tA dog .\n2.jpg#0\tA cat .\n1.jpg#1\tDog\n",
        )
        .images(&["flickr30k/flickr30k-images/1.jpg", "flickr30k/flickr30k-images/2.jpg"]);
    let message = fixture.try_read("flickr30k", "test").expect_err("no list").to_string();
    assert!(message.contains("test_images.txt"), "{message}");
    assert_eq!(fixture.read("flickr30k", "all").items.len(), 2);
    fixture.file("flickr30k/test_images.txt", "2.jpg\n");
    assert_eq!(captions(&fixture.read("flickr30k", "test").items[0]), ["A cat ."]);
}

#[test]
fn flickr8k_names_a_photo_that_nobody_has() {
    let fixture = Fixture::new();
    let odd = "2258277193_586949ec62.jpg.1#0\tpeople waiting for the subway\n";
    fixture
        .file(
            "flickr8k/Flickr8k.token.txt",
            format!("3.jpg#0\tA child .\n3.jpg#1\tA girl .\n{odd}"),
        )
        .file("flickr8k/Flickr_8k.testImages.txt", "3.jpg\n")
        .file("flickr8k/Flickr_8k.devImages.txt", "3.jpg\n")
        .images(&["flickr8k/Flicker8k_Dataset/3.jpg"]);
    let all = fixture.read("flickr8k", "all");
    assert_eq!(all.missing, ["Flicker8k_Dataset/2258277193_586949ec62.jpg.1"]);
    for split in ["val", "test"] {
        assert_eq!(
            captions(&fixture.read("flickr8k", split).items[0]),
            ["A child .", "A girl ."],
            "{split}"
        );
    }
}

#[test]
fn mscoco_reads_karpathys_splits_and_annotations_of_a_year() {
    let fixture = Fixture::new();
    let karpathy = r#"{"images": [
        {"filepath": "val2014", "filename": "COCO_val2014_000000000042.jpg", "split": "test", "cocoid": 42,
         "sentences": [{"raw": "1"}, {"raw": "2"}, {"raw": "3"}, {"raw": "4"}, {"raw": "5"}, {"raw": "6"}]},
        {"filepath": "val2014", "filename": "COCO_val2014_000000000073.jpg", "split": "restval",
         "sentences": [{"raw": "x"}]}]}"#;
    let coco = r#"{"info": {}, "images": [
        {"id": 9, "file_name": "000000000009.jpg"}, {"id": 5, "file_name": "000000000005.jpg"}],
        "annotations": [{"image_id": 9, "id": 1, "caption": "A dog.\n"}, {"image_id": 5, "id": 2, "caption": "b "},
        {"image_id": 9, "id": 3, "caption": "c"}]}"#;
    fixture
        .file("coco/dataset_coco.json", karpathy)
        .file("coco/annotations/captions_val2017.json", coco)
        .file("coco/coco_val_karpathy.json", coco.replace("000000000", "COCO_val2014_000000000"))
        .images(&[
            "coco/val2014/COCO_val2014_000000000042.jpg",
            "coco/val2014/COCO_val2014_000000000073.jpg",
        ])
        .images(&["coco/val2017/000000000005.jpg", "coco/val2017/000000000009.jpg"])
        .images(&[
            "coco/val2014/COCO_val2014_000000000005.jpg",
            "coco/val2014/COCO_val2014_000000000009.jpg",
        ]);
    let test = fixture.read("mscoco", "test");
    assert_eq!(test.items[0].id(), "val2014/COCO_val2014_000000000042.jpg");
    assert_eq!(captions(&test.items[0]).len(), 6, "all captions count");
    assert_eq!(fixture.read("mscoco", "train").items.len(), 1, "restval belongs to train");
    let year = fixture.read("mscoco", "val2017");
    let ids: Vec<String> = year.items.iter().map(Item::id).collect();
    assert_eq!(ids, ["val2017/000000000005.jpg", "val2017/000000000009.jpg"]);
    assert_eq!(captions(&year.items[1]), ["A dog.\n", "c"]);
    std::fs::remove_file(fixture.root().join("coco/dataset_coco.json")).expect("removed");
    assert_eq!(fixture.read("mscoco", "val").items.len(), 2, "CLIP_benchmark's file");
}
