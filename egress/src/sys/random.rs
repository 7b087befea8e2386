//! Random bytes from the kernel, without a file.

use std::io;

/// Fills `bytes`: `getrandom(2)`, Linux 3.17.
///
/// The crate of that name opens `/dev/random` in static programs, which a confined one cannot.
///
/// # Errors
/// The kernel's; `UnexpectedEof` when it gives fewer, which it does for no more than 256 bytes.
pub(crate) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of `bytes`, which is writable.
    let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    match usize::try_from(filled) {
        Ok(filled) if filled == bytes.len() => Ok(()),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}
