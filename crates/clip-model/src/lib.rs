//! CLIP's checkpoints, architectures, registry and encoders.
