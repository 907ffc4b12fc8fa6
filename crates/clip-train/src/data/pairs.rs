//! All pairs that a run trains on, by number: listed once, read at any place.

use std::sync::Arc;

use super::error::DataError;
use super::ledger::{BadSample, Ledger, Unusable};
use super::options::DataOptions;
use super::order::Order;
use super::pattern;
use super::sources::{self, Source};

/// Keys that a summary shows.
const EXAMPLES: u64 = 3;

/// The pairs of a source, and what could not be used of it.
#[derive(Clone)]
pub struct Pairs {
    parts: Arc<Vec<Part>>,
    options: DataOptions,
    ledger: Ledger,
    notes: Vec<String>,
    captions: u64,
    repeated_captions: u64,
}

struct Part {
    text: String,
    weight: f64,
    first: u64,
    source: Box<dyn Source>,
}

/// What there is, for a person to look at before a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Pairs that can be used, as far as is known without decoding images.
    pub samples: u64,
    /// Pairs of an epoch: `samples`, unless parts have weights.
    pub epoch: u64,
    /// Captions of all samples.
    pub captions: u64,
    /// Captions that are the same as one before.
    pub repeated_captions: u64,
    /// Samples and files that cannot be used.
    pub bad: u64,
    /// Each part: its name, its samples, its weight.
    pub parts: Vec<(String, u64, f64)>,
    /// Names of some samples, and the first caption of each.
    pub examples: Vec<(String, String)>,
    /// What had to be guessed.
    pub notes: Vec<String>,
    /// Bytes of memory that the list takes.
    pub memory: usize,
}

impl Pairs {
    /// Lists all parts of [`DataOptions::source`].
    ///
    /// # Errors
    /// A choice out of its range; a part that leads nowhere or holds no pair; more that cannot be
    /// used than [`DataOptions::max_bad`] allows.
    pub fn open(options: &DataOptions) -> Result<Self, DataError> {
        options.check()?;
        let texts: Vec<&str> = pattern::parts(&options.source).collect();
        if !options.weights.is_empty() && options.weights.len() != texts.len() {
            let (weights, parts) = (options.weights.len(), texts.len());
            let reason = format!("are {weights}, for {parts} parts of the source");
            return Err(DataError::Options { key: "weights", reason });
        }
        let mut pairs = Self {
            parts: Arc::default(),
            options: options.clone(),
            ledger: Ledger::default(),
            notes: Vec::new(),
            captions: 0,
            repeated_captions: 0,
        };
        let found: Vec<_> =
            texts.iter().map(|text| sources::find(text, options)).collect::<Result<_, _>>()?;
        let naming = sources::naming(&found);
        let (mut parts, mut first, mut captions) = (Vec::new(), 0, Vec::new());
        for (number, part) in found.into_iter().enumerate() {
            let text = part.text;
            let (source, found) = sources::open(&part, options, naming)?;
            captions.extend(found.captions);
            pairs.notes.extend(found.notes.into_iter().map(|note| format!("{text}: {note}")));
            found.bad.into_iter().for_each(|bad| pairs.ledger.note(bad));
            let weight = options.weights.get(number).copied().unwrap_or(1.0);
            let count = source.len();
            parts.push(Part { text: text.to_owned(), weight, first, source });
            first += count;
        }
        pairs.captions = captions.len() as u64;
        captions.sort_unstable();
        captions.dedup();
        pairs.repeated_captions = pairs.captions - captions.len() as u64;
        pairs.parts = Arc::new(parts);
        pairs.check_bad(&pairs.ledger)?;
        Ok(pairs)
    }

    /// The choices it was opened with.
    pub fn options(&self) -> &DataOptions {
        &self.options
    }

    /// How many pairs there are.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(|part| part.source.len()).sum()
    }

    /// Whether there is none; never of what was opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was found, for a person.
    pub fn summary(&self) -> Summary {
        let count = self.len();
        let at = (0..EXAMPLES.min(count)).map(|example| example * count / EXAMPLES.min(count));
        let example = |index: u64| {
            let caption = self.captions(index).ok().and_then(|all| all.into_iter().next());
            (self.key(index), caption.unwrap_or_default())
        };
        let part = |part: &Part| (part.text.clone(), part.source.len(), part.weight);
        Summary {
            samples: count,
            epoch: self.order(0).length(),
            captions: self.captions,
            repeated_captions: self.repeated_captions,
            bad: self.ledger.len(),
            parts: self.parts.iter().map(part).collect(),
            examples: at.map(example).collect(),
            notes: self.notes.clone(),
            memory: self.parts.iter().map(|part| part.source.memory()).sum(),
        }
    }

    /// What cannot be used, as far as it is known without decoding images.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Batches of `batch` pairs that an epoch has. The rest of an epoch, less than a batch, is left
    /// out, as open_clip does; the next epoch's order is another, so it falls on others.
    ///
    /// # Errors
    /// There is not even one.
    pub fn batches_per_epoch(&self, batch: u64) -> Result<u64, DataError> {
        let samples = self.order(0).length();
        match samples.checked_div(batch) {
            Some(batches) if batches > 0 => Ok(batches),
            _ => Err(DataError::BatchTooLarge { samples, batch }),
        }
    }

    /// What a sample is called in messages.
    pub fn key(&self, sample: u64) -> String {
        let (part, index) = self.part(sample);
        part.source.key(index)
    }

    pub(super) fn order(&self, seed: u64) -> Order {
        let parts: Vec<(u64, f64)> =
            self.parts.iter().map(|part| (part.source.len(), part.weight)).collect();
        Order::new(seed, &parts, self.options.resampled)
    }

    pub(super) fn image(&self, sample: u64) -> Result<Vec<u8>, Unusable> {
        let (part, index) = self.part(sample);
        part.source.image(index)
    }

    pub(super) fn captions(&self, sample: u64) -> Result<Vec<String>, Unusable> {
        let (part, index) = self.part(sample);
        part.source.captions(index)
    }

    /// The limit of what cannot be used.
    ///
    /// # Errors
    /// It is passed.
    pub(super) fn check_bad(&self, ledger: &Ledger) -> Result<(), DataError> {
        let samples = self.len() + self.ledger.len();
        let (bad, limit) = (ledger.len(), self.options.max_bad.of(samples));
        match ledger.samples().next() {
            Some(first) if bad > limit => Err(DataError::TooManyBad { bad, limit, samples, first }),
            _ => Ok(()),
        }
    }

    /// Tries samples from all over the source: those of them that cannot be read.
    pub fn probe(&self, count: u64) -> Vec<BadSample> {
        let all = self.len();
        let at = (0..count.min(all)).map(|index| index * all / count.min(all));
        let bad = |sample: u64| {
            let read = self.captions(sample).and_then(|_| self.image(sample));
            read.err().map(|unusable| unusable.of(self.key(sample)))
        };
        at.filter_map(bad).collect()
    }

    fn part(&self, sample: u64) -> (&Part, u64) {
        let part = self.parts.partition_point(|part| part.first <= sample);
        let part = &self.parts[part.saturating_sub(1)];
        (part, sample - part.first)
    }
}
