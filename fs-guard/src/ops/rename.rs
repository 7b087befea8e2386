//! Renaming: both names are judged, and everything that moves along.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::Path;

use lobsterpot_policy::{Access, ReasonCode};
use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat, renameat2};
use nix::sys::stat::FileStat;

use super::beneath::Search;
use super::error::OpError;
use super::open::{self, FileKind};
use super::{folder, remove};
use crate::guard::{Guard, Refusal, Request, Target};

/// Gives `from` the name that is spelled `name`; what is there is replaced, as `rename(2)` does.
///
/// A folder is refused when something in it must stay where it is, must not come to lie there, or would lose its mask.
///
/// # Errors
/// When the policy refuses, or the kernel.
pub(super) fn rename(guard: &Guard, from: &Target, name: &OsStr, request: &Request) -> Result<(), OpError> {
    let to = guard.resolve(name, request)?;
    if let Some((_, above)) = to.missing.split_last() {
        let path = above.iter().fold(to.path.clone(), |path, name| path.join(name));
        return Err(OpError::NotFound { path });
    }
    guard.may_move(from, &to)?;
    let is_folder = FileKind::of(open::facts(from)?) == FileKind::Folder;
    if is_folder {
        search(guard, from, &to)?;
    }
    remove::is_still(from)?;
    if to.facts.is_some() {
        remove::is_still(&to)?;
    }
    let (old, new) = (from.name.as_os_str(), to.name.as_os_str());
    renameat(from.parent.as_fd(), old, to.parent.as_fd(), new)
        .map_err(|errno| OpError::io("renaming", &from.path, errno))?;
    if is_folder {
        // What was put into the folder between the search and the renaming is found now.
        let searched =
            guard.resolve(name, request).map_err(OpError::from).and_then(|moved| search(guard, &moved, from));
        if searched.is_err() {
            // It stays under the new name only when somebody has taken the old one meanwhile.
            let _ = renameat2(to.parent.as_fd(), new, from.parent.as_fd(), old, RenameFlags::RENAME_NOREPLACE);
        }
        return searched;
    }
    Ok(())
}

/// Checks that everything in the folder `target` may be moved; `other` is where it goes to, or comes from.
///
/// # Errors
/// When something may not.
fn search(guard: &Guard, target: &Target, other: &Target) -> Result<(), OpError> {
    let within = guard.within(target);
    let other = folder::whole(other);
    let check = |rest: &Path, facts: &FileStat| {
        if within.is_held(rest) {
            return Err(OpError::io("moving", &target.path.join(rest), Errno::EBUSY));
        }
        match within.entry(rest, facts, Access::Write) {
            // A mask that hides the same name on both sides goes along.
            Err(refusal) if is_mask(&refusal) && hides(guard, &other.join(rest)) => Ok(()),
            judged => Ok(judged?),
        }
    };
    Search::new(&check).beneath(target.parent.as_fd(), &target.name, &target.path)
}

/// Whether a mask is the reason.
fn is_mask(refusal: &Refusal) -> bool {
    refusal.verdict.reason == ReasonCode::Masked
}

/// Whether a mask would hide `path` by its name.
fn hides(guard: &Guard, path: &Path) -> bool {
    guard.judge().path(path, Access::Read).reason == ReasonCode::Masked
}
