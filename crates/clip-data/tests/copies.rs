//! Copies of the data sets as hubs, libraries and courses give them: what is read, by which name of
//! its layout, and what is only recognised. One row each; the files are stand-ins.

mod fixture;

use clip_data::{CheckReport, Item, Split, check, find, packed, present};
use fixture::{Fixture, class};

/// A copy that is read.
struct Copy {
    id: &'static str,
    split: &'static str,
    /// Lists and their text.
    lists: &'static [(&'static str, &'static str)],
    images: &'static [&'static str],
    /// The class of each item.
    classes: &'static [u32],
    /// A part of the note that names the layout.
    layout: &'static str,
}

const NONE: &[(&str, &str)] = &[];

const COPIES: &[Copy] = &[
    Copy {
        id: "stanford_cars",
        split: "test",
        lists: NONE,
        images: &[
            "car_data/car_data/test/Acura RL Sedan 2012/a.jpg",
            "car_data/car_data/test/Ram C-V Cargo Van Minivan 2012/a.jpg",
        ],
        classes: &[1, 173],
        layout: "class folders in test",
    },
    Copy {
        id: "caltech101",
        split: "all",
        lists: NONE,
        images: &[
            "caltech-101/caltech-101/faces_easy/1.jpg",
            "caltech-101/caltech-101/faces/1.jpg",
        ],
        classes: &[1, 2],
        layout: "in caltech-101/caltech-101",
    },
    Copy {
        id: "cifar10",
        split: "test",
        lists: NONE,
        images: &["cifar10/test/automobile/1.png", "cifar10/test/truck/1.png"],
        classes: &[1, 9],
        layout: "class folders in test",
    },
    Copy {
        id: "mnist",
        split: "test",
        lists: NONE,
        images: &["mnist_png/testing/0/1.png", "mnist_png/testing/7/1.png"],
        classes: &[0, 7],
        layout: "class folders in testing",
    },
    Copy {
        id: "imagenet_a",
        split: "test",
        lists: NONE,
        images: &["imagenet-adversarial/imagenet-a/n01498041/a.jpg"],
        classes: &[0],
        layout: "in imagenet-adversarial",
    },
    Copy {
        id: "imagenet_r",
        split: "test",
        lists: NONE,
        images: &["imagenet-rendition/imagenet-r/n01443537/a.jpg"],
        classes: &[0],
        layout: "in imagenet-rendition",
    },
    Copy {
        id: "imagenet_sketch",
        split: "test",
        lists: NONE,
        images: &["imagenet-sketch/images/n01440764/a.JPEG"],
        classes: &[0],
        layout: "in imagenet-sketch/images",
    },
    Copy {
        id: "imagenet",
        split: "val",
        lists: &[("imagenet/classnames.txt", "n01440764 tench\n")],
        images: &["imagenet/images/val/n01440764/a.JPEG"],
        classes: &[0],
        layout: "val is images/val",
    },
    Copy {
        id: "imagenet",
        split: "val",
        lists: NONE,
        images: &["imagenet/validation/n01443537/a.JPEG"],
        classes: &[1],
        layout: "val is validation",
    },
    Copy {
        id: "imagenet",
        split: "val",
        lists: NONE,
        images: &[
            "imagenet/val/ILSVRC2012_val_00000001_n01443537.JPEG",
            "imagenet/val/ILSVRC2012_val_00000002_n01440764.JPEG",
        ],
        classes: &[1, 0],
        layout: "end with their wnids",
    },
    Copy {
        id: "imagenet",
        split: "val",
        lists: &[(
            "LOC_val_solution.csv",
            "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 1 2 3 4 n01440764 5 6 7 8 \n\
             ILSVRC2012_val_00000001,n01443537 1 2 3 4 \n",
        )],
        images: &[
            "ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG",
            "ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000002.JPEG",
        ],
        classes: &[1, 0],
        layout: "classes by LOC_val_solution.csv",
    },
    Copy {
        id: "imagenetv2",
        split: "matched-frequency",
        lists: NONE,
        images: &["imagenetv2-matched-frequency/10/a.jpeg"],
        classes: &[10],
        layout: "imagenetv2-matched-frequency-format-val is imagenetv2-matched-frequency",
    },
    Copy {
        id: "imagenetv2",
        split: "top-images",
        lists: NONE,
        images: &["imagenetv2/imagenetv2-top-images-format-val/n01443537/a.jpeg"],
        classes: &[1],
        layout: "folders are called by wnid",
    },
    Copy {
        id: "sun397",
        split: "test",
        lists: &[
            ("sun397/Testing_01.txt", "/a/abbey/sun_aaa.jpg\n"),
            ("sun397/SUN397/ClassName.txt", "/a/abbey\n"),
        ],
        images: &["sun397/SUN397/a/abbey/sun_aaa.jpg"],
        classes: &[0],
        layout: "in sun397/SUN397",
    },
    Copy {
        id: "food101",
        split: "test",
        lists: &[(
            "food-101/meta/test.json",
            r#"{"waffles": ["waffles/1"], "apple_pie": ["apple_pie/1"]}"#,
        )],
        images: &["food-101/images/waffles/1.jpg", "food-101/images/apple_pie/1.jpg"],
        classes: &[0, 100],
        layout: "meta/test.json",
    },
    Copy {
        id: "fgvc_aircraft",
        split: "test",
        lists: &[
            (
                "fgvc-aircraft-2013b/fgvc-aircraft-2013b/data/images_variant_test.txt",
                "1514522 707-320\n",
            ),
            ("fgvc-aircraft-2013b/fgvc-aircraft-2013b/data/variants.txt", "707-320\n"),
        ],
        images: &["fgvc-aircraft-2013b/fgvc-aircraft-2013b/data/images/1514522.jpg"],
        classes: &[0],
        layout: "in fgvc-aircraft-2013b/fgvc-aircraft-2013b/data",
    },
    Copy {
        id: "oxford_pets",
        split: "test",
        lists: &[("oxford-iiit-pet/annotations/annotations/test.txt", "Bengal_131 6 1 2\n")],
        images: &["oxford-iiit-pet/images/images/Bengal_131.jpg"],
        classes: &[1],
        layout: "images is images/images",
    },
    Copy {
        id: "dtd",
        split: "test",
        lists: &[("dtd/dtd/labels/test1.txt", "banded/banded_0010.jpg\n")],
        images: &["dtd/dtd/images/banded/banded_0010.jpg"],
        classes: &[0],
        layout: "in dtd/dtd",
    },
    Copy {
        id: "eurosat",
        split: "all",
        lists: NONE,
        images: &["EuroSAT_RGB/AnnualCrop/AnnualCrop_1.jpg", "EuroSAT_RGB/Forest/Forest_1.jpg"],
        classes: &[7, 0],
        layout: "in EuroSAT_RGB",
    },
    Copy {
        id: "gtsrb",
        split: "test",
        lists: &[("gtsrb/Test.csv", "Width,Height,ClassId,Path\n53,54,34,Test/00032.png\n")],
        images: &["gtsrb/Test/00032.png"],
        classes: &[34],
        layout: "Test.csv",
    },
    Copy {
        id: "gtsrb",
        split: "train-official",
        lists: NONE,
        images: &["gtsrb/Train/0/a.png", "gtsrb/Train/10/a.png", "gtsrb/Train/2/a.png"],
        classes: &[0, 10, 2],
        layout: "Final_Training/Images is Train",
    },
    Copy {
        id: "fer2013",
        split: "valid",
        lists: NONE,
        images: &[
            "fer2013/test/angry/PrivateTest_1.jpg",
            "fer2013/test/sad/PublicTest_2.jpg",
            "fer2013/train/sad/Training_3.jpg",
        ],
        classes: &[4],
        layout: "class folders in test, PublicTest_* by their names",
    },
    Copy {
        id: "kitti_distance",
        split: "all",
        lists: &[(
            "kitti/data_object_label_2/training/label_2/000001.txt",
            "Car 0.00 0 1.85 387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57\n",
        )],
        images: &["kitti/data_object_image_2/training/image_2/000001.png"],
        classes: &[2],
        layout: "training/label_2 is data_object_label_2/training/label_2",
    },
    Copy {
        id: "ucf101",
        split: "test-1",
        lists: &[
            ("ucf101/ucfTrainTestlist/classInd.txt", "1 Archery\n2 HandstandPushups\n"),
            (
                "ucf101/ucfTrainTestlist/testlist01.txt",
                "Archery/v_Archery_g01_c01.avi\nHandstandPushups/v_HandStandPushups_g01_c01.avi\n",
            ),
        ],
        images: &[
            "ucf101/test/Archery/v_Archery_g01_c01.avi",
            "ucf101/train/HandStandPushups/v_HandStandPushups_g01_c01/1.png",
        ],
        classes: &[2, 36],
        layout: "clips in train, test",
    },
    Copy {
        id: "ucf101",
        split: "test-1",
        lists: &[
            ("ucf101/ucfTrainTestlist/classInd.txt", "1 ApplyEyeMakeup\n"),
            (
                "ucf101/ucfTrainTestlist/testlist01.txt",
                "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\n",
            ),
        ],
        images: &["ucf101/UCF-101-midframes/Apply_Eye_Makeup/v_ApplyEyeMakeup_g01_c01.jpg"],
        classes: &[0],
        layout: "UCF-101 is UCF-101-midframes",
    },
];

