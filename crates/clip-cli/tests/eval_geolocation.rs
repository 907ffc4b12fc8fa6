//! `clip-rs eval geolocation` as typed.

mod common;

use std::fs;
use std::path::Path;

use common::{json_lines, run};

fn photo(folder: &Path, name: &str, seed: usize) {
    let shade = |at: usize| (seed * 61 + at * (1 + seed) / 7 + at % 3 * seed * 31) as u8;
    let picture: Vec<u8> =
        b"P6\n32 32\n255\n".iter().copied().chain((0..3072).map(shade)).collect();
    fs::write(folder.join(name), picture).expect("a photo");
}

#[test]
fn query_is_where_its_nearest_reference_is_and_the_cell_holds_shares_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in 0..4 {
        photo(folder.path(), &format!("reference{seed}.ppm"), seed * 5 + 1);
    }
    for seed in 0..3 {
        photo(folder.path(), &format!("query{seed}.ppm"), seed * 5 + 1); // the same pictures: neighbours are certain
    }
    let table = |name: &str, rows: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("file,lat,lon\n{rows}")).expect("a table");
        path.display().to_string()
    };
    let references = table(
        "references.csv",
        "reference0.ppm,48.8584,2.2945\nreference1.ppm,0,0\nreference2.ppm,10,10\nreference3.ppm,-30,120\n",
    );
    // At the place itself, 0.1 degrees (11.1 km) off, and on the other side of the earth; one file
    // is not there.
    let queries = table(
        "photos.csv",
        "query0.ppm,48.8584,2.2945\nquery1.ppm,0.1,0\nquery2.ppm,-10,-170\ngone.ppm,1,1\n",
    );
    let (out, features) =
        (folder.path().join("out"), folder.path().join("features").display().to_string());
    let out_text = out.display().to_string();
    let arguments = [
        "eval",
        "geolocation",
        "--references",
        &references,
        "--queries",
        &queries,
        "--out",
        &out_text,
    ];
    let found = run(&[&arguments[..], &["--features", &features, "--json"]].concat());
    assert_eq!(found.code, 3, "one query is skipped: {}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!((&cell["task"], &cell["dataset"]), (&"geolocation".into(), &"photos".into()));
    assert_eq!((&cell["counts"]["scored"], &cell["counts"]["skipped"]), (&3.into(), &1.into()));
    let metric = |name: &str| cell["metrics"][name].as_f64().expect("a share");
    let shares =
        ["within_1_km", "within_25_km", "within_200_km", "within_750_km", "within_2500_km"]
            .map(metric);
    assert_eq!(shares, [1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]);
    assert_eq!(
        (&cell["score"]["name"], &cell["score"]["method"]),
        (&"within_25_km".into(), &"Clopper-Pearson".into())
    );
    let median = cell["figures"].as_array().and_then(|figures| figures.last()).expect("figures");
    assert_eq!(median["name"], "median_distance_km");
    assert!((median["value"].as_f64().expect("km") - 11.119_5).abs() < 0.001, "{median}");
    assert!(cell["notes"].to_string().contains("locating people is surveillance"));
    assert_eq!(cell["provenance"]["read"].as_array().map(Vec::len), Some(2));
    let mut names: Vec<_> = fs::read_dir(out.join("starter"))
        .expect("results")
        .flatten()
        .map(|e| e.file_name())
        .collect();
    names.sort();
    let ledger = "photos.geolocation.skipped.jsonl";
    assert_eq!(names, ["photos.geolocation.json", ledger], "no line per photo that was scored");
    let people = run(&[&arguments[..], &["--features", &features]].concat());
    assert!(people.stdout.contains("median_distance_km   11.1 km"), "{}", people.stdout);
    for said in ["gone.ppm", "find themselves: 3 of 3"] {
        assert!(people.stderr.contains(said), "{said}: {}", people.stderr);
    }
}

#[test]
fn tables_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places.csv");
    let text = path.display().to_string();
    let out = folder.path().join("out").display().to_string();
    for (table, reason) in [
        ("file,lat,lon\n", "the table has no photo"),
        ("file,lat,lon\na.jpg,99,0\n", "latitude 99"),
    ] {
        fs::write(&path, table).expect("a table");
        let arguments =
            ["eval", "geolocation", "--references", &text, "--queries", &text, "--out", &out];
        let found = run(&[&arguments[..], &["--features", &out]].concat());
        assert_eq!(found.code, 1);
        assert!(found.stderr.contains(reason), "{}", found.stderr);
    }
}
