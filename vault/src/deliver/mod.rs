//! How secrets leave the vault for programs: files on a tmpfs, descriptors, the environment, templates. Each only for consumers
//! that the vault allows, and never to a disk.

pub mod choose;
pub(crate) mod file;
pub mod folder;
mod manifest;
pub mod run;
mod swap;
pub mod target;
pub mod template;
