//! `lobsterpot log`: what was refused, from the audit log, and whether the log is as it was written.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use clap::builder::PathBufValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use lobsterpot_audit_log::{Log, Record, Verdict, What, Why};
use serde_json::json;

use crate::failure::Failure;
use crate::{Status, say};

/// How many records are shown when nobody says how many.
const SHOWN: &str = "20";
/// Where users are listed: `passwd(5)`.
const PASSWD: &str = "/etc/passwd";

/// Its part of the command line.
pub(crate) fn command() -> Command {
    Command::new("log")
        .about("Shows what was refused in the sandbox's network; with --verify, ends with 1 when the log was changed")
        .arg(
            Arg::new("last")
                .long("last")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .default_value(SHOWN)
                .help("Show the last N records"),
        )
        .arg(
            Arg::new("verify")
                .long("verify")
                .action(ArgAction::SetTrue)
                .help("Check that every record follows from the one before it"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("For programs"))
        .arg(
            Arg::new("home")
                .long("home")
                .value_name("DIR")
                .value_parser(PathBufValueParser::new())
                .help("The home folder whose log is meant (default: the caller's)"),
        )
}

/// Runs it.
///
/// # Errors
/// When the log cannot be read or trusted.
pub(crate) fn run(matches: &ArgMatches) -> Result<Status, Failure> {
    let log = Log::new(folder(matches.get_one::<PathBuf>("home")));
    let for_programs = matches.get_flag("json");
    if matches.get_flag("verify") {
        let verdict = log.verify()?;
        say(&if for_programs { format!("{}\n", as_json(&verdict)) } else { in_words(&verdict, &log) })?;
        let is_whole = verdict.broken.is_none() && verdict.sealed.iter().all(|seal| seal.torn);
        return Ok(if is_whole { Status::Done } else { Status::Lacking });
    }
    let records = log.last(matches.get_one::<usize>("last").copied().unwrap_or_default())?;
    let mut text = String::new();
    for record in &records {
        if for_programs {
            text.push_str(&serde_json::to_string(record).map_err(|error| Failure::Output { source: error.into() })?);
            text.push('\n');
        } else {
            text.push_str(&line(record));
        }
    }
    if records.is_empty() && !for_programs {
        text.push_str("nothing was refused\n");
    }
    say(&text)?;
    Ok(Status::Done)
}

/// One record for a person.
fn line(record: &Record) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(record.time)).unwrap_or(UNIX_EPOCH);
    let what = match &record.what {
        What::Refused { reason, subject, times: 1 } => format!("refused {subject} ({reason})"),
        What::Refused { reason, subject, times } => format!("refused {subject} ({reason}), {times} times"),
        What::WayOutEnded { message } => format!("lobsterpot-egress {message}: the network was closed"),
        What::Sealed { bytes, torn: true, .. } => format!("{bytes} bytes before this are what a crash left"),
        What::Sealed { bytes, torn: false, .. } => format!("{bytes} bytes before this had been changed"),
    };
    let time = humantime::format_rfc3339_seconds(time);
    format!("{time} {}  {}\n", printable(&record.command), printable(&what))
}

/// What verifying found, for a person.
fn in_words(verdict: &Verdict, log: &Log) -> String {
    let mut text = match &verdict.head {
        None => format!("there is no record in {}\n", log.path().display()),
        Some((number, digest)) => format!(
            "{} records follow from one another; the last is number {number} with digest {digest}\n",
            verdict.records
        ),
    };
    for seal in &verdict.sealed {
        let why = if seal.torn { "are what a crash left" } else { "WERE CHANGED before they were sealed off" };
        text.push_str(&format!("{}:{}: {} bytes {why}\n", seal.file.display(), seal.line, seal.bytes));
    }
    if let Some(place) = &verdict.broken {
        text.push_str(&format!("{}:{}: THE CHAIN BREAKS: {}\n", place.file.display(), place.line, reason(place.why)));
    }
    text
}

/// Why a record does not follow, in words.
fn reason(why: Why) -> &'static str {
    match why {
        Why::Changed => "this is no record, or its bytes were changed",
        Why::DoesNotFollow => "this record does not follow: records are missing, were added or moved",
        Why::Torn => "the file ends within this record, as after a crash; the next record will seal it off",
        Why::WrongSeal => "what was sealed off here was changed",
    }
}

/// What verifying found, for a program.
fn as_json(verdict: &Verdict) -> serde_json::Value {
    json!({
        "version": 1,
        "records": verdict.records,
        "head": verdict.head.map(|(number, digest)| json!({ "number": number, "digest": digest })),
        "sealed": verdict.sealed.iter().map(|seal| json!({
            "file": seal.file, "line": seal.line, "bytes": seal.bytes, "torn": seal.torn,
        })).collect::<Vec<_>>(),
        "broken": verdict.broken.as_ref().map(|place| json!({
            "file": place.file, "line": place.line, "why": reason(place.why),
        })),
    })
}

/// The folder of the log, where the launcher keeps it: `$XDG_STATE_HOME/lobsterpot`, by default in `~/.local/state`.
fn folder(home: Option<&PathBuf>) -> PathBuf {
    let stated = || std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = match home {
        Some(home) => home.join(".local/state"),
        None => stated().unwrap_or_else(|| own_home().join(".local/state")),
    };
    state.join("lobsterpot")
}

/// The caller's home: `$HOME` when the caller owns it, else the one of the passwd file.
fn own_home() -> PathBuf {
    let own = std::fs::metadata("/proc/self").map(|status| status.uid()).unwrap_or_default();
    let is_own = |home: &PathBuf| std::fs::metadata(home).is_ok_and(|status| status.is_dir() && status.uid() == own);
    let stated = std::env::var_os("HOME").map(PathBuf::from).filter(is_own);
    let listed = || {
        let passwd = std::fs::read(PASSWD).unwrap_or_default();
        home_of(&String::from_utf8_lossy(&passwd), own)
    };
    let home = stated.or_else(listed).unwrap_or_else(|| PathBuf::from("/nonexistent"));
    std::fs::canonicalize(&home).unwrap_or(home)
}

/// The home folder of the user with this number in `passwd`.
fn home_of(passwd: &str, user: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let is_meant = fields.next()?.parse() == Ok(user);
        let home = Path::new(fields.nth(2)?);
        (is_meant && home.is_absolute()).then(|| home.to_owned())
    })
}

/// `text` without anything that a terminal would act on.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| match character {
            ' '..='~' => vec![character],
            _ => character.escape_default().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_number_and_a_broken_line_hides_none() {
        let passwd =
            "broken\nroot:x:0:0:root:/root:/bin/sh\n7:x:5:5::/wrong:/bin/sh\nann:x:7:7:Ann,,,:/home/ann:/bin/sh\n";
        assert_eq!(home_of(passwd, 7), Some(PathBuf::from("/home/ann")));
        assert_eq!(home_of(passwd, 8), None);
    }

    #[test]
    fn a_command_cannot_drive_the_terminal_of_who_reads_the_log() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}b\n"), "a\\u{1b}[2J\\u{202e}b\\n");
    }
}
