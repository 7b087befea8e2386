//! Honest work under the default profile: it must end as it does bare, with the same files. Each test here is a [`Workload`], and
//! `docs/compatibility.md` is written from them.

mod browser;
mod build;
mod database;
mod debug;
mod declare;
mod editor;
mod git;
mod language;
mod native;
mod programs;
mod remote;
mod rust;
mod table;
pub(crate) mod toolchain;
mod tree;

use declare::Workload;
