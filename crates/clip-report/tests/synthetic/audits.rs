//! Invented audits with every kind of table, groups that are too small, long names, warnings and a
//! verdict that is not met: no figure here means anything.

use clip_audit::AuditRecord;
use clip_audit::options::GroupOptions;
use clip_audit::rates::rate;
use clip_audit::record::{Prompts, SCHEMA};
use clip_audit::section::*;
use clip_audit::warnings::{Warning, WarningKind};
use clip_eval::results::{Confusion, Counts, Figure, Identity, Provenance, Skipped, Unit};

const RACES: [(&str, usize); 8] = [
    ("East Asian", 1_550),
    ("Indian", 1_516),
    ("Black", 1_556),
    ("White", 2_085),
    ("Middle Eastern", 1_209),
    ("Latino_Hispanic", 1_623),
    ("Southeast Asian", 1_415),
    ("A group with quite a long name, of which few have images", 7),
];
const GENDERS: [&str; 2] = ["Female", "Male"];
const AGES: [&str; 9] =
    ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"];

/// An audit of people, with a probe's and a label list's tables, and one of the choice of classes.
pub(crate) fn audits() -> Vec<AuditRecord> {
    vec![people("ViT-B/32"), people("starter"), taxonomy(false), taxonomy(true)]
}

/// Every kind of body but those of [`taxonomy`].
fn people(model: &str) -> AuditRecord {
    let sections = vec![
        section("gender-by-race", "Gender accuracy by race, zero-shot", by_race(true)),
        section("gender-by-all", "Gender accuracy by race, gender and age", by_all()),
        section("crime-by-race", "Crime-related labels by race", by_race(false)),
        section("child-by-age", "Crime-related labels by age, with the class child added", child()),
        section("child", "The same, all images together", Body::Paired(one_row())),
        section("labels", "Labels by gender at 0.5 %", associations(2)),
        section("labels-race", "Labels by race at 4 %", associations(7)),
    ];
    let starter = Warning {
        kind: WarningKind::Starter,
        text: "starter is the model inside the program: it was trained on drawings and knows no people.".into(),
    };
    let small = Warning {
        kind: WarningKind::SmallGroups,
        text: "1 of 8 groups has fewer than 20 images: no claim is made of it.".into(),
    };
    let warnings =
        if model == "starter" { vec![starter, small.clone(), small] } else { vec![small] };
    AuditRecord {
        notes: vec!["The images with padding 0.25 were used; the paper does not say which.".into()],
        warnings,
        prompts: vec![Prompts {
            name: "gender".into(),
            source: "prompts/fairface.json".into(),
            classes: vec!["man".into(), "woman".into()],
            count: 2,
            templates: vec!["a photo of a {}.".into()],
        }],
        ..record("fairface", model, ("fairface", "FairFace", 10_954), sections)
    }
}

/// The kinds that compare label lists.
fn taxonomy(met: bool) -> AuditRecord {
    let sections = vec![
        section("accuracy", "Accuracy and calibration by label list", figures()),
        section("flow-small", "Where images go when a class is added", Body::Flow(flow(2))),
        section("flow", "Where images go between two lists of classes", Body::Flow(flow(37))),
        section("confusions", "What is taken for what", Body::Confusions { pairs: confusions() }),
        section("reliability", "Whether probabilities mean what they say", reliability()),
        section("stability", "Answers over the number of classes", curves()),
    ];
    let requirement = |name: &str, good, threshold: f64, figure: Figure| {
        let compared = if good == Direction::Higher { figure.low } else { figure.high };
        let met = compared.is_some_and(|compared| match good {
            Direction::Higher => compared >= threshold,
            Direction::Lower => compared <= threshold,
        });
        let of = "breeds-of-cats-and-dogs-as-the-shelter-names-them.txt".to_owned();
        Requirement { name: name.to_owned(), of, good, threshold, figure, compared, met }
    };
    let more = if met { 0.0 } else { 0.02 };
    let requirements = vec![
        requirement("accuracy", Direction::Higher, 0.8, share("accuracy", 0.871, 0.012)),
        requirement("worst-group", Direction::Higher, 0.6 + more, share("share", 0.655, 0.05)),
        requirement("gap", Direction::Lower, 0.35, points("gap", 0.31, 0.03)),
    ];
    let failed = requirements.iter().filter(|requirement| !requirement.met).count();
    let verdict = Verdict {
        met: failed == 0,
        text: format!("{} of 3 requirements are met on the 3,650 images.", 3 - failed),
        requirements,
    };
    let mut record = AuditRecord {
        skipped: vec![Skipped {
            input: "images/Egyptian_Mau_145.jpg".into(),
            stage: "decode".into(),
            reason: "a file of another kind under this name".into(),
        }],
        verdict: Some(verdict),
        ..record("taxonomy", "ViT-B/32", ("oxford_pets", "Oxford-IIIT Pet", 3_669), sections)
    };
    record.counts.skipped = 19;
    record.counts.scored -= 19;
    record.identity.variant = if met { "labels-two".into() } else { String::new() };
    record
}

