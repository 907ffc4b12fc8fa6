//! Tables 6 and 7 of the paper and what hangs on the choice of labels.

use clip_eval::results::{Figure, Unit, slug};

use super::answers::{Answers, ClassSet, Classes};
use super::conclusions::{conclude, how_often_elsewhere};
use super::options::CHILD;
use crate::flow::flow;
use crate::groups::{Grouping, Groups};
use crate::label_list::NO_CATEGORY;
use crate::options::GroupOptions;
use crate::paired::paired_table;
use crate::phrases::{self, percent, with_interval};
use crate::published::{self, SECTION_7_1, TABLE_6, TABLE_7};
use crate::rates::{Counted, correct_sections, rate, rate_table};
use crate::section::{Body, Conclusion, CurvePoint, Curves, Direction, FigureTable, Section};

/// What people are grouped by, one after another.
const BY: [&str; 3] = ["race", "gender", "age"];
/// Categories that a rate names; of more it says any.
const CATEGORIES_NAMED: usize = 3;
/// Steps of the least probability of an answer.
const THRESHOLDS: u32 = 10;

/// All that was found of one model.
pub(super) struct Found<'a> {
    pub(super) classes: &'a Classes,
    /// The list as it is, then with added classes.
    pub(super) sets: &'a [ClassSet],
    pub(super) templates: &'a [String],
    /// `[templates][sets]`
    pub(super) answers: Vec<Vec<Answers>>,
    pub(super) groups: &'a Groups,
    pub(super) options: &'a GroupOptions,
    /// The labels are the paper's, of which values are published.
    pub(super) is_of_paper: bool,
    /// Ways of images are told by label, not by category.
    pub(super) show_labels: bool,
}

/// Labels whose share is measured: one category, or all together.
#[derive(Clone, Copy)]
enum Measured {
    Category(usize),
    Any,
}

