//! The only way out of the sandbox's network.
//!
//! The sandbox has a network namespace in which every address is local. The launcher makes listening sockets there and starts this
//! program outside with them. Here names are answered (`dns`), each with an address of its own (`names`); a connection to such an
//! address is accepted (`flow`), what is said on it is checked against the name (`sniff`), the real address is looked up and checked
//! (`resolve`, and the table of special addresses in `policy`), and bytes are passed on. Nothing else leaves.
//!
//! One thread. Everything that it reads is hostile: the sandbox's bytes, the servers' bytes, DNS answers. It is confined before it
//! reads the first of them (`confine`), holds no file, starts no program, and dies with the launcher.

mod arguments;
mod confine;
mod control;
mod dns;
mod exit;
mod flow;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gate;
mod inherited;
mod maker;
mod names;
mod proxy;
mod published;
#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;
mod report;
mod resolve;
mod serve;
mod services;
mod sniff;
mod sys;
mod tap;
mod target;
mod wants;

pub use exit::Exit;

/// Answers the arguments, or serves as the orders on standard input say until the line to the launcher closes. Returns the exit
/// status.
pub fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> Exit {
    arguments::answer(arguments).unwrap_or_else(serve::run)
}
