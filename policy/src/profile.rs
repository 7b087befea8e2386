//! The names of the profiles that are compiled in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A built-in profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileName {
    /// For agents at work: the default.
    #[default]
    Agent,
    /// For commands that need nothing: no network, nothing of the home folder.
    Strict,
    /// For debugging: adds `ptrace` and nested user namespaces to `agent`.
    Dev,
}

impl ProfileName {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Strict, Self::Dev];

    /// The name used in policy files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Strict => "strict",
            Self::Dev => "dev",
        }
    }

    /// Finds a profile by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == text)
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
