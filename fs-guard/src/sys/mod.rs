//! The only place with `unsafe`: one thin, checked wrapper per system call that nix does not have.
#![expect(unsafe_code, reason = "system calls without a safe wrapper in nix; one operation per block")]

pub(crate) mod descriptors;
pub(crate) mod landlock_abi;
pub(crate) mod xattr;
