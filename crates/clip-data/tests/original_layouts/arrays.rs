//! Sets whose images lie as arrays in a few files.

use clip_data::formats::ppm;

use crate::writers::{gzip, hdf5, idx, matlab, pickle};
use crate::{classes, ids, read, refusal, write};

/// Image `seed`: red, green and blue planes of 32 x 32, row by row; and the same as rows of
/// triples.
fn picture(seed: u8) -> (Vec<u8>, Vec<u8>) {
    let color = |plane: usize, place: usize| {
        (place as u8).wrapping_mul(3).wrapping_add(seed).wrapping_add(85 * plane as u8)
    };
    let planes = (0..3).flat_map(|plane| (0..1024).map(move |place| color(plane, place))).collect();
    let triples =
        (0..1024).flat_map(|place| (0..3).map(move |plane| color(plane, place))).collect();
    (planes, triples)
}

#[test]
fn cifar10_binary_has_one_label_and_three_planes() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("cifar-10-batches-bin");
    let record = |label: u8, seed| [vec![label], picture(seed).0].concat();
    write(&root.join("test_batch.bin"), [record(3, 1), record(9, 2)].concat());
    write(&root.join("data_batch_1.bin"), record(0, 3));
    write(&root.join("data_batch_5.bin"), record(1, 4));
    let test = read("cifar10", folder.path(), "test").expect("read");
    assert_eq!(classes(&test), [3, 9]);
    assert_eq!(test.items.bytes(&test.items[1]).expect("pixels"), ppm::rgb(32, 32, &picture(2).1));
    let train = read("cifar10", folder.path(), "train").expect("read");
    assert_eq!(ids(&train), ["data_batch_1/0", "data_batch_5/0"]);
    assert_eq!(train.missing.len(), 3);
    assert_eq!(train.missing[0], "cifar-10-batches-bin/data_batch_2.bin");
}

#[test]
fn cifar10_edition_of_python_gives_the_same_items() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("cifar-10-batches-py");
    let data = [picture(1).0, picture(2).0].concat();
    write(&root.join("test_batch"), pickle::batch("labels", &[3, 9], &data));
    let test = read("cifar10", folder.path(), "test").expect("read");
    assert_eq!(
        (classes(&test), ids(&test)),
        (vec![3, 9], vec!["test_batch/0".into(), "test_batch/1".into()])
    );
    assert_eq!(test.items.bytes(&test.items[1]).expect("pixels"), ppm::rgb(32, 32, &picture(2).1));
}

#[test]
fn cifar100_takes_the_fine_label() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = [vec![19, 99], picture(7).0].concat();
    write(&folder.path().join("cifar-100-binary/test.bin"), record);
    let test = read("cifar100", folder.path(), "test").expect("read");
    assert_eq!(classes(&test), [99]);
    assert_eq!(test.items.bytes(&test.items[0]).expect("pixels"), ppm::rgb(32, 32, &picture(7).1));
    let python = folder.path().join("py");
    write(
        &python.join("cifar-100-python/test"),
        pickle::batch("fine_labels", &[99], &picture(7).0),
    );
    assert_eq!(classes(&read("cifar100", &python, "test").expect("read")), [99]);
}

#[test]
fn cifar_with_other_class_names_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("cifar-10-batches-bin");
    write(&root.join("test_batch.bin"), [vec![0], picture(1).0].concat());
    write(&root.join("batches.meta.txt"), "airplane\nlorry\n\n");
    assert!(refusal("cifar10", folder.path(), "test").contains("class `lorry` is not one of"));
    let python = folder.path().join("py/cifar-10-batches-py");
    write(&python.join("test_batch"), pickle::batch("labels", &[0], &picture(1).0));
    write(&python.join("batches.meta"), pickle::names("label_names", &["airplane", "lorry"]));
    assert!(
        refusal("cifar10", &folder.path().join("py"), "test")
            .contains("class `lorry` is not one of")
    );
}

#[test]
fn cifar_with_half_a_record_or_a_label_too_many_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cifar-10-batches-bin/test_batch.bin");
    write(&path, [0; 3072]);
    assert!(
        refusal("cifar10", folder.path(), "test").contains("3072 bytes are not a whole number")
    );
    write(&path, [vec![10], picture(1).0].concat());
    assert!(
        refusal("cifar10", folder.path(), "test").contains("class `10` is not one of cifar10's 10")
    );
}

