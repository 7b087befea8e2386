//! Who may have a secret.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

/// One way in which a secret leaves the vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Consumer {
    /// `get`: a person reads it, or a script.
    Get,
    /// `unlock`: a file on a tmpfs.
    Unlock,
    /// `export`: a plain file.
    Export,
    /// `render`: a template's place.
    Render,
    /// `provider openclaw`.
    OpenClaw,
    /// `provider claude-api-key`.
    ClaudeApiKey,
    /// `provider git`.
    Git,
    /// `provider docker`.
    Docker,
    /// `run` with any command.
    Run,
    /// `run` with the program of this absolute path alone.
    RunProgram(String),
}

/// A text that names no consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is no consumer")]
#[non_exhaustive]
pub struct BadConsumer;

impl BadConsumer {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        "write any of get, unlock, export, render, openclaw, claude-api-key, git, docker, run or run:/path/of/program"
            .to_owned()
    }
}

/// The consumers that a word names.
const WORDS: &[(&str, Consumer)] = &[
    ("get", Consumer::Get),
    ("unlock", Consumer::Unlock),
    ("export", Consumer::Export),
    ("render", Consumer::Render),
    ("openclaw", Consumer::OpenClaw),
    ("claude-api-key", Consumer::ClaudeApiKey),
    ("git", Consumer::Git),
    ("docker", Consumer::Docker),
    ("run", Consumer::Run),
];

impl Consumer {
    /// Reads a consumer as `Display` writes it.
    ///
    /// # Errors
    /// When it is none, or `run:` is followed by something other than an absolute path in its simplest form.
    pub fn parse(text: &str) -> Result<Self, BadConsumer> {
        if let Some(path) = text.strip_prefix("run:") {
            let is_plain =
                path.starts_with('/') && path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
            return if is_plain && !path.contains('\0') {
                Ok(Self::RunProgram(path.to_owned()))
            } else {
                Err(BadConsumer)
            };
        }
        WORDS.iter().find(|(word, _)| *word == text).map(|(_, consumer)| consumer.clone()).ok_or(BadConsumer)
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunProgram(path) => write!(f, "run:{path}"),
            Self::Get
            | Self::Unlock
            | Self::Export
            | Self::Render
            | Self::OpenClaw
            | Self::ClaudeApiKey
            | Self::Git
            | Self::Docker
            | Self::Run => {
                f.write_str(WORDS.iter().find(|(_, consumer)| consumer == self).map_or("", |(word, _)| word))
            }
        }
    }
}

/// Who may have a secret: everybody who opens the vault, or those that are named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consumers(Option<BTreeSet<Consumer>>);

impl Consumers {
    /// Everybody.
    #[must_use]
    pub const fn any() -> Self {
        Self(None)
    }

    /// Those alone. An empty list means nobody.
    #[must_use]
    pub fn only(consumers: impl IntoIterator<Item = Consumer>) -> Self {
        Self(Some(consumers.into_iter().collect()))
    }

    /// Whether this consumer may have it. `run` stands for every program.
    #[must_use]
    pub fn allow(&self, consumer: &Consumer) -> bool {
        self.0.as_ref().is_none_or(|named| {
            named.contains(consumer) || matches!(consumer, Consumer::RunProgram(_)) && named.contains(&Consumer::Run)
        })
    }

    /// Those that are named; none when everybody may.
    #[must_use]
    pub const fn named(&self) -> Option<&BTreeSet<Consumer>> {
        self.0.as_ref()
    }
}
