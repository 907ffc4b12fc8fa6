//! SVHN's full numbers: MATLAB 7.3, that is HDF5 behind 512 bytes of something else.

use clip_data::Target;

use crate::writers::hdf5::{Kind, Writer};
use crate::{ids, images, read, refusal, write};

/// A `digitStruct.mat` of (name, labels).
fn digit_struct(images: &[(&str, &[f64])]) -> Vec<u8> {
    let mut writer = Writer::new();
    let (mut names, mut boxes) = (Vec::new(), Vec::new());
    for (name, labels) in images {
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        names.extend(writer.contiguous(Kind::U16, &[name.len() as u64, 1], &units).to_le_bytes());
        let label = match labels {
            [one] => writer.contiguous(Kind::F64, &[1, 1], &one.to_le_bytes()),
            many => {
                let mut digits = Vec::new();
                for digit in *many {
                    digits.extend(
                        writer.contiguous(Kind::F64, &[1, 1], &digit.to_le_bytes()).to_le_bytes(),
                    );
                }
                writer.contiguous(Kind::Reference, &[many.len() as u64, 1], &digits)
            }
        };
        let height = writer.contiguous(Kind::F64, &[1, 1], &9.0f64.to_le_bytes());
        boxes.extend(
            writer.group(&[("height", height), ("label", label), ("left", height)]).to_le_bytes(),
        );
    }
    let count = images.len() as u64;
    let name = writer.contiguous(Kind::Reference, &[count, 1], &names);
    let bbox = writer.contiguous(Kind::Reference, &[count, 1], &boxes);
    let digit_struct = writer.group(&[("bbox", bbox), ("name", name)]);
    let root = writer.group(&[("digitStruct", digit_struct)]);
    writer.finish(root, 512)
}

#[test]
fn numbers_are_joined_digits_with_ten_for_zero_and_candidates_of_both_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let test: [(&str, &[f64]); 3] =
        [("1.png", &[5.0]), ("2.png", &[2.0, 1.0, 10.0]), ("3.png", &[10.0, 5.0])];
    write(&folder.path().join("test/digitStruct.mat"), digit_struct(&test));
    images(folder.path(), &["test/1.png", "test/2.png", "test/3.png"]);
    let alone = read("svhn_full_number", folder.path(), "test").expect("read");
    assert!(alone.notes[0].contains("of test alone"), "{:?}", alone.notes);
    write(
        &folder.path().join("train/digitStruct.mat"),
        digit_struct(&[("1.png", &[1.0, 9.0]), ("2.png", &[5.0])]),
    );
    let split = read("svhn_full_number", folder.path(), "test").expect("read");
    assert_eq!(ids(&split), ["test/1.png", "test/2.png", "test/3.png"]);
    let words = split.items.iter().map(|item| match &item.target {
        Target::Word { truth, candidates } => {
            assert_eq!(
                candidates.iter().map(|word| &**word).collect::<Vec<_>>(),
                ["5", "05", "19", "210"]
            );
            &**truth
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(words.collect::<Vec<_>>(), ["5", "210", "05"]);
}

#[test]
fn label_that_is_no_digit_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("test/digitStruct.mat"), digit_struct(&[("1.png", &[11.0])]));
    assert!(
        refusal("svhn_full_number", folder.path(), "test").contains("label 11, expected 1 to 10")
    );
}

#[test]
fn file_cut_short_anywhere_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = digit_struct(&[("1.png", &[1.0, 2.0])]);
    let path = folder.path().join("test/digitStruct.mat");
    // behind the last object that is read lies nothing but the root's header
    for length in (0..whole.len() - 8).step_by(13) {
        write(&path, &whole[..length]);
        assert!(
            read("svhn_full_number", folder.path(), "test").is_err(),
            "{length} of {} bytes",
            whole.len()
        );
    }
}
