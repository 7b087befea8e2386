//! The command line: what was asked for, nothing decided yet.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{OsStringValueParser, PathBufValueParser, ValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::error::Error;

/// The shell that runs `-c COMMAND`, in order of preference.
const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];

/// What the launcher does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Run a command inside the sandbox.
    Run(Box<Invocation>),
    /// Show what this host offers, layer by layer.
    Check(Format),
    /// Print this text and end well: help or version.
    Print(String),
}

/// How reports are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a program.
    Json,
}

/// Whether the command runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Run it.
    #[default]
    Run,
    /// Run it, and report on standard error what was enforced.
    Explain,
    /// Print the plan on standard output and stop.
    DryRun,
}

/// Where an invocation came from: a person who chose the folder, or a shell call whose folder the agent chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Called by its own name: without `--workspace`, the current folder is the workspace.
    #[default]
    Person,
    /// Called under another name, as a shell: only the policy's workspace roots count.
    Shell,
}

/// What happens to processes that outlive the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Leftovers {
    /// They end with it, after a short grace.
    #[default]
    End,
    /// They go on in the sandbox; the launcher returns, and a process that it leaves behind looks after them.
    Keep,
}

/// The network as asked for on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    /// None.
    None,
    /// What the policy allows.
    Allowlist,
    /// The host's.
    Host,
    /// What is asked for, which is told at the end.
    Learn,
}

/// One run as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// `--profile`
    pub(crate) profile: Option<String>,
    /// `--policy`, in order.
    pub(crate) policies: Vec<PathBuf>,
    /// `--workspace`, in order.
    pub(crate) workspaces: Vec<PathBuf>,
    /// `--ro`
    pub(crate) readable: Vec<PathBuf>,
    /// `--rw`
    pub(crate) writable: Vec<PathBuf>,
    /// `--mask`
    pub(crate) masked: Vec<PathBuf>,
    /// `--net`
    pub(crate) network: Option<Net>,
    /// `--allow-host`
    pub(crate) allowed_hosts: Vec<String>,
    /// `--deny-host`
    pub(crate) denied_hosts: Vec<String>,
    /// `--proxy`
    pub(crate) proxy: bool,
    /// `--publish`
    pub(crate) published: Vec<String>,
    /// `--env NAME` (pass) and `--env NAME=VALUE` (set).
    pub(crate) environment: Vec<OsString>,
    /// `--limit NAME=VALUE`
    pub(crate) limits: Vec<(String, String)>,
    /// `--timeout`, as written.
    pub(crate) timeout: Option<String>,
    /// `--chdir`
    pub(crate) chdir: Option<PathBuf>,
    /// `--fd`
    pub(crate) descriptors: Vec<RawFd>,
    /// `--keep`
    pub(crate) leftovers: Leftovers,
    /// `--dry-run`, `--explain`
    pub(crate) mode: Mode,
    /// `--json`
    pub(crate) format: Format,
    /// Who chose the current folder.
    pub(crate) origin: Origin,
    /// The command and its arguments; never empty.
    pub(crate) command: Vec<OsString>,
}

/// Reads the command line.
///
/// Called under a name other than `sandbox-exec`, the launcher stands in for a shell: every argument goes to the shell inside.
///
/// # Errors
/// [`Error::Usage`], one line with a hint.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Request, Error> {
    let name = arguments.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    if !name.as_bytes().starts_with(b"sandbox-exec") && !name.is_empty() {
        return Ok(Request::Run(Box::new(stand_in(arguments))));
    }
    match grammar().try_get_matches_from(arguments) {
        Ok(matches) => request(&matches),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Request::Print(error.render().to_string()))
        }
        Err(error) => Err(usage(&error)),
    }
}

/// The invocation of a launcher that stands in for a shell.
fn stand_in(arguments: Vec<OsString>) -> Invocation {
    let command = std::iter::once(shell()).chain(arguments.into_iter().skip(1)).collect();
    Invocation { command, origin: Origin::Shell, ..Invocation::default() }
}

/// The shell to run inside.
fn shell() -> OsString {
    let found = SHELLS.into_iter().find(|shell| Path::new(shell).exists());
    OsString::from(found.unwrap_or("/bin/sh"))
}

