//! What a call that creates a name would create: read from its arguments and its process's memory, once.

use std::ffi::OsStr;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;

use super::target::Target;
use crate::sys::socket;

/// The longest address that is looked at: `sockaddr_un`.
const LONGEST_ADDRESS: usize = 110;

/// What a call would create.
#[derive(Debug)]
pub(super) struct Creation {
    /// The folder that a relative path starts from.
    pub(super) folder: RawFd,
    /// The path.
    pub(super) path: PathBuf,
    /// What comes into being there.
    pub(super) what: What,
}

/// What comes into being.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A file that is opened: the last component is followed when it is a symlink.
    Opened,
    /// A file that is opened, but never through a symlink (`O_CREAT` with `O_EXCL`, `O_NOFOLLOW`), or made by `mknod(2)`.
    OpenedItself,
    /// A new file, folder or device, never through a symlink.
    New,
    /// A symlink.
    Link,
    /// Nothing: something is removed.
    Gone,
    /// A second name of what lies elsewhere: this path of the process's root.
    Linked(PathBuf),
    /// Something that lies elsewhere now: this path of the process's root.
    Moved(PathBuf),
}

/// What the call of `target` would create.
///
/// # Errors
/// The kernel's.
pub(super) fn creations(target: Target<'_>) -> Result<Vec<Creation>, Errno> {
    let here = libc::AT_FDCWD;
    let one = |folder, path: usize, what| Ok(vec![Creation { folder, path: clean(&target.path(path)?), what }]);
    match target.number() {
        libc::SYS_openat => one(target.integer(0), 1, opened(target.integer(2))),
        libc::SYS_unlinkat => one(target.integer(0), 1, What::Gone),
        libc::SYS_truncate => one(here, 0, What::Opened),
        libc::SYS_openat2 => opened_by_structure(target),
        libc::SYS_mkdirat => one(target.integer(0), 1, What::New),
        libc::SYS_mknodat => one(target.integer(0), 1, What::OpenedItself),
        libc::SYS_symlinkat => one(target.integer(1), 2, What::Link),
        libc::SYS_linkat => linked(target, (target.integer(0), 1), (target.integer(2), 3)),
        libc::SYS_renameat => moved(target, (target.integer(0), 1), (target.integer(2), 3), 0),
        libc::SYS_renameat2 => moved(target, (target.integer(0), 1), (target.integer(2), 3), target.integer(4)),
        libc::SYS_bind => bound(target),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => one(here, 0, opened(target.integer(1))),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => one(here, 0, What::Opened),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => one(here, 0, What::New),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod => one(here, 0, What::OpenedItself),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink | libc::SYS_rmdir => one(here, 0, What::Gone),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink => one(here, 1, What::Link),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_link => linked(target, (here, 0), (here, 1)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => moved(target, (here, 0), (here, 1), 0),
        // The filter hands out nothing else; should it ever, the call is refused.
        _ => Err(Errno::ENOSYS),
    }
}

/// What opening with these flags comes to: `open(2)`. Without `O_CREAT` the kernel takes no notice of `O_EXCL`.
fn opened(flags: i32) -> What {
    let anew = libc::O_CREAT | libc::O_EXCL;
    if flags & libc::O_NOFOLLOW != 0 || flags & anew == anew { What::OpenedItself } else { What::Opened }
}

/// Whether a call of this number makes a symlink, or gives one another place.
pub(super) fn could_bring_a_symlink(number: libc::c_long) -> bool {
    match number {
        libc::SYS_symlinkat | libc::SYS_linkat | libc::SYS_renameat | libc::SYS_renameat2 => true,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink | libc::SYS_link | libc::SYS_rename => true,
        _ => false,
    }
}

/// `openat2(2)`: the flags lie in memory.
///
/// # Errors
/// The kernel's.
fn opened_by_structure(target: Target<'_>) -> Result<Vec<Creation>, Errno> {
    let how = target.bytes(2, 8)?;
    let flags = how.first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_ne_bytes(*bytes));
    let changes = libc::O_CREAT | libc::O_TRUNC | libc::O_WRONLY | libc::O_RDWR;
    if flags & u64::from(changes.cast_unsigned()) == 0 {
        return Ok(Vec::new());
    }
    Ok(vec![Creation { folder: target.integer(0), path: clean(&target.path(1)?), what: What::Opened }])
}

