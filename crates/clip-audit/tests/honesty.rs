//! What the audit finds where there is something to find, and what it claims where there is not:
//! embeddings with a known gap between groups, and twins without one, through the path of an audit
//! (embeddings, head, logits, answers, rates, correction).
//!
//! `cargo test -p clip-audit --test honesty -- --ignored --nocapture` prints the table of the docs.

use clip_audit::groups::{Attribute, Grouping, Groups};
use clip_audit::options::GroupOptions;
use clip_audit::paired::paired_table;
use clip_audit::rates::{Counted, correct_sections, rate_table};
use clip_audit::section::{Body, Conclusion, Direction, RateTable, Section};
use clip_data::random::Seeded;
use clip_eval::head::Head;
use clip_eval::metrics::predictions;
use clip_eval::results::Figure;

const WIDTH: usize = 8;
const RIGHT: Counted<'_> = Counted { rate: "the answer is right", good: Direction::Higher };

/// Groups of `items` images each, answered right with these probabilities.
#[derive(Clone, Copy)]
struct World<'a> {
    items: usize,
    shares: &'a [f64],
}

/// Images as a model sees them.
struct Images {
    embeddings: Vec<f32>, // [images, WIDTH], rows of norm 1
    truth: Vec<u32>,
}

impl World<'_> {
    fn truth(&self) -> f64 {
        let extreme = |of: fn(f64, f64) -> f64| self.shares.iter().copied().reduce(of).unwrap();
        extreme(f64::max) - extreme(f64::min)
    }

    /// Embeddings on the side of their class with the probability of their group: the first value
    /// says which of the two, the others are of the image.
    fn images(&self, random: &mut Seeded) -> Images {
        let (mut embeddings, mut truth) = (Vec::new(), Vec::new());
        for &share in self.shares {
            for _ in 0..self.items {
                let class = random.below(2) as u32;
                let right = even(random) < share;
                let side = if (class == 0) == right { 1.0 } else { -1.0 };
                let mut row = [0.0; WIDTH];
                row.fill_with(|| even(random) - 0.5);
                row[0] = side * (0.02 + row[0].abs());
                let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
                embeddings.extend(row.map(|value| (value / norm) as f32));
                truth.push(class);
            }
        }
        Images { embeddings, truth }
    }

    fn grouping(&self) -> Grouping {
        let levels = (0..self.shares.len()).map(|group| format!("group {group}")).collect();
        let of_item = (0..self.shares.len() * self.items)
            .map(|item| Some((item / self.items) as u32))
            .collect();
        let attribute = Attribute { name: "group".to_owned(), levels, of_item };
        Groups { attributes: vec![attribute] }.by(&["group"]).expect("an attribute")
    }
}

/// From 0 to 1.
fn even(random: &mut Seeded) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Two classes that look at the first value alone.
fn head() -> Head {
    let mut head = Head::zeros(2, WIDTH);
    for (class, side) in [1.0, -1.0].into_iter().enumerate() {
        let mut row = [0.0; WIDTH];
        row[0] = side;
        head.set(class, &row);
    }
    head
}

fn hits(images: &Images) -> Vec<bool> {
    let logits = head().logits(&images.embeddings, 100.0);
    let answers = predictions(&logits, 2).expect("scores");
    answers.iter().zip(&images.truth).map(|(answer, truth)| answer == truth).collect()
}

fn section(body: Body) -> Section {
    Section::new("table", "Table", body, Conclusion::new("", ""))
}

fn holds(figure: &Figure, truth: f64) -> bool {
    let (low, high) = figure.interval().expect("an interval");
    (low..=high).contains(&truth)
}

/// Shares of draws, 0..1.
#[derive(Debug, Default)]
struct Found {
    /// With the difference found, p corrected below 0.05.
    different: f64,
    /// With the true gap in its interval.
    gap_holds: f64,
    /// With the true ratio in its interval.
    ratio_holds: f64,
    /// Of groups' shares that are in their interval.
    share_holds: f64,
    /// With 0 outside of the interval of the gap.
    gap_above_zero: f64,
}

fn measure(world: World<'_>, draws: u32, seed: u64) -> Found {
    let (grouping, options) = (world.grouping(), GroupOptions::default());
    let mut found = Found::default();
    let worst = world.shares.iter().copied().reduce(f64::min).unwrap();
    let ratio = worst / (worst + world.truth());
    for draw in 0..draws {
        let mut random = Seeded::named(seed, &format!("{} {draw}", world.items));
        let hits = hits(&world.images(&mut random));
        let table = rate_table(RIGHT, &hits, &grouping, &options);
        let mut sections = [section(Body::Rates(table))];
        correct_sections(&mut sections);
        let Body::Rates(RateTable { rows, disparity, .. }) = &sections[0].body else {
            unreachable!()
        };
        let disparity = disparity.as_ref().expect("groups are large enough");
        let count =
            |share: &mut f64, is: bool| *share += f64::from(u8::from(is)) / f64::from(draws);
        count(&mut found.different, disparity.test.p_holm < 0.05);
        count(&mut found.gap_holds, holds(&disparity.gap, world.truth()));
        count(&mut found.ratio_holds, holds(&disparity.ratio, ratio));
        count(&mut found.gap_above_zero, disparity.gap.low.expect("an end") > 0.0);
        for (row, &share) in rows.iter().zip(world.shares) {
            let held = holds(row.rate.share.as_ref().expect("a share"), share);
            found.share_holds += f64::from(u8::from(held)) / f64::from(draws) / rows.len() as f64;
        }
    }
    found
}

