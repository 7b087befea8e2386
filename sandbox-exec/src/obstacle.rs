//! Why a path cannot be looked at, and whether the sandbox would fare better there.

use nix::errno::Errno;

/// Why a path cannot be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// There is no such thing, or no more.
    Gone,
    /// It is closed to this user, and thus to the sandbox too.
    Closed,
    /// Its path is too long.
    Long,
    /// Something that says nothing about what the sandbox would find.
    Other,
}

impl From<Errno> for Obstacle {
    fn from(errno: Errno) -> Self {
        const GONE: [Errno; 3] = [Errno::ENOENT, Errno::ENOTDIR, Errno::ELOOP];
        // The last two: a file system whose server is gone. No file of it can be used, here or in the sandbox.
        const CLOSED: [Errno; 4] = [Errno::EACCES, Errno::EPERM, Errno::ENOTCONN, Errno::ESTALE];
        if GONE.contains(&errno) {
            Self::Gone
        } else if CLOSED.contains(&errno) {
            Self::Closed
        } else if errno == Errno::ENAMETOOLONG {
            Self::Long
        } else {
            Self::Other
        }
    }
}

/// Whether `errno` says that this process lacks what it may have again later: descriptors, memory.
pub(crate) fn is_shortage(errno: Errno) -> bool {
    matches!(errno, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)
}

/// What a look came to: `None` when nothing is there that the sandbox could use.
///
/// # Errors
/// What the kernel said, when that says nothing about what the sandbox would find.
pub(crate) fn settled<T>(looked: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(errno) if Obstacle::from(errno) == Obstacle::Other => Err(errno),
        Err(_) => Ok(None),
    }
}

/// The same for what the standard library has looked at.
///
/// # Errors
/// As [`settled`].
pub(crate) fn settled_io<T>(looked: std::io::Result<T>) -> Result<Option<T>, Errno> {
    settled(looked.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)))
}
