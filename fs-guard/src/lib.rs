//! Which path is really meant, whether the policy lets it be used, and file operations that keep to that answer.

mod arguments;
mod confine;
mod exit;
pub mod guard;
pub mod ops;
mod program;
mod serve;
mod sys;

pub use program::run;
