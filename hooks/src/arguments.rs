//! The hooks' own command lines. The installer or the administrator writes them; a model cannot.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use lobsterpot_policy::ProfileName;

use crate::client::Client;
use crate::denial::Denial;
use crate::quote;
use crate::role::Role;

/// What a start of the program is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Answer one hook call.
    Answer(Options),
    /// Check the folder that a sandboxed shell reports: part of a rewritten command, never called by a client.
    Directory {
        /// The folder that it must lie in.
        within: PathBuf,
    },
}

/// How to answer a hook call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whose calls they are.
    pub(crate) client: Client,
    /// The launcher; `None` for the one beside the hook.
    pub(crate) launcher: Option<PathBuf>,
    /// The workspace; `None` to find it.
    pub(crate) workspace: Option<PathBuf>,
    /// The built-in profile; `None` leaves it to the policy files.
    pub(crate) profile: Option<ProfileName>,
    /// Further policy files, strongest last.
    pub(crate) policies: Vec<PathBuf>,
    /// Further folders to be read.
    pub(crate) readable: Vec<PathBuf>,
    /// What is said of a person's approval.
    pub(crate) approval: Approval,
}

/// Whether a shell call that will run in the sandbox still needs the approval of a person or a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Approval {
    /// The hook says nothing: the client's rules decide.
    #[default]
    Leave,
    /// The hook approves: whoever installed it takes the sandbox for enough.
    Give,
}

impl Options {
    /// The launcher's options that say the same of the policy, as shell words, each after a space.
    ///
    /// # Errors
    /// When a path is not UTF-8, so that no command can name it.
    pub(crate) fn for_launcher(&self) -> Result<String, Denial> {
        let mut words = self.profile.map_or_else(String::new, |profile| format!(" --profile {}", profile.name()));
        let files = self.policies.iter().map(|path| ("--policy", path));
        for (option, path) in files.chain(self.readable.iter().map(|path| ("--ro", path))) {
            let text = path.to_str().ok_or_else(|| wrong(&format!("{option} is not UTF-8")))?;
            // Writing to a text cannot fail.
            let _ = write!(words, " {option} {}", quote::when_needed(text));
        }
        Ok(words)
    }
}

/// The options of a command line, as they were written.
#[derive(Default)]
struct Given {
    /// The options with a value, in order.
    values: Vec<(&'static str, OsString)>,
    /// `--approve`.
    approval: Approval,
}

impl Given {
    /// The value of the option `name`.
    ///
    /// # Errors
    /// When it is given twice.
    fn one(&mut self, name: &'static str) -> Result<Option<OsString>, Denial> {
        let mut all = self.many(name);
        if all.len() > 1 {
            return Err(wrong(&format!("{name} is given twice")));
        }
        Ok(all.pop())
    }

    /// The values of the option `name`, in order.
    fn many(&mut self, name: &'static str) -> Vec<OsString> {
        self.values.extract_if(.., |(known, _)| *known == name).map(|(_, value)| value).collect()
    }
}

/// Reads the command line of a hook, without the program's name.
///
/// # Errors
/// When it is not exactly one of the forms. `--help` is an error, too: a hook that only printed help would let the call go
/// ahead.
pub(crate) fn parse(role: Role, arguments: impl Iterator<Item = OsString>) -> Result<Job, Denial> {
    let mut given = collect(role, arguments)?;
    if let Some(within) = given.one("--directory-within")? {
        return match given {
            Given { values, approval: Approval::Leave } if values.is_empty() => {
                Ok(Job::Directory { within: PathBuf::from(within) })
            }
            Given { .. } => Err(wrong("--directory-within stands alone")),
        };
    }
    let client = client(given.one("--client")?)?;
    if given.approval == Approval::Give && !approves(client) {
        return Err(wrong(&format!("there is no approval for {client} to --approve")));
    }
    let path = |name: &'static str| move |value| absolute(name, value);
    Ok(Job::Answer(Options {
        client,
        launcher: given.one("--sandbox-exec")?.map(path("--sandbox-exec")).transpose()?,
        workspace: given.one("--workspace")?.map(path("--workspace")).transpose()?,
        profile: given.one("--profile")?.as_ref().map(profile).transpose()?,
        policies: given.many("--policy").into_iter().map(path("--policy")).collect::<Result<_, _>>()?,
        readable: given.many("--ro").into_iter().map(path("--ro")).collect::<Result<_, _>>()?,
        approval: given.approval,
    }))
}

/// The options with a value that every hook knows.
const COMMON: [&str; 5] = ["--client", "--workspace", "--profile", "--policy", "--ro"];

/// Those that only the shell hook knows.
const OF_SHELL: [&str; 2] = ["--sandbox-exec", "--directory-within"];

/// Takes the options apart, both `--name value` and `--name=value`.
///
/// # Errors
/// When an option is unknown to this hook, or without a value.
fn collect(role: Role, mut arguments: impl Iterator<Item = OsString>) -> Result<Given, Denial> {
    let known: &[&[&'static str]] = match role {
        Role::Shell => &[&COMMON, &OF_SHELL],
        Role::Files => &[&COMMON],
    };
    let mut given = Given::default();
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else { return Err(wrong("an option is not UTF-8")) };
        if text == "--approve" && role == Role::Shell {
            given.approval = Approval::Give;
            continue;
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text, None),
        };
        let option = known.iter().copied().flatten().copied().find(|option| *option == name);
        let option = option.ok_or_else(|| wrong(&format!("\"{name}\" is no option of it")))?;
        let value = value.or_else(|| arguments.next()).ok_or_else(|| wrong(&format!("{name} needs a value")))?;
        given.values.push((option, value));
    }
    Ok(given)
}

