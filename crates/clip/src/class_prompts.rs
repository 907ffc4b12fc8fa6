//! The prompts of many classes, encoded in blocks: memory does not grow with their number.
//!
//! ```text
//! class ── prompts_of ──> its texts           made when they are needed, twice
//!    │ plan       each tokenised once: is it too long? are two classes one text? which classes begin alike?
//!    ▼
//! order of the classes by the tokens of their first prompt
//!    │ blocks     of neighbours, whose prompts share the beginnings of templates and of names
//!    ▼
//! unit rows of one class after the other
//! ```

use std::hash::{DefaultHasher, Hash, Hasher};

use clip_tokenizer::{Overflow, TokenizerError};
use rayon::prelude::*;

use crate::Clip;
use crate::error::Error;

/// Prompts encoded at a time: some 80 MB with the widest models. With eighty templates the
/// beginning of each is shared by two hundred classes.
const PROMPTS_AT_A_TIME: usize = 1 << 14;

/// Classes looked at between two additions to the plan.
const CLASSES_AT_A_TIME: usize = 1 << 12;

/// Classes whose prompts are ready to be encoded.
pub struct ClassPrompts<'a, F> {
    clip: &'a Clip,
    prompts_of: F,
    overflow: Overflow,
    /// Class and number of its prompts, in the order in which they are encoded.
    order: Vec<(usize, usize)>,
    same: Vec<(usize, usize)>,
    truncated: Vec<usize>,
    truncated_prompts: usize,
    prompts: usize,
}

/// What the plan needs to know of a class.
struct Sketch {
    class: usize,
    digest: u64,
    prompts: usize,
    truncated: usize,
}

impl<'a, F: Fn(usize) -> Vec<String> + Sync> ClassPrompts<'a, F> {
    /// Looks at every prompt without encoding any. `prompts_of` gives the prompts of a class
    /// `0..classes`, the same each time.
    ///
    /// # Errors
    /// [`Clip::check_texts`]; [`Error::Text`] with the number of the first class of which a prompt
    /// is too long, if `overflow` refuses that.
    pub fn new(
        clip: &'a Clip,
        classes: usize,
        overflow: Overflow,
        prompts_of: F,
    ) -> Result<Self, Error> {
        clip.check_texts()?;
        let mut plan = Self {
            clip,
            prompts_of,
            overflow,
            order: Vec::new(),
            same: Vec::new(),
            truncated: Vec::new(),
            truncated_prompts: 0,
            prompts: 0,
        };
        let sketches = plan.sketches(classes)?;
        plan.truncated =
            sketches.iter().filter(|class| class.truncated > 0).map(|class| class.class).collect();
        plan.truncated.sort_unstable();
        plan.truncated_prompts = sketches.iter().map(|class| class.truncated).sum();
        plan.prompts = sketches.iter().map(|class| class.prompts).sum();
        plan.same = plan.same_among(&sketches)?;
        plan.order = sketches.into_iter().map(|class| (class.class, class.prompts)).collect();
        Ok(plan)
    }

    /// Pairs of classes all of whose prompts have the same tokens, the earlier class first: to the
    /// model they are one. Of three such classes the second and the third are each named with one
    /// before.
    pub fn same(&self) -> &[(usize, usize)] {
        &self.same
    }

    /// Classes of which a prompt loses its end.
    pub fn truncated(&self) -> &[usize] {
        &self.truncated
    }

    /// How many prompts lose their end.
    pub fn truncated_prompts(&self) -> usize {
        self.truncated_prompts
    }

    /// How many prompts there are.
    pub fn prompts(&self) -> usize {
        self.prompts
    }

    /// Encodes all prompts. `each` gets every class once, in any order, with a unit row for each of
    /// its prompts, `[prompts, embed_dim]`; `progress` the number of prompts done since it was last
    /// called.
    ///
    /// # Errors
    /// Features that are not finite; the first error of `progress`.
    pub fn for_each<E: From<Error>>(
        &self,
        mut progress: impl FnMut(usize) -> Result<(), E>,
        mut each: impl FnMut(usize, &[f32]),
    ) -> Result<(), E> {
        for block in blocks(&self.order) {
            let tokens: Vec<Vec<Vec<u32>>> = block
                .par_iter()
                .map(|&(class, _)| {
                    Ok(self.tokens(class)?.into_iter().map(|(ids, _)| ids).collect())
                })
                .collect::<Result<_, Error>>()?;
            let ids: Vec<&[u32]> = tokens.iter().flatten().map(Vec::as_slice).collect();
            let rows = self.clip.encode_token_ids(&ids)?.normalize();
            let mut left = rows.as_slice();
            for (&(class, _), tokens) in block.iter().zip(&tokens) {
                let (own, rest) = left.split_at(tokens.len() * self.clip.embed_dim());
                each(class, own);
                left = rest;
            }
            progress(ids.len())?;
        }
        Ok(())
    }

    /// Token ids of each prompt of a class, and whether they were cut.
    fn tokens(&self, class: usize) -> Result<Vec<(Vec<u32>, bool)>, Error> {
        let context_length = self.clip.architecture().text.context_length;
        let tokens = |prompt: String| {
            let tokens = self.clip.tokenizer().tokenize(&prompt, context_length, self.overflow)?;
            Ok((tokens.ids, tokens.lost > 0))
        };
        let tokens =
            (self.prompts_of)(class).into_iter().map(tokens).collect::<Result<_, TokenizerError>>();
        tokens.map_err(|source| Error::Text { index: class, source })
    }

