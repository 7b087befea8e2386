//! `attack NAME [ARG…]`: makes one raw attempt on whatever confines it and says what came of it.
//!
//! The first line on stdout is `TRY NAME`, so that an attempt that never started is not taken for one that failed.
//! Then `GOT what` and status 0 when the attempt succeeded, or `REFUSED why` and status 1. Status 2 is a wrong
//! command line. It deliberately knows nothing of any sandbox: the same attempts must succeed outside one.

#![expect(clippy::missing_errors_doc, reason = "every attempt's error is the refusal it met, which is its result")]

mod call;
mod experience;
mod families;
mod files;
mod groups;
mod ipc;
mod kernel;
mod layers;
mod limits;
mod namespaces;
mod online;
mod privileges;
mod processes;
mod sockets;
mod surface;
mod terminal;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// What an attempt comes to: what was got, or why it was refused.
type Outcome = io::Result<Vec<u8>>;
/// The arguments of an attempt.
type Arguments = [OsString];
/// One attempt.
type Attempt = fn(&Arguments) -> Outcome;

/// Places for other programs to run in: what these say is theirs.
const QUIET: [&str; 2] = ["in-terminal", "where-namespaces-are-refused"];

/// Runs the attempt named on the command line.
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<OsString> = arguments.collect();
    let tables = [
        experience::ALL,
        families::ALL,
        files::ALL,
        groups::ALL,
        ipc::ALL,
        kernel::ALL,
        layers::ALL,
        limits::ALL,
        namespaces::ALL,
        online::ALL,
        privileges::ALL,
        processes::ALL,
        sockets::ALL,
        surface::ALL,
        terminal::ALL,
    ];
    let Some((_, attempt)) = tables.iter().copied().flatten().find(|(known, _)| name == *known) else {
        say(b"unknown attack\n");
        return ExitCode::from(2);
    };
    if !QUIET.iter().any(|quiet| name == *quiet) {
        say(format!("TRY {}\n", name.display()).as_bytes());
    }
    match attempt(&rest) {
        Ok(what) => {
            say(b"GOT ");
            say(&what);
            say(b"\n");
            ExitCode::SUCCESS
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput && error.raw_os_error().is_none() => {
            say(format!("USAGE {error}\n").as_bytes());
            ExitCode::from(2)
        }
        Err(error) => {
            say(format!("REFUSED {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Writes to stdout and flushes; a closed stdout is nothing to die of.
fn say(text: &[u8]) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text).and_then(|()| out.flush()));
}

/// The argument at `index` as text.
fn text(arguments: &Arguments, index: usize) -> io::Result<&str> {
    arguments
        .get(index)
        .and_then(|argument| argument.to_str())
        .ok_or_else(|| usage(&format!("argument {} is missing", index + 1)))
}

/// The argument at `index` as a number.
fn number<T: std::str::FromStr>(arguments: &Arguments, index: usize) -> io::Result<T> {
    text(arguments, index)?.parse().map_err(|_| usage(&format!("argument {} is not a number", index + 1)))
}

/// A wrong command line.
fn usage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// A refusal in words, where no system call failed.
fn refused(why: &str) -> io::Error {
    io::Error::other(why)
}
