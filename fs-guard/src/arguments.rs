//! The command line: what was asked for, nothing decided yet.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, PathBufValueParser, ValueParser};
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use lobsterpot_policy::ProfileName;

use crate::guard::{HomeSource, LastLink, Options, Spelling, Uses};
use crate::ops::{CheckFor, RemoveOptions, Span, WriteOptions};
use crate::serve::access;

/// What the program does.
#[derive(Debug)]
pub(crate) enum Asked {
    /// An action under a guard.
    Do(Box<Options>, Action),
    /// Print this text and end well: help or version.
    Print(String),
}

/// What is done under a guard.
#[derive(Debug)]
pub(crate) enum Action {
    /// Judge an access.
    Check { path: OsString, access: CheckFor, spelling: Spelling, format: Format },
    /// Write a part of a file to standard output.
    Read { path: OsString, span: Span },
    /// Make standard input the content of a file.
    Write { path: OsString, options: WriteOptions },
    /// Carry out the replacements on standard input.
    Edit { path: OsString },
    /// List a folder.
    List { path: OsString, format: Format },
    /// Say what is known about a file.
    Stat { path: OsString, last: LastLink, format: Format },
    /// Make a folder.
    Mkdir { path: OsString, parents: bool },
    /// Give a file another name.
    Rename { from: OsString, to: OsString },
    /// Remove a file or folder.
    Remove { path: OsString, options: RemoveOptions },
    /// Answer requests until the input ends.
    Serve,
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

/// Why a command line cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageError {
    /// What is wrong.
    message: String,
    /// What to write instead.
    hint: String,
}

impl UsageError {
    /// What to write instead.
    pub(crate) fn hint(&self) -> &str {
        &self.hint
    }
}

/// Reads the command line; relative paths start from `here`.
///
/// # Errors
/// One line with a hint.
pub(crate) fn parse(arguments: Vec<OsString>, here: PathBuf) -> Result<Asked, UsageError> {
    let matches = match grammar().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Asked::Print(error.render().to_string()));
        }
        Err(error) => return Err(usage(&error)),
    };
    let missing = || UsageError { message: "no command was given".to_owned(), hint: "see fs-guard --help".to_owned() };
    let (name, command) = matches.subcommand().ok_or_else(missing)?;
    let action = action(name, command).ok_or_else(missing)?;
    Ok(Asked::Do(Box::new(options(&matches, here)?), action))
}

/// An option that can be given several times, with a path.
fn paths(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    option(name, value, help).action(ArgAction::Append).value_parser(ValueParser::from(PathBufValueParser::new()))
}

/// An option with a value.
fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// An option without a value.
fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// A path that an action is about.
fn operand(name: &'static str) -> Arg {
    Arg::new(name).required(true).value_parser(ValueParser::from(OsStringValueParser::new()))
}

/// The grammar of the command line.
fn grammar() -> Command {
    let command = |name: &'static str, about: &'static str| Command::new(name).about(about);
    let on_path = |name, about| command(name, about).arg(operand("PATH"));
    let number = |name, help| option(name, "BYTES", help).value_parser(value_parser!(u64));
    let json = || flag("json", "Answer as JSON");
    let parents = || flag("parents", "Make the folders that are missing on the way");
    Command::new("fs-guard")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Says whether the policy lets a path be used, and does file operations that keep to it.")
        .subcommand_required(true)
        .arg(option("profile", "NAME", "Built-in profile: agent (default), strict or dev"))
        .arg(paths("policy", "FILE", "A further policy file, strongest last"))
        .arg(paths("workspace", "FOLDER", "A folder to work in; default: the current folder"))
        .arg(paths("ro", "PATH", "Let this path be read"))
        .arg(paths("rw", "PATH", "Let this path be written"))
        .arg(paths("mask", "PATH", "Hide this path"))
        .arg(
            paths("directory", "FOLDER", "Where relative paths start; default: the current folder")
                .action(ArgAction::Set),
        )
        .subcommand(
            on_path("check", "Judge an access, and do nothing")
                .arg(
                    option("for", "ACCESS", "What for")
                        .required(true)
                        .value_parser(["read", "write", "list", "execute"]),
                )
                .arg(flag("client-spelling", "Expand ~, file:// and @ as agents do"))
                .arg(json()),
        )
        .subcommand(
            on_path("read", "Write a file to standard output")
                .arg(number("offset", "Skip this many bytes"))
                .arg(number("limit", "Read this many bytes at most")),
        )
        .subcommand(
            on_path("write", "Make standard input the content of a file")
                .arg(parents())
                .arg(flag("exclusive", "Fail when the file exists")),
        )
        .subcommand(on_path("edit", "Replace text: standard input is [{\"old\": …, \"new\": …, \"all\": false}, …]"))
        .subcommand(on_path("list", "List a folder").arg(json()))
        .subcommand(
            on_path("stat", "Say what is known about a file")
                .arg(flag("no-follow", "Do not follow a link at the end"))
                .arg(json()),
        )
        .subcommand(on_path("mkdir", "Make a folder").arg(parents()))
        .subcommand(command("rename", "Give a file another name").arg(operand("FROM")).arg(operand("TO")))
        .subcommand(
            on_path("remove", "Remove a file or folder")
                .arg(flag("recursive", "A folder goes with everything in it"))
                .arg(flag("force", "It is no error when nothing is there")),
        )
        .subcommand(command("serve", "Answer requests on standard input, until it ends"))
}

