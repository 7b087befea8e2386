//! What a guard is made from.

use std::path::PathBuf;

use lobsterpot_policy::ProfileName;

/// What a guard is made from: the launcher's own options, under the same names.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The profile; `None` leaves it to the policy files.
    pub profile: Option<ProfileName>,
    /// Policy files named on the command line.
    pub policies: Vec<PathBuf>,
    /// The workspaces; when there is none, the policy's root around `directory`, or `directory` itself.
    pub workspaces: Vec<PathBuf>,
    /// Further folders to read.
    pub readable: Vec<PathBuf>,
    /// Further folders to write.
    pub writable: Vec<PathBuf>,
    /// Further paths to hide.
    pub masked: Vec<PathBuf>,
    /// The folder that relative spellings start from: absolute.
    pub directory: PathBuf,
    /// Where the home folder is taken from.
    pub home: HomeSource,
    /// How often the guard is asked.
    pub uses: Uses,
}

/// How often a guard is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uses {
    /// Again and again: what it knows of the host is compared with the host before each answer.
    #[default]
    Many,
    /// About one call, right after it was made: all answers are as of one moment.
    Once,
}

/// Where the home folder is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HomeSource {
    /// The passwd file alone: for hooks, whose environment may be the model's.
    #[default]
    Passwd,
    /// `HOME` and the `XDG_*` folders, as the launcher does. What the passwd file's home hides stays hidden.
    Environment,
}
