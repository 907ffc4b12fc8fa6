//! Words read off images (PROTOCOL_EVAL 7.6).

/// Whether two words are the same but for case (IIIT5K).
pub fn same_word(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}
