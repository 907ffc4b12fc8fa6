//! The one list of names and shapes (PROTOCOL 1.6.1): a file is checked against it, a conversion,
//! made-up weights and whatever walks over all parameters goes through it.

use crate::architecture::{Architecture, BottleneckShape, ImageArchitecture, bottlenecks};

/// One tensor of an architecture: a parameter, or a buffer of a batch norm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its reference name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is.
    pub kind: ParameterKind,
    /// Where it belongs.
    pub tower: Tower,
}

/// Which part of the model a tensor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tower {
    /// The image tower.
    Image,
    /// The text tower.
    Text,
    /// Neither: the temperature, and the bias of the sigmoid loss.
    Joint,
}

/// What a tensor is: decides how it is stored, made up and trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ParameterKind {
    TokenEmbedding,
    TextPosition,
    ClassEmbedding,
    ImagePosition,
    /// Position table of the attention pool.
    PoolPosition,
    PatchConvolution,
    Convolution,
    AttentionIn,
    AttentionOut,
    MlpIn,
    MlpOut,
    /// One of the attention pool's four matrices.
    PoolMatrix,
    Projection,
    /// Bias of a linear layer.
    Bias,
    /// Weight of a layer norm or batch norm, except the next.
    NormGain,
    /// Weight of the batch norm that ends a bottleneck.
    ResidualGain,
    NormBias,
    RunningMean,
    RunningVariance,
    /// `num_batches_tracked`: optional in files, ignored.
    BatchCounter,
    LogitScale,
    /// Of the sigmoid loss.
    LogitBias,
}

impl ParameterKind {
    /// Whether the released files hold it in f16: convolutions and linear layers with their biases,
    /// and the two projections. Everything else is f32 (PROTOCOL 1.6.1).
    pub fn is_half_in_released_files(self) -> bool {
        matches!(
            self,
            Self::PatchConvolution
                | Self::Convolution
                | Self::AttentionIn
                | Self::AttentionOut
                | Self::MlpIn
                | Self::MlpOut
                | Self::PoolMatrix
                | Self::Projection
                | Self::Bias
        )
    }

    /// Whether training changes it (counts as a parameter).
    pub fn is_parameter(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance | Self::BatchCounter)
    }

    /// Whether a file may lack it.
    pub fn is_optional(self) -> bool {
        self == Self::BatchCounter
    }
}

impl Architecture {
    /// Every tensor of this architecture, in the order of the reference's modules.
    pub fn parameters(&self) -> Vec<Parameter> {
        use ParameterKind as Kind;
        let mut list = List::default();
        let text = &self.text;
        list.tower = Some(Tower::Text);
        list.add("positional_embedding", &[text.context_length, text.width], Kind::TextPosition);
        list.add("text_projection", &[text.width, self.embed_dim], Kind::Projection);
        list.tower = Some(Tower::Joint);
        list.add("logit_scale", &[], Kind::LogitScale);
        if self.logit_bias {
            list.add("logit_bias", &[], Kind::LogitBias);
        }
        list.tower = Some(Tower::Image);
        match self.image {
            ImageArchitecture::VisionTransformer { .. } => list.vision_transformer(self),
            ImageArchitecture::ModifiedResNet { .. } => list.modified_resnet(self),
        }
        list.tower = Some(Tower::Text);
        list.blocks("transformer", text.layers, text.width, text.mlp_width);
        list.add("token_embedding.weight", &[text.vocab_size, text.width], Kind::TokenEmbedding);
        list.norm("ln_final", text.width);
        list.parameters
    }

    /// Number of parameters, batch norm statistics not counted.
    pub fn parameter_count(&self) -> u64 {
        let count = |parameter: &Parameter| {
            parameter.shape.iter().map(|&size| size as u64).product::<u64>()
        };
        self.parameters().iter().filter(|parameter| parameter.kind.is_parameter()).map(count).sum()
    }
}

#[derive(Default)]
struct List {
    parameters: Vec<Parameter>,
    tower: Option<Tower>,
}

impl List {
    fn add(&mut self, name: impl Into<String>, shape: &[usize], kind: ParameterKind) {
        let tower = self.tower.unwrap_or(Tower::Joint);
        self.parameters.push(Parameter { name: name.into(), shape: shape.to_vec(), kind, tower });
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize, kind: ParameterKind) {
        self.add(format!("{name}.weight"), &[outputs, inputs], kind);
        self.add(format!("{name}.bias"), &[outputs], ParameterKind::Bias);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(format!("{name}.weight"), &[width], ParameterKind::NormGain);
        self.add(format!("{name}.bias"), &[width], ParameterKind::NormBias);
    }

