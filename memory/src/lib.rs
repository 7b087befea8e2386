//! Memory for programs that run for milliseconds and whose crash would be taken for consent.
//!
//! The launcher and the hooks make some thousand small allocations, need nearly all of them until they end, and end soon. So the first
//! [`ROOM`] bytes come one after the other out of a piece of the program's own memory, which takes an addition; what does not fit there
//! any more comes from the system's allocator, so that a program that runs for long behaves as it would without this.

mod sys;

pub use sys::memory::{Memory, ROOM, prepare};
