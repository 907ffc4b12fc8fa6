//! Where images go when the labels change.

use std::collections::HashMap;

use crate::section::{Flow, FlowCell};

/// Ways that a table names, at most; the rest is one way.
const MOST_CELLS: usize = 400;
/// What the rest is called.
const OTHERS: &str = "all others";

/// Counts the answers before and after, one pair an image.
pub(crate) fn flow<'a>(
    before: &str,
    after: &str,
    images: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Flow {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    images.into_iter().for_each(|way| *counts.entry(way).or_default() += 1);
    let items = counts.values().sum();
    let mut ways: Vec<((&str, &str), usize)> = counts.into_iter().collect();
    ways.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let rest = if ways.len() > MOST_CELLS { ways.split_off(MOST_CELLS - 1) } else { Vec::new() };
    let cell = |((from, to), items): ((&str, &str), usize)| FlowCell {
        from: from.to_owned(),
        to: to.to_owned(),
        items,
    };
    let mut cells: Vec<FlowCell> = ways.into_iter().map(cell).collect();
    if !rest.is_empty() {
        let items = rest.iter().map(|(_, items)| items).sum();
        cells.push(cell(((OTHERS, OTHERS), items)));
    }
    Flow { before: before.to_owned(), after: after.to_owned(), items, cells }
}

/// How many images change their answer.
pub(crate) fn moved(flow: &Flow) -> usize {
    let stay: usize =
        flow.cells.iter().filter(|cell| cell.from == cell.to).map(|cell| cell.items).sum();
    flow.items - stay
}

/// The ways with the most images that change their answer, in words.
pub(crate) fn widest(flow: &Flow, count: usize) -> String {
    let moving = flow.cells.iter().filter(|cell| cell.from != cell.to).take(count);
    let said: Vec<String> =
        moving.map(|cell| format!("{} to {} ({})", cell.from, cell.to, cell.items)).collect();
    if said.is_empty() { "none".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cells_sum_to_the_images(ways in prop::collection::vec((0_u32..40, 0_u32..40), 0..3000)) {
            let names: Vec<String> = (0..40).map(|name| name.to_string()).collect();
            let pairs = ways.iter().map(|&(a, b)| (&*names[a as usize], &*names[b as usize]));
            let flow = flow("a", "b", pairs);
            prop_assert_eq!(flow.items, ways.len());
            prop_assert_eq!(flow.cells.iter().map(|cell| cell.items).sum::<usize>(), ways.len());
            prop_assert!(flow.cells.len() <= MOST_CELLS);
        }
    }

    #[test]
    fn widest_ways_come_first_and_those_who_stay_do_not_move() {
        let flow = flow("a", "b", [("x", "x"), ("x", "y"), ("x", "x"), ("z", "y"), ("x", "y")]);
        assert_eq!(moved(&flow), 3);
        assert_eq!(widest(&flow, 2), "x to y (2), z to y (1)");
        assert_eq!(flow.cells[0].items, 2);
    }
}
