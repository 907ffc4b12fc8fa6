//! Where checkpoints lie on this machine: OpenAI's, Hugging Face's and our own cache folders.

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