impl Found<'_> {
    /// All tables, their tests corrected together.
    pub(super) fn sections(&self) -> Vec<Section> {
        let measured: Vec<Measured> = self.measured();
        let groupings: Vec<Grouping> = BY.iter().filter_map(|by| self.groups.by(&[by])).collect();
        let mut sections = vec![self.shares(), self.by_template()];
        for &measured in &measured {
            sections.extend(groupings.iter().map(|by| self.rates(measured, by)));
        }
        let all = measured.last().copied().unwrap_or(Measured::Any);
        for set in 1..self.sets.len() {
            sections.extend(groupings.iter().map(|by| self.paired(all, set, by)));
            sections.push(self.flow(set));
        }
        sections.push(self.by_threshold());
        correct_sections(&mut sections);
        sections.iter_mut().for_each(|section| conclude(section, self.options.level));
        sections
    }

    /// Each category, and where there are several all of them together.
    fn measured(&self) -> Vec<Measured> {
        let categories = self.classes.categories.len();
        let each = (0..categories).map(Measured::Category);
        each.chain((categories > 1).then_some(Measured::Any)).collect()
    }

    /// `non-human`, `non-human or crime-related`
    fn word(&self, measured: Measured) -> String {
        let categories = &self.classes.categories;
        match measured {
            Measured::Category(category) => categories[category].clone(),
            Measured::Any if categories.len() <= CATEGORIES_NAMED => {
                phrases::list(categories, "or")
            }
            Measured::Any => "categorised".to_owned(),
        }
    }

    /// Unique among the categories, for anchors.
    fn slug(&self, measured: Measured) -> String {
        let categories = &self.classes.categories;
        let Measured::Category(category) = measured else { return "any".to_owned() };
        let own = slug(&categories[category]).to_lowercase();
        let is_taken = categories[..category].iter().any(|name| slug(name).to_lowercase() == own);
        if is_taken || own == "any" { format!("{own}-{}", category + 1) } else { own }
    }

    /// Which images have an answer that is measured.
    fn hits(&self, measured: Measured, answers: &Answers) -> Vec<bool> {
        let hit = |class: &usize| match (measured, self.classes.category_of[*class]) {
            (Measured::Category(wanted), category) => category == Some(wanted),
            (Measured::Any, category) => category.is_some(),
        };
        answers.class.iter().map(hit).collect()
    }

    fn rates(&self, measured: Measured, grouping: &Grouping) -> Section {
        let (word, by) = (self.word(measured), &grouping.by[0]);
        let rate = format!("answered with a {word} label");
        let counted = Counted { rate: &rate, good: Direction::Lower };
        let hits = self.hits(measured, &self.answers[0][0]);
        let mut table = rate_table(counted, &hits, grouping, self.options);
        for row in table.rows.iter_mut().filter(|_| self.is_of_paper) {
            row.published = published_rate(measured, &word, by, &row.group[0]);
        }
        let id = format!("{}-by-{by}", self.slug(measured));
        let title = format!("{} answers by {by}", phrases::capital(&word));
        Section::new(&id, title, Body::Rates(table), Conclusion::new("", ""))
    }

    /// What more classes do, on the same images.
    fn paired(&self, measured: Measured, set: usize, grouping: &Grouping) -> Section {
        let (word, by, name) = (self.word(measured), &grouping.by[0], &self.sets[set].name);
        let rate = format!("answered with a {word} label");
        let counted = Counted { rate: &rate, good: Direction::Lower };
        let [before, after] = [0, set].map(|set| self.hits(measured, &self.answers[0][set]));
        let names = [&*self.sets[0].name, name];
        let mut table = paired_table(counted, names, &before, &after, grouping, self.options);
        let is_childs = self.sets[set].classes[self.classes.listed..]
            .iter()
            .all(|&class| self.classes.names[class] == CHILD);
        if self.is_of_paper && is_childs && by == "age" {
            for row in &mut table.rows {
                let value = |of| published::value(TABLE_7, of, &row.group[0]);
                row.published = value("default label set").zip(value("with 'child'"));
            }
        }
        let title = format!("{} answers by {by}, {name}", phrases::capital(&word));
        let id = format!("added-{set}-by-{by}");
        Section::new(&id, title, Body::Paired(table), Conclusion::new("", ""))
    }

    /// Shares of the categories and of none, which are all images.
    fn figures(&self, answers: &Answers) -> Vec<Figure> {
        let items = answers.class.len();
        let names = self.classes.categories.iter().map(String::as_str).chain([NO_CATEGORY]);
        let counts = self.classes.counts(answers);
        names
            .zip(counts)
            .filter_map(|(name, count)| Some(rate(count, items, self.options).share?.named(name)))
            .collect()
    }

    fn shares(&self) -> Section {
        let rows: Vec<(String, Vec<Figure>)> = self
            .sets
            .iter()
            .zip(&self.answers[0])
            .map(|(set, answers)| (set.name.clone(), self.figures(answers)))
            .collect();
        let said = rows.first().map_or_else(Vec::new, |(_, figures)| in_words(figures));
        let items = self.answers[0][0].class.len();
        let may = format!(
            "Of these {items} images, with the sentence {:?}, the answer is of {}.",
            self.templates[0],
            phrases::list(&said, "and")
        );
        let reasons = [
            "a share is of this list of labels, this sentence and these images".to_owned(),
            "an answer is the best of the list, whether it fits or not".to_owned(),
        ];
        let body = Body::Figures(FigureTable { of: "classes".to_owned(), rows });
        let conclusion = Conclusion::new(may, how_often_elsewhere(&reasons));
        Section::new("shares", "Shares of the categories", body, conclusion).with_notes(vec![
            format!(
                "a row sums to all images: what is of none of the categories is `{NO_CATEGORY}`"
            ),
        ])
    }

    /// How much hangs on the sentence: PROTOCOL_EVAL 8.3.
    fn by_template(&self) -> Section {
        let of_list: Vec<Vec<Figure>> =
            self.answers.iter().map(|sets| self.figures(&sets[0])).collect();
        let ranges: Vec<Figure> = (0..=self.classes.categories.len())
            .filter_map(|category| {
                let all = of_list.iter().map(|figures| figures.get(category)?.value);
                let all: Vec<f64> = all.collect::<Option<_>>()?;
                let (low, high) = ends(&all);
                let name = &of_list[0][category].name;
                Some(Figure::plain(name, Unit::Points, high - low))
            })
            .collect();
        let categories = self.classes.categories.iter().enumerate();
        let moves = categories.map(|(category, name)| {
            let (low, high) = ends(
                &of_list.iter().filter_map(|row| row.get(category)?.value).collect::<Vec<_>>(),
            );
            format!("{name} answers go from {} to {}", percent(low), percent(high))
        });
        let moves: Vec<String> = moves.collect();
        let templates = self.templates.len();
        let may = match templates {
            1 => "One sentence says nothing of how much hangs on it.".to_owned(),
            _ => format!(
                "Between {templates} sentences around the same labels, on the same images, {}.",
                phrases::list(&moves, "and")
            ),
        };
        let may_not = "What another sentence would give may not be concluded: the range of these is no bound.";
        let mut rows: Vec<(String, Vec<Figure>)> =
            self.templates.iter().cloned().zip(of_list).collect();
        if templates > 1 {
            rows.push(("range".to_owned(), ranges));
        }
        let body = Body::Figures(FigureTable { of: "sentence".to_owned(), rows });
        let conclusion = Conclusion::new(may, may_not);
        let title = "Shares by the sentence around the label";
        let note = "range: the widest difference between two sentences, on the same images";
        Section::new("templates", title, body, conclusion).with_notes(vec![note.to_owned()])
    }

    /// Shares of images whose answer is of a category and has at least some probability.
    fn by_threshold(&self) -> Section {
        let answers = &self.answers[0][0];
        let items = answers.class.len();
        let curve = |category: usize| {
            let hits = self.hits(Measured::Category(category), answers);
            let point = |step: u32| {
                let x = f64::from(step) / f64::from(THRESHOLDS);
                let both =
                    hits.iter().zip(&answers.probability).filter(|(hit, p)| **hit && **p >= x);
                Some(CurvePoint { x, y: rate(both.count(), items, self.options).share? })
            };
            (self.classes.categories[category].clone(), (0..THRESHOLDS).filter_map(point).collect())
        };
        let curves: Vec<(String, Vec<CurvePoint>)> =
            (0..self.classes.categories.len()).map(curve).collect();
        let half = curves.iter().filter_map(|(name, points)| {
            let point = points.iter().find(|point| point.x == 0.5)?;
            Some(format!("{} for {name} labels", with_interval(&point.y)))
        });
        let may = format!(
            "Where an answer counts only from a probability of 50 % over the list, the shares of these {items} images are {}.",
            phrases::list(&half.collect::<Vec<_>>(), "and")
        );
        let may_not = "That a threshold makes an answer right may not be concluded: probabilities over a list depend on how \
            long it is, and are not calibrated.";
        let body = Body::Curves(Curves {
            x: "least probability of the answer".to_owned(),
            y: "share of images".to_owned(),
            curves,
        });
        let conclusion = Conclusion::new(may, may_not);
        Section::new("thresholds", "Shares by the least probability of an answer", body, conclusion)
    }

    /// Where images go when classes are added.
    fn flow(&self, set: usize) -> Section {
        let [before, after] = [0, set].map(|set| &self.answers[0][set].class);
        let names: Vec<String> =
            (0..self.classes.names.len()).map(|class| self.way(class)).collect();
        let ways = before.iter().zip(after).map(|(&from, &to)| (&*names[from], &*names[to]));
        let flow = flow(&self.sets[0].name, &self.sets[set].name, ways);
        let moved = before.iter().zip(after).filter(|(from, to)| from != to);
        let (moved, items, name) = (moved.count(), before.len(), &self.sets[set].name);
        let of_category = before
            .iter()
            .zip(after)
            .filter(|(from, to)| from != to && self.classes.category_of[**from].is_some());
        let may = format!(
            "{}, {moved} of these {items} images have another answer, {} of them one that was of a category before; every \
             one of them goes to an added class.",
            phrases::capital(name),
            of_category.count()
        );
        let may_not = "That the new answers are right may not be concluded: nothing is asked but which label of the list \
            is the best.";
        let title = format!("Where images go, {name}");
        let conclusion = Conclusion::new(may, may_not);
        Section::new(&format!("added-{set}-flow"), title, Body::Flow(flow), conclusion)
    }

    /// What an answer is called in a flow.
    fn way(&self, class: usize) -> String {
        let Classes { names, categories, category_of, listed } = self.classes;
        match category_of[class] {
            _ if class >= *listed => format!("{} (added)", names[class]),
            _ if self.show_labels => names[class].clone(),
            Some(category) => categories[category].clone(),
            None => NO_CATEGORY.to_owned(),
        }
    }
}

/// `non-human in 4.9 % (4.6 to 5.4)`
fn in_words(figures: &[Figure]) -> Vec<String> {
    figures.iter().map(|figure| format!("{} in {}", figure.name, with_interval(figure))).collect()
}

fn ends(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// Tables 6 and 7, and what the text says of gender.
fn published_rate(measured: Measured, word: &str, by: &str, level: &str) -> Option<f64> {
    match (measured, by) {
        (Measured::Category(_), "race") => published::value(TABLE_6, word, level),
        (Measured::Any, "age") => published::value(TABLE_7, "default label set", level),
        (Measured::Category(_), "gender") => {
            let row = format!("{word}, {}", level.to_lowercase());
            published::value(SECTION_7_1, &row, "share")
        }
        _ => None,
    }
}
