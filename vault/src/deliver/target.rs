//! Secrets as files on a tmpfs: a whole set put in place at once, single files beside others, and their removal.
//!
//! A set is written into a fresh folder beside the target, which then takes the target's place in one step (`renameat2(2)` with
//! `RENAME_EXCHANGE`). Whoever opens the target's folder sees the old set or the new one. Only files of our own list are removed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};
use nix::unistd::{UnlinkatFlags, unlinkat};
use thiserror::Error;

use super::file;
use super::folder::{Folder, FolderError, Missing, Swap};
use super::manifest;
pub(crate) use super::manifest::is_file_name;
use crate::exit::Exit;
use crate::failure::{Explain, word};
use crate::name::Name;
use crate::secret::Secret;

/// Why secrets were not put into files, or not removed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The folder is not to be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is something in the folder that this program did not put there.
    #[error("{} holds {name:?}, which this program did not put there", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        name: String,
    },
    /// The folder's list of files is not one that this program writes.
    #[error("{} has a list of files that this program did not write", path.display())]
    List {
        /// The folder.
        path: PathBuf,
    },
    /// The name of a secret is too long for a file.
    #[error("the name {name} is too long for a file")]
    NameTooLong {
        /// The secret.
        name: Name,
    },
    /// The folder cannot be replaced as a whole.
    #[error("{} is a mount point, or on a file system that cannot exchange folders", path.display())]
    Fixed {
        /// The folder.
        path: PathBuf,
    },
    /// Somebody else keeps putting folders there, or holds the one that is there.
    #[error("another program is at work in {}", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The kernel refused.
    #[error("failed to {action} {}: {}", path.display(), source.desc())]
    System {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
}

impl Explain for TargetError {
    fn exit(&self) -> Exit {
        match self {
            Self::Folder(error) => error.exit(),
            Self::Foreign { .. } | Self::List { .. } => Exit::Denied,
            Self::NameTooLong { .. } => Exit::Data,
            Self::Fixed { .. } => Exit::Exists,
            Self::Busy { .. } => Exit::Busy,
            Self::System { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Folder(error) => return error.hint(),
            Self::Foreign { .. } => "name a folder that is empty or not there yet, or remove what is in it".to_owned(),
            Self::List { path } => format!("remove {} by hand", path.display()),
            Self::NameTooLong { .. } => "leave it out with --only, or give it a shorter name".to_owned(),
            Self::Fixed { .. } => "name a folder below it with --to".to_owned(),
            Self::Busy { path } => format!("try again when it has ended; `fuser -v {}` shows it", word(path)),
            Self::System { source: Errno::ENOSPC | Errno::EDQUOT, .. } => "make room on that tmpfs".to_owned(),
            Self::System { .. } => "look at the folder's permissions".to_owned(),
        })
    }
}

/// What the file of a secret is called: its name, with `/` as `%2F`. No name has a percent sign, so this can be turned back.
///
/// # Errors
/// When that is longer than a file name can be.
pub fn file_name(name: &Name) -> Result<String, TargetError> {
    let text = name.as_str().replace('/', "%2F");
    if manifest::is_file_name(&text) { Ok(text) } else { Err(TargetError::NameTooLong { name: name.clone() }) }
}

/// Puts a whole set of files into the folder `path`, in place of the set that an earlier call put there. It is made where it is
/// missing. All of them are there afterwards, or nothing has changed.
///
/// # Errors
/// When the folder is not private, not in memory or not reached safely, holds something else, or the kernel refuses.
pub fn unlock(path: &Path, files: &BTreeMap<String, Secret>, swap: Swap) -> Result<(), TargetError> {
    let (parent, name) = beside(path, Missing::Make, swap)?;
    if !is_there(&parent, &name, swap)? {
        parent.refuse_disk(swap)?;
    }
    remove_leftovers(&parent, &name);
    for _ in 0..TRIES {
        match replace_set(&parent, &name, path, files, swap) {
            // Another call took the draft for a leftover before it was locked, or was faster.
            Err(TargetError::System { source: Errno::ENOENT | Errno::EEXIST, .. }) => {}
            Err(TargetError::Folder(FolderError::Missing { .. })) => {}
            done => return done,
        }
    }
    Err(TargetError::Busy { path: path.to_path_buf() })
}

/// Whether there is a set of ours, or an empty folder, that may be replaced.
///
/// # Errors
/// When there is something else, or the folder is not to be used.
fn is_there(parent: &Folder, name: &OsStr, swap: Swap) -> Result<bool, TargetError> {
    loop {
        let Some(present) = parent.child(name)? else { return Ok(false) };
        present.prove(swap)?;
        // Not while it is being emptied by `lock`.
        file::hold(&present)?;
        match listed(&present, Strictness::Whole) {
            Ok(_) => return Ok(true),
            // Another call may have replaced it, and removes it while it is being looked at: then there is another one to look at.
            Err(error) => match parent.child(name)? {
                Some(again) if again.is_same(&present)? => return Err(error),
                Some(_) | None => {}
            },
        }
    }
}

