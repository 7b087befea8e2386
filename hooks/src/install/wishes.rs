//! What the person who installs chooses, and what stays as an earlier installation had it.

use std::path::PathBuf;

use crate::install::record::Record;

/// Whether the client's own shell is to start in the sandbox as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShellPrefix {
    /// Where OpenClaw is, which answers the client's hooks as well, and where it does so already.
    #[default]
    AsNeeded,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// A choice that an earlier installation may have made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice<T> {
    /// Nothing is said: it stays as it is.
    #[default]
    Kept,
    /// This is chosen.
    Made(T),
    /// What was chosen before is taken back.
    TakenBack,
}

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Shell calls that run in the sandbox need nobody's approval.
    pub approve: Choice<()>,
    /// The workspace of every call, whatever the session says.
    pub workspace: Choice<PathBuf>,
    /// Whether the client's own shell is started through the sandbox as well.
    pub shell_prefix: ShellPrefix,
}

/// What holds for an installation, once the earlier one was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Shell calls that run in the sandbox need nobody's approval.
    pub(crate) approve: bool,
    /// The workspace of every call, whatever the session says.
    pub(crate) workspace: Option<PathBuf>,
    /// Whether the client's own shell is started through the sandbox as well.
    pub(crate) shell_prefix: ShellPrefix,
}

impl<T> Choice<T> {
    /// What is chosen anew.
    pub(crate) fn made(&self) -> Option<&T> {
        match self {
            Self::Made(value) => Some(value),
            Self::Kept | Self::TakenBack => None,
        }
    }

    /// What holds, and whether it does only because it did before.
    fn over(&self, before: Option<T>) -> (Option<T>, bool)
    where
        T: Clone,
    {
        match self {
            Self::Kept => {
                let is_kept = before.is_some();
                (before, is_kept)
            }
            Self::Made(value) => (Some(value.clone()), false),
            Self::TakenBack => (None, false),
        }
    }
}

impl Choices {
    /// What holds after an earlier installation, and what a person should know of it.
    pub(crate) fn after(&self, record: Option<&Record>) -> (Wishes, Vec<String>) {
        let approved = record.is_some_and(|record| record.approve).then_some(());
        let (approve, approve_is_kept) = self.approve.over(approved);
        let (workspace, workspace_is_kept) = self.workspace.over(record.and_then(|record| record.workspace.clone()));
        let mut kept = Vec::new();
        if approve_is_kept {
            kept.push("--approve is kept from the last installation; --no-approve takes it back".to_owned());
        }
        if let Some(folder) = workspace.as_ref().filter(|_| workspace_is_kept) {
            let folder = folder.display();
            kept.push(format!("--workspace {folder} is kept from the last installation; --no-workspace takes it back"));
        }
        (Wishes { approve: approve.is_some(), workspace, shell_prefix: self.shell_prefix }, kept)
    }
}
