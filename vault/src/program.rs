//! The program: reads the command line, does what it says, tells what went wrong.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::VALUE_ELSEWHERE;
use crate::session::{Session, shown};

/// How the usage of the commands begins that read a value, and in whose arguments people put it.
const TAKES_A_VALUE: [&str; 2] = ["lobsterpot-vault set ", "lobsterpot-vault rotate "];

/// Runs the program with these arguments, its own name first.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> Exit {
    let arguments = commands::provider::dispatch(arguments);
    let matches = match commands::all(&arguments).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return refuse(&error),
    };
    if matches.get_flag("debug") {
        trace();
    }
    commands::run(&matches, &Session::of(&matches)).unwrap_or_else(|failure| tell(&failure))
}

/// Prints help or the version where it was asked for, or says what is wrong with the command line. What was typed is not
/// repeated, for a value may have been typed where a name belongs.
fn refuse(error: &clap::Error) -> Exit {
    let kind = error.kind();
    if matches!(
        kind,
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        let _ = error.print();
        return if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand { Exit::Usage } else { Exit::Done };
    }
    tell(&Failure::new(Exit::Usage, reason(error), advice(error)))
}

/// What is wrong with the command line. Options are named where clap gives the names that they were defined by.
fn reason(error: &clap::Error) -> String {
    let named = |kind| error.get(kind).and_then(name_in);
    match (error.kind(), named(ContextKind::InvalidArg), named(ContextKind::PriorArg)) {
        (ErrorKind::ArgumentConflict, Some(one), Some(other)) if one == other => format!("{one} is given twice"),
        (ErrorKind::ArgumentConflict, Some(one), Some(other)) => format!("{one} cannot be used with {other}"),
        (ErrorKind::MissingRequiredArgument, Some(missing), _) => format!("{missing} is missing"),
        (kind, _, _) => kind.as_str().unwrap_or("the command line cannot be understood").to_owned(),
    }
}

/// What to write instead. Only the names of our own commands and options are in it.
fn advice(error: &clap::Error) -> String {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string().replacen("Usage: ", "", 1),
        _ => String::new(),
    };
    if is_value(error) && TAKES_A_VALUE.iter().any(|command| usage.starts_with(command)) {
        return VALUE_ELSEWHERE.to_owned();
    }
    let similar = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg];
    if let Some(name) = similar.into_iter().find_map(|kind| name_in(error.get(kind)?)) {
        return format!("`{name}` is the nearest there is; `lobsterpot-vault help` describes them all");
    }
    match usage.as_str() {
        "" => "`lobsterpot-vault help` lists what there is".to_owned(),
        // A command is what is wrong: the usage says no more than that there is one.
        usage if usage.ends_with("<COMMAND>") => {
            let program = usage.split(" [").next().unwrap_or_default();
            format!("`{program} help` lists the commands")
        }
        usage => format!("write `{usage}`"),
    }
}

/// Whether what is wrong is an argument that may be a value: no option, or one that would be called after it.
fn is_value(error: &clap::Error) -> bool {
    let argument = error.get(ContextKind::InvalidArg).and_then(name_in).unwrap_or_default();
    let is_option = argument.starts_with("--") && !argument.starts_with("--val");
    error.kind() == ErrorKind::UnknownArgument && !is_option
}

/// The first name that clap gives.
fn name_in(value: &ContextValue) -> Option<&str> {
    if let ContextValue::Strings(names) = value {
        return names.first().map(String::as_str);
    }
    if let ContextValue::String(name) = value { Some(name) } else { None }
}

/// Says what went wrong, and what to do.
fn tell(failure: &Failure) -> Exit {
    let mut text = format!("lobsterpot-vault: {}\n", shown(&failure.to_string()));
    if let Some(hint) = failure.hint() {
        text.push_str("hint: ");
        text.push_str(&shown(hint));
        text.push('\n');
    }
    // In one piece, so that lines of two programs do not mix.
    let _ = io::stderr().write_all(text.as_bytes());
    failure.exit()
}

/// Prints what is traced to standard error.
fn trace() {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .without_time()
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .init();
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::reason;
    use crate::commands;

    #[test]
    fn options_that_do_not_fit_are_named_and_nothing_that_was_typed_is() {
        let said = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            reason(&commands::all(&words).try_get_matches_from(words).unwrap_err())
        };
        assert_eq!(said("lobsterpot-vault --vault /a --vault /b list"), "--vault <FILE> is given twice");
        assert_eq!(said("lobsterpot-vault set"), "<NAME> is missing");
        let unknown = said("lobsterpot-vault set NAME sk-typed-by-mistake");
        assert!(!unknown.contains("sk-"), "{unknown}");
    }
}
