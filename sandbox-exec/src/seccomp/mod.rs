//! Which system calls a confined process may make: filters compiled at build time, and what they mean.
//!
//! The filters are data (`seccomp/rules.toml`, `seccomp/allowed.toml`), compiled by the build script into one BPF program per
//! [`Variant`], so that a run only has to pick one. This module does not load anything: `sys::seccomp` does.
#![cfg_attr(not(test), forbid(unsafe_code))]

mod explain;
mod generated;
#[cfg(test)]
mod tests;
mod variant;

#[cfg(test)]
pub(crate) use explain::syscall_name;
pub(crate) use explain::{Action, Refusal, explain, reported};
pub(crate) use variant::Variant;

/// One classic BPF instruction, laid out as the kernel's `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Opcode.
    pub(crate) code: u16,
    /// Instructions to skip if the test holds.
    pub(crate) jt: u8,
    /// Instructions to skip if not.
    pub(crate) jf: u8,
    /// Operand.
    pub(crate) k: u32,
}

/// A compiled filter.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    /// What the kernel runs.
    program: &'static [Instruction],
}

impl Filter {
    /// The program, as `seccomp(2)` takes it.
    pub(crate) const fn instructions(self) -> &'static [Instruction] {
        self.program
    }
}

/// The filter of a variant. One with [`Variant::supervised`] must be loaded with a listener, or `connect` fails with `ENOSYS`.
pub(crate) fn select(variant: Variant) -> Filter {
    Filter { program: generated::PROGRAMS[variant.index()] }
}
