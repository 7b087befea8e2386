//! Reading a supervised process's memory.

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::io::IoSliceMut;

/// The kernel's page size on every architecture that we build for; a read never crosses such a boundary needlessly.
const PAGE: usize = 4096;

/// Reads up to `buffer.len()` bytes at `address` of process `pid`: `process_vm_readv(2)`. Returns how many could be read.
///
/// # Errors
/// `EFAULT` when nothing is mapped there, `ESRCH`, `EPERM`.
pub(crate) fn read(pid: Pid, address: usize, buffer: &mut [u8]) -> Result<usize, Errno> {
    let remote = [RemoteIoVec { base: address, len: buffer.len() }];
    process_vm_readv(pid, &mut [IoSliceMut::new(buffer)], &remote)
}

/// Reads a NUL-terminated string of at most `PATH_MAX` bytes at `address` of process `pid`, without the NUL.
///
/// # Errors
/// `EFAULT` when memory ends first, `ENAMETOOLONG` without a NUL within `PATH_MAX`.
pub(crate) fn read_path(pid: Pid, address: usize) -> Result<Vec<u8>, Errno> {
    let mut path = Vec::with_capacity(256);
    let limit = usize::try_from(libc::PATH_MAX).unwrap_or(PAGE);
    while path.len() < limit {
        let from = address.checked_add(path.len()).ok_or(Errno::EFAULT)?;
        let until_boundary = PAGE - from % PAGE;
        let mut piece = [0_u8; PAGE];
        let wanted = until_boundary.min(limit - path.len());
        let got = read(pid, from, piece.get_mut(..wanted).ok_or(Errno::EFAULT)?)?;
        let piece = piece.get(..got).ok_or(Errno::EFAULT)?;
        if let Some(end) = piece.iter().position(|&byte| byte == 0) {
            path.extend_from_slice(piece.get(..end).ok_or(Errno::EFAULT)?);
            return Ok(path);
        }
        if got == 0 {
            return Err(Errno::EFAULT);
        }
        path.extend_from_slice(piece);
    }
    Err(Errno::ENAMETOOLONG)
}