#[test]
fn mnist_is_read_packed_and_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let pixels: Vec<u8> = (0..2 * 784).map(|place| place as u8).collect();
    let (images, labels) = (idx(&[2, 28, 28], &pixels), idx(&[2], &[7, 0]));
    for (root, ending, packed) in [("a", ".gz", true), ("b", "", false)] {
        let root = folder.path().join(root);
        let file = |bytes: &[u8]| if packed { gzip(bytes) } else { bytes.to_vec() };
        write(&root.join(format!("t10k-images-idx3-ubyte{ending}")), file(&images));
        write(&root.join(format!("t10k-labels-idx1-ubyte{ending}")), file(&labels));
        let test = read("mnist", &root, "test").expect("read");
        assert_eq!(classes(&test), [7, 0]);
        assert_eq!(
            test.items.bytes(&test.items[1]).expect("pixels"),
            ppm::grey(28, 28, &pixels[784..])
        );
    }
}

#[test]
fn mnist_with_labels_for_other_images_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("t10k-images-idx3-ubyte.gz"), gzip(&idx(&[2, 1, 1], &[0, 1])));
    write(&folder.path().join("t10k-labels-idx1-ubyte.gz"), gzip(&idx(&[3], &[0, 1, 2])));
    assert!(refusal("mnist", folder.path(), "test").contains("3 labels for 2 images"));
}

/// Planes of columns, as MATLAB and STL-10 store them, of rows of triples.
fn by_columns(triples: &[u8], side: usize) -> Vec<u8> {
    let color = |plane, x, y| triples[(y * side + x) * 3 + plane];
    (0..3)
        .flat_map(|plane| (0..side).flat_map(move |x| (0..side).map(move |y| color(plane, x, y))))
        .collect()
}

#[test]
fn svhn_has_ten_for_zero_and_images_that_lie_on_their_side() {
    let folder = tempfile::tempdir().expect("a folder");
    let pixels = [by_columns(&picture(1).1, 32), by_columns(&picture(2).1, 32)].concat();
    let images = matlab::compressed(&matlab::bytes("X", &[32, 32, 3, 2], &pixels));
    let labels = matlab::compressed(&matlab::bytes("y", &[2, 1], &[10, 4]));
    write(&folder.path().join("test_32x32.mat"), matlab::file(&[images, labels]));
    let test = read("svhn", folder.path(), "test").expect("read");
    assert_eq!(classes(&test), [0, 4]);
    assert_eq!(test.items.bytes(&test.items[1]).expect("pixels"), ppm::rgb(32, 32, &picture(2).1));
}

#[test]
fn svhn_of_one_image_or_of_doubles_is_read_or_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test_32x32.mat");
    let one = matlab::bytes("X", &[32, 32, 3], &by_columns(&picture(5).1, 32));
    write(&path, matlab::file(&[matlab::doubles("y", &[1, 1], &[3.0]), one]));
    assert_eq!(classes(&read("svhn", folder.path(), "test").expect("read")), [3]);
    write(&path, matlab::file(&[matlab::doubles("y", &[1, 1], &[3.0])]));
    assert!(refusal("svhn", folder.path(), "test").contains("no variable `X`; there are y"));
    write(&path, b"MATLAB 7.3 MAT-file");
    assert!(refusal("svhn", folder.path(), "test").contains("test_32x32.mat"));
}

#[test]
fn stl10_counts_labels_from_one_and_has_folds() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("stl10_binary");
    let picture = |seed: usize| -> Vec<u8> {
        (0..96 * 96 * 3).map(|place| (place * 7 + seed) as u8).collect()
    };
    let planes: Vec<u8> = (0..3).flat_map(|seed| by_columns(&picture(seed), 96)).collect();
    write(&root.join("train_X.bin"), &planes);
    write(&root.join("train_y.bin"), [1, 10, 5]);
    write(&root.join("fold_indices.txt"), "2 0 \n1 \n7\n");
    let train = read("stl10", folder.path(), "train").expect("read");
    assert_eq!(classes(&train), [0, 9, 4]);
    assert_eq!(train.items.bytes(&train.items[2]).expect("pixels"), ppm::rgb(96, 96, &picture(2)));
    let fold = read("stl10", folder.path(), "fold-0").expect("read");
    assert_eq!(
        (classes(&fold), ids(&fold)),
        (vec![4, 0], vec!["train/2".into(), "train/0".into()])
    );
    assert!(refusal("stl10", folder.path(), "fold-2").contains("line 3: `7` is not a position"));
    assert!(refusal("stl10", folder.path(), "fold-3").contains("there is no line 4"));
}