fn record(
    kind: &str,
    model: &str,
    (id, title, items): (&str, &str, usize),
    sections: Vec<Section>,
) -> AuditRecord {
    AuditRecord {
        schema: SCHEMA,
        clip_rs: "0.1.0".into(),
        kind: kind.into(),
        model: model.into(),
        pretrained: "openai".into(),
        dataset: id.into(),
        dataset_title: title.into(),
        split: "val".into(),
        language: "en".into(),
        identity: Identity { origin: "audit".into(), ..Identity::default() },
        provenance: Provenance {
            weights_sha256: "40d36571".repeat(8),
            recipe: serde_json::json!({ "resolution": 224 }),
            precision: "f32".into(),
            isa: "avx512".into(),
            prompts_blake3: None,
            prompts_source: None,
            split_blake3: "5e3a71c0".repeat(8),
            read: Vec::new(),
            features_key: None,
            predictions_blake3: None,
            options: serde_json::json!({ "min_group": 20, "seed": 0 }),
        },
        counts: Counts { expected: Some(items), found: items, scored: items, skipped: 0 },
        skipped: Vec::new(),
        notes: Vec::new(),
        warnings: Vec::new(),
        prompts: Vec::new(),
        sections,
        verdict: None,
        wall_seconds: 3.5,
    }
}

fn section(id: &str, title: &str, body: Body) -> Section {
    let conclusion = Conclusion::new(
        "on these 10,954 images the share is 71.0 % for the group that is served worst and 96.1 % for \
         the group that is served best, 25.1 points apart.",
        "that other images, other words in the prompts or other models show the same gap; nor that a \
         group without a figure is served as well as the others.",
    );
    let notes = vec!["Prompts are not published; the template is a photo of a {}.".to_owned()];
    Section::new(id, title, body, conclusion).with_notes(notes)
}

fn options() -> GroupOptions {
    GroupOptions::default()
}

fn share(name: &str, value: f64, half: f64) -> Figure {
    super::figure(name, value, half, "Clopper-Pearson")
}

fn points(name: &str, value: f64, half: f64) -> Figure {
    Figure {
        low: Some(value - half),
        high: Some(value + half),
        level: Some(0.95),
        method: Some("Newcombe".into()),
        ..Figure::plain(name, Unit::Points, value)
    }
}

fn test(p: f64) -> Test {
    Test {
        name: "chi-squared".into(),
        statistic: Some(23.4),
        degrees_of_freedom: Some(6),
        p,
        p_holm: (p * 12.0).min(1.0),
        family: 12,
    }
}

fn rows(groups: impl IntoIterator<Item = (Vec<String>, usize)>, level: f64) -> Vec<RateRow> {
    let row = |(index, (group, items)): (usize, (Vec<String>, usize))| {
        let share = (level - 0.02 * (1.0 + (index as f64 * 1.7).sin())).clamp(0.0, 1.0);
        let rate = rate((share * items as f64) as usize, items, &options());
        let published = (group.len() == 1 && index != 5).then_some(share + 0.004);
        RateRow { group, rate, published }
    };
    groups.into_iter().enumerate().map(row).collect()
}

