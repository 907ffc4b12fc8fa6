//! Audits in the page: every kind of table drawn, said in words, escaped; nothing of groups that are
//! too small.

#[path = "synthetic/html.rs"]
mod html;
mod synthetic;

use clip_audit::section::{Body, Direction, Rate};
use clip_audit::warnings::{Warning, WarningKind};
use clip_audit::{AuditRecord, PURPOSE};
use clip_eval::EvalError;
use clip_eval::results::{Figure, Record};
use clip_report::{Measured, Report, Summary};
use synthetic::audits::audits;
use synthetic::suite;

fn nothing_published(_: &Record, _: &Figure) -> Vec<Measured> {
    Vec::new()
}

fn page_of(records: &[Record], audits: &[AuditRecord]) -> (String, Summary) {
    Report { records, audits, unreadable: &[], published: &nothing_published }.page()
}

/// What stands between a section's heading and the next heading of its level or above.
fn section_of<'p>(page: &'p str, title: &str) -> &'p str {
    let from = page.find(&format!(">{title}</h4>")).unwrap_or_else(|| panic!("{title}"));
    let rest = &page[from + 1..];
    let ends = ["<h4 id=", "<h3 id=", "<summary>To repeat it", "</main>"];
    let end = ends.iter().filter_map(|end| rest.find(end)).min().expect("the page goes on");
    &rest[..end]
}

#[test]
fn every_kind_of_table_is_drawn_and_said_with_what_it_is_worth() {
    let audits = audits();
    let (page, _) = page_of(&[], &audits);
    html::read(&page);
    let mut kinds = Vec::new();
    for section in audits.iter().flat_map(|audit| &audit.sections) {
        let part = section_of(&page, &section.title);
        for needed in
            ["<svg ", "role=\"img\"", "<desc>", "<caption>", "May be concluded: ", "May not: "]
        {
            assert!(part.contains(needed), "{}: no {needed}", section.title);
        }
        let described = part.split("<desc>").nth(1).and_then(|rest| rest.split("</desc>").next());
        assert!(
            described.is_some_and(|words| words.contains(|c: char| c.is_ascii_digit())),
            "{part:.400}"
        );
        let (_, text) = html::read(&format!("<!DOCTYPE html><p>{}</p>", plain(part)));
        assert!(
            text.contains(&section.conclusion.may) && text.contains(&section.conclusion.may_not)
        );
        kinds.push(std::mem::discriminant(&section.body));
    }
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    kinds.dedup();
    assert_eq!(kinds.len(), 8, "an example of each kind of table");
}

/// Text of a piece of markup, tags left out.
fn plain(part: &str) -> String {
    let inner = part.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    inner.collect()
}

