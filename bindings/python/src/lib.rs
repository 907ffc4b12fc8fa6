//! `clip_rs._clip_rs`: what the Python package `clip_rs` is built on. Private; the package around it
//! (`python/clip_rs`) is what people use, and says what shapes and errors there are.
//!
//! ```text
//! clip_rs (Python): what a person may give, what comes back, display, compat, sklearn
//!    │  paths, bytes, arrays, texts, JSON                     ▲  arrays, JSON, exceptions
//!    ▼                                                        │
//! _clip_rs: clip · preprocess · tokenizer · evaluate · probe · audit · train    errors: the crates' errors as Python's
//!    │
//!    ▼ work: the interpreter is let go, a pool computes, the calling thread watches for Ctrl-C
//! crates
//! ```
#![deny(unsafe_code)]

mod audit;
mod clip;
mod datasets;
mod errors;
mod eval_errors;
mod evaluate;
mod images;
mod options;
mod preprocess;
mod probe;
mod tokenizer;
mod train;
mod work;

use pyo3::prelude::*;

/// The compiled part of `clip_rs`.
#[pymodule]
mod _clip_rs {
    #[pymodule_export]
    use crate::audit::audit;
    #[pymodule_export]
    use crate::clip::{Clip, normalize};
    #[pymodule_export]
    use crate::datasets::{check_dataset, datasets, found_datasets};
    #[pymodule_export]
    use crate::errors::{CheckpointError, DatasetError, ImageError, TextError, TrainingError};
    #[pymodule_export]
    use crate::evaluate::{check_result, compare, evaluate};
    #[pymodule_export]
    use crate::preprocess::Preprocess;
    #[pymodule_export]
    use crate::probe::{fit_probe, probe_scores};
    #[pymodule_export]
    use crate::tokenizer::{decode, tokenize_texts};
    #[pymodule_export]
    use crate::train::train;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("AUDIT_PURPOSE", clip_audit::PURPOSE)?;
        module.add("LIMITS", clip_rs::LIMITS)?;
        module.add("STARTER_NOTE", clip_rs::STARTER_NOTE)?;
        crate::errors::set_defaults(module.py())
    }
}