fn read(copy: &Copy) -> (Fixture, Split) {
    let fixture = Fixture::new();
    for (path, text) in copy.lists {
        fixture.file(path, text);
    }
    fixture.images(copy.images);
    let split = fixture.read(copy.id, copy.split);
    (fixture, split)
}

#[test]
fn copies_are_read_and_their_layout_is_named() {
    for copy in COPIES {
        let (fixture, split) = read(copy);
        let found: Vec<u32> = split.items.iter().map(class).collect();
        let at = format!("{} {} {:?}", copy.id, copy.split, copy.images);
        assert_eq!(found, copy.classes, "{at}");
        assert!(
            split.notes.iter().any(|note| note.contains(copy.layout)),
            "{at}: {:?}",
            split.notes
        );
        for item in &split.items {
            let path = split.items.folder.join(item.id());
            assert!(path.exists() || path.with_extension("").is_dir(), "{at}: {}", item.id());
        }
        drop(fixture);
    }
}

#[test]
fn captions_of_copies_are_read() {
    let fixture = Fixture::new();
    fixture
        .file("flickr30k_images/results.csv", "image_name| comment_number| comment\n1.jpg| 0| A man .\n1.jpg| 4   A dog .\n")
        .images(&["flickr30k_images/flickr30k_images/1.jpg"])
        .file("flickr8k/captions.txt", "image,caption\n1000_a.jpg,\"A child , in pink .\"\n")
        .images(&["flickr8k/Images/1000_a.jpg"])
        .file(
            "coco/annotations/dataset_coco.json",
            r#"{"images": [{"filepath": "val2014", "filename": "COCO_val2014_000000000042.jpg", "split": "test",
                "sentences": [{"raw": "a camera"}]}, {"filepath": "val2014", "split": "val",
                "filename": "COCO_val2014_000000000043.jpg", "sentences": [{"raw": "a dog"}]}]}"#,
        )
        .images(&["coco/images/val2014/COCO_val2014_000000000043.jpg"])
        .images(&["coco/train2017/000000000042.jpg"]);
    for (id, split, item, layout) in [
        (
            "flickr30k",
            "all",
            "flickr30k_images/flickr30k_images/1.jpg",
            "flickr30k_images/results.csv",
        ),
        ("flickr8k", "all", "Images/1000_a.jpg", "captions.txt"),
        ("mscoco", "test", "train2017/000000000042.jpg", "names of the other year"),
        ("mscoco", "val", "images/val2014/COCO_val2014_000000000043.jpg", "images in images"),
    ] {
        let split = fixture.read(id, split);
        assert_eq!(split.items.iter().map(Item::id).collect::<Vec<_>>(), [item], "{id}");
        assert!(split.notes.iter().any(|note| note.contains(layout)), "{id}: {:?}", split.notes);
    }
    let message =
        fixture.try_read("flickr30k", "test").expect_err("no list of the split").to_string();
    assert!(message.contains("the split `all` needs none"), "{message}");
}

