//! `provider`: secrets for programs that ask by a protocol of their own.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::provider::openclaw::{self, USUAL_OUTPUT};
use crate::provider::{claude, docker, git, stream};
use crate::session::Session;

/// What this program is called when docker looks for the credential helper "lobsterpot".
const DOCKER_HELPER: &str = "docker-credential-lobsterpot";

/// The options.
pub(crate) fn command() -> Command {
    let word = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).value_name(value).required(true).help(help)
    };
    Command::new("provider")
        .about("Hands secrets to OpenClaw, Claude Code, git or docker, by the protocol of each")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("openclaw").about("OpenClaw's exec secret provider: a request on standard input").arg(
                Arg::new("max-output-bytes")
                    .long("max-output-bytes")
                    .value_name("N")
                    .value_parser(value_parser!(u32).range(1..))
                    .help("As much as OpenClaw's `maxOutputBytes` allows [default: 1048576, as there]"),
            ),
        )
        .subcommand(Command::new("claude-api-key").about("Claude Code's `apiKeyHelper`: prints the key").arg(word(
            "name",
            "NAME",
            "The secret that is the key",
        )))
        .subcommand(
            Command::new("git")
                .about("git's credential helper, for secrets called git/PROTOCOL/HOST[/PATH][#USER]")
                .arg(word("operation", "OPERATION", "get; all others are ignored, as git wants it")),
        )
        .subcommand(
            Command::new("docker")
                .about("docker's credential helper, for secrets called docker/SERVER[#USER]")
                .arg(word("action", "ACTION", "get, list or version; store and erase are refused")),
        )
}

/// The command line, with `provider docker` put in where docker has started this program under its helper's name.
pub(crate) fn dispatch(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments.first().and_then(|program| Path::new(program).file_name());
    if name.is_some_and(|name| name == DOCKER_HELPER) {
        arguments.splice(1..1, ["provider".into(), "docker".into()]);
    }
    arguments
}

/// Carries it out.
///
/// # Errors
/// When the request or the vault cannot be read, or nothing may be handed out.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    match matches.subcommand() {
        Some(("openclaw", matches)) => answer_openclaw(matches, session),
        Some(("claude-api-key", matches)) => answer_claude(matches, session),
        Some(("git", matches)) => answer_git(matches, session),
        Some(("docker", matches)) => answer_docker(matches, session),
        Some(_) | None => {
            Err(Failure::new(Exit::Usage, "name who asks", "`lobsterpot-vault provider --help` lists them"))
        }
    }
}

/// Answers OpenClaw.
///
/// # Errors
/// When what is asked is no request, or the vault does not open.
fn answer_openclaw(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    refuse_terminal(session)?;
    let limit = matches.get_one::<u32>("max-output-bytes").and_then(|&limit| usize::try_from(limit).ok());
    // The request first: whoever sends none learns nothing of the vault.
    let request = openclaw::Request::parse(&stream::read(io::stdin().as_fd(), openclaw::LONGEST)?)?;
    let vault = session.open()?;
    let answer = openclaw::answer(&request, &vault.document, session.now(), limit.unwrap_or(USUAL_OUTPUT));
    send(answer.as_bytes())
}

/// Answers Claude Code.
///
/// # Errors
/// When there is no key that it may have.
fn answer_claude(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    refuse_terminal(session)?;
    let name = arguments::name_of(matches)?;
    send(claude::answer(&name, &session.open()?.document, session.now())?.as_bytes())
}

/// Answers git.
///
/// # Errors
/// When what is asked is no request, the vault does not open, or it has a login that git cannot have.
fn answer_git(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let request = stream::read(io::stdin().as_fd(), git::LONGEST)?;
    if matches.get_one::<String>("operation").is_none_or(|operation| operation != "get") {
        return Ok(Exit::Done);
    }
    refuse_terminal(session)?;
    let request = git::Request::parse(&request)?;
    match git::answer(&request, &session.open()?.document, session.now())? {
        Some(answer) => send(answer.as_bytes()),
        None => Ok(Exit::Done),
    }
}

/// Answers docker, which reads on standard output why there is no answer.
///
/// # Errors
/// When there is none, unless docker knows by itself what that means.
fn answer_docker(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let action = matches.get_one::<String>("action").map_or("", String::as_str);
    ask_docker(action, session).or_else(|failure| {
        send(format!("{failure}\n").as_bytes())?;
        if failure.exit() == Exit::Lacking { Ok(Exit::Lacking) } else { Err(failure) }
    })
}

/// Carries out one action of docker's protocol.
///
/// # Errors
/// As [`answer_docker`].
fn ask_docker(action: &str, session: &Session) -> Result<Exit, Failure> {
    let answer = match action {
        "get" => {
            refuse_terminal(session)?;
            let request = stream::read(io::stdin().as_fd(), docker::LONGEST)?;
            docker::get(&request, &session.open()?.document, session.now())?
        }
        "list" => docker::list(&session.open()?.document, session.now())?,
        "version" => return send(format!("{DOCKER_HELPER} {}\n", env!("CARGO_PKG_VERSION")).as_bytes()),
        "store" | "erase" => {
            // Docker is still writing; what it writes may be a login.
            drop(stream::read(io::stdin().as_fd(), docker::LONGEST)?);
            return Err(docker::DockerError::ReadOnly.into());
        }
        _ => return Err(docker::DockerError::UnknownAction.into()),
    };
    send(answer.as_bytes())
}

/// Refuses to show values to whoever looks at a terminal.
///
/// # Errors
/// When standard output is one.
fn refuse_terminal(session: &Session) -> Result<(), Failure> {
    if session.is_terminal() {
        let reason = "a provider answers a program, and standard output is a terminal";
        return Err(Failure::new(
            Exit::Denied,
            reason,
            "`lobsterpot-vault get --reveal NAME` shows a value to a person",
        ));
    }
    Ok(())
}

/// Gives the answer.
///
/// # Errors
/// When nobody takes it.
fn send(answer: &[u8]) -> Result<Exit, Failure> {
    stream::write(io::stdout().as_fd(), answer)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::dispatch;

    #[test]
    fn only_the_helpers_own_name_means_docker() {
        let words = |line: &str| -> Vec<OsString> { line.split(' ').map(OsString::from).collect() };
        for (line, expected) in [
            ("/usr/bin/docker-credential-lobsterpot get", "/usr/bin/docker-credential-lobsterpot provider docker get"),
            ("docker-credential-lobsterpot", "docker-credential-lobsterpot provider docker"),
            ("lobsterpot-vault get A", "lobsterpot-vault get A"),
            ("/x/docker-credential-lobsterpot-x get", "/x/docker-credential-lobsterpot-x get"),
        ] {
            assert_eq!(dispatch(words(line)), words(expected));
        }
        assert_eq!(dispatch(vec![]), Vec::<OsString>::new());
    }
}
