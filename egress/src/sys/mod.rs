//! The only place with `unsafe`: one thin, checked wrapper per system call that nix does not have.
//!
//! Nothing here decides anything. Every function does one thing, turns -1 into an [`Errno`](nix::errno::Errno) and owns what it
//! returns.
#![expect(unsafe_code, reason = "system calls without a safe wrapper in nix; one operation per block")]

pub(crate) mod namespace;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod socket;