#[test]
fn parts_of_voc_in_folders_of_their_own_are_both_found() {
    let fixture = Fixture::new();
    let labels = clip_data::PromptSet::of("voc2007").expect("prompts").labels.expect("labels");
    for (part, split, image) in
        [("VOCtest_06-Nov-2007", "test", 1), ("VOCtrainval_06-Nov-2007", "train", 2)]
    {
        let inside = format!("{part}/VOCdevkit/VOC2007");
        for label in &labels {
            fixture.file(
                &format!("{inside}/ImageSets/Main/{label}_{split}.txt"),
                format!("{image:06} -1\n"),
            );
        }
        fixture.images(&[&format!("{inside}/JPEGImages/{image:06}.jpg")]);
    }
    for (split, image) in [("test", "JPEGImages/000001.jpg"), ("train", "JPEGImages/000002.jpg")] {
        let split = fixture.read("voc2007", split);
        assert_eq!(split.items.iter().map(Item::id).collect::<Vec<_>>(), [image]);
    }
}

fn report(fixture: &Fixture, id: &str) -> CheckReport {
    check(find(id).expect("of the catalogue"), fixture.root(), &mut |_| {})
        .expect("files are readable")
}

/// What is recognised and not read: data set, files, and what its check says.
const RECOGNISED: &[(&str, &[&str], &str)] = &[
    (
        "flowers102",
        &["oxford_flowers/split_zhou_OxfordFlowers.json", "oxford_flowers/imagelabels.mat"],
        "put setid.mat",
    ),
    ("flowers102", &["flowers/train/1/a.jpg"], "numbered folders"),
    ("imagenet", &["imagenet/val/1/a.JPEG", "imagenet/val/2/a.JPEG"], "called by numbers"),
    (
        "ucf101",
        &["ucf101/test/Archery/v_Archery_g01_c01.avi", "ucf101/test.csv"],
        "put ucfTrainTestlist/",
    ),
    ("eurosat", &["eurosat/train/AnnualCrop/a.jpg"], "lay the images of all parts together"),
    ("resisc45", &["resisc45/train/airplane/a.jpg"], "lay the images of all parts together"),
    ("oxford_pets", &["oxford_pets/images/Abyssinian_1.jpg"], "unpack annotations.tar.gz"),
    ("fer2013", &["fer2013/train.csv", "fer2013/test.csv"], "fer2013.csv or icml_face_data.csv"),
    ("cifar100", &["cifar100/data/test-00000-of-00001.parquet"], "Hugging Face's tables"),
    ("dtd", &["dtd/dtd-test.tfrecord-00000-of-00002"], "TensorFlow's records"),
    ("food101", &["food101/test/nshards.txt"], "webdataset:"),
];

