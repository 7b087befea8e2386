//! The only place with `unsafe`, and what a process that holds secrets does about itself: closed to others, no core, wiped and
//! locked memory; and what a program that takes its place gets back.
#![expect(
    unsafe_code,
    reason = "an allocator, and system calls without a safe wrapper in nix; one operation per block"
)]

mod allocator;
pub(crate) mod descriptors;
mod harden;
mod inherited;
pub(crate) mod keyring;
mod locking;
mod panic;
pub(crate) mod restore;
pub(crate) mod signals;

pub use allocator::Wiping;
pub use harden::{Protection, harden, protection};
pub(crate) use inherited::inherited;
pub use locking::Locking;
pub(crate) use locking::release as give_up_locks;
