//! The only place with `unsafe`: one thin, checked wrapper per system call that nix does not have.
//!
//! Nothing here decides anything. Every function does one system call, turns -1 into an [`Errno`](nix::errno::Errno) and owns what
//! it returns. Numbers and structures come from the kernel's uapi headers by way of the libc crate.
#![expect(unsafe_code, reason = "system calls without a safe wrapper in nix; one operation per block")]

pub(crate) mod clone;
pub(crate) mod diag;
pub(crate) mod landlock_abi;
pub(crate) mod memory;
pub(crate) mod mount;
pub(crate) mod net;
pub(crate) mod netlink;
pub(crate) mod notify;
pub(crate) mod process;
pub(crate) mod seccomp;
pub(crate) mod socket;
