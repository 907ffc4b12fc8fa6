//! Both towers trained: gradients against the reference in float64 and against differences, and
//! what must not change a bit of them.

mod differences;
mod export;
mod golden;
mod invariants;
mod step;
mod tiny;