#[test]
fn pcam_is_the_same_in_one_piece_and_in_chunks() {
    let folder = tempfile::tempdir().expect("a folder");
    let shape = [5, 96, 96, 3];
    let pixels: Vec<u8> =
        (0..5 * 96 * 96 * 3usize).map(|place| (place * 11 + place / 509) as u8).collect();
    let file = |name: &str| folder.path().join(format!("camelyonpatch_level_2_split_{name}.h5"));
    let labels = |split: &str| {
        let mut writer = hdf5::Writer::new();
        let y = writer.contiguous(hdf5::Kind::U8, &[5, 1, 1, 1], &[0, 1, 1, 0, 1]);
        let root = writer.group(&[("y", y)]);
        write(&file(&format!("{split}_y")), writer.finish(root, 0));
    };
    let mut writer = hdf5::Writer::new();
    let x = writer.contiguous(hdf5::Kind::U8, &shape, &pixels);
    let root = writer.group(&[("x", x)]);
    write(&file("test_x"), writer.finish(root, 0));
    labels("test");
    for (chunk, shuffle) in [
        ([2, 96, 96, 3], false),
        ([4, 40, 96, 3], true),
        ([1, 96, 96, 3], false),
        ([8, 7, 96, 3], false),
    ] {
        let mut writer = hdf5::Writer::new();
        let x = writer.chunked(&shape, &chunk, &pixels, shuffle);
        let other = writer.contiguous(hdf5::Kind::U8, &[1], &[0]);
        let root = writer.group(&[("a", other), ("x", x)]);
        write(&file("valid_x"), writer.finish(root, 0));
        labels("valid");
        let whole = read("pcam", folder.path(), "test").expect("read");
        let pieces = read("pcam", folder.path(), "valid").expect("read");
        assert_eq!(classes(&pieces), [0, 1, 1, 0, 1]);
        for index in [4, 0, 3, 1, 2] {
            let expected = ppm::rgb(96, 96, &pixels[index * 27648..][..27648]);
            assert!(
                whole.items.bytes(&whole.items[index]).expect("pixels") == expected,
                "whole, image {index}"
            );
            assert!(
                pieces.items.bytes(&pieces.items[index]).expect("pixels") == expected,
                "{chunk:?}, image {index}"
            );
        }
    }
}

#[test]
fn pcam_is_read_as_it_was_downloaded_and_damage_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let pixels: Vec<u8> =
        (0..2 * 96 * 96 * 3usize).map(|place| (place * 11 + place / 509) as u8).collect();
    let path =
        |name: &str| folder.path().join(format!("camelyonpatch_level_2_split_test_{name}.h5.gz"));
    let pack = |name: &str, shape: &[u64], values: &[u8]| {
        let mut writer = hdf5::Writer::new();
        let array = writer.contiguous(hdf5::Kind::U8, shape, values);
        let root = writer.group(&[(name, array)]);
        let packed = gzip(&writer.finish(root, 0));
        write(&path(name), &packed);
        packed
    };
    pack("y", &[2, 1, 1, 1], &[0, 1]);
    let packed = pack("x", &[2, 96, 96, 3], &pixels);
    let found = read("pcam", folder.path(), "test").expect("read");
    assert_eq!(classes(&found), [0, 1]);
    assert!(
        found.items.bytes(&found.items[1]).expect("pixels") == ppm::rgb(96, 96, &pixels[27648..])
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("listed").count(),
        2,
        "nothing is left behind"
    );
    write(&path("x"), &packed[..packed.len() / 2]);
    assert!(refusal("pcam", folder.path(), "test").contains("test_x.h5.gz"));
}

#[test]
fn fer2013_reads_both_layouts_and_private_test_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let pixels = |seed: u32| {
        (0..2304).map(|place| ((place + seed) % 256).to_string()).collect::<Vec<_>>().join(" ")
    };
    let rows =
        [(6, "Training", 1), (0, "PublicTest", 2), (3, "PrivateTest", 3), (4, "PrivateTest", 4)];
    let first =
        rows.map(|(emotion, usage, seed)| format!("{emotion},{},{usage}\n", pixels(seed))).concat();
    let second = rows
        .map(|(emotion, usage, seed)| format!("{emotion},{usage},{}\r\n", pixels(seed)))
        .concat();
    write(&folder.path().join("a/fer2013.csv"), format!("emotion,pixels,Usage\n{first}"));
    write(
        &folder.path().join("b/icml_face_data.csv"),
        format!("emotion, Usage, pixels\r\n{second}"),
    );
    for root in ["a", "b"] {
        let root = folder.path().join(root);
        let test = read("fer2013", &root, "test").expect("read");
        assert_eq!(classes(&test), [3, 4], "{}", root.display());
        assert_eq!(classes(&read("fer2013", &root, "valid").expect("read")), [0]);
        let expected: Vec<u8> = (0..2304u32).map(|place| (place + 4) as u8).collect();
        assert_eq!(test.items.bytes(&test.items[1]).expect("pixels"), ppm::grey(48, 48, &expected));
    }
}

#[test]
fn fer2013_with_too_few_pixels_names_the_row() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("fer2013.csv"), "emotion,pixels,Usage\n0,1 2 3,PrivateTest\n");
    let test = read("fer2013", folder.path(), "test").expect("read");
    let error = test.items.bytes(&test.items[0]).expect_err("three pixels").to_string();
    assert!(error.contains("test 0: 3 pixels, expected 2304"), "{error}");
}
