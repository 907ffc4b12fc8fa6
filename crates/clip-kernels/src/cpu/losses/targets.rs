//! Which keys belong to a query, and which queries to a key.

use crate::{Device, Matrix, Targets};

/// Pairs that belong together, from one side.
pub(super) struct Pairs {
    /// For each row the places on the other side in ascending order, and the shares of a query
    /// that they have.
    rows: Vec<Vec<(usize, f32)>>,
}

impl Pairs {
    /// From the side of the queries and from that of the keys; nobody belongs together where a
    /// teacher says how much.
    pub(super) fn of<D: Device<Rows = Matrix>>(
        targets: Targets<'_, D>,
        queries: usize,
        keys: usize,
    ) -> [Self; 2] {
        let mut of_queries = vec![Vec::new(); queries];
        match targets {
            Targets::Diagonal { first } => {
                let places = of_queries.iter_mut().zip(first..);
                places.for_each(|(row, key)| row.push((key, 1.0)));
            }
            Targets::Positives(positives) => {
                for (row, positives) in of_queries.iter_mut().zip(positives) {
                    let share = 1.0 / positives.len() as f32;
                    row.extend(positives.iter().map(|&key| (key, share)));
                }
            }
            Targets::Teacher { .. } => {}
        }
        let mut of_keys = vec![Vec::new(); keys];
        for (query, row) in of_queries.iter().enumerate() {
            for &(key, share) in row {
                of_keys[key].push((query, share));
            }
        }
        [of_queries, of_keys].map(|rows| Self { rows })
    }

    /// The places that belong to a row, and their shares.
    pub(super) fn of_row(&self, row: usize) -> &[(usize, f32)] {
        &self.rows[row]
    }

    /// Whether a place belongs to a row.
    pub(super) fn contains(&self, row: usize, place: usize) -> bool {
        self.rows[row].binary_search_by_key(&place, |&(place, _)| place).is_ok()
    }
}