#[test]
fn other_copies_are_recognised_with_a_way_out() {
    for (id, files, way) in RECOGNISED {
        let fixture = Fixture::new();
        for path in *files {
            fixture.file(path, "emotion,pixels\n");
        }
        let report = report(&fixture, id);
        let said = report
            .problems
            .iter()
            .any(|problem| problem.contains("recognised by") && problem.contains(way));
        assert!(said, "{id}: {:?}", report.problems);
    }
}

#[test]
fn cars_without_labels_of_the_test_part_say_so() {
    let fixture = Fixture::new();
    fixture
        .images(&["stanford_cars/cars_test/cars_test/00001.jpg"])
        .file("stanford_cars/devkit/cars_train_annos.mat", "");
    let problems = report(&fixture, "stanford_cars").problems.join("\n");
    assert!(problems.contains("the devkit has no labels of the test part"), "{problems}");
}

#[test]
fn folder_in_which_names_are_equal_but_for_spelling_is_refused() {
    let fixture = Fixture::new();
    fixture.images(&[
        "101_ObjectCategories/Faces_easy/1.jpg",
        "101_ObjectCategories/faces_easy/1.jpg",
    ]);
    let message = fixture.try_read("caltech101", "all").expect_err("twice").to_string();
    assert!(message.contains("`Faces_easy` and `faces_easy` are the same class"), "{message}");
}

#[cfg(unix)]
#[test]
fn name_that_is_not_utf_8_is_left_out_and_counted() {
    use std::os::unix::ffi::OsStrExt;

    let fixture = Fixture::new();
    fixture.images(&["country211/test/AD/1.jpg"]);
    let odd = std::ffi::OsStr::from_bytes(b"a\xff.jpg");
    std::fs::write(fixture.root().join("country211/test/AD").join(odd), "").expect("written");
    let split = fixture.read("country211", "test");
    assert_eq!(split.items.len(), 1);
    let [left_out] = split.left_out.as_slice() else { panic!("{:?}", split.left_out) };
    assert_eq!(
        (&*left_out.input, &*left_out.reason),
        ("test/AD/a\u{fffd}.jpg", "the name is not UTF-8")
    );
    let report = report(&fixture, "country211");
    let test = report.splits.iter().find(|split| split.name == "test").expect("the split");
    assert_eq!(test.n_left_out, 1);
}

#[test]
fn archive_that_lies_there_alone_is_among_what_is_checked() {
    let fixture = Fixture::new();
    fixture.file("EuroSAT.zip", "damaged").images(&["country211/test/AD/1.jpg"]);
    let ids = |sets: Vec<&'static clip_data::Dataset>| {
        sets.iter().map(|set| set.id.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(ids(present(fixture.root())), ["country211"]);
    assert_eq!(ids(packed(fixture.root())), ["eurosat"]);
    assert!(
        report(&fixture, "eurosat").problems[0].contains("incomplete or changed, fetch it again")
    );
}
