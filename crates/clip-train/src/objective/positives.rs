//! Which pairs of a batch belong together.

use crate::distributed::{Collective, CollectiveError};
use std::collections::HashMap;

/// What a pair is: the number of its sample and a hash of its caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    sample: u64,
    caption: u64,
}

impl Identity {
    pub(crate) fn new(sample: u64, caption: &[u32]) -> Self {
        // FNV-1a over the token ids.
        let caption = caption
            .iter()
            .flat_map(|id| id.to_le_bytes())
            .fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
            });
        Self { sample, caption }
    }
}

/// For each of this rank's pairs the pairs of all ranks that share its sample or its caption, itself
/// included, ascending. The relation is symmetric: it serves both directions.
pub(crate) fn positives(
    own: &[Identity],
    collective: &dyn Collective,
) -> Result<Vec<Vec<usize>>, CollectiveError> {
    let words: Vec<u64> = own.iter().flat_map(|pair| [pair.sample, pair.caption]).collect();
    let all: Vec<Identity> = collective
        .all_gather_u64(&words)?
        .chunks_exact(2)
        .map(|words| Identity { sample: words[0], caption: words[1] })
        .collect();
    let (mut of_sample, mut of_caption) = (HashMap::new(), HashMap::new());
    for (i, pair) in all.iter().enumerate() {
        of_sample.entry(pair.sample).or_insert_with(Vec::new).push(i);
        of_caption.entry(pair.caption).or_insert_with(Vec::new).push(i);
    }
    let belonging = |pair: &Identity| {
        let mut keys: Vec<usize> = [&of_sample[&pair.sample], &of_caption[&pair.caption]]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    };
    Ok(own.iter().map(belonging).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributed::Solo;

    #[test]
    fn a_caption_and_a_sample_that_occur_twice_belong_to_both() {
        let pairs: Vec<Identity> = [(1, [7, 8]), (2, [7, 8]), (2, [9, 9]), (3, [1, 2])]
            .iter()
            .map(|(sample, caption)| Identity::new(*sample, caption))
            .collect();
        let found = positives(&pairs, &Solo).unwrap();
        assert_eq!(found, [vec![0, 1], vec![0, 1, 2], vec![1, 2], vec![3]]);
    }
}
