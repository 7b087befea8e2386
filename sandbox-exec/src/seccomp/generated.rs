//! What the build script compiled from `seccomp/*.toml`: programs, rules and names.

use super::explain::{Action, Condition, Flag, Rule, Syscall};
use super::{Instruction, Variant};

include!(concat!(env!("OUT_DIR"), "/seccomp.rs"));
