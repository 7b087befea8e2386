//! The agents whose calls are understood, by the names that command lines and policies use.

use std::fmt;

use crate::wire::{Dialect, claude_code, cline, codex, copilot, cursor, gemini, openclaw, opencode};

/// An agent with hooks, or with an adapter of ours in the place of hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// Claude Code.
    ClaudeCode,
    /// Codex CLI.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// GitHub Copilot CLI.
    Copilot,
    /// opencode, through our plugin.
    Opencode,
    /// Cursor.
    Cursor,
    /// Cline.
    Cline,
    /// OpenClaw, through our plugin.
    OpenClaw,
}

impl Client {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::ClaudeCode,
        Self::Codex,
        Self::Gemini,
        Self::Copilot,
        Self::Opencode,
        Self::Cursor,
        Self::Cline,
        Self::OpenClaw,
    ];

    /// The name for `--client`, which is also the one in policies.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini-cli",
            Self::Copilot => "copilot-cli",
            Self::Opencode => "opencode",
            Self::Cursor => "cursor",
            Self::Cline => "cline",
            Self::OpenClaw => "openclaw",
        }
    }

    /// The client that `--client` names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.name() == name)
    }

    /// How it talks.
    pub(crate) fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::ClaudeCode => &claude_code::ClaudeCode,
            Self::Codex => &codex::Codex,
            Self::Gemini => &gemini::Gemini,
            Self::Copilot => &copilot::Copilot,
            Self::Opencode => &opencode::Opencode,
            Self::Cursor => &cursor::Cursor,
            Self::Cline => &cline::Cline,
            Self::OpenClaw => &openclaw::OpenClaw,
        }
    }
}

/// The name that people know.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClaudeCode => "Claude Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::Copilot => "Copilot CLI",
            Self::Opencode => "opencode",
            Self::Cursor => "Cursor",
            Self::Cline => "Cline",
            Self::OpenClaw => "OpenClaw",
        })
    }
}
