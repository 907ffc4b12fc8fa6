//! Sets whose lists are structs and cells of MATLAB.

use clip_data::Target;

use crate::writers::matlab::{bytes, cells, compressed, doubles, empty, file, structs, text};
use crate::{classes, ids, images, read, refusal, write};

#[test]
fn flowers102_tests_on_the_large_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels = doubles("labels", &[1, 4], &[1.0, 102.0, 77.0, 1.0]);
    write(&folder.path().join("imagelabels.mat"), file(&[compressed(&labels)]));
    let parts = [
        doubles("trnid", &[1, 1], &[4.0]),
        bytes("valid", &[1, 1], &[2]),
        doubles("tstid", &[1, 2], &[3.0, 1.0]),
    ];
    write(&folder.path().join("setid.mat"), file(&parts.map(|part| compressed(&part))));
    images(folder.path(), &["jpg/image_00001.jpg", "jpg/image_00002.jpg", "jpg/image_00003.jpg"]);
    let test = read("flowers102", folder.path(), "test").expect("read");
    assert_eq!(
        (classes(&test), ids(&test)),
        (vec![76, 0], vec!["jpg/image_00003.jpg".into(), "jpg/image_00001.jpg".into()])
    );
    assert_eq!(classes(&read("flowers102", folder.path(), "val").expect("read")), [101]);
    let train = read("flowers102", folder.path(), "train").expect("read");
    assert_eq!((train.items.len(), train.missing), (0, vec!["jpg/image_00004.jpg".to_owned()]));
}

#[test]
fn flowers102_image_without_label_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("imagelabels.mat"), file(&[doubles("labels", &[1, 1], &[1.0])]));
    write(&folder.path().join("setid.mat"), file(&[doubles("tstid", &[1, 1], &[2.0])]));
    assert!(
        refusal("flowers102", folder.path(), "test").contains("image 2, labels are for 1 to 1")
    );
}

fn car(class: Option<u8>, name: &str) -> Vec<Vec<u8>> {
    let bounds = [39.0, 116.0, 569.0, 375.0].map(|bound| doubles("", &[1, 1], &[bound]));
    let class = class.map(|class| bytes("", &[1, 1], &[class]));
    bounds.into_iter().chain(class).chain([text("", name)]).collect()
}

const FIELDS: [&str; 6] = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"];

#[test]
fn stanford_cars_counts_from_one_and_wants_the_labels_of_the_test() {
    let folder = tempfile::tempdir().expect("a folder");
    let train = structs(
        "annotations",
        &FIELDS,
        &[car(Some(196), "00001.jpg"), car(Some(1), "00002.jpg")].concat(),
    );
    write(&folder.path().join("devkit/cars_train_annos.mat"), file(&[compressed(&train)]));
    let test = structs(
        "annotations",
        &["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "fname"],
        &car(None, "00001.jpg"),
    );
    write(&folder.path().join("devkit/cars_test_annos.mat"), file(&[compressed(&test)]));
    images(folder.path(), &["cars_train/00001.jpg", "cars_train/00002.jpg", "cars_test/00001.jpg"]);
    let train = read("stanford_cars", folder.path(), "train").expect("read");
    assert_eq!((classes(&train), ids(&train)[1].as_str()), (vec![195, 0], "cars_train/00002.jpg"));
    let error = refusal("stanford_cars", folder.path(), "test");
    assert!(error.contains("cars_test_annos_withlabels.mat: is needed"), "{error}");
    let test = structs("annotations", &FIELDS, &car(Some(3), "00001.jpg"));
    write(&folder.path().join("cars_test_annos_withlabels.mat"), file(&[test]));
    let test = read("stanford_cars", folder.path(), "test").expect("read");
    assert_eq!((classes(&test), ids(&test)[0].as_str()), (vec![2], "cars_test/00001.jpg"));
}

#[test]
fn stanford_cars_with_renamed_classes_or_class_zero_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let train = structs("annotations", &FIELDS, &car(Some(0), "00001.jpg"));
    write(&folder.path().join("devkit/cars_train_annos.mat"), file(&[train]));
    assert!(
        refusal("stanford_cars", folder.path(), "train")
            .contains("annotation 1: class 0, expected 1 to 196")
    );
    let names =
        cells("class_names", &[text("", "AM General Hummer SUV 2000"), text("", "Acura RL 2012")]);
    write(&folder.path().join("devkit/cars_meta.mat"), file(&[compressed(&names)]));
    assert!(
        refusal("stanford_cars", folder.path(), "train")
            .contains("class `Acura RL 2012` is not one of")
    );
}

#[test]
fn iiit5k_takes_the_lexicon_of_a_thousand() {
    let folder = tempfile::tempdir().expect("a folder");
    let words =
        |words: &[&str]| cells("", &words.iter().map(|word| text("", word)).collect::<Vec<_>>());
    let fields = ["ImgName", "GroundTruth", "smallLexi", "mediumLexi"];
    let values = [
        vec![
            text("", "test/1_1.png"),
            text("", "PRIVATE"),
            words(&["A"]),
            words(&["private", "HOUSE"]),
        ],
        vec![text("", "test/2_1.png"), text("", "X1"), empty(), words(&["Y"])],
    ];
    write(
        &folder.path().join("testdata.mat"),
        file(&[compressed(&structs("testdata", &fields, &values.concat()))]),
    );
    images(folder.path(), &["test/1_1.png", "test/2_1.png"]);
    let test = read("iiit5k", folder.path(), "test").expect("read");
    assert_eq!(ids(&test), ["test/1_1.png", "test/2_1.png"]);
    let Target::Word { truth, candidates } = &test.items[0].target else { panic!("no word") };
    assert_eq!(
        (&**truth, candidates.iter().map(|word| &**word).collect::<Vec<_>>()),
        ("PRIVATE", vec!["private", "HOUSE"])
    );
    assert!(test.notes[0].starts_with("1 images whose own word"), "{:?}", test.notes);
}

#[test]
fn cells_nested_without_end_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = (0..40).fold(text("", "x"), |inside, _| cells("testdata", &[inside]));
    write(&folder.path().join("testdata.mat"), file(&[deep]));
    assert!(refusal("iiit5k", folder.path(), "test").contains("more than 16 deep"));
}

#[test]
fn numbers_that_do_not_fill_their_shape_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("imagelabels.mat"), file(&[bytes("labels", &[1, 9], &[1, 2])]));
    write(&folder.path().join("setid.mat"), file(&[bytes("tstid", &[1, 1], &[1])]));
    assert!(
        refusal("flowers102", folder.path(), "test").contains("`labels` has 2 numbers for [1, 9]")
    );
}
