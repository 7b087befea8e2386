//! The names of the groups of hosts that are compiled in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::suggest;

/// A named group of hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Package registries and the hosts that packages are downloaded from.
    Registries,
    /// Public forges, over https and ssh.
    Git,
    /// Mirrors of distributions.
    System,
    /// Providers of models.
    Models,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::Registries, Self::Git, Self::System, Self::Models];

    /// The name used in policy files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registries => "@registries",
            Self::Git => "@git",
            Self::System => "@system",
            Self::Models => "@models",
        }
    }

    /// Finds a group by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == text)
    }

    /// The name that was probably meant.
    pub(crate) fn nearest(text: &str) -> Option<&'static str> {
        suggest::nearest(text, Self::ALL.map(Self::name))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
