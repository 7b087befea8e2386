//! Which path is really meant, whether the policy lets it be used, and file operations that keep to that answer.
#![forbid(unsafe_code)]

pub mod guard;
