//! Secrets at rest in an age file, and their delivery one at a time: nothing is lost, nothing is printed, nothing opens when it
//! should not.

pub mod change;
mod commands;
pub mod deliver;
pub mod document;
pub mod dotenv;
pub mod edit;
pub mod exit;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod generate;
pub mod import;
mod input;
pub mod keys;
pub mod name;
pub mod places;
pub mod plain;
mod program;
pub mod provider;
mod renewal;
#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;
pub mod scan;
pub mod seal;
pub mod secret;
mod session;
pub mod sops;
mod status;
pub mod store;
mod sys;
pub mod units;

pub use program::run;
pub use sys::{Locking, Protection, Wiping, harden, protection};
