//! Where things go: answers at the left, answers at the right, and ribbons as thick as the number of
//! things that go from one to the other.

use super::picture::{WIDTH, svg};
use super::text::{LETTERS, fit, width};
use crate::markup::{Markup, Px};
use crate::numbers::{count, total};

/// A name needs this height, so that no two overlap.
const NAME: f64 = 15.0;
/// Between nodes.
const AIR: f64 = 4.0;
/// What the larger side has for its things, for each node.
const NODE: f64 = 21.0;
/// Names at either side.
const NAMES: f64 = 140.0;
/// Of a node.
const BAR: f64 = 6.0;
/// Where ribbons begin and end.
const START: f64 = NAMES + BAR;
const END: f64 = WIDTH - NAMES - BAR;
/// A ribbon is never thinner.
const THINNEST: f64 = 1.2;

/// From an answer at the left to one at the right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ribbon {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) items: usize,
    /// Whether both ends have one name: drawn in grey.
    pub(crate) same: bool,
}

/// One side: what it is called, and its answers from the top.
pub(crate) struct Side<'a> {
    pub(crate) title: &'a str,
    pub(crate) names: Vec<&'a str>,
}

/// Draws them; `description` says in words what is to be seen.
pub(crate) fn ribbons(
    page: &mut Markup,
    title: &str,
    description: &str,
    [left, right]: [&Side<'_>; 2],
    ribbons: &[Ribbon],
) {
    let items = total(ribbons.iter().map(|ribbon| ribbon.items)).max(1) as f64;
    let nodes = left.names.len().max(right.names.len()) as f64;
    let unit = nodes * NODE / items;
    let mut from = Nodes::new(left, ribbons.iter().map(|ribbon| (ribbon.from, ribbon.items)), unit);
    let mut to = Nodes::new(right, ribbons.iter().map(|ribbon| (ribbon.to, ribbon.items)), unit);
    let height = from.height().max(to.height());
    let top = 2.0 * LETTERS + 6.0;
    for side in [&mut from, &mut to] {
        side.down(top + (height - side.height()) / 2.0);
    }

    let mut body = Markup::default();
    for (ribbon, y, z) in placed(ribbons, &mut from, &mut to) {
        let name =
            |side: &Side<'_>, at: usize| side.names.get(at).copied().unwrap_or_default().to_owned();
        let (before, after) = (name(left, ribbon.from), name(right, ribbon.to));
        let tip = format!("{before} → {after}: {}", count(ribbon.items));
        draw(&mut body, ribbon, (y, z), unit, &tip);
    }
    from.draw(&mut body, left, START - BAR, (NAMES - 5.0, "n e"));
    to.draw(&mut body, right, END, (END + BAR + 5.0, "n"));
    let head = |body: &mut Markup, class: &str, x: f64, text: &str| {
        let text = fit(text, WIDTH / 2.0 - 8.0);
        body.leaf("text", &[("class", &class), ("x", &Px(x)), ("y", &Px(LETTERS))], text);
    };
    head(&mut body, "u", 0.0, left.title);
    head(&mut body, "u e", WIDTH, right.title);
    svg(page, title, description, top + height + 4.0, &body);
}

/// Each ribbon with its tops at the left and at the right; from the top at both sides, so that
/// ribbons of one node cross as little as can be.
fn placed<'r>(
    ribbons: &'r [Ribbon],
    from: &mut Nodes,
    to: &mut Nodes,
) -> Vec<(&'r Ribbon, f64, f64)> {
    let mut placed: Vec<(&Ribbon, f64, f64)> =
        ribbons.iter().map(|ribbon| (ribbon, 0.0, 0.0)).collect();
    placed.sort_by_key(|(ribbon, ..)| (ribbon.to, ribbon.from));
    for (ribbon, _, end) in &mut placed {
        *end = to.take(ribbon.to, ribbon.items);
    }
    placed.sort_by_key(|(ribbon, ..)| (ribbon.from, ribbon.to));
    for (ribbon, start, _) in &mut placed {
        *start = from.take(ribbon.from, ribbon.items);
    }
    placed
}