#[test]
fn what_an_audit_is_of_and_for_is_said() {
    let (page, _) = page_of(&[], &audits());
    let (_, text) = html::read(&page);
    for part in [
        PURPOSE,
        clip_rs::LIMITS,
        "FairFace audit of ViT-B/32 on FairFace",
        "Taxonomy audit of ViT-B/32 on Oxford-IIIT Pet",
        "3,650 of 3,669 in the published split, 19 left out",
        "40d3657140",
        "f32 on avx512",
        "knows no people",
        "The images with padding 0.25 were used",
        "a photo of a {}.",
        "images/Egyptian_Mau_145.jpg",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn groups_that_are_too_small_have_no_figure_anywhere() {
    let (page, _) = page_of(&[], &audits());
    let small = "A group with quite a long name, of which few have images";
    let part = section_of(&page, "Gender accuracy by race, zero-shot");
    let row = part.split("<tr>").skip(1).find(|row| row.contains(small)).expect("its row");
    assert!(row.contains("too few (7)") && row.contains(">–</td>"), "{row}");
    let picture = part.split("</svg>").next().expect("a picture");
    assert!(!picture.contains(small), "drawn, or said of the picture");
    assert!(part.contains(&format!("fewer than 20: {small} (7).")), "named below the plot");
    // An age of 18 people, before and after.
    let part = section_of(&page, "Crime-related labels by age, with the class child added");
    let row =
        part.split("<tr>").skip(1).find(|row| row.contains(">more than 70<")).expect("its row");
    assert_eq!(row.matches("too few (18)").count(), 2, "{row}");
    let picture = part.split("</svg>").next().expect("a picture");
    assert!(!picture.contains("more than 70"), "drawn, or said of the picture");
}

#[test]
fn tables_without_any_figure_are_tables_without_a_plot() {
    let mut audits = audits();
    for section in audits.iter_mut().flat_map(|audit| &mut audit.sections) {
        match &mut section.body {
            Body::Rates(table) => {
                let none = |items| Rate { items, hits: None, share: None };
                table.rows.iter_mut().for_each(|row| row.rate = none(3));
                (table.all, table.disparity) = (none(9), None);
            }
            Body::Paired(table) => {
                for row in table.rows.iter_mut().chain([&mut table.all]) {
                    let none = Rate { items: 3, hits: None, share: None };
                    (row.before, row.after, row.change) = (none.clone(), none, None);
                }
            }
            Body::Associations(table) => table.rows.clear(),
            Body::Figures(table) => table.rows.clear(),
            Body::Flow(flow) => (flow.cells, flow.items) = (Vec::new(), 0),
            Body::Confusions { pairs } => pairs.clear(),
            Body::Reliability { bins } => bins.clear(),
            Body::Curves(curves) => curves.curves.clear(),
        }
    }
    let (page, _) = page_of(&[], &audits);
    let (tags, text) = html::read(&page);
    assert_eq!(tags.iter().filter(|tag| tag.name == "svg").count(), 0);
    assert!(text.contains("Groups are not compared: fewer than two have 20 images or more."));
    assert!(text.contains("no label is returned") && text.contains("too few images"));
}

#[test]
fn of_equal_shares_no_group_is_worst_or_best() {
    let mut audits = audits();
    audits.truncate(1);
    let sections = &mut audits[0].sections;
    sections.retain(|section| matches!(section.body, Body::Rates(_)));
    for section in sections {
        let Body::Rates(table) = &mut section.body else { continue };
        table.disparity.as_mut().expect("groups").gap.value = Some(0.0);
    }
    let (page, _) = page_of(&[], &audits);
    let (_, text) = html::read(&page);
    assert!(text.contains("All groups with a figure have the same share."));
    assert!(text.contains("the same share for all groups with a figure; gap 0.0 points"));
    for word in ["Worst: ", "Best: ", "worst Indian", " worst ("] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn worst_best_gap_and_test_are_said_in_words() {
    let (page, _) = page_of(&[], &audits());
    let (_, text) = html::read(&page);
    for part in [
        "Worst: Indian, 94.0 % [92.7, 95.1].",
        "Best: White, 97.8 % [97.1, 98.4].",
        "Gap: 3.8 points [2.3, 5.3]",
        "Groups differ by more than chance explains: p < 0.001 after Holm's correction for 12 tests (chi-squared 23.4, \
         6 degrees of freedom).",
        "No difference beyond chance is shown",
        "Drawn: the 14 worst and the 8 best of 112 groups with a figure.",
        "All 126 groups by race, gender, age",
        "14 groups have too few images",
        "exceeds 0.5 %",
        "among 300 labels, at temperature 100",
        "20 more labels",
        "The 12 largest flows between answers of different names",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_verdict_is_said_in_words_with_both_sides_of_each_threshold() {
    let audits = audits();
    let (page, summary) = page_of(&[], &audits);
    assert_eq!((summary.audits, summary.verdicts_not_met), (4, 1));
    let (_, text) = html::read(&page);
    assert!(text.contains("4 audits. 1 verdict not met."));
    for part in [
        "Verdict: ✗ not met",
        "Verdict: ✓ met",
        "at least 62.0 %",
        "60.5 % (lower end)",
        "at most 35.0 points",
        "34.0 points (upper end)",
        "31.0 points [28.0, 34.0]",
    ] {
        assert!(text.contains(part), "{part}");
    }
    let requirements = audits.iter().filter_map(|audit| audit.verdict.as_ref());
    let met = requirements.flat_map(|verdict| &verdict.requirements).filter(|one| one.met).count();
    // Each in its table, one in a heading, one in the list of audits.
    assert_eq!(page.matches(">✓ met<").count(), met + 2);
    assert_eq!(page.matches(">✗ not met<").count(), 1 + 2);
}

#[test]
fn a_warning_is_said_once_in_an_audit() {
    let mut audits = audits();
    let warning = Warning { kind: WarningKind::People, text: "labels that describe people".into() };
    audits[0].warnings = vec![warning.clone(), warning.clone(), warning];
    let (page, _) = page_of(&[], &audits[..1]);
    assert_eq!(page.matches("labels that describe people").count(), 1);
}

#[test]
fn headings_have_no_gaps_and_boxes_that_scroll_can_be_reached() {
    for records in [suite(), Vec::new()] {
        let (page, _) = page_of(&records, &audits());
        let (tags, _) = html::read(&page);
        let mut last = 0;
        for tag in &tags {
            let Some(level) = tag.name.strip_prefix('h').and_then(|level| level.parse().ok())
            else {
                if tag.attribute("class") == Some("box") {
                    assert_eq!(tag.attribute("tabindex"), Some("0"));
                    assert!(tag.attribute("aria-label").is_some_and(|name| !name.is_empty()));
                }
                continue;
            };
            assert!(level <= last + 1, "h{level} after h{last}");
            last = level;
        }
        let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
        let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "an id occurs twice");
        let links = || tags.iter().filter_map(|tag| tag.attribute("href"));
        assert_eq!(links().next(), Some("#main"), "the way past the head stands first");
        for link in links() {
            assert!(link.strip_prefix('#').is_some_and(|anchor| ids.contains(&anchor)), "{link}");
        }
    }
}

#[test]
fn audits_alone_make_a_page_without_empty_parts() {
    let error = EvalError::result(std::path::Path::new("broken.json"), "schema 9");
    let audits = audits();
    let none: &[Record] = &[];
    let report = |unreadable| Report {
        records: none,
        audits: &audits,
        unreadable,
        published: &nothing_published,
    };
    let (_, text) = html::read(&report(&[]).page().0);
    assert!(text.contains("CLIP audit") && !text.contains("What was run"), "{text:.300}");
    assert!(!text.contains("Every result") && !text.contains("0 results"));
    let (_, text) = html::read(&report(&[error]).page().0);
    assert!(text.contains("not in this page: ") && text.contains("broken.json"));
}

#[test]
fn hostile_words_stay_words_and_nothing_is_loaded() {
    const HOSTILE: &str = "</title></svg><script>alert('x')</script>\" onload=\"y\u{0}\u{202e}";
    let mut audits = audits();
    for audit in &mut audits {
        let (from, identity) = (&mut audit.provenance, &mut audit.identity);
        for text in [
            &mut audit.dataset,
            &mut audit.dataset_title,
            &mut audit.split,
            &mut audit.kind,
            &mut audit.model,
            &mut audit.pretrained,
            &mut from.weights_sha256,
            &mut from.precision,
            &mut from.isa,
            &mut identity.variant,
        ] {
            *text = HOSTILE.into();
        }
        audit.notes.push(HOSTILE.into());
        audit.warnings.push(Warning { kind: WarningKind::People, text: HOSTILE.into() });
        if let Some(verdict) = &mut audit.verdict {
            verdict.text = HOSTILE.into();
            for requirement in &mut verdict.requirements {
                (requirement.name, requirement.of) = (HOSTILE.into(), HOSTILE.into());
            }
        }
        for section in &mut audit.sections {
            (section.id, section.title) = (HOSTILE.into(), HOSTILE.into());
            section.conclusion.may = HOSTILE.into();
            section.notes = vec![HOSTILE.into()];
            hostile_body(&mut section.body, HOSTILE);
        }
    }
    let (page, _) = page_of(&[], &audits);
    let (tags, text) = html::read(&page); // panics where anything leaves its place
    assert!(text.contains("<script>alert('x')</script>") && !page.contains('\u{202e}'));
    const LOADS: [&str; 10] =
        ["script", "link", "iframe", "object", "embed", "base", "use", "image", "form", "img"];
    for tag in &tags {
        assert!(!LOADS.contains(&tag.name.as_str()), "{}", tag.name);
        for (name, value) in &tag.attributes {
            assert!(!name.starts_with("on") && name != "src" && name != "style", "{name}");
            assert!(name != "href" || value.starts_with('#'), "{value}");
        }
    }
    let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next());
    assert!(style.is_some_and(|style| !style.contains("url(") && !style.contains("@import")));
    assert!(page.contains("default-src &#39;none&#39;"));
}

fn hostile_body(body: &mut Body, word: &str) {
    let word = || word.to_owned();
    match body {
        Body::Rates(table) => {
            (table.rate, table.by) = (word(), vec![word()]);
            table.rows.iter_mut().for_each(|row| row.group = vec![word()]);
        }
        Body::Paired(table) => {
            (table.rate, table.before, table.after) = (word(), word(), word());
            table.rows.iter_mut().for_each(|row| row.group = vec![word()]);
        }
        Body::Associations(table) => {
            table.by = word();
            table.groups.iter_mut().for_each(|group| group.0 = word());
            for row in &mut table.rows {
                (row.label, row.toward, row.test.name) = (word(), word(), word());
            }
        }
        Body::Figures(table) => {
            table.of = word();
            for (row, figures) in &mut table.rows {
                *row = word();
                figures.iter_mut().for_each(|figure| figure.name = word());
            }
        }
        Body::Flow(flow) => {
            (flow.before, flow.after) = (word(), word());
            flow.cells.iter_mut().for_each(|cell| (cell.from, cell.to) = (word(), word()));
        }
        Body::Confusions { pairs } => {
            pairs.iter_mut().for_each(|pair| pair.truth = word());
        }
        Body::Reliability { .. } => {}
        Body::Curves(curves) => {
            (curves.x, curves.y) = (word(), word());
            curves.curves.iter_mut().for_each(|curve| curve.0 = word());
        }
    }
}

#[test]
fn numbers_that_are_none_are_dashes_and_plots_survive_them() {
    for odd in [f64::NAN, f64::INFINITY, -1e300, 1e300] {
        let mut audits = audits();
        for section in audits.iter_mut().flat_map(|audit| &mut audit.sections) {
            odd_body(&mut section.body, odd);
        }
        let (page, _) = page_of(&[], &audits);
        html::read(&page);
        for bad in ["NaN", "M inf", " inf\"", "-inf", "inf "] {
            assert!(!page.contains(bad), "{bad} of {odd}");
        }
    }
}

fn odd_body(body: &mut Body, odd: f64) {
    let spoil = |figure: &mut Figure| {
        (figure.value, figure.low, figure.high) = (Some(odd), Some(odd), Some(odd));
    };
    match body {
        Body::Rates(table) => {
            table.good = Direction::Lower;
            for row in &mut table.rows {
                row.published = Some(odd);
                row.rate.share.iter_mut().for_each(spoil);
            }
            if let Some(disparity) = &mut table.disparity {
                spoil(&mut disparity.gap);
                spoil(&mut disparity.ratio);
                (disparity.test.statistic, disparity.test.p_holm) = (Some(odd), odd);
            }
        }
        Body::Paired(table) => {
            for row in &mut table.rows {
                row.before.share.iter_mut().for_each(spoil);
                row.change.iter_mut().for_each(|change| spoil(&mut change.difference));
            }
        }
        Body::Associations(table) => {
            (table.scale, table.threshold) = (odd, odd);
            for rate in table.rows.iter_mut().flat_map(|row| &mut row.returned) {
                rate.share.iter_mut().for_each(spoil);
            }
        }
        Body::Figures(table) => {
            table.rows.iter_mut().flat_map(|(_, figures)| figures).for_each(spoil);
        }
        Body::Flow(flow) => flow.cells.iter_mut().for_each(|cell| cell.items = usize::MAX),
        Body::Confusions { pairs } => pairs.iter_mut().for_each(|pair| pair.count = usize::MAX),
        Body::Reliability { bins } => bins.iter_mut().for_each(|bin| bin.accuracy = odd),
        Body::Curves(curves) => {
            for point in curves.curves.iter_mut().flat_map(|(_, points)| points) {
                point.x = odd;
                spoil(&mut point.y);
            }
        }
    }
}

#[test]
fn same_audits_in_any_order_give_the_same_page() {
    let mut audits = audits();
    let (page, _) = page_of(&suite(), &audits);
    audits.reverse();
    audits.iter_mut().for_each(|audit| audit.wall_seconds *= 3.0);
    assert_eq!(page_of(&suite(), &audits).0, page);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}