/// The grammar of the command line.
fn grammar() -> Command {
    let path = || ValueParser::from(PathBufValueParser::new());
    let text = || ValueParser::from(OsStringValueParser::new());
    let one = |name: &'static str, value, help| Arg::new(name).long(name).value_name(value).help(help);
    let many = |name: &'static str, value, help| one(name, value, help).action(ArgAction::Append);
    let flag = |name: &'static str, help| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("sandbox-exec")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs one command in a sandbox that shows it its workspace and no secret.")
        .override_usage("sandbox-exec [OPTIONS] -- COMMAND [ARGUMENT]…\n       sandbox-exec [OPTIONS] -c COMMAND\n       sandbox-exec check [--json]")
        .arg(one("profile", "NAME", "Built-in profile: agent (default), strict or dev"))
        .arg(many("policy", "FILE", "A further policy file, strongest last").value_parser(path()))
        .arg(many("workspace", "FOLDER", "A folder to work in; default: the current folder").value_parser(path()))
        .arg(many("ro", "PATH", "Show this path read-only").value_parser(path()))
        .arg(many("rw", "PATH", "Let the command write here").value_parser(path()))
        .arg(many("mask", "PATH", "Hide this path").value_parser(path()))
        .arg(one("net", "MODE", "Network: none, allowlist, host or learn").value_parser(["none", "allowlist", "host", "learn"]))
        .arg(many("allow-host", "HOST[:PORTS]", "Let the command reach this host too, as in *.example.com:443,8443"))
        .arg(many("deny-host", "HOST[:PORTS]", "Never let it reach this host"))
        .arg(flag("proxy", "Offer a proxy too, for programs that insist on one"))
        .arg(many("publish", "[HOSTPORT:]PORT", "Let the host's loopback reach a server in the sandbox"))
        .arg(many("env", "NAME[=VALUE]", "Pass or set an environment variable").value_parser(text()))
        .arg(many("limit", "NAME=VALUE", "Set a limit: processes, memory, file-size, open-files, core, tmpfs"))
        .arg(one("timeout", "DURATION", "End the run after this long, as in 30s or 5m"))
        .arg(one("chdir", "FOLDER", "Start in this folder").value_parser(path()))
        .arg(many("fd", "NUMBER", "Keep this descriptor open").value_parser(clap::value_parser!(RawFd).range(3..)))
        .arg(flag("keep", "Leave background processes running in the sandbox when the command has ended"))
        .arg(flag("dry-run", "Print the plan and do not run"))
        .arg(flag("explain", "Report on standard error what was enforced"))
        .arg(flag("json", "Write reports as JSON").global(true))
        .arg(Arg::new("shell").short('c').value_name("COMMAND").value_parser(text()).help("Run COMMAND with a shell"))
        .arg(Arg::new("command").last(true).num_args(1..).value_parser(text()).value_name("COMMAND"))
        .subcommand(Command::new("check").about("Show what this host offers, layer by layer"))
}

/// The request that `matches` state.
///
/// # Errors
/// What stops the run, with a hint.
fn request(matches: &ArgMatches) -> Result<Request, Error> {
    let format = if matches.get_flag("json") { Format::Json } else { Format::Text };
    if let Some(("check", check)) = matches.subcommand() {
        let format = if check.get_flag("json") { Format::Json } else { format };
        return Ok(Request::Check(format));
    }
    let mode = match (matches.get_flag("dry-run"), matches.get_flag("explain")) {
        (true, _) => Mode::DryRun,
        (false, true) => Mode::Explain,
        (false, false) => Mode::Run,
    };
    let network = match matches.get_one::<String>("net").map(String::as_str) {
        Some("allowlist") => Some(Net::Allowlist),
        Some("host") => Some(Net::Host),
        Some("learn") => Some(Net::Learn),
        Some(_) => Some(Net::None),
        None => None,
    };
    let leftovers = if matches.get_flag("keep") { Leftovers::Keep } else { Leftovers::End };
    Ok(Request::Run(Box::new(Invocation {
        profile: matches.get_one::<String>("profile").cloned(),
        policies: all(matches, "policy"),
        workspaces: all(matches, "workspace"),
        readable: all(matches, "ro"),
        writable: all(matches, "rw"),
        masked: all(matches, "mask"),
        network,
        allowed_hosts: all(matches, "allow-host"),
        denied_hosts: all(matches, "deny-host"),
        proxy: matches.get_flag("proxy"),
        published: all(matches, "publish"),
        environment: all(matches, "env"),
        limits: limits(matches)?,
        timeout: matches.get_one::<String>("timeout").cloned(),
        chdir: matches.get_one::<PathBuf>("chdir").cloned(),
        descriptors: all(matches, "fd"),
        leftovers,
        mode,
        format,
        origin: Origin::Person,
        command: command(matches)?,
    })))
}

