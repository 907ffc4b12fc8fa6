//! The program `clip-rs`.
fn main() {}
