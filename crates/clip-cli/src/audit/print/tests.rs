use clip_audit::section::*;
use clip_eval::results::{Confusion, Figure, ReliabilityBin, Unit};
use serde_json::json;

use super::*;
use crate::table::width;

fn figure(value: f64, low: f64, high: f64) -> Figure {
    Figure {
        low: Some(low),
        high: Some(high),
        level: Some(0.95),
        method: Some("Clopper-Pearson".to_owned()),
        ..Figure::share("share", value)
    }
}

fn rate(hits: usize, items: usize) -> Rate {
    let share = hits as f64 / items as f64;
    Rate { items, hits: Some(hits), share: Some(figure(share, share - 0.05, share + 0.05)) }
}

fn few(items: usize) -> Rate {
    Rate { items, hits: None, share: None }
}

fn test(p: f64) -> Test {
    Test {
        name: "chi-squared".to_owned(),
        statistic: Some(12.3),
        degrees_of_freedom: Some(6),
        p,
        p_holm: (p * 14.0).min(1.0),
        family: 14,
    }
}

fn points(value: f64) -> Figure {
    Figure {
        low: Some(value - 0.1),
        high: Some(value + 0.1),
        ..Figure::plain("gap", Unit::Points, value)
    }
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn rates(groups: usize) -> Body {
    let races = ["East Asian", "Black", "Middle Eastern", "Southeast Asian", "Latino_Hispanic"];
    let row = |at: usize| RateRow {
        group: words(&[
            races[at % 5],
            if at.is_multiple_of(2) { "Female" } else { "Male" },
            "more than 70",
        ]),
        rate: if at % 3 == 1 { few(7) } else { rate(30 + at % 10, 60) },
        published: (at == 0).then_some(0.583),
    };
    Body::Rates(RateTable {
        rate: "race is right".to_owned(),
        good: Direction::Higher,
        by: words(&["race", "gender", "age"]),
        rows: (0..groups).map(row).collect(),
        all: rate(200, 364),
        min_group: 20,
        disparity: Some(Disparity {
            worst: words(&["East Asian", "Female", "more than 70"]),
            best: words(&["Latino_Hispanic", "Male", "more than 70"]),
            gap: points(0.15),
            ratio: Figure { unit: Unit::Number, ..figure(0.77, 0.6, 0.9) },
            test: test(0.0551),
        }),
    })
}

fn paired() -> Body {
    let row = |group: &[&str], before, after, enough: bool| PairedRow {
        group: words(group),
        before: if enough { rate(before, 60) } else { few(7) },
        after: if enough { rate(after, 60) } else { few(7) },
        change: enough.then(|| Change {
            only_before: 12,
            only_after: 2,
            difference: points(-0.167),
            test: test(0.00001),
        }),
        published: Some((0.303, 0.023)),
    };
    Body::Paired(PairedTable {
        rate: "answered with a crime-related or non-human label".to_owned(),
        good: Direction::Lower,
        by: words(&["age"]),
        before: "the label set".to_owned(),
        after: "with the class child".to_owned(),
        rows: vec![row(&["0-2"], 18, 8, true), row(&["more than 70"], 0, 0, false)],
        all: row(&[], 20, 10, true),
        min_group: 20,
    })
}

fn others() -> Vec<Body> {
    let long = "a label with a very long name that no terminal has room for in one of its columns";
    let row = |name: &str| {
        let figures = ["accuracy", "expected_calibration_error", "worst_group", "gap", "loss"];
        let figures = figures.map(|name| figure(0.5, 0.4, 0.6).named(name)).to_vec();
        (name.to_owned(), figures)
    };
    vec![
        Body::Associations(AssociationTable {
            by: "gender".to_owned(),
            groups: vec![("female".to_owned(), 150), ("male".to_owned(), 214)],
            threshold: 0.005,
            labels: 300,
            scale: 100.0,
            rows: (0..60)
                .map(|at| AssociationRow {
                    label: format!("{long} {at}"),
                    returned: vec![rate(30, 60), few(7)],
                    toward: "female".to_owned(),
                    test: test(0.02),
                })
                .collect(),
        }),
        Body::Figures(FigureTable {
            of: "label list".to_owned(),
            rows: vec![row("v1"), row(long)],
        }),
        Body::Flow(Flow {
            before: "v1".to_owned(),
            after: "v2".to_owned(),
            items: 10,
            cells: vec![
                FlowCell { from: "a".to_owned(), to: "a".to_owned(), items: 7 },
                FlowCell { from: "\u{1b}[31ma".to_owned(), to: long.to_owned(), items: 3 },
            ],
        }),
        Body::Confusions {
            pairs: vec![Confusion {
                truth: "猫".to_owned(),
                prediction: long.to_owned(),
                count: 9,
            }],
        },
        Body::Reliability {
            bins: vec![ReliabilityBin {
                low: 0.9,
                high: 1.0,
                items: 5,
                confidence: 0.95,
                accuracy: 0.8,
            }],
        },
        Body::Curves(Curves {
            x: "classes".to_owned(),
            y: "share of answers unchanged".to_owned(),
            curves: vec![("v1".to_owned(), vec![CurvePoint { x: 10.0, y: figure(0.9, 0.8, 1.0) }])],
        }),
    ]
}

fn drawn(body: Body, columns: usize) -> String {
    let may = "Groups differ by 15 points, \u{1b}cred. ".repeat(4);
    let conclusion = Conclusion::new(may, "Why \u{202e}they do.");
    let notes = vec!["a note\nof \u{1b}ctwo".to_owned()];
    section_text(&Section::new("id", "A table", body, conclusion).with_notes(notes), columns)
}

#[test]
fn every_kind_fits_every_terminal_and_obeys_nothing() {
    for columns in [60, 72, 80, 100, 120, 200] {
        for body in [rates(126), rates(0), paired()].into_iter().chain(others()) {
            let text = drawn(body, columns);
            for line in text.lines() {
                assert!(
                    width(line) <= columns && !line.contains(['\u{1b}', '\u{202e}']),
                    "{columns}:\n{text}"
                );
            }
        }
    }
}

#[test]
fn rates_show_sizes_intervals_published_values_and_the_test_in_words() {
    let text = drawn(rates(3), 100);
    for part in [
        "50.0  [45.0, 55.0]",
        "58.3",
        "  7  too few",
        "364     54.9  [49.9, 59.9]",
        "Worst: East Asian, Female, more than 70, 50.0 % (n = 60). Best:",
        "Gap 15.0 points [5.0, 25.0]; ratio 0.77 [0.60, 0.90].",
        "chi-squared: 12.30, 6 degrees of freedom, p = 0.055; corrected by Holm over 14 tests p = 0.77",
        "may not",
    ] {
        assert!(text.replace("\n  ", " ").contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn of_equal_shares_no_group_is_worst_or_best() {
    let Body::Rates(mut table) = rates(3) else { panic!("rates") };
    table.disparity.as_mut().expect("groups").gap.value = Some(0.0);
    let text = drawn(Body::Rates(table), 100);
    assert!(text.contains("All groups with a figure have the same share."), "{text}");
    assert!(!text.contains("Worst:") && !text.contains("Best:"), "{text}");
}

#[test]
fn long_tables_are_cut_to_groups_with_figures_and_the_rest_is_counted() {
    let text = drawn(rates(126), 120);
    assert_eq!(text.matches("[").count(), 24 + 1 + 2, "{text}");
    assert!(text.contains("Not shown: 42 groups of fewer than 20 images and 60 more groups"));
    assert!(!drawn(rates(24), 120).contains("Not shown"));
}

#[test]
fn a_narrow_terminal_loses_spare_columns_first_and_no_change() {
    let (wide, narrow) = (drawn(paired(), 160), drawn(paired(), 72));
    assert!(wide.contains("only") && !narrow.contains("only"), "{wide}{narrow}");
    assert!(wide.contains("30.3 to 2.3") && !narrow.contains("30.3 to 2.3"), "{wide}{narrow}");
    for text in [wide, narrow] {
        assert!(text.contains("−16.7 [−26.7, −6.7]") && text.contains("<0.001"), "{text}");
        assert!(text.contains("too few"), "{text}");
    }
}

#[test]
fn verdict_says_met_or_not_met_and_what_was_compared() {
    let verdict = json!({ "met": false, "text": "One of two is not met.", "requirements": [
        { "name": "accuracy", "of": "v1.txt", "good": "higher", "threshold": 0.9, "met": true,
          "figure": figure(0.95, 0.92, 0.97), "compared": 0.92 },
        { "name": "gap", "of": "v1.txt", "good": "lower", "threshold": 0.05, "met": false,
          "figure": Figure::plain("gap", Unit::Points, 0.02), "compared": null },
    ] });
    let text = verdict_text(&serde_json::from_value(verdict).expect("a verdict"), 120);
    for part in ["Verdict: NOT MET", "at least 90.0 %", "92.0 %", "met", "no interval"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.contains("at most 5.0 points") && text.contains("One of two is not met."));
}

#[test]
fn many_tables_are_a_line_each_unless_all_are_asked_for() {
    let section = |body: Body| {
        let conclusion = Conclusion::new("Groups differ.", "Why they do.");
        Section::new("id", "A table", body, conclusion)
    };
    let figures = others().into_iter().filter(|body| matches!(body, Body::Figures(_)));
    let bodies = (0..9).map(|_| rates(3)).chain(figures);
    let sections: Vec<Section> = bodies.map(section).collect();
    let [short, full] = [false, true].map(|full| sections_text(&sections, full, 100));
    assert_eq!((short.matches("  may not").count(), full.matches("  may not").count()), (1, 10));
    assert_eq!(short.matches("A table: worst East Asian").count(), 9, "{short}");
    assert!(short.contains("9 tables with what may and may not be concluded: --full"), "{short}");
    let [short, full] = [false, true].map(|full| sections_text(&sections[..8], full, 100));
    assert_eq!(short, full);
}
