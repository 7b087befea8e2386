//! A secret behind a descriptor: a file in memory without a name, which nobody can change any more.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::deliver::file::errno;
use crate::secret::Secret;

/// What nobody can undo: the content and the length stay, and so do the seals.
const SEALS: SealFlag =
    SealFlag::F_SEAL_SEAL.union(SealFlag::F_SEAL_SHRINK).union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_WRITE);

/// The secret in a sealed file (memfd_create(2)), closed by `execve`, to be read from its beginning. It cannot be executed where the
/// kernel can promise that (Linux 6.3).
///
/// # Errors
/// The kernel's.
pub(super) fn sealed(value: &Secret) -> Result<OwnedFd, Errno> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let unexecutable = flags | MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    let made = memfd_create(c"secret", unexecutable).or_else(|_| memfd_create(c"secret", flags));
    let mut file = File::from(made?);
    file.write_all(value.as_bytes()).and_then(|()| file.rewind()).map_err(|error| errno(&error))?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SEALS))?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::sealed;
    use crate::secret::Secret;

    #[test]
    fn a_sealed_secret_is_read_and_cannot_be_changed() {
        let mut file = File::from(sealed(&Secret::from("hunter2")).unwrap());
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hunter2");
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(0).is_err() && file.set_len(99).is_err());
    }
}