/// How often a set is written again that another call was in the way of.
const TRIES: u32 = 16;

/// Writes a set into a fresh folder, and puts that in the target's place.
///
/// # Errors
/// When the kernel refuses, or something else is in the target's place.
fn replace_set(
    parent: &Folder,
    name: &OsStr,
    path: &Path,
    files: &BTreeMap<String, Secret>,
    swap: Swap,
) -> Result<(), TargetError> {
    let draft = draft_name(name, path)?;
    let written = parent.make_child(&draft, swap).map_err(TargetError::from).and_then(|folder| {
        // Held until the folder is in place: a draft that can be locked has been left behind, and is removed by the next call.
        file::hold(&folder)?;
        write_all(&folder, files)?;
        publish(parent, &draft, name, path)
    });
    // What is under this name now is the set from before, or a draft that did not come about.
    remove_set(parent, &draft);
    written
}

/// Puts one file into the private folder `path`, beside whatever else is there; an earlier one of ours of that name is replaced at
/// once. It stays until [`lock`].
///
/// # Errors
/// As for [`unlock`], and when there is a file of that name that is not ours.
pub fn add(path: &Path, name: &str, value: &Secret, swap: Swap) -> Result<(), TargetError> {
    let folder = Folder::private(path, Missing::Make, swap)?;
    file::hold(&folder)?;
    let mut names = listed(&folder, Strictness::Ours)?;
    let is_there = folder.names()?.iter().any(|found| found == name);
    if is_there && !names.contains(name) {
        return Err(TargetError::Foreign { path: path.to_path_buf(), name: name.to_owned() });
    }
    if names.insert(name.to_owned()) {
        file::replace(&folder, manifest::FILE, &manifest::write(&names))?;
    }
    file::replace(&folder, name, value.as_bytes())
}

/// Wipes and removes one file that [`add`] has put into the folder `path`.
///
/// # Errors
/// As for [`lock`].
pub(super) fn take_back(path: &Path, name: &str) -> Result<(), TargetError> {
    let folder = Folder::private(path, Missing::Refuse, Swap::Accept)?;
    file::hold(&folder)?;
    let mut names = listed(&folder, Strictness::Ours)?;
    if names.remove(name) {
        file::wipe(&folder, name)?;
        if names.is_empty() {
            file::wipe(&folder, manifest::FILE)?;
        } else {
            file::replace(&folder, manifest::FILE, &manifest::write(&names))?;
        }
    }
    Ok(())
}

/// What [`lock`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Locked {
    /// How many files were removed.
    pub removed: usize,
    /// What was left in the folder, for it is not ours.
    pub left: Vec<String>,
}

/// Wipes and removes what [`unlock`] and [`add`] put into the folder `path`, and the folder when nothing else is in it. When there is
/// nothing, nothing is done.
///
/// # Errors
/// When the folder is not the caller's, others can change it, it was not made by this program, or the kernel refuses.
pub fn lock(path: &Path) -> Result<Locked, TargetError> {
    let (parent, name) = match beside(path, Missing::Refuse, Swap::Accept) {
        Err(TargetError::Folder(FolderError::Missing { .. })) => return Ok(Locked::default()),
        found => found?,
    };
    remove_leftovers(&parent, &name);
    let Some(folder) = parent.child(&name)? else { return Ok(Locked::default()) };
    folder.prove(Swap::Accept)?;
    file::hold(&folder)?;
    let mut names = listed(&folder, Strictness::Listed)?;
    names.extend(drafts(&folder)?);
    // One that is not as it was made keeps no other from being removed.
    let wiped: Vec<_> = names.iter().map(|name| file::wipe(&folder, name)).collect();
    let removed = wiped.iter().filter(|wiped| **wiped == Ok(true)).count();
    wiped.into_iter().collect::<Result<Vec<_>, _>>()?;
    file::wipe(&folder, manifest::FILE)?;
    let left: Vec<String> = folder.names()?.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if left.is_empty() {
        match unlinkat(&parent, name.as_os_str(), UnlinkatFlags::RemoveDir) {
            // A mount point stays, and is empty.
            Ok(()) | Err(Errno::EBUSY | Errno::ENOENT) => {}
            Err(source) => return Err(system("remove", path)(source)),
        }
    }
    Ok(Locked { removed, left })
}

/// The folder that `path` is in, and the name that it has there.
///
/// # Errors
/// When the way to the folder is not safe.
fn beside(path: &Path, missing: Missing, swap: Swap) -> Result<(Folder, OsString), TargetError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(FolderError::Path { path: path.to_path_buf() }.into());
    };
    Ok((Folder::reach(parent, missing, swap)?, name.to_owned()))
}

/// What a folder may hold besides the files of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// Nothing: the folder is about to be replaced.
    Whole,
    /// Anything, but then there must be a list.
    Listed,
    /// Anything, and there need not be a list.
    Ours,
}