    fn blocks(&mut self, prefix: &str, layers: usize, width: usize, mlp_width: usize) {
        for i in 0..layers {
            let block = format!("{prefix}.resblocks.{i}");
            self.add(
                format!("{block}.attn.in_proj_weight"),
                &[3 * width, width],
                ParameterKind::AttentionIn,
            );
            self.add(format!("{block}.attn.in_proj_bias"), &[3 * width], ParameterKind::Bias);
            self.linear(
                &format!("{block}.attn.out_proj"),
                width,
                width,
                ParameterKind::AttentionOut,
            );
            self.norm(&format!("{block}.ln_1"), width);
            self.linear(&format!("{block}.mlp.c_fc"), mlp_width, width, ParameterKind::MlpIn);
            self.linear(&format!("{block}.mlp.c_proj"), width, mlp_width, ParameterKind::MlpOut);
            self.norm(&format!("{block}.ln_2"), width);
        }
    }

    fn vision_transformer(&mut self, architecture: &Architecture) {
        let ImageArchitecture::VisionTransformer { patch_size, width, layers, mlp_width, .. } =
            architecture.image
        else {
            return;
        };
        let tokens = architecture.image.tokens();
        self.add("visual.class_embedding", &[width], ParameterKind::ClassEmbedding);
        self.add("visual.positional_embedding", &[tokens, width], ParameterKind::ImagePosition);
        self.add("visual.proj", &[width, architecture.embed_dim], ParameterKind::Projection);
        self.add(
            "visual.conv1.weight",
            &[width, 3, patch_size, patch_size],
            ParameterKind::PatchConvolution,
        );
        self.norm("visual.ln_pre", width);
        self.blocks("visual.transformer", layers, width, mlp_width);
        self.norm("visual.ln_post", width);
    }

    fn modified_resnet(&mut self, architecture: &Architecture) {
        let ImageArchitecture::ModifiedResNet { width, blocks, .. } = architecture.image else {
            return;
        };
        self.convolution("visual.conv1", "visual.bn1", [width / 2, 3, 3]);
        self.convolution("visual.conv2", "visual.bn2", [width / 2, width / 2, 3]);
        self.convolution("visual.conv3", "visual.bn3", [width, width / 2, 3]);
        for shape in bottlenecks(width, blocks) {
            self.bottleneck(&shape);
        }
        let pooled = 32 * width;
        let tokens = architecture.image.tokens();
        self.add(
            "visual.attnpool.positional_embedding",
            &[tokens, pooled],
            ParameterKind::PoolPosition,
        );
        for (matrix, outputs) in
            [("k", pooled), ("q", pooled), ("v", pooled), ("c", architecture.embed_dim)]
        {
            let name = format!("visual.attnpool.{matrix}_proj");
            self.linear(&name, outputs, pooled, ParameterKind::PoolMatrix);
        }
    }

    fn bottleneck(&mut self, shape: &BottleneckShape) {
        let &BottleneckShape { channels, planes, .. } = shape;
        let part = |leaf: &str| format!("visual.{}.{leaf}", shape.name);
        self.convolution(&part("conv1"), &part("bn1"), [planes, channels, 1]);
        self.convolution(&part("conv2"), &part("bn2"), [planes, planes, 3]);
        self.convolution(&part("conv3"), &part("bn3"), [4 * planes, planes, 1]);
        if let Some(gain) = self
            .parameters
            .iter_mut()
            .rev()
            .find(|parameter| parameter.kind == ParameterKind::NormGain)
        {
            gain.kind = ParameterKind::ResidualGain;
        }
        if shape.has_downsample {
            let shape = [4 * planes, channels, 1];
            self.convolution(&part("downsample.0"), &part("downsample.1"), shape);
        }
    }

    /// A square convolution `[outputs, inputs, kernel]` and the batch norm behind it.
    fn convolution(&mut self, name: &str, norm: &str, [outputs, inputs, kernel]: [usize; 3]) {
        let shape = [outputs, inputs, kernel, kernel];
        self.add(format!("{name}.weight"), &shape, ParameterKind::Convolution);
        self.norm(norm, outputs);
        self.add(format!("{norm}.running_mean"), &[outputs], ParameterKind::RunningMean);
        self.add(format!("{norm}.running_var"), &[outputs], ParameterKind::RunningVariance);
        self.add(format!("{norm}.num_batches_tracked"), &[], ParameterKind::BatchCounter);
    }
}

#[cfg(test)]
mod tests {
    use crate::registry;

    #[test]
    fn released_models_have_the_published_number_of_parameters_and_entries() {
        // PROTOCOL 1.5, "entries".
        let entries = [489, 795, 669, 921, 1353, 302, 302, 446, 446];
        for (model, entries) in registry::models().iter().zip(entries) {
            assert_eq!(model.architecture.parameter_count(), model.parameters, "{}", model.name);
            assert_eq!(model.architecture.parameters().len(), entries, "{}", model.name);
        }
    }
}
