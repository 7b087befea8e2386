//! What was installed: written before a configuration is replaced, read again to take exactly that back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::install::agent::{Agent, Scope};
use crate::install::change::Change;
use crate::install::clients::Context;
use crate::install::error::InstallError;
use crate::install::file::{Found, look};
use crate::install::hunks::Hunk;
use crate::install::person::Person;
use crate::install::trust::Workspaces;

/// The version of the format.
const VERSION: u32 = 1;

/// Everything that one installation wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// The version of the format.
    version: u32,
    /// For which client.
    pub(crate) agent: Agent,
    /// For whose sessions.
    pub(crate) scope: Scope,
    /// The folder of the programs.
    pub(crate) programs: PathBuf,
    /// Whether what runs in the sandbox needs nobody's approval.
    #[serde(default)]
    pub(crate) approve: bool,
    /// The workspace of every call, when one was named.
    #[serde(default)]
    pub(crate) workspace: Option<PathBuf>,
    /// The files, in the order in which they were written.
    pub(crate) files: Vec<Written>,
    /// The folders that were made for them, outermost first.
    pub(crate) folders: Vec<PathBuf>,
    /// Other names that programs were given: where, and for what.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
}

/// One file that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Whether it did not exist before.
    pub(crate) created: bool,
    /// The digest of the text that was written.
    pub(crate) digest: String,
    /// What was changed; nothing for a file that is ours alone.
    pub(crate) changes: Vec<Made>,
    /// The keys of objects and arrays that were made on the way, outermost first.
    pub(crate) containers: Vec<Vec<String>>,
    /// The edit as lines.
    pub(crate) hunks: Vec<Hunk>,
}

/// A change, and what it replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Made {
    /// The change.
    pub(crate) change: Change,
    /// The member's value before; `None` when there was no such member.
    pub(crate) before: Option<Value>,
}

impl Record {
    /// A record of nothing yet.
    pub(crate) fn new(agent: Agent, context: &Context<'_>) -> Self {
        Self {
            version: VERSION,
            agent,
            scope: context.scope,
            programs: context.programs.folder().to_path_buf(),
            approve: context.wishes.approve,
            workspace: context.wishes.workspace.clone(),
            files: Vec::new(),
            folders: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Where the record of an installation is.
    pub(crate) fn path(agent: Agent, scope: Scope, person: &Person) -> PathBuf {
        let folder = match scope {
            Scope::User => person.records(),
            Scope::Managed => person.system_records(),
        };
        folder.join(format!("{agent}.json"))
    }

    /// Reads the record of an installation; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be trusted or understood.
    pub(crate) fn load(
        agent: Agent,
        scope: Scope,
        person: &Person,
        workspaces: &Workspaces,
    ) -> Result<Option<Self>, InstallError> {
        let found = match look(&Self::path(agent, scope, person), person, workspaces) {
            Err(InstallError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Ok(None);
            }
            found => found?,
        };
        let Some(text) = &found.text else { return Ok(None) };
        let wrong = |problem: String| InstallError::Parse { path: found.path.clone(), problem };
        let record: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if (record.version, record.agent, record.scope) != (VERSION, agent, scope) {
            return Err(wrong("it is of another version or client".to_owned()));
        }
        Ok(Some(record))
    }

    /// What was written at `path`.
    pub(crate) fn of(&self, path: &Path) -> Option<&Written> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Writes the record, in place of an older one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn save(&self, place: &Found) -> Result<(), InstallError> {
        let wrong = |error: serde_json::Error| InstallError::io("write", &place.path, error.into());
        let mut text = serde_json::to_vec_pretty(self).map_err(wrong)?;
        text.push(b'\n');
        place.replace(&text)
    }
}

/// Removes folders that are empty; the others stay.
pub(crate) fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        // A folder in which something has been put since is no failure.
        let _ = fs::remove_dir(folder);
    }
}
