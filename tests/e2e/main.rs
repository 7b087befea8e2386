//! The end-to-end suite: drives the shipped binaries only.
//!
//! `escape` attacks, `workload` works, `network` works online, `behaviour` looks at what a caller sees, `hook` goes through the agent's hook,
//! `failclosed` has everything fail in turn, `gaps` shows what is not stopped, `vault` boots
//! a machine with its units, and uses it together with the sandbox, `threats` holds `docs/threats.md` and the suite together. Every attack first succeeds bare. As root, everything runs
//! as root and as an ordinary user.
#![forbid(unsafe_code)]

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod escape;
#[cfg(test)]
mod failclosed;
#[cfg(test)]
mod gaps;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hook;
#[cfg(test)]
mod network;
#[cfg(test)]
mod threats;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod verdict;
#[cfg(test)]
mod workload;