/// `bind(2)`: a unix socket with a path comes into being there.
///
/// # Errors
/// The kernel's.
fn bound(target: Target<'_>) -> Result<Vec<Creation>, Errno> {
    let length = usize::try_from(target.argument(2) & u64::from(u32::MAX)).map_err(|_| Errno::EFAULT)?;
    let address = target.bytes(1, length.min(LONGEST_ADDRESS))?;
    let path = address.get(2..).filter(|_| address.get(..2) == Some(socket::UNIX.to_ne_bytes().as_slice()));
    let Some(path) = path.filter(|path| path.first().is_some_and(|&byte| byte != 0)) else { return Ok(Vec::new()) };
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    let path = Path::new(OsStr::from_bytes(path.get(..end).unwrap_or_default()));
    Ok(vec![Creation { folder: libc::AT_FDCWD, path: clean(path), what: What::New }])
}

/// A hard link: the new name, and the old one, whose file could be changed through it where no mount stands between the two.
///
/// # Errors
/// The kernel's.
fn linked(target: Target<'_>, old: (RawFd, usize), new: (RawFd, usize)) -> Result<Vec<Creation>, Errno> {
    let (old, new) = ((old.0, clean(&target.path(old.1)?)), (new.0, clean(&target.path(new.1)?)));
    let from = target.absolute(old.0, &old.1)?;
    Ok(vec![
        Creation { folder: new.0, path: new.1, what: What::Linked(from) },
        Creation { folder: old.0, path: old.1, what: What::Gone },
    ])
}

/// A rename: what lies at the old path comes into being at the new one, and with `RENAME_EXCHANGE` the other way round as well.
///
/// What lies at the old path is gone, which matters where no mount holds it in its place.
///
/// # Errors
/// The kernel's.
fn moved(target: Target<'_>, old: (RawFd, usize), new: (RawFd, usize), flags: i32) -> Result<Vec<Creation>, Errno> {
    let (old, new) = ((old.0, clean(&target.path(old.1)?)), (new.0, clean(&target.path(new.1)?)));
    let creation = |(to_folder, to): &(RawFd, PathBuf),
                    (from_folder, from): &(RawFd, PathBuf)|
     -> Result<Creation, Errno> {
        Ok(Creation { folder: *to_folder, path: to.clone(), what: What::Moved(target.absolute(*from_folder, from)?) })
    };
    let gone = Creation { folder: old.0, path: old.1.clone(), what: What::Gone };
    let mut creations = vec![creation(&new, &old)?, gone];
    if flags & libc::RENAME_EXCHANGE.cast_signed() != 0 {
        creations.push(creation(&old, &new)?);
    }
    Ok(creations)
}

/// `path` without trailing slashes and `.`: `mkdir a/.//` creates `a`. `..` is left, for only the kernel knows what it means.
fn clean(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symlink_is_followed_wherever_the_kernel_would() {
        for flags in [0, libc::O_CREAT, libc::O_EXCL | libc::O_WRONLY, libc::O_TRUNC] {
            assert_eq!(opened(flags), What::Opened, "{flags:#x}");
        }
        for flags in [libc::O_CREAT | libc::O_EXCL, libc::O_NOFOLLOW, libc::O_NOFOLLOW | libc::O_EXCL] {
            assert_eq!(opened(flags), What::OpenedItself, "{flags:#x}");
        }
    }

    #[test]
    fn trailing_slashes_and_dots_hide_no_name() {
        for path in [".mcp.json/", ".mcp.json//", "./.mcp.json/./", "x/./.mcp.json"] {
            assert_eq!(clean(Path::new(path)).file_name(), Some(OsStr::new(".mcp.json")), "{path}");
        }
    }
}