/// The files of ours in a folder.
///
/// # Errors
/// When there is something else that may not be there, or the list is not ours.
fn listed(folder: &Folder, strictness: Strictness) -> Result<BTreeSet<String>, TargetError> {
    let path = || folder.path().to_path_buf();
    let names = match file::read(folder, manifest::FILE, manifest::LONGEST)? {
        Some(bytes) => Some(manifest::read(&bytes).ok_or_else(|| TargetError::List { path: path() })?),
        None => None,
    };
    let present = folder.names()?;
    let known = names.as_ref();
    let foreign = present.iter().find(|name| {
        let is_ours = |name: &str| file::is_draft(name) || known.is_some_and(|known| known.contains(name));
        *name != manifest::FILE && !name.to_str().is_some_and(is_ours)
    });
    let is_foreign = match strictness {
        Strictness::Whole => foreign,
        Strictness::Listed => foreign.filter(|_| names.is_none()),
        Strictness::Ours => None,
    };
    match is_foreign {
        Some(name) => Err(TargetError::Foreign { path: path(), name: name.to_string_lossy().into_owned() }),
        None => Ok(names.unwrap_or_default()),
    }
}

/// Files that were being written when their writer ended before its time. To be called with the folder held: then nobody writes them.
///
/// # Errors
/// The kernel's.
fn drafts(folder: &Folder) -> Result<Vec<String>, TargetError> {
    let names = folder.names()?.into_iter().filter_map(|name| name.into_string().ok());
    Ok(names.filter(|name| file::is_draft(name)).collect())
}

/// Writes a set into a fresh folder, its list first.
///
/// # Errors
/// The kernel's.
fn write_all(folder: &Folder, files: &BTreeMap<String, Secret>) -> Result<(), TargetError> {
    file::create(folder, manifest::FILE, &manifest::write(files.keys()))?;
    files.iter().try_for_each(|(name, value)| file::create(folder, name, value.as_bytes()))
}

/// Puts the draft in the target's place, which another call may have taken or left in the meantime.
///
/// # Errors
/// When something else is in the target's place, or the kernel refuses.
fn publish(parent: &Folder, draft: &OsStr, name: &OsStr, path: &Path) -> Result<(), TargetError> {
    // What would be replaced is looked at again: only a set of ours is.
    let is_there = is_there(parent, name, Swap::Accept)?;
    let flags = if is_there { RenameFlags::RENAME_EXCHANGE } else { RenameFlags::RENAME_NOREPLACE };
    renameat2(parent, draft, parent, name, flags).map_err(|source| {
        if matches!(source, Errno::EBUSY | Errno::EINVAL | Errno::EXDEV) {
            TargetError::Fixed { path: path.to_path_buf() }
        } else {
            system("replace", path)(source)
        }
    })
}

/// Removes a set of ours, as far as it is one. What is not ours stays. Nothing is overwritten: who reads a file shall read it to its
/// end, and the kernel zeroes the pages before anybody has them again.
fn remove_set(parent: &Folder, name: &OsStr) {
    let Ok(Some(folder)) = parent.child(name) else { return };
    let Ok(names) = listed(&folder, Strictness::Listed) else { return };
    let drafts = drafts(&folder).unwrap_or_default();
    for name in names.iter().chain(&drafts).map(String::as_str).chain([manifest::FILE]) {
        let _ = file::unlink(&folder, name);
    }
    let _ = unlinkat(parent, name, UnlinkatFlags::RemoveDir);
}

/// The end of the names of drafts.
const DRAFT: &[u8] = b".lobsterpot";

/// A name for a draft of the folder `name` that nothing has yet.
///
/// # Errors
/// When the kernel gives no random bytes.
fn draft_name(name: &OsStr, path: &Path) -> Result<OsString, TargetError> {
    let mut draft = OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.lobsterpot", file::random(path)?));
    Ok(draft)
}

/// Removes drafts of `name` whose makers have ended before their time. Those that are being written are locked.
fn remove_leftovers(parent: &Folder, name: &OsStr) {
    let is_draft = |found: &OsStr| {
        let rest = found.as_bytes().strip_prefix(b".").and_then(|rest| rest.strip_prefix(name.as_bytes()));
        rest.and_then(|rest| rest.strip_suffix(DRAFT)).is_some_and(|middle| middle.len() == 17 && middle[0] == b'.')
    };
    for found in parent.names().unwrap_or_default().iter().filter(|found| is_draft(found)) {
        let Ok(Some(folder)) = parent.child(found) else { continue };
        if folder.prove(Swap::Accept).is_ok() && folder.file().try_lock().is_ok() {
            remove_set(parent, found);
        }
    }
}

/// The error of an operation on `path`.
pub(crate) fn system(action: &'static str, path: &Path) -> impl FnOnce(Errno) -> TargetError {
    move |source| TargetError::System { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