/// The action that `command` names.
fn action(name: &str, command: &ArgMatches) -> Option<Action> {
    let word = |name: &str| command.get_one::<OsString>(name).cloned();
    let is_set = |name: &str| command.get_flag(name);
    let format = || if is_set("json") { Format::Json } else { Format::Text };
    Some(match name {
        "check" => {
            let access = access(std::ffi::OsStr::new(command.get_one::<String>("for")?))?;
            let spelling = if is_set("client-spelling") { Spelling::Client } else { Spelling::Literal };
            Action::Check { path: word("PATH")?, access, spelling, format: format() }
        }
        "read" => {
            let number = |name: &str| command.get_one::<u64>(name).copied();
            let span = Span { offset: number("offset").unwrap_or(0), limit: number("limit") };
            Action::Read { path: word("PATH")?, span }
        }
        "write" => {
            let options = WriteOptions { parents: is_set("parents"), exclusive: is_set("exclusive"), mode: None };
            Action::Write { path: word("PATH")?, options }
        }
        "edit" => Action::Edit { path: word("PATH")? },
        "list" => Action::List { path: word("PATH")?, format: format() },
        "stat" => {
            let last = if is_set("no-follow") { LastLink::Keep } else { LastLink::Follow };
            Action::Stat { path: word("PATH")?, last, format: format() }
        }
        "mkdir" => Action::Mkdir { path: word("PATH")?, parents: is_set("parents") },
        "rename" => Action::Rename { from: word("FROM")?, to: word("TO")? },
        "remove" => {
            let options = RemoveOptions { recursive: is_set("recursive"), force: is_set("force") };
            Action::Remove { path: word("PATH")?, options }
        }
        "serve" => Action::Serve,
        _ => return None,
    })
}

/// What the guard is made from.
///
/// # Errors
/// When there is no such profile.
fn options(matches: &ArgMatches, here: PathBuf) -> Result<Options, UsageError> {
    let all = |name: &str| matches.get_many::<PathBuf>(name).into_iter().flatten().cloned().collect();
    let profile = match matches.get_one::<String>("profile") {
        None => None,
        Some(name) => Some(ProfileName::parse(name).ok_or_else(|| UsageError {
            message: format!("there is no profile \"{}\"", name.escape_debug()),
            hint: "one of: agent, strict, dev".to_owned(),
        })?),
    };
    Ok(Options {
        profile,
        policies: all("policy"),
        workspaces: all("workspace"),
        readable: all("ro"),
        writable: all("rw"),
        masked: all("mask"),
        directory: matches.get_one::<PathBuf>("directory").map_or_else(|| here.clone(), |folder| here.join(folder)),
        home: HomeSource::Environment,
        uses: Uses::Many,
    })
}

/// A parser's error as one line and a hint.
fn usage(error: &clap::Error) -> UsageError {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim);
    let line = lines.next().unwrap_or_default();
    let message = line.strip_prefix("error: ").unwrap_or(line);
    // What is missing stands on lines of its own.
    let missing: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let message = [&[message], missing.as_slice()].concat().join(" ");
    let context = |kind| error.get(kind).map(ToString::to_string);
    let suggestion = context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedSubcommand));
    let hint = suggestion.map_or_else(|| "see fs-guard --help".to_owned(), |word| format!("did you mean {word}?"));
    UsageError { message, hint }
}
