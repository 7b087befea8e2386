//! Which of the hooks this program is. They share everything but their judgement and their name.

/// A hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `sandbox-exec-hook`: puts shell calls into the sandbox.
    Shell,
    /// `fs-guard-hook`: judges the paths of every other tool.
    Files,
}

impl Role {
    /// The program's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Shell => "sandbox-exec-hook",
            Self::Files => "fs-guard-hook",
        }
    }
}