/// Share of audits that claim anything where seven groups are treated alike by two models that are
/// equally good: three tables of rates and one of a change, eleven tests in one family.
fn family_with_a_false_alarm(items: usize, draws: u32, seed: u64) -> f64 {
    let world = World { items, shares: &[0.85; 7] };
    let (grouping, options) = (world.grouping(), GroupOptions::default());
    let mut alarms = 0;
    for draw in 0..draws {
        let mut random = Seeded::named(seed, &format!("family {items} {draw}"));
        let of_models: Vec<Vec<bool>> = (0..3).map(|_| hits(&world.images(&mut random))).collect();
        let rates = |hits: &Vec<bool>| Body::Rates(rate_table(RIGHT, hits, &grouping, &options));
        let [before, after] = [&of_models[0], &of_models[1]];
        let change = paired_table(RIGHT, ["one", "other"], before, after, &grouping, &options);
        let mut sections: Vec<Section> = of_models.iter().map(rates).map(section).collect();
        sections.push(section(Body::Paired(change)));
        correct_sections(&mut sections);
        let least = sections.iter().flat_map(|section| p_of(&section.body)).fold(1.0, f64::min);
        alarms += u32::from(least < 0.05);
    }
    f64::from(alarms) / f64::from(draws)
}

fn p_of(body: &Body) -> Vec<f64> {
    let tests: Vec<_> = match body {
        Body::Rates(table) => table.disparity.iter().map(|found| &found.test).collect(),
        Body::Paired(table) => table
            .rows
            .iter()
            .chain([&table.all])
            .map(|row| &row.change.as_ref().expect("enough images").test)
            .collect(),
        _ => unreachable!(),
    };
    assert!(tests.iter().all(|test| test.family == 11), "three tables and eight changes");
    tests.into_iter().map(|test| test.p_holm).collect()
}

const BIASED: [f64; 2] = [0.85, 0.75];
const UNBIASED: [f64; 2] = [0.85; 2];
const DRAWS: u32 = 200;

#[test]
fn a_gap_of_ten_points_is_found_and_its_interval_holds_it() {
    for (items, least_found) in [(200, 0.6), (2000, 1.0)] {
        let found = measure(World { items, shares: &BIASED }, DRAWS, 0);
        assert!(found.different >= least_found, "{items}: {found:?}");
        for held in [found.gap_holds, found.ratio_holds, found.share_holds] {
            assert!(held >= 0.94, "{items}: {found:?}");
        }
    }
}

#[test]
fn no_gap_is_claimed_where_there_is_none() {
    for items in [200, 2000] {
        let found = measure(World { items, shares: &UNBIASED }, DRAWS, 0);
        assert!(found.different <= 0.06 && found.gap_above_zero <= 0.06, "{items}: {found:?}");
        for held in [found.gap_holds, found.ratio_holds, found.share_holds] {
            assert!(held >= 0.94, "{items}: {found:?}");
        }
    }
}

#[test]
fn seven_groups_of_equal_truth_seldom_have_a_false_alarm_in_a_whole_family() {
    for items in [50, 200] {
        let alarms = family_with_a_false_alarm(items, DRAWS, 0);
        assert!(alarms <= 0.06, "{items} images in each group: {alarms}");
        let found = measure(World { items, shares: &[0.85; 7] }, DRAWS, 0);
        assert!(found.gap_holds >= 0.94 && found.share_holds >= 0.94, "{found:?}");
    }
}

#[test]
#[ignore = "prints the table of the docs: other seeds, many draws"]
fn the_table_of_the_docs() {
    let draws = 4000;
    for (name, shares) in [("biased", &BIASED[..]), ("unbiased", &UNBIASED), ("seven", &[0.85; 7])]
    {
        for items in [20, 50, 200, 2000] {
            println!("{name} {items} {draws}: {:?}", measure(World { items, shares }, draws, 99));
            for seed in (0..8).filter(|_| items >= 200) {
                let found = measure(World { items, shares }, DRAWS, seed);
                println!("    seed {seed}, {DRAWS} draws: {found:?}");
            }
        }
    }
    for items in [20, 50, 200, 1000] {
        println!("family {items}: {}", family_with_a_false_alarm(items, draws, 99));
        let of_seed = |seed| family_with_a_false_alarm(items, DRAWS, seed);
        println!("    by seed: {:?}", (0..8).map(of_seed).collect::<Vec<_>>());
    }
}
