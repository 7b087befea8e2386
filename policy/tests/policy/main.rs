//! One binary for all tests that use only what the crate exports.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its host has failed")]

mod documentation;
mod narrowing;
mod network;
mod profiles;
mod system_reader;
mod tools;
mod trust;
mod world;
