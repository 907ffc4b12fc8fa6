//! A model in training: made here, moved by `step`, saved and restored by `state`.

use crate::distributed::Collective;
use crate::error::TrainError;
use crate::locked::{KeptFeatures, KeptOptions};
use crate::lora::Adapter;
use crate::moving_average::MovingAverage;
use crate::objective::Loss;
use crate::optimizer::Slot;
use crate::options::{Lock, TrainerOptions};
use crate::passes::Passes;
use crate::plan::{self, Role};
use crate::rows::dimensions;
use crate::teacher;
use clip_kernels::Train;
use clip_model::parameters::{Parameter, Tower};
use clip_model::{BatchNormMode, ClipModel, TrainableClip};
use std::sync::Arc;

/// A model in training: its weights and everything that the next step depends on.
///
/// On several ranks each has a trainer of its own with the same model and options; a step is the
/// same on all of them, bit for bit.
pub struct Trainer<D: Train> {
    pub(crate) model: TrainableClip<D>,
    pub(crate) options: TrainerOptions,
    pub(crate) collective: Arc<dyn Collective>,
    pub(crate) passes: Passes,
    pub(crate) teacher: Option<ClipModel<D>>,
    pub(crate) kept_images: Option<Arc<KeptFeatures>>,
    /// By the parameters' indices; nothing where the optimiser does not move it.
    pub(crate) slots: Vec<Option<Slot<D>>>,
    pub(crate) adapters: Vec<Adapter<D>>,
    pub(crate) average: Option<MovingAverage<D>>,
    /// Updates made.
    pub(crate) steps: u64,
    /// Steps that were not, because something was not finite.
    pub(crate) skipped: u64,
}

impl<D: Train> Trainer<D> {
    /// A trainer at step 0.
    ///
    /// # Errors
    /// [`TrainError::Option`] for options that cannot be, [`TrainError::Device`].
    pub fn new(
        model: TrainableClip<D>,
        options: TrainerOptions,
        collective: Arc<dyn Collective>,
    ) -> Result<Self, TrainError> {
        let architecture = model.architecture().clone();
        plan::check(&options, &architecture)?;
        let has_bias = architecture.logit_bias;
        let loss = options.objective.loss_for(has_bias);
        if loss == Loss::Sigmoid && !has_bias {
            let reason = "the sigmoid loss needs `logit_bias`, which the model has not".to_owned();
            return Err(TrainError::Option { option: "loss", reason });
        }
        let roles: Vec<Role> = model
            .parameters()
            .iter()
            .map(|parameter| plan::role(&options, &architecture, parameter))
            .collect();
        let is_trained = |tower| {
            let of_tower = |(parameter, role): (&Parameter, &Role)| {
                parameter.tower == tower && *role != Role::Frozen
            };
            model.parameters().iter().zip(&roles).any(of_tower)
        };
        let has = |role| roles.contains(&role);
        if options.lora.is_some() && !has(Role::Adapted) {
            let reason = "no tower that is not locked has such matrices".to_owned();
            return Err(TrainError::Option { option: "lora", reason });
        }
        if !has(Role::Trained) && !has(Role::Adapted) {
            let reason = "with everything locked there is nothing to train".to_owned();
            return Err(TrainError::Option { option: "locks", reason });
        }
        let passes = plan::passes(&options, &architecture, is_trained);
        let mut trainer = Self {
            passes,
            collective,
            teacher: None,
            kept_images: None,
            slots: Vec::new(),
            adapters: Vec::new(),
            average: None,
            steps: 0,
            skipped: 0,
            model,
            options,
        };
        trainer.add_slots(&roles)?;
        trainer.add_average(&roles)?;
        Ok(trainer)
    }

