//! Ids and capabilities: an ordinary user's, and none.

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, geteuid, getresgid, getresuid, setgroups, setresgid, setresuid};

use super::{ConfineError, step};
use crate::sys::process;

/// Which capabilities stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capabilities {
    /// None.
    None,
    /// `CAP_NET_BIND_SERVICE`, to bind ports below 1024.
    BindLowPorts,
    /// All that there are, for what is still to be done.
    All,
}

/// Becomes the user and group `id`, without any other group. Only root can; for others there is nothing to do.
///
/// # Errors
/// The step that failed, or ids that are still there.
pub(crate) fn become_id(id: Option<u32>, capabilities: Capabilities) -> Result<(), ConfineError> {
    let (Some(id), true) = (id, geteuid().is_root()) else { return Ok(()) };
    let before = caps::read(None, CapSet::Permitted)?;
    if capabilities != Capabilities::None {
        step("keep capabilities", process::keep_capabilities())?;
    }
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    step("leave groups", setgroups(&[]))?;
    step("become another group", setresgid(group, group, group))?;
    step("become another user", setresuid(user, user, user))?;
    let users = step("look at the user's id", getresuid())?;
    let groups = step("look at the group's id", getresgid())?;
    let all_users = [users.real, users.effective, users.saved].iter().all(|one| *one == user);
    let all_groups = [groups.real, groups.effective, groups.saved].iter().all(|one| *one == group);
    if !all_users || !all_groups {
        return Err(ConfineError::StillThere { what: "ids of root" });
    }
    if capabilities != Capabilities::None {
        caps::set(None, CapSet::Effective, &before)?;
    }
    Ok(())
}

/// Gives up every capability but the named ones, in every set.
///
/// # Errors
/// The step that failed, or capabilities that are still there.
pub(crate) fn keep_only(capabilities: Capabilities) -> Result<(), ConfineError> {
    let kept = match capabilities {
        Capabilities::None => CapsHashSet::default(),
        Capabilities::BindLowPorts => {
            let mut held = caps::read(None, CapSet::Permitted)?;
            held.retain(|capability| *capability == Capability::CAP_NET_BIND_SERVICE);
            held
        }
        Capabilities::All => return Ok(()),
    };
    match process::empty_bounding_set() {
        // An ordinary user cannot, and has nothing to gain from it: `no_new_privs` follows.
        Ok(()) | Err(Errno::EPERM) => {}
        other => step("empty the bounding set", other)?,
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    for set in [CapSet::Permitted, CapSet::Effective, CapSet::Inheritable, CapSet::Ambient] {
        if !caps::read(None, set)?.is_subset(&kept) {
            return Err(ConfineError::StillThere { what: "capabilities" });
        }
    }
    Ok(())
}
