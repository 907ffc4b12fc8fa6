//! The last test of `cargo test --workspace`: prints what the others skipped.

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    clip_testing::print_skipped();
}
