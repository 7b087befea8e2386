//! Editing secrets in a text editor: the text (`text`), what changed in it (`difference`), where it lies meanwhile (`desk`), and
//! which editor with which options (`editor`).

pub mod desk;
pub mod difference;
pub mod editor;
pub mod text;

use std::path::Path;

use thiserror::Error;

use crate::deliver::folder::Swap;
use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;
use crate::sys::signals::Deferred;
use desk::{Desk, DeskError};
use editor::{Editor, EditorError};

/// Why there is no edited text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is no place for it.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The editor did not do it.
    #[error(transparent)]
    Editor(#[from] EditorError),
    /// Signals could not be kept waiting.
    #[error("failed to keep signals waiting: {}", source.desc())]
    Signals {
        /// What the kernel said.
        source: nix::errno::Errno,
    },
}

impl Explain for EditError {
    fn exit(&self) -> Exit {
        match self {
            Self::Desk(error) => error.exit(),
            Self::Editor(error) => error.exit(),
            Self::Signals { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Desk(error) => error.hint(),
            Self::Editor(error) => error.hint(),
            Self::Signals { .. } => None,
        }
    }
}

/// Lets a person edit a text, as a file called `name` in a folder in memory near `near`. When this returns, the folder is gone, and
/// signals that came meanwhile have been let through.
///
/// # Errors
/// When there is no folder in memory, or the editor ended with an error.
pub fn round(editor: &Editor, near: Option<&Path>, name: &str, text: &Secret, swap: Swap) -> Result<Secret, EditError> {
    let deferred = Deferred::begin().map_err(|source| EditError::Signals { source })?;
    let edited = on_desk(editor, near, name, text, swap);
    deferred.end();
    edited
}

/// One round on a desk of its own, which is gone afterwards.
///
/// # Errors
/// As for [`round`].
fn on_desk(editor: &Editor, near: Option<&Path>, name: &str, text: &Secret, swap: Swap) -> Result<Secret, EditError> {
    let desk = Desk::make(near, swap)?;
    let file = desk.put(name, text)?;
    editor.edit(desk.path(), &file)?;
    Ok(desk.take(name)?)
}
