//! The only place with `unsafe`.
#![expect(unsafe_code, reason = "an allocator hands out raw memory; one operation per block")]

mod arena;
pub(crate) mod memory;
