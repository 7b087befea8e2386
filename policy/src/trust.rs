//! Whether a policy file may be believed: nobody but its owner and root could have written it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::reader::{FileFacts, Folder};

/// Permission bits that let somebody other than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// The bit that keeps users from removing each other's entries in a shared folder.
const STICKY: u32 = 0o1000;

/// Why a policy file is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Others can write it.
    #[error("its mode is {mode:04o}, so that others can write it")]
    Writable {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others can replace it, or a folder above it.
    #[error("others can replace what is in \"{}\", whose mode is {mode:04o}", folder.display())]
    FolderWritable {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("it belongs to user {owner}, not to user {caller} or root")]
    Owner {
        /// The file.
        file: PathBuf,
        /// Its owner.
        owner: u32,
        /// The caller.
        caller: u32,
    },
    /// A folder above it belongs to somebody else.
    #[error("the folder \"{}\" belongs to user {owner}, not to user {caller} or root", folder.display())]
    FolderOwner {
        /// The folder.
        folder: PathBuf,
        /// Its owner.
        owner: u32,
        /// The caller.
        caller: u32,
    },
    /// A confined program can write it.
    #[error("it lies in \"{}\", which confined programs can write", root.display())]
    InWritableRoot {
        /// The writable root.
        root: PathBuf,
    },
    /// It is a symbolic link into a place that a confined program can write.
    #[error("it leads to \"{}\" in \"{}\", which confined programs can write", target.display(), root.display())]
    LinkedIntoWritableRoot {
        /// Where it leads.
        target: PathBuf,
        /// The writable root.
        root: PathBuf,
    },
    /// A workspace's file that is a symbolic link.
    #[error("it is a symbolic link, and a workspace's policy must be a file of its own")]
    WorkspaceLink,
}

impl TrustError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Writable { file, .. } => format!("run: chmod go-w '{}'", file.display()),
            Self::FolderWritable { folder, mode, .. } if mode & STICKY != 0 => {
                format!("move the file out of the shared folder '{}'", folder.display())
            }
            Self::FolderWritable { folder, .. } => format!("run: chmod go-w '{}'", folder.display()),
            Self::Owner { file, caller, .. } => {
                format!("check who wrote it, then run: chown {caller} '{}'", file.display())
            }
            Self::FolderOwner { folder, caller, .. } => {
                format!("move the file, or check who made the folder, then run: chown {caller} '{}'", folder.display())
            }
            Self::InWritableRoot { .. } | Self::LinkedIntoWritableRoot { .. } => {
                "move the file to ~/.config/lobsterpot/policy.toml, and keep that outside of every workspace".to_owned()
            }
            Self::WorkspaceLink => "replace the link with a file".to_owned(),
        }
    }
}

/// Refuses a file that somebody other than `caller` and root could have written.
///
/// # Errors
/// When others could have written the file, or a confined program could.
pub(crate) fn check(path: &Path, facts: &FileFacts, caller: u32, writable: &[PathBuf]) -> Result<(), TrustError> {
    if facts.uid != 0 && facts.uid != caller {
        return Err(TrustError::Owner { file: facts.resolved_path.clone(), owner: facts.uid, caller });
    }
    if facts.mode & OTHERS_WRITE != 0 {
        return Err(TrustError::Writable { file: facts.resolved_path.clone(), mode: facts.mode & 0o7777 });
    }
    let holders = [path.parent(), facts.resolved_path.parent()];
    for folder in &facts.parents {
        check_folder(folder, caller, holders.contains(&Some(folder.path.as_path())))?;
    }
    check_outside(path, facts, writable)
}

/// Refuses a folder whose entries others could replace. `holder` is a folder that holds the file or a link to it: there even
/// the sticky bit does not help, as anybody could have put the file there first.
///
/// # Errors
/// When others could replace an entry of the folder.
fn check_folder(folder: &Folder, caller: u32, holder: bool) -> Result<(), TrustError> {
    if folder.uid != 0 && folder.uid != caller {
        return Err(TrustError::FolderOwner { folder: folder.path.clone(), owner: folder.uid, caller });
    }
    let shared_but_sticky = folder.uid == 0 && folder.mode & STICKY != 0 && !holder;
    if folder.mode & OTHERS_WRITE != 0 && !shared_but_sticky {
        return Err(TrustError::FolderWritable { folder: folder.path.clone(), mode: folder.mode & 0o7777 });
    }
    Ok(())
}

/// Refuses a file that a confined program could write, by its own path or through a link on the way.
///
/// # Errors
/// When the file, or a folder or link on the way to it, is in a writable root.
pub(crate) fn check_outside(path: &Path, facts: &FileFacts, writable: &[PathBuf]) -> Result<(), TrustError> {
    for root in writable {
        if path.starts_with(root) || facts.parents.iter().any(|folder| folder.path.starts_with(root)) {
            return Err(match facts.resolved_path.starts_with(root) && !path.starts_with(root) {
                true => TrustError::LinkedIntoWritableRoot { target: facts.resolved_path.clone(), root: root.clone() },
                false => TrustError::InWritableRoot { root: root.clone() },
            });
        }
        if facts.resolved_path.starts_with(root) {
            return Err(TrustError::LinkedIntoWritableRoot { target: facts.resolved_path.clone(), root: root.clone() });
        }
    }
    Ok(())
}
