//! Where a statement of the policy was written, so that every verdict and every error can name it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::group::Group;
use crate::profile::ProfileName;

/// The kind of source a layer of policy comes from, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// A profile compiled into the program.
    BuiltIn(ProfileName),
    /// A group of hosts compiled into the program.
    Group(Group),
    /// `/etc/lobsterpot/policy.toml`.
    System,
    /// `~/.config/lobsterpot/policy.toml`.
    User,
    /// A file named by `--policy`.
    Explicit,
    /// The command line.
    Flags,
    /// `.lobsterpot.toml` in a workspace: may only narrow.
    Workspace,
}

/// One source that contributed to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceId {
    /// What kind of source it is.
    pub tier: Tier,
    /// The file it was read from; `None` for profiles and flags.
    pub file: Option<Arc<Path>>,
}

/// The place one statement was written at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// What kind of source it is.
    pub tier: Tier,
    /// The file it was read from; `None` for profiles and flags.
    #[serde(with = "file")]
    pub file: Option<Arc<Path>>,
    /// The line, from 1; 0 for flags, which have no lines.
    pub line: u32,
}

/// How the path of a file is written down: as text, in which bytes that are no text are replaced.
mod file {
    use std::path::Path;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the path.
    ///
    /// # Errors
    /// When the format cannot hold it.
    pub(super) fn serialize<S: Serializer>(file: &Option<Arc<Path>>, serializer: S) -> Result<S::Ok, S::Error> {
        file.as_ref().map(|file| file.to_string_lossy()).serialize(serializer)
    }

    /// Reads the path.
    ///
    /// # Errors
    /// When there is no text.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<Path>>, D::Error> {
        let file = Option::<String>::deserialize(deserializer)?;
        Ok(file.map(|file| Arc::from(Path::new(&file))))
    }
}

impl Origin {
    /// The origin of everything given on the command line.
    #[must_use]
    pub const fn flags() -> Self {
        Self { tier: Tier::Flags, file: None, line: 0 }
    }

    /// The source it was written in.
    #[must_use]
    pub fn source(&self) -> SourceId {
        SourceId { tier: self.tier, file: self.file.clone() }
    }
}

impl SourceId {
    /// The origin of the statement on `line` of this source.
    #[must_use]
    pub fn at(&self, line: u32) -> Origin {
        Origin { tier: self.tier, file: self.file.clone(), line }
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.tier) {
            (Some(file), _) => write!(f, "{}", file.display()),
            (None, Tier::BuiltIn(profile)) => write!(f, "built-in profile {profile}"),
            (None, Tier::Group(group)) => write!(f, "built-in group {group}"),
            (None, Tier::Flags) => f.write_str("command line"),
            (None, tier) => write!(f, "{tier:?} policy"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source();
        if self.line == 0 { write!(f, "{source}") } else { write!(f, "{source}:{}", self.line) }
    }
}
