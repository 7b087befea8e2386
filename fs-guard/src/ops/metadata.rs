//! What a file keeps when its content is replaced: owner, permissions, access list, attributes.

use std::ffi::CStr;
use std::fs::File;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchown};

use crate::sys::xattr;

/// Attributes besides `user.*` that are kept: the access list, and the security label.
const KEPT: [&CStr; 2] = [c"system.posix_acl_access", c"security.selinux"];

/// Gives `new` the owner, attributes and permissions of `old`.
///
/// Set-user-id and set-group-id bits and file capabilities are not kept: writing takes them away.
///
/// # Errors
/// When one of them cannot be kept.
pub(super) fn keep(old: &File, facts: &FileStat, new: &File) -> Result<(), Errno> {
    let fresh = fstat(new)?;
    if (fresh.st_uid, fresh.st_gid) != (facts.st_uid, facts.st_gid) {
        fchown(new, Some(Uid::from_raw(facts.st_uid)), Some(Gid::from_raw(facts.st_gid)))?;
    }
    attributes(old, new)?;
    fchmod(new, permissions(facts.st_mode))
}

/// The permissions of `mode` that content may be given: neither set-user-id nor set-group-id.
pub(super) fn permissions(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode & 0o1777)
}

/// Gives `new` the kept attributes of `old`, and no others: a new file may have inherited an access list.
///
/// # Errors
/// When one of them cannot be kept.
fn attributes(old: &File, new: &File) -> Result<(), Errno> {
    let (before, after) = (names(old)?, names(new)?);
    for name in after.iter().filter(|name| !before.contains(name)) {
        xattr::remove(new, name)?;
    }
    for name in &before {
        let value = xattr::value(old, name)?;
        if xattr::value(new, name).as_ref() != Ok(&value) {
            xattr::set(new, name, &value)?;
        }
    }
    Ok(())
}

/// The names of the kept attributes of `file`.
///
/// # Errors
/// The kernel's.
fn names(file: &File) -> Result<Vec<std::ffi::CString>, Errno> {
    let all = match xattr::names(file) {
        // The file system has none.
        Err(Errno::EOPNOTSUPP) => Vec::new(),
        other => other?,
    };
    let is_kept = |name: &CStr| name.to_bytes().starts_with(b"user.") || KEPT.contains(&name);
    Ok(all.into_iter().filter(|name| is_kept(name)).collect())
}
