//! From a batch to its loss.

use crate::batch::Batch;
use crate::error::TrainError;
use crate::objective::{BatchLoss, Embeddings, Identity, LogitParameters, Question, evaluate};
use crate::passes::{Activations, Forward};
use crate::teacher::teach;
use crate::trainer::Trainer;
use clip_kernels::Train;
use std::collections::HashMap;

impl<D: Train> Trainer<D> {
    /// What stands between cosines and the loss.
    pub(crate) fn logit_parameters(&self) -> Result<LogitParameters, TrainError> {
        let bias = self.model.logit_bias()?;
        Ok(LogitParameters { scale: self.model.logit_scale()?, bias })
    }

    /// Features of the images: computed, or kept from earlier.
    pub(crate) fn images(&mut self, batch: &Batch) -> Result<Forward<D>, TrainError> {
        let Some(kept) = self.kept_images.clone() else {
            return self.passes.images(&mut self.model, batch, self.steps);
        };
        let width = self.model.architecture().embed_dim;
        let mut computed = HashMap::new();
        if !kept.contains_all(&batch.samples) {
            let Some(new) = batch.only(|sample| !kept.contains_all(&[sample])) else {
                return Err(TrainError::NotKept { key: batch.keys.join(", ") });
            };
            let forward = self.passes.images(&mut self.model, &new, self.steps)?;
            let rows = self.model.device().to_host(forward.features)?;
            for (&sample, row) in new.samples.iter().zip(rows.chunks_exact(width)) {
                // The step will say what is wrong with the others.
                if row.iter().all(|value| value.is_finite()) {
                    kept.put(u128::from(sample), row)?;
                }
                computed.insert(sample, row.to_vec());
            }
        }
        let mut values = Vec::with_capacity(batch.len() * width);
        for sample in &batch.samples {
            match computed.get(sample) {
                Some(row) => values.extend_from_slice(row),
                None => values.extend(kept.get(u128::from(*sample))?.unwrap_or_default()),
            }
        }
        let features = self.model.device().to_device(values, width)?;
        Ok(Forward { features, activations: Activations::None })
    }

    /// The loss of all ranks' pairs, with gradients of this rank's features before they were
    /// normalised.
    pub(crate) fn loss(
        &self,
        batch: &Batch,
        logits: LogitParameters,
        images: &D::Rows,
        texts: &D::Rows,
    ) -> Result<BatchLoss<D>, TrainError> {
        let device = self.model.device();
        let teaching = match &self.teacher {
            None => None,
            Some(teacher) => Some(teach(teacher, device, batch)?),
        };
        let pairs = batch.samples.iter().zip(&batch.texts);
        let identities: Vec<Identity> =
            pairs.map(|(&sample, text)| Identity::new(sample, text)).collect();
        let (unit_images, unit_texts) = (device.normalize(images)?, device.normalize(texts)?);
        let loss = evaluate(
            &self.options.objective,
            &Question {
                device,
                collective: &*self.collective,
                own: Embeddings { images: &unit_images, texts: &unit_texts },
                width: self.model.architecture().embed_dim,
                identities: &identities,
                logits,
                teaching: teaching.as_ref(),
            },
        )?;
        Ok(BatchLoss {
            d_images: device.normalize_backward(images, &loss.d_images)?,
            d_texts: device.normalize_backward(texts, &loss.d_texts)?,
            ..loss
        })
    }

    /// Unit vectors of a batch's images and texts, `[pairs, width]` each.
    pub(crate) fn embeddings(&mut self, batch: &Batch) -> Result<[Vec<f32>; 2], TrainError> {
        let images = self.images(batch)?.features;
        let texts = self.passes.texts(&mut self.model, batch)?.features;
        let device = self.model.device();
        let unit = |rows: D::Rows| device.to_host(device.normalize(&rows)?);
        Ok([unit(images)?, unit(texts)?])
    }
}
