//! Which path is really meant, whether the policy lets it be used, and file operations that keep to that answer.

mod arguments;
mod confine;
mod exit;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod guard;
pub mod ops;
mod program;
#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;
mod serve;
mod sys;

pub use program::run;
