//! Zero-shot retrieval on a split of captioned images. PROTOCOL_EVAL 7.5.

use std::collections::BTreeMap;
use std::time::Instant;

use clip_data::{Split, Target};
use clip_rs::Overflow;

use crate::EvalError;
use crate::laboratory::{Laboratory, Progress, Step};
use crate::metrics::{self, Recalls};
use crate::results::{Cell, Figure};
use crate::retrieval::{UnitVectors, retrieve};
use crate::scoring::share_of_hits;
use crate::suite::Verb;
use crate::zero_shot::{all, metric_error};

/// Captions encoded between two reports of progress.
const CAPTIONS_AT_A_TIME: usize = 2048;
/// Matches kept for each query; recall at 10 needs no more.
const KEPT: usize = 10;

impl Laboratory {
    /// R@1, R@5, R@10 in both directions.
    ///
    /// # Errors
    /// The items have no captions, or none can be used.
    pub fn retrieval(&mut self, split: Split, progress: &mut Progress<'_>) -> Result<Cell, EvalError> {
        let started = Instant::now();
        let template = &self.options.caption_template;
        if !template.contains("{}") {
            let reason = format!("caption template `{template}` has no {{}} for the caption");
            return Err(EvalError::task(Verb::Retrieval.task(), &split.dataset.id, reason));
        }
        let seen = self.see(split, progress)?;
        let mut cell = self.cell(Verb::Retrieval.task(), &seen, None, started);
        let targets: Vec<&Target> = seen.targets().collect();
        let captions = all(&targets, &cell, |target| match target {
            Target::Captions(captions) => Some(captions),
            _ => None,
        })?;
        let (mut texts, mut image_of_text) = (Vec::new(), Vec::new());
        for (image, captions) in (0_u32..).zip(captions) {
            for caption in captions {
                texts.push(self.options.caption_template.replace("{}", caption));
                image_of_text.push(image);
            }
        }
        progress(Step::Texts(texts.len()));
        let (mut features, mut truncated) = (Vec::new(), 0);
        for texts in texts.chunks(CAPTIONS_AT_A_TIME) {
            let (encoded, cut) = self.clip.encode_texts_with(texts, Overflow::Truncate)?;
            features.extend_from_slice(encoded.normalize().as_slice());
            truncated += cut.len();
            progress(Step::Done(texts.len()));
        }
        let images = seen.rows.features.clone().normalize();
        let width = self.clip.embed_dim();
        let failed = |error: crate::retrieval::RetrievalError| {
            EvalError::task(Verb::Retrieval.task(), &seen.split.dataset.id, error.to_string())
        };
        let found = retrieve(
            UnitVectors::new(images.as_slice(), width).map_err(failed)?,
            UnitVectors::new(&features, width).map_err(failed)?,
            &image_of_text,
            KEPT,
        )
        .map_err(failed)?;
        let ranks =
            |ranked: &[crate::retrieval::Ranked]| ranked.iter().map(|found| found.rank).collect::<Vec<u32>>();
        // CLIP_benchmark's words: text retrieval finds texts for an image.
        self.enter_direction(&mut cell, "text_retrieval", &ranks(&found.image_to_text))?;
        self.enter_direction(&mut cell, "image_retrieval", &ranks(&found.text_to_image))?;
        cell.score = cell.figures.remove(0);
        cell.notes.push(format!("{} captions, {truncated} cut to the context length", texts.len()));
        cell.wall_seconds = started.elapsed().as_secs_f64();
        Ok(cell)
    }

    fn enter_direction(&self, cell: &mut Cell, name: &str, ranks: &[u32]) -> Result<(), EvalError> {
        let recalls: Recalls = metrics::recalls(ranks).map_err(metric_error(cell))?;
        for k in [1, 5, 10] {
            let hits: Vec<bool> = ranks.iter().map(|&rank| rank <= k).collect();
            let figure = share_of_hits(&format!("{name}_recall@{k}"), &hits, self.options.level)
                .map_err(metric_error(cell))?;
            cell.metrics.insert(figure.name.clone(), Some(figure.value));
            cell.figures.push(figure);
        }
        let others = BTreeMap::from([
            (format!("{name}_mean_reciprocal_rank"), recalls.mean_reciprocal_rank),
            (format!("{name}_median_rank"), recalls.median_rank),
        ]);
        for (name, value) in others {
            cell.metrics.insert(name.clone(), Some(value));
            cell.figures.push(Figure::plain(&name, value));
        }
        Ok(())
    }
}
