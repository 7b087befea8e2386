//! What a plan shows, hides, keeps and refuses, on hosts made up for the purpose.
//!
//! [`seen`](sight::seen) reads a plan as the kernel would carry it out, so that the order of mounts is part of every answer.

mod environment;
mod files;
mod layers;
mod network;
mod refusals;
mod shuffled;
mod sight;
pub(crate) mod world;