fn table(by: &[&str], what: &str, good: Direction, rows: Vec<RateRow>) -> RateTable {
    let known = |row: &&RateRow| row.rate.share.is_some();
    let value = |row: &RateRow| row.rate.share.as_ref().and_then(|share| share.value);
    let mut order: Vec<&RateRow> = rows.iter().filter(known).collect();
    order.sort_by(|a, b| value(a).partial_cmp(&value(b)).expect("shares"));
    let (low, high) = (order[0].clone(), order[order.len() - 1].clone());
    let (least, most) = (value(&low).unwrap_or(0.0), value(&high).unwrap_or(0.0));
    let (worst, best) = if good == Direction::Higher { (low, high) } else { (high, low) };
    let items = rows.iter().map(|row| row.rate.items).sum();
    let hits = rows.iter().filter_map(|row| row.rate.hits).sum();
    RateTable {
        rate: what.into(),
        good,
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        all: rate(hits, items, &options()),
        min_group: 20,
        disparity: Some(Disparity {
            worst: worst.group,
            best: best.group,
            gap: points("gap", most - least, 0.015),
            ratio: Figure { unit: Unit::Number, ..share("ratio", least / most, 0.03) },
            test: test(if good == Direction::Higher { 0.00001 } else { 0.2 }),
        }),
        rows,
    }
}

fn by_race(good: bool) -> Body {
    let groups = RACES.map(|(race, items)| (vec![race.to_owned()], items));
    Body::Rates(match good {
        true => table(&["race"], "gender is right", Direction::Higher, rows(groups, 0.98)),
        false => {
            let what = "answered with a crime-related label";
            table(&["race"], what, Direction::Lower, rows(groups, 0.19))
        }
    })
}

fn by_all() -> Body {
    let mut groups = Vec::new();
    for (index, (race, _)) in RACES[..7].iter().enumerate() {
        for gender in GENDERS {
            for (age, name) in AGES.iter().enumerate() {
                let items = (13 + 29 * index + 47 * age) % 190;
                let words = [*race, gender, *name].map(str::to_owned).to_vec();
                groups.push((words, items));
            }
        }
    }
    let by = ["race", "gender", "age"];
    Body::Rates(table(&by, "gender is right", Direction::Higher, rows(groups, 0.97)))
}

fn paired_row(group: Vec<String>, items: usize, shares: (f64, f64)) -> PairedRow {
    let hits = |share: f64| (share * items as f64) as usize;
    let before = rate(hits(shares.0), items, &options());
    let after = rate(hits(shares.1), items, &options());
    let change = before.share.is_some().then(|| Change {
        only_before: hits((shares.0 - shares.1).max(0.0)) + 3,
        only_after: 3,
        difference: points("difference", shares.1 - shares.0, 0.03),
        test: Test {
            name: "McNemar exact".into(),
            statistic: None,
            degrees_of_freedom: None,
            ..test(if shares.0 - shares.1 > 0.05 { 1e-9 } else { 0.3 })
        },
    });
    let published = change.is_some().then_some(shares);
    PairedRow { group, before, after, change, published }
}

fn paired(by: &[&str], rows: Vec<PairedRow>) -> PairedTable {
    PairedTable {
        rate: "answered with a crime-related label".into(),
        good: Direction::Lower,
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        before: "the paper's label set".into(),
        after: "with the class child".into(),
        rows,
        all: paired_row(Vec::new(), 10_954, (0.163, 0.091)),
        min_group: 20,
    }
}

fn child() -> Body {
    let shares = [
        (0.303, 0.023),
        (0.35, 0.043),
        (0.295, 0.147),
        (0.163, 0.15),
        (0.139, 0.139),
        (0.185, 0.182),
        (0.191, 0.189),
        (0.162, 0.162),
        (0.104, 0.104),
    ];
    let items = [199, 1_356, 1_181, 3_300, 2_330, 1_353, 796, 321, 18];
    let row = |index: usize| paired_row(vec![AGES[index].into()], items[index], shares[index]);
    Body::Paired(paired(&["age"], (0..9).map(row).collect()))
}

