//! ImageNet's validation images as their archive has them: flat, with the truth in the devkit
//! (PROTOCOL_EVAL 6.1).

mod fixture;

use fixture::{Fixture, classes};

/// An element of a MATLAB 5 file: type, length, content, zeros up to 8 bytes.
fn element(kind: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("short");
    let mut element = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    element.extend(content);
    element.resize(element.len().next_multiple_of(8), 0);
    element
}

/// A matrix: flags with its class, dimensions, name, and what follows.
fn matrix(class: u32, rows: usize, columns: usize, name: &str, rest: &[u8]) -> Vec<u8> {
    let dimensions =
        [rows, columns].map(|n| i32::try_from(n).expect("small").to_le_bytes()).concat();
    let flags = [class.to_le_bytes(), [0; 4]].concat();
    let head = [element(6, &flags), element(5, &dimensions), element(1, name.as_bytes())].concat();
    element(14, &[head.as_slice(), rest].concat())
}

/// `synsets`, an array of structs with ILSVRC2012_ID and WNID.
fn meta(synsets: &[(f64, &str)]) -> Vec<u8> {
    let mut names = Vec::new();
    for name in ["ILSVRC2012_ID", "WNID"] {
        let mut field = name.as_bytes().to_vec();
        field.resize(32, 0);
        names.extend(field);
    }
    let mut rest = [element(5, &32_i32.to_le_bytes()), element(1, &names)].concat();
    for (id, wnid) in synsets {
        rest.extend(matrix(6, 1, 1, "", &element(9, &id.to_le_bytes())));
        let text: Vec<u8> = wnid.encode_utf16().flat_map(u16::to_le_bytes).collect();
        rest.extend(matrix(4, 1, wnid.len(), "", &element(4, &text)));
    }
    let mut file = b"MATLAB 5.0 MAT-file".to_vec();
    file.resize(124, b' ');
    file.extend([0, 1, b'I', b'M']);
    file.extend(matrix(2, synsets.len(), 1, "synsets", &rest));
    file
}

const DEVKIT: &str = "ILSVRC2012_devkit_t12/data";

fn devkit(fixture: &Fixture) {
    // ILSVRC's id 1 is a kit fox, not the first wnid; 1001 is an ancestor and no class.
    let synsets =
        [(1.0, "n02119789"), (2.0, "n01440764"), (3.0, "n15075141"), (1001.0, "n00001740")];
    fixture
        .file(&format!("{DEVKIT}/meta.mat"), meta(&synsets))
        .file(&format!("{DEVKIT}/ILSVRC2012_validation_ground_truth.txt"), "3\n1\n2\n");
}

fn expected(prefix: &str) -> Vec<(String, u32)> {
    let image = |(number, class)| (format!("{prefix}ILSVRC2012_val_{number:08}.JPEG"), class);
    [(1, 999), (2, 278), (3, 0)].map(image).to_vec()
}

#[test]
fn ids_of_the_ground_truth_go_through_meta_mat() {
    let fixture = Fixture::new();
    for (path, _) in expected("val/") {
        fixture.images(&[&path]);
    }
    let message = fixture.try_read("imagenet", "val").expect_err("no devkit").to_string();
    assert!(message.contains("unpack ILSVRC2012_devkit_t12.tar.gz"), "{message}");
    devkit(&fixture);
    assert_eq!(classes(&fixture.read("imagenet", "val")), expected("val/"));
    fixture.images(&["val/ILSVRC2012_val_00000004.JPEG"]);
    let message = fixture.try_read("imagenet", "val").expect_err("a fourth").to_string();
    assert!(message.contains("00000004.JPEG` is none of the 3 images"), "{message}");
}

#[test]
fn tar_of_the_validation_images_is_read_as_it_is() {
    let fixture = Fixture::new();
    devkit(&fixture);
    let (second, first, third) = (&b"second"[..], &b"first"[..], &b"third"[..]);
    let tar = fixture::tar(&[
        ("ILSVRC2012_val_00000002.JPEG", second), // in no order
        ("ILSVRC2012_val_00000001.JPEG", first),
        ("ILSVRC2012_val_00000003.JPEG", third),
    ]);
    fixture.file("ILSVRC2012_img_val.tar", tar);
    let split = fixture.read("imagenet", "val");
    assert_eq!(classes(&split), expected(""));
    let bytes: Vec<Vec<u8>> =
        split.items.iter().map(|item| split.items.bytes(item).expect("a member")).collect();
    assert_eq!(bytes, [first, second, third]);
}