    /// All classes in the order of the tokens of their first prompts; equal classes are neighbours.
    fn sketches(&self, classes: usize) -> Result<Vec<Sketch>, Error> {
        let mut ids = Vec::new(); // of the first prompts, one after the other: an allocation for each would take more
        let mut sketches = Vec::new();
        for start in (0..classes).step_by(CLASSES_AT_A_TIME) {
            let part = start..classes.min(start + CLASSES_AT_A_TIME);
            let part: Vec<_> = part.into_par_iter().map(|class| self.sketch(class)).collect();
            for sketch in part {
                let (first, sketch) = sketch?;
                let place = ids.len()..ids.len() + first.len();
                ids.extend(first);
                sketches.push((place, sketch));
            }
        }
        sketches.par_sort_unstable_by(|(place, sketch), (other_place, other)| {
            let key = (&ids[place.clone()], sketch.digest, sketch.class);
            key.cmp(&(&ids[other_place.clone()], other.digest, other.class))
        });
        Ok(sketches.into_iter().map(|(_, sketch)| sketch).collect())
    }

    /// The tokens of a class's first prompt, and the rest in short.
    fn sketch(&self, class: usize) -> Result<(Vec<u32>, Sketch), Error> {
        let tokens = self.tokens(class)?;
        let mut digest = DefaultHasher::new();
        tokens.hash(&mut digest);
        let prompts = tokens.len();
        let truncated = tokens.iter().filter(|(_, cut)| *cut).count();
        let first = tokens.into_iter().next().map(|(ids, _)| ids).unwrap_or_default();
        Ok((first, Sketch { class, digest: digest.finish(), prompts, truncated }))
    }

    /// Neighbours in the order that are equal, by the first of the later classes.
    fn same_among(&self, sketches: &[Sketch]) -> Result<Vec<(usize, usize)>, Error> {
        let mut same = Vec::new();
        for pair in sketches.windows(2) {
            let [a, b] = pair else { continue };
            if a.digest == b.digest && self.tokens(a.class)? == self.tokens(b.class)? {
                same.push((a.class, b.class));
            }
        }
        same.sort_unstable_by_key(|&(_, later)| later);
        Ok(same)
    }
}

/// Stretches of the order of at most [`PROMPTS_AT_A_TIME`] prompts, or of one class.
fn blocks(mut order: &[(usize, usize)]) -> impl Iterator<Item = &[(usize, usize)]> {
    std::iter::from_fn(move || {
        let mut prompts = 0;
        let fits = order.iter().take_while(|(_, size)| {
            prompts += size;
            prompts <= PROMPTS_AT_A_TIME
        });
        let (block, rest) = order.split_at(fits.count().max(1).min(order.len()));
        order = rest;
        (!block.is_empty()).then_some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_every_class_once_and_are_bounded() {
        let order: Vec<(usize, usize)> =
            (0..1000).map(|class| (class, 1 + class * 37 % 90)).collect();
        let order = [order, vec![(1000, 3 * PROMPTS_AT_A_TIME), (1001, 1)]].concat();
        let sizes: Vec<usize> =
            blocks(&order).map(|block| block.iter().map(|(_, size)| size).sum()).collect();
        assert_eq!(blocks(&order).flatten().copied().collect::<Vec<_>>(), order);
        assert_eq!(sizes.iter().filter(|&&size| size > PROMPTS_AT_A_TIME).count(), 1);
        assert!(sizes.len() <= 6, "{sizes:?}");
        assert_eq!(blocks(&[]).count(), 0);
    }

    #[test]
    fn rows_have_the_bits_of_prompts_encoded_alone_and_every_class_comes_once() {
        let clip = Clip::starter().expect("built in");
        let names = ["zebra", "a red car", "a red bus", "zebra", "Zebra"];
        let prompts_of = |class: usize| {
            let name = names[class];
            if class == 4 {
                vec![name.to_owned()]
            } else {
                vec![format!("a {name}."), format!("the {name}!")]
            }
        };
        let plan =
            ClassPrompts::new(&clip, names.len(), Overflow::Refuse, prompts_of).expect("short");
        assert_eq!((plan.prompts(), plan.same(), plan.truncated()), (9, &[(0, 3)][..], &[][..]));
        let (mut seen, mut done) = (Vec::new(), 0);
        plan.for_each(
            |prompts| {
                done += prompts;
                Ok::<_, Error>(())
            },
            |class, rows| {
                let alone = prompts_of(class).into_iter().flat_map(|prompt| {
                    clip.encode_texts(&[prompt]).expect("features").normalize().as_slice().to_vec()
                });
                assert!(rows.iter().map(|v| v.to_bits()).eq(alone.map(f32::to_bits)), "{class}");
                seen.push(class);
            },
        )
        .expect("encoded");
        seen.sort_unstable();
        assert_eq!((seen, done), (vec![0, 1, 2, 3, 4], 9));
    }

    #[test]
    fn classes_that_differ_only_behind_the_cut_are_one_text() {
        let clip = Clip::starter().expect("built in");
        let long = "word ".repeat(80);
        let prompts_of =
            |class: usize| vec![format!("{long} {class}"), format!("a {long} {class}")];
        let refused =
            ClassPrompts::new(&clip, 2, Overflow::Refuse, prompts_of).err().expect("too long");
        assert!(matches!(refused, Error::Text { index: 0, .. }), "{refused}");
        let plan = ClassPrompts::new(&clip, 2, Overflow::Truncate, prompts_of).expect("cut");
        assert_eq!((plan.same(), plan.truncated()), (&[(0, 1)][..], &[0, 1][..]));
    }
}
