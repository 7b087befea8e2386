//! Why a policy could not be loaded: which file, which line, what is wrong, and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::host::HostError;
use crate::name::NameError;
use crate::origin::Origin;
use crate::pattern::PatternError;
use crate::publish::PublishError;
use crate::tools::ToolRuleError;
use crate::trust::TrustError;
use crate::units::UnitError;

/// A place in a policy source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The file, profile, or `command line`.
    pub source: String,
    /// The line, from 1; 0 when the source has no lines.
    pub line: u32,
    /// The column, from 1; 0 when it is not known.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

impl From<&Origin> for Position {
    fn from(origin: &Origin) -> Self {
        Self { source: origin.source().to_string(), line: origin.line, column: 0 }
    }
}

/// Why a policy could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A policy file exists but cannot be read.
    #[error("failed to read policy file \"{}\": {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A policy file that was asked for does not exist.
    #[error("policy file \"{}\" does not exist", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// Somebody else could have written the file.
    #[error("policy file \"{}\" is not trusted: {source}", file.display())]
    Untrusted {
        /// The file.
        file: PathBuf,
        /// Why.
        source: TrustError,
    },
    /// The file is not TOML, or not shaped as a policy is.
    #[error("{at}: {message}")]
    Syntax {
        /// Where.
        at: Position,
        /// What is wrong.
        message: String,
        /// What to write instead.
        advice: String,
    },
    /// A path is malformed.
    #[error("{at}: {source}")]
    Pattern {
        /// Where.
        at: Position,
        /// What is wrong.
        source: PatternError,
    },
    /// A host is malformed.
    #[error("{at}: {source}")]
    Host {
        /// Where.
        at: Position,
        /// What is wrong.
        source: HostError,
    },
    /// A rule allows what is denied.
    #[error("{at}: \"{rule}\" can never match: {by} denies it")]
    Covered {
        /// Where.
        at: Position,
        /// The rule.
        rule: String,
        /// What denies it, and where that was written.
        by: String,
    },
    /// A port to publish is malformed.
    #[error("{at}: {source}")]
    Publish {
        /// Where.
        at: Position,
        /// What is wrong.
        source: PublishError,
    },
    /// A variable's name is malformed.
    #[error("{at}: {source}")]
    Name {
        /// Where.
        at: Position,
        /// What is wrong.
        source: NameError,
    },
    /// A limit is malformed.
    #[error("{at}: {source}")]
    Unit {
        /// Where.
        at: Position,
        /// What is wrong.
        source: UnitError,
    },
    /// A rule about a tool is malformed.
    #[error("{at}: {source}")]
    Tool {
        /// Where.
        at: Position,
        /// What is wrong.
        source: ToolRuleError,
    },
    /// A rule does not match what it says it matches.
    #[error("{at}: the rule \"{rule}\" does not match its example \"{example}\"")]
    Example {
        /// Where the rule is.
        at: Position,
        /// The rule.
        rule: String,
        /// The example.
        example: String,
    },
    /// A rule matches what it says it does not match.
    #[error("{at}: the rule \"{rule}\" matches its counter-example \"{example}\"")]
    CounterExample {
        /// Where the rule is.
        at: Position,
        /// The rule.
        rule: String,
        /// The counter-example.
        example: String,
    },
    /// A workspace's file says something that would allow more.
    #[error("{at}: a workspace file may only narrow the policy, and `{key}` would widen it")]
    Widens {
        /// Where.
        at: Position,
        /// What it says.
        key: String,
    },
    /// A key that this kind of file may not have.
    #[error("{at}: `{key}` has no meaning here")]
    Misplaced {
        /// Where.
        at: Position,
        /// The key.
        key: &'static str,
        /// What to write instead.
        advice: &'static str,
    },
    /// An entry that takes away what is not there.
    #[error("{at}: `{list}` names \"{entry}\", which no lower layer has")]
    RemovesNothing {
        /// Where.
        at: Position,
        /// The list.
        list: &'static str,
        /// The entry.
        entry: String,
        /// The nearest entry that does exist.
        nearest: Option<String>,
    },
    /// One layer both adds and takes away an entry.
    #[error("{at}: \"{entry}\" is both added and taken away by `{list}` in the same file")]
    Contradiction {
        /// Where.
        at: Position,
        /// The list that takes it away.
        list: &'static str,
        /// The entry.
        entry: String,
    },
    /// A profile inside the program is damaged.
    #[error("the built-in profile \"{profile}\" cannot be decoded")]
    BuiltIn {
        /// The profile.
        profile: &'static str,
    },
}

impl PolicyError {
    /// What to do about it, as one sentence for a line of its own.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } => "make it a regular file of at most 1 MiB that its owner can read".to_owned(),
            Self::Missing { .. } => "check the path given to --policy".to_owned(),
            Self::Untrusted { source, .. } => source.hint(),
            Self::Syntax { advice, .. } => advice.clone(),
            Self::Pattern { source, .. } => source.hint().to_owned(),
            Self::Host { source, .. } => source.hint(),
            Self::Covered { .. } => "remove one of the two; `network.deny` wins".to_owned(),
            Self::Publish { source, .. } => source.hint().to_owned(),
            Self::Name { source, .. } => source.hint().to_owned(),
            Self::Unit { source, .. } => source.hint().to_owned(),
            Self::Tool { source, .. } => source.hint().to_owned(),
            Self::Example { .. } => {
                "correct the rule or the example; a rule covers everything below its path".to_owned()
            }
            Self::CounterExample { .. } => "make the rule narrower or remove the counter-example".to_owned(),
            Self::Widens { key, .. } => {
                format!("remove `{key}` here; to allow more, write it in ~/.config/lobsterpot/policy.toml")
            }
            Self::Misplaced { advice, .. } => (*advice).to_owned(),
            Self::RemovesNothing { nearest: Some(nearest), .. } => format!("did you mean \"{nearest}\"?"),
            Self::RemovesNothing { nearest: None, .. } => "remove the entry; nothing of that kind is there".to_owned(),
            Self::Contradiction { .. } => "keep one of the two".to_owned(),
            Self::BuiltIn { .. } => "install the program again; its file is damaged".to_owned(),
        }
    }
}