/// The client that `--client` names.
///
/// # Errors
/// When it is missing or unknown.
fn client(name: Option<OsString>) -> Result<Client, Denial> {
    let name = name.ok_or_else(|| wrong("--client is missing"))?;
    let known = name.to_str().and_then(Client::named);
    known.ok_or_else(|| Denial::UnknownClient { name: name.to_string_lossy().into_owned() })
}

/// Whether a client's hook can leave the approval of a call open, so that there is something to give.
fn approves(client: Client) -> bool {
    matches!(client, Client::ClaudeCode | Client::Copilot)
}

/// The profile that `--profile` names.
///
/// # Errors
/// When there is none of this name.
fn profile(name: &OsString) -> Result<ProfileName, Denial> {
    let known = ProfileName::ALL.into_iter().find(|profile| name == profile.name());
    known.ok_or_else(|| wrong("--profile names no built-in profile"))
}

/// The value of an option that names an absolute path.
///
/// # Errors
/// When the path is relative.
fn absolute(name: &str, value: OsString) -> Result<PathBuf, Denial> {
    let path = PathBuf::from(value);
    if path.is_absolute() { Ok(path) } else { Err(wrong(&format!("{name} needs an absolute path"))) }
}

/// The denial for a wrong command line.
fn wrong(problem: &str) -> Denial {
    Denial::Arguments { problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use lobsterpot_policy::ProfileName;

    use super::{Approval, Job, Options, parse};
    use crate::client::Client;
    use crate::denial::Denial;
    use crate::role::Role;

    /// Parses the words of `line` as arguments of `sandbox-exec-hook`.
    ///
    /// # Errors
    /// As [`parse`].
    fn words(line: &str) -> Result<Job, Denial> {
        parse(Role::Shell, line.split(' ').filter(|word| !word.is_empty()).map(OsString::from))
    }

    #[test]
    fn both_spellings_of_a_value_are_read() {
        let expected = Job::Answer(Options {
            client: Client::Gemini,
            launcher: Some(PathBuf::from("/s")),
            workspace: Some(PathBuf::from("/w")),
            profile: Some(ProfileName::Strict),
            policies: vec![PathBuf::from("/p"), PathBuf::from("/q")],
            readable: vec![PathBuf::from("/r")],
            approval: Approval::Leave,
        });
        for line in [
            "--client gemini-cli --sandbox-exec /s --workspace /w --policy /p --policy /q --ro /r --profile strict",
            "--profile=strict --ro=/r --policy=/p --workspace=/w --sandbox-exec=/s --policy=/q --client=gemini-cli",
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn every_client_is_known_by_the_name_that_policies_use() {
        for client in Client::ALL {
            match words(&format!("--client {}", client.name())) {
                Ok(Job::Answer(options)) => assert_eq!(options.client, client),
                other => panic!("{client} gave {other:?}"),
            }
        }
        for name in ["", "claude", "Claude-Code", "gemini", "copilot"] {
            assert!(matches!(words(&format!("--client={name}")), Err(Denial::UnknownClient { .. })), "{name}");
        }
    }

    #[test]
    fn the_launcher_is_told_the_same_of_the_policy() {
        let arguments = ["--client", "codex", "--policy", "/a b", "--profile", "dev", "--ro", "/r"];
        let Ok(Job::Answer(options)) = parse(Role::Shell, arguments.iter().map(OsString::from)) else {
            panic!("not understood")
        };
        assert_eq!(options.for_launcher().unwrap(), " --profile dev --policy '/a b' --ro /r");
    }

    #[test]
    fn anything_else_is_denied() {
        for line in [
            "",
            "--help",
            "--version",
            "claude-code",
            "--client",
            "--client claude-code --client claude-code",
            "--client claude-code --workspace /a --workspace /b",
            "--client claude-code --profile none",
            "--client claude-code --policy p",
            "--client claude-code --ro p",
            "--client claude-code --no-sandbox",
            "--client claude-code --workspace proj",
            "--client claude-code --sandbox-exec sandbox-exec",
            "--client claude-code --directory-within /w",
            "--client claude-code --approve=no",
            "--client codex --approve",
            "--approve --client",
            "--approve --directory-within /w",
            "--ro /r --directory-within /w",
            "--directory-within /w --directory-within /w",
        ] {
            assert!(matches!(words(line), Err(Denial::Arguments { .. })), "{line:?}");
        }
    }

    #[test]
    fn the_file_hook_has_no_options_of_the_shell_hook() {
        for option in [&["--approve"][..], &["--sandbox-exec", "/s"], &["--directory-within", "/w"]] {
            let arguments = ["--client", "claude-code"].iter().chain(option).map(OsString::from);
            assert!(matches!(parse(Role::Files, arguments), Err(Denial::Arguments { .. })), "{option:?}");
        }
    }
}
