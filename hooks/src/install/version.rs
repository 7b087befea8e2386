//! Which version of a client is there: asked of the program that a person would start.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use semver::Version;

use crate::install::agent::Agent;
use crate::install::trial;

/// A client's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it calls itself; `None` when it does not say.
    pub(crate) version: Option<Version>,
}

/// The program that the caller's `PATH` leads to. What it says is shown and warned about, and decides nothing else.
pub(crate) fn find(agent: Agent) -> Option<Installed> {
    let path = program(agent)?;
    let mut command = Command::new(&path);
    command.arg("--version");
    let output = trial::run(command, None, &std::env::temp_dir()).ok();
    let version = output.and_then(|output| first(&String::from_utf8_lossy(&output.stdout)));
    Some(Installed { path, version })
}

/// Where the caller's `PATH` leads to; nothing is started.
pub(crate) fn program(agent: Agent) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(agent.program()))
        .find(|path| path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0))
}

/// The first version in a text.
fn first(text: &str) -> Option<Version> {
    text.split_whitespace()
        .find_map(|word| Version::parse(word.trim_start_matches('v').trim_end_matches(['.', ','])).ok())
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn versions_are_found_as_clients_print_them() {
        for (text, expected) in [
            ("2.1.329 (Claude Code)\n", "2.1.329"),
            ("codex-cli 0.169.0\n", "0.169.0"),
            ("0.61.0\n", "0.61.0"),
            ("GitHub Copilot CLI 1.0.102.\n", "1.0.102"),
            ("OpenClaw v2026.9.6 (eb377ac)\n", "2026.9.6"),
        ] {
            assert_eq!(first(text).unwrap().to_string(), expected);
        }
        assert_eq!(first("no version here"), None);
    }
}
