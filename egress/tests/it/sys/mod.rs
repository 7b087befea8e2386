//! The one thing that takes `unsafe` here: owning what the kernel has just handed out.
#![expect(unsafe_code, reason = "nix returns bare numbers from control messages")]

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Takes ownership of a descriptor that has just come in a control message.
pub(crate) fn own(raw: RawFd) -> OwnedFd {
    // SAFETY: the kernel has installed it for this process, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(raw) }
}
