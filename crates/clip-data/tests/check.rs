//! What `check` says of a data set that is empty, half there, packed, or changed.

mod fixture;

use clip_data::{CheckReport, check, find};
use fixture::Fixture;

fn report(fixture: &Fixture, id: &str) -> CheckReport {
    check(find(id).expect("of the catalogue"), fixture.root(), &mut |_| {})
        .expect("files are readable")
}

#[test]
fn empty_folder_says_what_to_fetch() {
    let fixture = Fixture::new();
    let report = report(&fixture, "dtd");
    let [problem] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    assert!(problem.contains("is empty; get dtd-r1.0.1.tar.gz (https://"), "{problem}");
    assert_eq!((report.folder, report.splits.len()), (None, 0));
}

#[test]
fn half_unpacked_set_names_the_first_files_that_are_missing() {
    let fixture = Fixture::new();
    let list: String = (0..9).map(|number| format!("banded/banded_{number:04}.jpg\n")).collect();
    fixture.file("dtd/labels/test1.txt", list).images(&["dtd/images/banded/banded_0003.jpg"]);
    let report = report(&fixture, "dtd");
    assert_eq!(report.folder, Some(fixture.root().join("dtd")));
    let test = report.splits.iter().find(|split| split.name == "test").expect("the scored split");
    assert_eq!(
        (test.n_expected, test.n_found, test.n_absent, test.absent.len()),
        (Some(1880), Some(1), 8, 5)
    );
    let problem = report.problems.first().expect("a problem");
    assert!(problem.contains("split test: 1 images, 8 more are named but not there"), "{problem}");
    assert!(problem.contains("images/banded/banded_0000.jpg"), "{problem}");
    let train = report.splits.iter().find(|split| split.name == "train").expect("another split");
    assert_eq!((train.n_found, &train.error), (None, &None), "not fetched is not wrong");
}

#[test]
fn changed_archive_is_told_with_both_sums() {
    let fixture = Fixture::new();
    fixture.file("dtd-r1.0.1.tar.gz", "only the beginning");
    let report = report(&fixture, "dtd");
    let [sum, packed] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    let sums =
        "md5 is 7488011a71dfd96f15e4c576e0c4f5ed, published is fff73e5086ae6bdbea199a49dfb8a4c1"; // by md5sum
    assert!(sum.contains(sums), "{sum}");
    assert!(sum.contains("fetch it again"), "{sum}");
    assert!(packed.contains("holds dtd-r1.0.1.tar.gz but nothing that is unpacked"), "{packed}");
    assert_eq!(report.archives[0].agrees(), Some(false));
}

#[test]
fn unknown_class_folder_is_a_problem_and_a_missing_one_is_named() {
    let fixture = Fixture::new();
    fixture.images(&["country211/test/AD/1.jpg"]);
    let missing = report(&fixture, "country211");
    assert!(missing.problems[0].contains("test/AE/"), "{:?}", missing.problems);
    fixture.images(&["country211/test/Atlantis/1.jpg"]);
    let unknown = report(&fixture, "country211");
    assert!(
        unknown.problems[0].contains("`Atlantis` is not one of country211's 211"),
        "{:?}",
        unknown.problems
    );
}

#[test]
fn whole_set_has_no_problems() {
    let fixture = Fixture::new();
    // Birdsnap loses images with the years: what is there counts as whole.
    fixture
        .file("birdsnap/species.txt", "id\tcommon\n1\tAmerican Crow\n")
        .file("birdsnap/images.txt", "path\tspecies_id\nC/1.jpg\t1\nC/2.jpg\t1\n")
        .file("birdsnap/test_images.txt", "path\nC/1.jpg\nC/2.jpg\n")
        .images(&["birdsnap/images/C/1.jpg"]);
    let report = report(&fixture, "birdsnap");
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(report.splits[1].n_absent, 1);
}

#[test]
fn checksums_tell_how_many_bytes_are_read() {
    let fixture = Fixture::new();
    let bytes = vec![7; 3_000_000];
    std::fs::write(fixture.root().join("dtd-r1.0.1.tar.gz"), &bytes).expect("an archive");
    let (mut all, mut read) = (0, 0);
    let dataset = find("dtd").expect("of the catalogue");
    clip_data::check(dataset, fixture.root(), &mut |step| match step {
        clip_data::CheckStep::Bytes(bytes) => all += bytes,
        clip_data::CheckStep::Read(bytes) => read += bytes,
    })
    .expect("readable");
    assert_eq!((all, read), (3_000_000, 3_000_000));
}
