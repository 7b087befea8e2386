//! Files without a name that nobody can change once they are sealed: `memfd_create(2)`.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// An empty one. No program that is started gets it.
///
/// # Errors
/// `EMFILE`, `ENFILE`, `ENOMEM`.
pub(super) fn file(name: &CStr) -> Result<OwnedFd, Errno> {
    memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)
}

/// Makes `file` what it is for good.
///
/// # Errors
/// The kernel's.
pub(super) fn seal(file: &File) -> Result<(), Errno> {
    let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(file, FcntlArg::F_ADD_SEALS(seals)).map(drop)
}
