//! What every test uses: scenes with planted secrets, and running a command in one, bare and sandboxed.

pub(crate) mod attempt;
pub(crate) mod canary;
pub(crate) mod host;
pub(crate) mod identity;
pub(crate) mod internet;
pub(crate) mod leftovers;
pub(crate) mod online;
pub(crate) mod outcome;
pub(crate) mod patience;
pub(crate) mod plant;
mod policy_of_flags;
mod run;
pub(crate) mod scene;
pub(crate) mod service;
pub(crate) mod table;
pub(crate) mod victim;
pub(crate) mod ways;

pub(crate) use attempt::{Attempt, escape};
pub(crate) use host::{SEARCH_PATH, binary, require, skip};
pub(crate) use identity::Identity;
pub(crate) use internet::internet;
pub(crate) use outcome::Outcome;
pub(crate) use run::Run;
pub(crate) use scene::{Scene, each_online, each_scene};
pub(crate) use ways::Way;
