//! Who the command is: the caller's own ids inside, mapped to the caller's own or to powerless ones outside.

use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Pid, Uid, setgroups, setresgid, setresuid, write};

use super::mounts::clone_origin;
use super::own_sources;
use crate::plan::Plan;
use crate::step::{Failure, Step, Stepped};
use crate::sys::mount;

/// Maps the caller's own ids onto themselves: `user_namespaces(7)`. An ordinary user may map just these, and only after giving up
/// `setgroups`, so that a group that restricts cannot be dropped.
///
/// # Errors
/// The file that could not be written.
pub(crate) fn map_from_inside((uid, gid): (u32, u32)) -> Result<(), Failure> {
    put("/proc/self/setgroups", b"deny", Step::IdentityMap)?;
    put("/proc/self/uid_map", format!("{uid} {uid} 1").as_bytes(), Step::IdentityMap)?;
    put("/proc/self/gid_map", format!("{gid} {gid} 1").as_bytes(), Step::IdentityMap)
}

/// Maps root inside to the powerless id `outside`, from the outside, for the process `pid`.
///
/// # Errors
/// The file that could not be written.
pub(crate) fn map_from_outside(pid: Pid, (uid, gid): (u32, u32), outside: u32) -> Result<(), Failure> {
    let mut path = String::new();
    for (file, id) in [("uid_map", uid), ("gid_map", gid)] {
        path.clear();
        let _ = write!(path, "/proc/{pid}/{file}");
        put(&path, format!("{id} {outside} 1").as_bytes(), Step::IdentityMap)?;
    }
    Ok(())
}

/// Prepares the mounts of the caller's own files with owners translated by the user namespace of `pid`, in plan order.
///
/// Only the outside can: it takes `CAP_SYS_ADMIN` over the file system's own user namespace.
///
/// # Errors
/// `EINVAL` when a file system cannot translate owners.
pub(crate) fn prepare_mounts(plan: &Plan, pid: Pid) -> Result<Vec<OwnedFd>, Failure> {
    let namespace = open(format!("/proc/{pid}/ns/user").as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .step(Step::IdentityMap)?;
    own_sources(plan)
        .iter()
        .map(|origin| {
            let tree = clone_origin(origin, Step::Bind)?;
            let attributes = mount::NOSUID | mount::NODEV;
            mount::map_owners(&tree, &namespace, attributes).step_at(Step::OwnerRemap, &origin.path)?;
            Ok(tree)
        })
        .collect()
}

/// Becomes the mapped user and group, and drops every other group.
///
/// # Errors
/// `EPERM`, `EINVAL` when the ids are not mapped.
pub(crate) fn take_on((uid, gid): (u32, u32)) -> Result<(), Failure> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    setgroups(&[]).step(Step::IdentityMap)?;
    setresgid(gid, gid, gid).step(Step::IdentityMap)?;
    setresuid(uid, uid, uid).step(Step::IdentityMap)
}

/// Writes `content` to a file of `/proc` in one call, as `user_namespaces(7)` demands.
///
/// # Errors
/// A failure of `step` at that file.
pub(super) fn put(path: &str, content: &[u8], step: Step) -> Result<(), Failure> {
    let file = open(Path::new(path), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty()).step_at(step, path)?;
    write(&file, content).map(drop).step_at(step, path)
}
