//! Archives read as they lie.

use std::io::Write;
use std::path::Path;

use clip_data::Records;
use clip_data::formats::archive::Archive;
use clip_testing::tar;

use crate::write;
use crate::writers::gzip;

fn members() -> Vec<(String, Vec<u8>)> {
    (0..5u8)
        .map(|index| {
            (format!("2750/Forest/Forest_{index}.jpg"), vec![index; 700 * usize::from(index)])
        })
        .collect()
}

fn as_tar() -> Vec<u8> {
    let members = members();
    let folder = [("2750/", b'5', &[][..])];
    let files = members.iter().map(|(name, content)| (name.as_str(), b'0', content.as_slice()));
    tar(&folder.into_iter().chain(files).collect::<Vec<_>>())
}

fn as_zip() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.add_directory("2750/", options).expect("memory");
    for (name, content) in members() {
        writer.start_file(name, options).expect("memory");
        writer.write_all(&content).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

fn open(folder: &Path, name: &str, bytes: &[u8]) -> Archive {
    write(&folder.join(name), bytes);
    Archive::open(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn members_are_the_same_in_tar_tar_gz_and_zip_in_any_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in [("a.tar", as_tar()), ("a.tar.gz", gzip(&as_tar())), ("a.zip", as_zip())] {
        let archive = open(folder.path(), name, &bytes);
        let expected = members();
        let names: Vec<&str> = archive.names().collect();
        assert_eq!(
            names,
            expected.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            "{name}"
        );
        for index in [3, 0, 4, 4, 1, 2] {
            assert_eq!(
                archive.bytes(index).expect("a member"),
                expected[index].1,
                "{name}, member {index}"
            );
            assert_eq!(archive.find(&expected[index].0), Some(index));
        }
        assert!(
            archive.read(5).expect_err("no sixth").to_string().contains("no file 5; 5 are listed")
        );
    }
}

#[test]
fn archive_of_another_kind_or_damaged_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.rar");
    write(&path, b"Rar!\x1a\x07\x00 something");
    let error = Archive::open(&path).expect_err("a rar").to_string();
    assert!(error.contains("a.rar: neither a zip, a tar nor a tar.gz; unpack it"), "{error}");
    let mut damaged = as_tar();
    damaged[512 + 130] ^= 1;
    write(&path, &damaged);
    assert!(Archive::open(&path).expect_err("damaged").to_string().contains("at byte 512"));
    write(&path, &gzip(&as_tar())[..60]);
    assert!(Archive::open(&path).is_err());
}
