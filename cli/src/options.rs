//! The options that several subcommands share.

use std::path::PathBuf;

use clap::builder::PathBufValueParser;
use clap::{Arg, ArgMatches};
use lobsterpot_hooks::install::{Agent, Choices, Request, Run, Scope};

/// The client, as a word on the command line.
pub(crate) fn client() -> Arg {
    let names: Vec<&str> = Agent::ALL.iter().map(|agent| agent.name()).collect();
    Arg::new("client")
        .value_name("CLIENT")
        .required(true)
        .help(format!("One of {}", names.join(", ")))
        .value_parser(|name: &str| name.parse::<Agent>().map_err(|error| error.to_string()))
}

/// `--scope`.
pub(crate) fn scope() -> Arg {
    let parse = |name: &str| match name {
        "user" => Ok(Scope::User),
        "managed" => Ok(Scope::Managed),
        other => Err(format!("\"{other}\" is neither user nor managed")),
    };
    Arg::new("scope")
        .long("scope")
        .value_name("SCOPE")
        .value_parser(parse)
        .help("user (default): your sessions. managed: everybody's; needs root")
}

/// `--dry-run`.
pub(crate) fn dry_run() -> Arg {
    Arg::new("dry-run")
        .long("dry-run")
        .action(clap::ArgAction::SetTrue)
        .help("Show what would be changed; change nothing")
}

/// The options that name folders.
pub(crate) fn folders() -> [Arg; 3] {
    let folder = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("DIR").value_parser(PathBufValueParser::new()).help(help)
    };
    [
        folder("bin-dir", "Where the programs lie (default: beside this one)"),
        folder("home", "The home folder to work in (default: the password file's); for containers and images"),
        folder("root", "What stands before the paths of the whole host; for images"),
    ]
}

/// What the command line asks of the installer.
pub(crate) fn request(matches: &ArgMatches, choices: Choices) -> Option<Request> {
    let folder = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    Some(Request {
        agent: *matches.get_one::<Agent>("client")?,
        scope: matches.get_one::<Scope>("scope").copied().unwrap_or_default(),
        programs: folder("bin-dir"),
        home: folder("home"),
        root: folder("root"),
        choices,
        run: if matches.get_flag("dry-run") { Run::Dry } else { Run::Apply },
    })
}
