//! Why a device cannot do what it is asked.

/// What an operation of a [`Device`](crate::Device) gives.
pub type Result<T, E = DeviceError> = std::result::Result<T, E>;

/// Why an operation of a [`Device`](crate::Device) has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The device has no room for a buffer.
    #[error("no memory for {bytes} bytes of {what}")]
    OutOfMemory {
        /// Size of the buffer; `usize::MAX` for any that is larger.
        bytes: usize,
        /// What it is for: `activations` or `weights`.
        what: &'static str,
    },
}

impl DeviceError {
    /// No room for `rows` times `width` values of type `T`.
    pub(crate) fn out_of_memory<T>(what: &'static str, rows: usize, width: usize) -> Self {
        let bytes = rows.saturating_mul(width).saturating_mul(size_of::<T>());
        Self::OutOfMemory { bytes, what }
    }
}