/// Every value of the option `name`.
fn all<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<T> {
    matches.get_many::<T>(name).into_iter().flatten().cloned().collect()
}

/// The pairs of `--limit`.
///
/// # Errors
/// What stops the run, with a hint.
fn limits(matches: &ArgMatches) -> Result<Vec<(String, String)>, Error> {
    all::<String>(matches, "limit")
        .into_iter()
        .map(|limit| match limit.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(Error::Usage {
                message: format!("--limit {limit} has no value"),
                hint: format!("write --limit {limit}=VALUE, as in --limit memory=4GiB"),
            }),
        })
        .collect()
}

/// The command: after `--`, or with a shell from `-c`; further words then are the shell's `$0`, `$1`, ….
///
/// # Errors
/// What stops the run, with a hint.
fn command(matches: &ArgMatches) -> Result<Vec<OsString>, Error> {
    let words: Vec<OsString> = all(matches, "command");
    if let Some(script) = matches.get_one::<OsString>("shell") {
        let shell = [shell(), OsString::from("-c"), script.clone()];
        return Ok(shell.into_iter().chain(words).collect());
    }
    match words.first() {
        Some(first) if !first.is_empty() => Ok(words),
        Some(_) => {
            Err(Error::Usage { message: "the command is empty".to_owned(), hint: "name a program after --".to_owned() })
        }
        None => Err(Error::Usage {
            message: "no command to run".to_owned(),
            hint: "write it after --, as in: sandbox-exec -- make test".to_owned(),
        }),
    }
}

/// A parser's error as one line and a hint.
fn usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    let message = line.strip_prefix("error: ").unwrap_or(line).to_owned();
    let context = |kind| error.get(kind).map(ToString::to_string);
    let suggestion = context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedValue));
    let values = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(values.join(", ")),
        _ => None,
    };
    let hint = match (suggestion, values) {
        (Some(suggestion), _) => format!("did you mean {suggestion}?"),
        (None, Some(values)) => format!("one of: {values}"),
        (None, None) if error.kind() == ErrorKind::UnknownArgument => {
            "options come first, then -- and the command; see sandbox-exec --help".to_owned()
        }
        (None, None) => "see sandbox-exec --help".to_owned(),
    };
    Error::Usage { message, hint }
}

/// Splits `NAME=VALUE`; without `=`, the value is `None`.
pub(crate) fn variable(argument: &OsStr) -> (&OsStr, Option<&OsStr>) {
    let bytes = argument.as_bytes();
    match bytes.iter().position(|&byte| byte == b'=') {
        Some(at) => (
            OsStr::from_bytes(bytes.get(..at).unwrap_or_default()),
            Some(OsStr::from_bytes(bytes.get(at + 1..).unwrap_or_default())),
        ),
        None => (argument, None),
    }
}

/// The duration of `--timeout`: a number with `ms`, `s`, `m` or `h`; seconds without a unit.
///
/// # Errors
/// [`Error::Usage`] when it is not one, or zero.
pub(crate) fn duration(text: &str) -> Result<Duration, Error> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let milliseconds = number.parse::<u64>().ok().zip(scale).and_then(|(number, scale)| number.checked_mul(scale));
    match milliseconds {
        Some(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Error::Usage {
            message: format!("--timeout {text} is not a duration"),
            hint: "write a number and a unit: 500ms, 30s, 5m or 2h".to_owned(),
        }),
    }
}