/// A ribbon whose top is `y` at the left and `z` at the right.
fn draw(body: &mut Markup, ribbon: &Ribbon, (y, z): (f64, f64), unit: f64, tip: &str) {
    let thick = (ribbon.items as f64 * unit).max(THINNEST);
    let d = format!(
        "M{START} {y}C{m} {y} {m} {z} {END} {z}v{thick}C{m} {zt} {m} {yt} {START} {yt}z",
        m = Px((START + END) / 2.0),
        zt = Px(z + thick),
        yt = Px(y + thick),
        thick = Px(thick),
        y = Px(y),
        z = Px(z),
    );
    let class = if ribbon.same { "v s8".into() } else { format!("v s{}", ribbon.from % 8) };
    body.element("path", &[("class", &class), ("d", &d)], |path| path.leaf("title", &[], tip));
}

/// The nodes of one side: top, height, things, and how much of them is taken by ribbons.
struct Nodes(Vec<Node>);

#[derive(Clone, Copy)]
struct Node {
    top: f64,
    height: f64,
    items: usize,
    unit: f64,
    taken: f64,
}

impl Nodes {
    fn new(side: &Side<'_>, ribbons: impl Iterator<Item = (usize, usize)>, unit: f64) -> Nodes {
        let empty = Node { top: 0.0, height: NAME, items: 0, unit, taken: 0.0 };
        let mut nodes = vec![empty; side.names.len()];
        for (node, items) in ribbons {
            if let Some(node) = nodes.get_mut(node) {
                node.items = node.items.saturating_add(items);
                node.taken += (items as f64 * unit).max(THINNEST);
            }
        }
        let mut top = 0.0;
        for node in &mut nodes {
            // Ribbons stand in the middle of a node that its name makes higher.
            node.height = node.taken.max(NAME);
            node.taken = (node.height - node.taken) / 2.0;
            node.top = top;
            top += node.height + AIR;
        }
        Nodes(nodes)
    }

    fn height(&self) -> f64 {
        self.0.last().map_or(0.0, |last| last.top + last.height - self.0[0].top)
    }

    fn down(&mut self, by: f64) {
        self.0.iter_mut().for_each(|node| node.top += by);
    }

    /// Where the next ribbon of a node begins.
    fn take(&mut self, node: usize, items: usize) -> f64 {
        let Some(node) = self.0.get_mut(node) else { return 0.0 };
        let begin = node.top + node.taken;
        node.taken += (items as f64 * node.unit).max(THINNEST);
        begin
    }

    /// Bars from `left` on, and names that fit.
    fn draw(&self, body: &mut Markup, side: &Side<'_>, left: f64, (x, class): (f64, &str)) {
        for (node, name) in self.0.iter().zip(&side.names) {
            let (top, height) = (Px(node.top), Px(node.height));
            let bar = format!("M{} {top}h{BAR}v{height}h-{BAR}z", Px(left));
            body.empty("path", &[("class", &"o"), ("d", &bar)]);
            let items = format!(" {}", count(node.items));
            let base = Px(node.top + node.height / 2.0 + LETTERS * 0.36);
            body.element("text", &[("class", &class), ("x", &Px(x)), ("y", &base)], |text| {
                let short = fit(name, NAMES - 5.0 - width(&items));
                text.text(format_args!("{short}{items}"));
                if short != **name {
                    text.leaf("title", &[], name);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_as_high_as_their_names_and_ribbons_lie_within_them() {
        let side = Side { title: "before", names: vec!["many", "one", "none"] };
        let mut nodes = Nodes::new(&side, [(0, 60), (0, 40), (1, 1)].into_iter(), 0.5);
        assert_eq!(nodes.0[0].height, 50.0);
        assert_eq!((nodes.0[1].height, nodes.0[2].height), (NAME, NAME));
        assert_eq!((nodes.take(0, 60), nodes.take(0, 40)), (0.0, 30.0));
        let (top, thin) = (nodes.0[1].top, nodes.take(1, 1));
        assert!((thin - top - (NAME - THINNEST) / 2.0).abs() < 1e-9, "{thin}");
        assert_eq!(nodes.height(), 50.0 + 2.0 * (NAME + AIR));
    }
}
