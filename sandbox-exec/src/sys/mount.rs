//! The new mount API (Linux 5.2 and 5.12): mounts as descriptors, attached by descriptor, so that no path is walked twice.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno;

/// Read-only mount attribute (`MOUNT_ATTR_RDONLY`).
pub(crate) const RDONLY: u64 = libc::MOUNT_ATTR_RDONLY;
/// Set-user-id bits and file capabilities have no effect (`MOUNT_ATTR_NOSUID`).
pub(crate) const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
/// Device nodes cannot be opened (`MOUNT_ATTR_NODEV`).
pub(crate) const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
/// Programs cannot be run (`MOUNT_ATTR_NOEXEC`).
pub(crate) const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// Turns the result of a descriptor-returning system call into an owned descriptor.
///
/// # Errors
/// The kernel's.
fn owned(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let raw = Errno::result(result)?;
    let raw = RawFd::try_from(raw).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Clones the mount at `path` (relative to `dir`) and everything below it into a detached tree: `open_tree(2)`, Linux 5.2.
///
/// Symlinks in the last component are not followed.
///
/// # Errors
/// The kernel's: `ENOENT`, `EPERM` without `CAP_SYS_ADMIN` over the mount namespace.
pub(crate) fn clone_tree(dir: impl AsFd, path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | (libc::AT_RECURSIVE | libc::AT_SYMLINK_NOFOLLOW).cast_unsigned();
    // SAFETY: `path` is a NUL-terminated string that outlives the call; the descriptor is borrowed and open.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, dir.as_fd().as_raw_fd(), path.as_ptr(), flags) })
}

/// Attaches the detached mount `mount` at `path` relative to `dir`; with an empty path, at the very object `dir` refers to.
///
/// `move_mount(2)`, Linux 5.2. The target is not followed when it is a symlink.
///
/// # Errors
/// The kernel's: `ENOENT`, `ENOTDIR` when a file would cover a directory or the reverse, `EPERM`.
pub(crate) fn attach(mount: impl AsFd, dir: impl AsFd, path: &CStr) -> Result<(), Errno> {
    let mut flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
    if path.is_empty() {
        flags |= libc::MOVE_MOUNT_T_EMPTY_PATH;
    }
    let (from, to) = (mount.as_fd().as_raw_fd(), dir.as_fd().as_raw_fd());
    // SAFETY: both paths are NUL-terminated strings that outlive the call; both descriptors are borrowed and open.
    let result = unsafe { libc::syscall(libc::SYS_move_mount, from, c"".as_ptr(), to, path.as_ptr(), flags) };
    Errno::result(result).map(drop)
}

/// Sets mount attributes on `mount` and everything attached below it, in one call: `mount_setattr(2)`, Linux 5.12.
///
/// # Errors
/// The kernel's: `EPERM`, `EINVAL` on kernels that do not know an attribute.
pub(crate) fn set_attributes(mount: impl AsFd, set: u64) -> Result<(), Errno> {
    setattr(mount, libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 })
}

/// Makes `mount` (detached) an id-mapped mount that translates owners by `user_namespace`, with `set` on top.
///
/// `MOUNT_ATTR_IDMAP`, Linux 5.12; ext4 5.12, xfs 5.12, btrfs 5.15, tmpfs 6.3.
///
/// # Errors
/// `EINVAL` when the file system cannot do it, `EPERM` without `CAP_SYS_ADMIN` over the file system's user namespace.
pub(crate) fn map_owners(mount: impl AsFd, user_namespace: impl AsFd, set: u64) -> Result<(), Errno> {
    let userns_fd = u64::try_from(user_namespace.as_fd().as_raw_fd()).map_err(|_| Errno::EBADF)?;
    let attr_set = set | libc::MOUNT_ATTR_IDMAP;
    setattr(mount, libc::mount_attr { attr_set, attr_clr: 0, propagation: 0, userns_fd })
}

/// `mount_setattr(2)` on the mount that `mount` refers to.
///
/// # Errors
/// The kernel's.
fn setattr(mount: impl AsFd, attributes: libc::mount_attr) -> Result<(), Errno> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    let (fd, size) = (mount.as_fd().as_raw_fd(), size_of::<libc::mount_attr>());
    let attributes = &raw const attributes;
    // SAFETY: `attributes` points to a live structure of exactly `size` bytes; the path is a static empty string.
    let result = unsafe { libc::syscall(libc::SYS_mount_setattr, fd, c"".as_ptr(), flags, attributes, size) };
    Errno::result(result).map(drop)
}

/// A file system being configured: `fsopen(2)`, Linux 5.2.
#[derive(Debug)]
pub(crate) struct FileSystem(OwnedFd);

impl FileSystem {
    /// Begins a new superblock of type `name`.
    ///
    /// # Errors
    /// `ENODEV` when the kernel lacks the file system, `EPERM`.
    pub(crate) fn open(name: &CStr) -> Result<Self, Errno> {
        // SAFETY: `name` is a NUL-terminated string that outlives the call.
        owned(unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), libc::FSOPEN_CLOEXEC) }).map(Self)
    }

    /// Sets the option `key` to `value`.
    ///
    /// # Errors
    /// `EINVAL` for an option or a value that the file system does not know.
    pub(crate) fn set(&self, key: &CStr, value: &CStr) -> Result<(), Errno> {
        self.configure(libc::FSCONFIG_SET_STRING, key.as_ptr(), value.as_ptr())
    }

    /// Sets the flag option `key`.
    ///
    /// # Errors
    /// `EINVAL` for an option that the file system does not know.
    pub(crate) fn flag(&self, key: &CStr) -> Result<(), Errno> {
        self.configure(libc::FSCONFIG_SET_FLAG, key.as_ptr(), ptr::null())
    }

    /// Creates the superblock and returns it as a detached mount with `attributes`.
    ///
    /// # Errors
    /// The kernel's, `EPERM` and `ENOMEM` among them.
    pub(crate) fn mount(self, attributes: u64) -> Result<OwnedFd, Errno> {
        self.configure(libc::FSCONFIG_CMD_CREATE, ptr::null(), ptr::null())?;
        let fd = self.0.as_raw_fd();
        // SAFETY: no pointers are passed; the descriptor is open.
        owned(unsafe { libc::syscall(libc::SYS_fsmount, fd, libc::FSMOUNT_CLOEXEC, attributes) })
    }

    /// `fsconfig(2)`.
    ///
    /// # Errors
    /// The kernel's.
    fn configure(
        &self,
        command: libc::c_uint,
        key: *const libc::c_char,
        value: *const libc::c_char,
    ) -> Result<(), Errno> {
        let fd = self.0.as_raw_fd();
        // SAFETY: `key` and `value` are null where the command allows it, or NUL-terminated strings of the caller's.
        let result = unsafe { libc::syscall(libc::SYS_fsconfig, fd, command, key, value, 0) };
        Errno::result(result).map(drop)
    }
}
