//! The clients that can be guarded, and the two places where a guard can be written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agent {
    /// OpenClaw.
    #[serde(rename = "openclaw")]
    OpenClaw,
    /// Claude Code.
    ClaudeCode,
    /// Codex CLI.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// GitHub Copilot CLI.
    Copilot,
    /// opencode.
    #[serde(rename = "opencode")]
    OpenCode,
}

impl Agent {
    /// Every client, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::OpenClaw, Self::ClaudeCode, Self::Codex, Self::Gemini, Self::Copilot, Self::OpenCode];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenClaw => "openclaw",
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Copilot => "copilot",
            Self::OpenCode => "opencode",
        }
    }

    /// The name by which the hooks know its protocol.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Self::Gemini => "gemini-cli",
            Self::Copilot => "copilot-cli",
            Self::OpenClaw | Self::ClaudeCode | Self::Codex | Self::OpenCode => self.name(),
        }
    }

    /// The variables that make it read its configuration somewhere else.
    pub(crate) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::OpenClaw => &["OPENCLAW_CONFIG_PATH", "OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "OPENCLAW_PROFILE"],
            Self::ClaudeCode => &["CLAUDE_CONFIG_DIR"],
            Self::Codex => &["CODEX_HOME"],
            Self::Gemini => &["GEMINI_CLI_HOME", "GEMINI_CLI_SYSTEM_SETTINGS_PATH"],
            Self::Copilot => &["COPILOT_HOME", "XDG_CONFIG_HOME"],
            Self::OpenCode => &["OPENCODE_CONFIG_DIR", "XDG_CONFIG_HOME"],
        }
    }

    /// The folder that it keeps in a home folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::OpenClaw => ".openclaw",
            Self::ClaudeCode => ".claude",
            Self::Codex => ".codex",
            Self::Gemini => ".gemini",
            Self::Copilot => ".copilot",
            Self::OpenCode => ".config/opencode",
        }
    }

    /// The file name of its program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude",
            Self::OpenClaw | Self::Codex | Self::Gemini | Self::Copilot | Self::OpenCode => self.name(),
        }
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A name that is no client's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", said(name))]
pub struct UnknownAgent {
    /// The name.
    name: String,
}

/// What a person is told of a name that is no client's.
fn said(name: &str) -> String {
    match name {
        "cursor" | "cline" => format!("{name} is set up by hand, see docs/hooks.md"),
        other => format!("\"{other}\" is none of {}", Agent::ALL.map(Agent::name).join(", ")),
    }
}

impl FromStr for Agent {
    type Err = UnknownAgent;

    fn from_str(name: &str) -> Result<Self, UnknownAgent> {
        let unknown = || UnknownAgent { name: name.to_owned() };
        Self::ALL.into_iter().find(|agent| agent.name() == name).ok_or_else(unknown)
    }
}

/// Whose sessions are guarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Those of the user who installs.
    #[default]
    User,
    /// Those of everybody on this host; users cannot change it.
    Managed,
}

impl Scope {
    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Managed => "managed",
        }
    }
}