    fn add_slots(&mut self, roles: &[Role]) -> Result<(), TrainError> {
        let device = self.model.device();
        for (index, (parameter, role)) in self.model.parameters().iter().zip(roles).enumerate() {
            let group = self.options.optimizer.group(self.model.architecture(), parameter);
            let (rows, width) = dimensions(parameter);
            let slot = match role {
                Role::Trained => Some(Slot::new(device, group, rows, width)?),
                Role::Frozen | Role::Adapted => None,
            };
            self.slots.push(slot);
            if let (Role::Adapted, Some(lora)) = (role, &self.options.lora) {
                let weight = self.model.value(index);
                let place = (index, parameter);
                let seed = self.options.seed;
                self.adapters.push(Adapter::new(device, place, weight, lora, group, seed)?);
            }
        }
        Ok(())
    }

    fn add_average(&mut self, roles: &[Role]) -> Result<(), TrainError> {
        if let Some(decay) = self.options.moving_average {
            let statistics_move = self.passes.batch_norm == BatchNormMode::Batch;
            let changes = |index: usize| {
                let is_statistics = !self.model.parameters()[index].kind.is_parameter();
                roles[index] != Role::Frozen || (is_statistics && statistics_move)
            };
            self.average = Some(MovingAverage::new(&self.model, decay, changes)?);
        }
        Ok(())
    }

    /// The same, with a teacher whose distillation loss is added.
    ///
    /// # Errors
    /// [`TrainError::Option`]: the teacher reads other pictures or texts.
    pub fn with_teacher(mut self, teacher: ClipModel<D>) -> Result<Self, TrainError> {
        teacher::check(teacher.architecture(), self.model.architecture())?;
        self.teacher = Some(teacher);
        Ok(self)
    }

    /// Keeps the features of the locked image tower in a file: each sample goes through it once in
    /// all runs that share the folder, the weights and the source. What comes back tells whose
    /// pixels are not needed any more.
    ///
    /// # Errors
    /// [`TrainError::Option`] when the tower is not locked, or when pixels are drawn at random and
    /// that was not allowed; [`TrainError::File`].
    pub fn keep_image_features(
        &mut self,
        options: &KeptOptions,
    ) -> Result<Arc<KeptFeatures>, TrainError> {
        let fail = |reason: &str| {
            Err(TrainError::Option { option: "keeping image features", reason: reason.to_owned() })
        };
        if self.options.image_lock != Lock::Locked {
            return fail("the image tower is trained, its features change; lock it");
        }
        if options.is_augmented && !options.even_if_augmented {
            return fail(
                "pictures are augmented at random, and kept features would be those of one draw; \
                 train without augmentation, or allow it",
            );
        }
        let width = self.model.architecture().embed_dim;
        let name = format!("image-{}", self.image_tower_hash(&options.source)?);
        let kept = Arc::new(KeptFeatures::open(&options.folder, &name, width)?);
        self.kept_images = Some(Arc::clone(&kept));
        Ok(kept)
    }

    /// BLAKE3 of all that a kept feature depends on.
    fn image_tower_hash(&self, source: &str) -> Result<String, TrainError> {
        let mut hash = blake3::Hasher::new();
        let model = &self.model;
        hash.update(source.as_bytes());
        hash.update(format!("{:?} {:?}", model.architecture(), model.precision()).as_bytes());
        for (index, parameter) in model.parameters().iter().enumerate() {
            if parameter.tower == Tower::Image {
                for value in model.device().read(model.value(index))? {
                    hash.update(&value.to_le_bytes());
                }
            }
        }
        Ok(hash.finalize().to_hex()[..32].to_owned())
    }

    /// The model as it is now, adapters merged.
    pub fn model(&self) -> &TrainableClip<D> {
        &self.model
    }

    /// What the steps are made with.
    pub fn options(&self) -> &TrainerOptions {
        &self.options
    }

    /// Updates made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps so far that changed nothing, because something was not finite.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The average's weights in the place of the model's while `look` looks at them, to evaluate or
    /// save them; the model's own where there is no average.
    pub fn with_average<R>(&mut self, look: impl FnOnce(&TrainableClip<D>) -> R) -> R {
        self.swap_average();
        let seen = look(&self.model);
        self.swap_average();
        seen
    }

    fn swap_average(&mut self) {
        if let Some(average) = &mut self.average {
            average.swap(&mut self.model);
        }
    }
}