fn one_row() -> PairedTable {
    paired(&[], Vec::new())
}

fn associations(groups: usize) -> Body {
    let names: Vec<(String, usize)> = match groups {
        2 => vec![("Female".into(), 5_162), ("Male".into(), 5_792)],
        _ => RACES[..7].iter().map(|(race, items)| ((*race).to_owned(), *items)).collect(),
    };
    let label = |index: usize| {
        let words =
            ["nanny", "prisoner", "a television presenter of the evening news", "executive"];
        format!("{} {}", words[index % 4], index + 1)
    };
    let row = |index: usize| {
        let toward = index % names.len();
        let share = |group: usize| {
            let more = if group == toward { 0.12 } else { 0.03 };
            (more / (1.0 + index as f64 * 0.2) * names[group].1 as f64) as usize
        };
        AssociationRow {
            label: label(index),
            returned: (0..names.len())
                .map(|group| rate(share(group), names[group].1, &options()))
                .collect(),
            toward: names[toward].0.clone(),
            test: test(1e-7 * 10f64.powf(index as f64 / 3.0)),
        }
    };
    Body::Associations(AssociationTable {
        by: if groups == 2 { "gender" } else { "race" }.into(),
        rows: (0..40).map(row).collect(),
        groups: names,
        threshold: if groups == 2 { 0.005 } else { 0.04 },
        labels: 300,
        scale: 100.0,
    })
}

fn figures() -> Body {
    let row = |name: &str, accuracy: f64| {
        let undefined = Figure::undefined("worst-group", Unit::Share, "no groups were given");
        let figures = vec![
            share("accuracy", accuracy, 0.012),
            share("ece", 1.0 - accuracy, 0.02),
            Figure::plain("temperature", Unit::Number, 87.25),
            undefined,
        ];
        (name.to_owned(), figures)
    };
    Body::Figures(FigureTable {
        of: "label list".into(),
        rows: vec![
            row("breeds-of-cats-and-dogs-as-the-shelter-names-them.txt", 0.871),
            row("cat-or-dog.txt", 0.994),
            row("with-the-class-fox.txt", 0.852),
        ],
    })
}

fn flow(classes: usize) -> Flow {
    let name = |class: usize| match (classes, class) {
        (2, class) => ["cat", "dog", "fox"][class].to_owned(),
        (_, class) => format!(
            "{} {class}",
            ["wheaten terrier", "Egyptian Mau", "a staffordshire bull terrier"][class % 3]
        ),
    };
    let others = if classes == 2 { 3 } else { 40 };
    let mut cells = Vec::new();
    for class in 0..classes {
        let stay = FlowCell { from: name(class), to: name(class), items: 90 };
        let go = FlowCell {
            from: name(class),
            to: name((class * 5 + 2) % others),
            items: 1 + class * 13 % 27,
        };
        cells.extend([stay, go]);
    }
    cells.retain(|cell| classes > 2 || cell.from != cell.to || cell.items > 50);
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.items));
    let items = cells.iter().map(|cell| cell.items).sum();
    Flow { before: "breeds.txt".into(), after: "breeds-and-others.txt".into(), items, cells }
}

fn confusions() -> Vec<Confusion> {
    super::confusions("oxford_pets", 37, 3_650)
}

fn reliability() -> Body {
    Body::Reliability { bins: super::reliability(3_650, 0.87) }
}

fn curves() -> Body {
    let curve = |name: &str, fall: f64| {
        let point = |classes: usize| CurvePoint {
            x: classes as f64,
            y: share("unchanged", 1.0 - fall * (classes as f64 / 40.0).sqrt(), 0.01),
        };
        (name.to_owned(), [2, 5, 10, 20, 37].map(point).to_vec())
    };
    Body::Curves(Curves {
        x: "classes in the list".into(),
        y: "share of answers unchanged".into(),
        curves: vec![curve("a photo of a {}.", 0.12), curve("{}", 0.3)],
    })
}
