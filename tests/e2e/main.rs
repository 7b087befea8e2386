//! The end-to-end suite: drives the shipped binaries only.
//!
//! `escape` attacks, `workload` works, `behaviour` compares with running bare, `hook` goes through the agent's hook.
//! Every attack first succeeds bare. As root, everything runs as root and as an ordinary user.
#![forbid(unsafe_code)]

#[cfg(test)]
mod escape;
#[cfg(test)]
mod harness;
