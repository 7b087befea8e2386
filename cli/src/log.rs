//! `lobsterpot log`: what was refused, from the audit log, and whether the log is as it was written.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use clap::builder::PathBufValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use lobsterpot_audit_log::{Log, Record, Verdict, What, Why};
use lobsterpot_policy::printable;
use serde_json::json;

use crate::failure::Failure;
use crate::{Status, home, say};

/// How many records are shown when nobody says how many.
const SHOWN: &str = "20";

/// Its part of the command line.
pub(crate) fn command() -> Command {
    Command::new("log")
        .about("Shows what was refused, and what failed, in the sandbox's network; with --verify, ends with 1 when the log was changed")
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
    let log = Log::new(home::log(matches.get_one::<PathBuf>("home")));
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
        What::Failed { reason, subject, times: 1 } => format!("could not reach {subject} ({reason})"),
        What::Failed { reason, subject, times } => format!("could not reach {subject} ({reason}), {times} times"),
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
