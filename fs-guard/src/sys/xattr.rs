//! Extended attributes of open files: `xattr(7)`.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// The kernel's bound on the names of a file's attributes together, and on one value: `XATTR_LIST_MAX`, `XATTR_SIZE_MAX`.
const MAX: usize = 65536;

/// The names of the attributes of `file`.
///
/// # Errors
/// The kernel's.
pub(crate) fn names(file: impl AsFd) -> Result<Vec<CString>, Errno> {
    let descriptor = file.as_fd().as_raw_fd();
    // SAFETY: a null buffer of size 0 only asks for the size; the descriptor is open as long as `file` is.
    let size = unsafe { libc::flistxattr(descriptor, std::ptr::null_mut(), 0) };
    if Errno::result(size)? == 0 {
        return Ok(Vec::new());
    }
    let mut buffer = vec![0_u8; MAX];
    // SAFETY: the buffer is writable for the length that is passed with it; the descriptor is open as long as `file` is.
    let size = unsafe { libc::flistxattr(descriptor, buffer.as_mut_ptr().cast(), buffer.len()) };
    buffer.truncate(usize::try_from(Errno::result(size)?).unwrap_or(0));
    let names = buffer.split_inclusive(|&byte| byte == 0);
    Ok(names.filter_map(|name| CStr::from_bytes_with_nul(name).ok()).map(CStr::to_owned).collect())
}

/// The value of the attribute `name` of `file`.
///
/// # Errors
/// The kernel's.
pub(crate) fn value(file: impl AsFd, name: &CStr) -> Result<Vec<u8>, Errno> {
    let descriptor = file.as_fd().as_raw_fd();
    let mut buffer = vec![0_u8; MAX];
    // SAFETY: the name ends with NUL, the buffer is writable for the length that is passed with it, the descriptor is open.
    let size = unsafe { libc::fgetxattr(descriptor, name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    buffer.truncate(usize::try_from(Errno::result(size)?).unwrap_or(0));
    Ok(buffer)
}

/// Sets the attribute `name` of `file`.
///
/// # Errors
/// The kernel's.
pub(crate) fn set(file: impl AsFd, name: &CStr, value: &[u8]) -> Result<(), Errno> {
    let descriptor = file.as_fd().as_raw_fd();
    // SAFETY: the name ends with NUL, the value is readable for the length that is passed with it, the descriptor is open.
    let result = unsafe { libc::fsetxattr(descriptor, name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    Errno::result(result).map(drop)
}

/// Removes the attribute `name` of `file`.
///
/// # Errors
/// The kernel's.
pub(crate) fn remove(file: impl AsFd, name: &CStr) -> Result<(), Errno> {
    let descriptor = file.as_fd().as_raw_fd();
    // SAFETY: the name ends with NUL, the descriptor is open as long as `file` is.
    let result = unsafe { libc::fremovexattr(descriptor, name.as_ptr()) };
    Errno::result(result).map(drop)
}
