//! Values that people and programs hand in: from standard input or a descriptor, never from the command line.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use clap::{Arg, ArgMatches, value_parser};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::document::LONGEST_VALUE;
use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;
use crate::sys;

/// Where a value belongs that was put into the arguments.
pub(crate) const VALUE_ELSEWHERE: &str = "a value is never an argument: `lobsterpot-vault set NAME <FILE`, or type it when asked; \
     one that stood on the command line is in the shell's history now";

/// What ends typing without a value: interrupt and end of file, as terminals send them.
const CANCEL: [u8; 2] = [0x03, 0x04];

/// What takes the last character back.
const ERASE: [u8; 2] = [0x08, 0x7f];

/// Why there is no value.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    /// It is longer than values may be.
    #[error("the value is longer than {LONGEST_VALUE} bytes")]
    TooLong,
    /// There is nothing.
    #[error("the value is empty")]
    Empty,
    /// Somebody would have to type it, and cannot be asked.
    #[error("standard input is a terminal, and nobody can be asked there")]
    Terminal,
    /// A person has changed their mind.
    #[error("no value was typed")]
    Cancelled,
    /// It cannot be read.
    #[error("failed to read the value from {place}: {source}")]
    Io {
        /// Where it was to come from.
        place: String,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl Explain for InputError {
    fn exit(&self) -> Exit {
        match self {
            Self::TooLong | Self::Empty => Exit::Data,
            Self::Terminal | Self::Cancelled => Exit::Usage,
            Self::Io { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::TooLong => "keep it as an encrypted file, and its key in the vault; nothing was changed",
                Self::Empty => {
                    "check the command that should have written it; --empty keeps an empty value; nothing was changed"
                }
                Self::Terminal => "pass the value from a file or a program: `lobsterpot-vault set NAME <FILE`",
                Self::Cancelled => "nothing was changed",
                Self::Io { .. } => "pass the value on standard input, or open the descriptor: `--fd 3 3<FILE`",
            }
            .to_owned(),
        )
    }
}

/// The options of a subcommand that takes a value.
pub(crate) fn options() -> [Arg; 3] {
    [
        Arg::new("fd")
            .long("fd")
            .value_name("N")
            .value_parser(value_parser!(u32))
            .help("The descriptor to read the value from, to its end [default: standard input]"),
        Arg::new("raw").long("raw").action(clap::ArgAction::SetTrue).help("Keep a line's end at the end of the value"),
        Arg::new("empty").long("empty").action(clap::ArgAction::SetTrue).help("Take an empty value, too"),
    ]
}

/// Reads the value that the options name, of a secret that is called `name` where a person is asked.
///
/// # Errors
/// When it cannot be read, is too long, or is empty and must not be.
pub(crate) fn value(matches: &ArgMatches, name: &str) -> Result<Secret, InputError> {
    let value = match matches.get_one::<u32>("fd") {
        Some(&number) => from_descriptor(number)?,
        None if io::stdin().is_terminal() => typed(name)?,
        None => from_input()?,
    };
    let value = if matches.get_flag("raw") { value } else { without_line_end(&value) };
    if value.len() > LONGEST_VALUE {
        return Err(InputError::TooLong);
    }
    if value.is_empty() && !matches.get_flag("empty") {
        return Err(InputError::Empty);
    }
    Ok(value)
}

/// Reads standard input to its end, past the standard library's buffer, which is not wiped.
///
/// # Errors
/// As [`read`].
fn from_input() -> Result<Secret, InputError> {
    let place = "standard input";
    match io::stdin().as_fd().try_clone_to_owned() {
        Ok(input) => read(&mut File::from(input), place),
        Err(source) => Err(InputError::Io { place: place.to_owned(), source }),
    }
}

/// Reads a descriptor that the caller has opened, to its end.
///
/// # Errors
/// When there is none, or it gives too much.
fn from_descriptor(number: u32) -> Result<Secret, InputError> {
    let place = format!("descriptor {number}");
    let raw = i32::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    match raw.and_then(sys::inherited) {
        Ok(mut file) => read(&mut file, &place),
        Err(source) => Err(InputError::Io { place, source }),
    }
}

/// Reads to the end, at most one byte more than a value with its line's end has.
///
/// # Errors
/// When the reader fails, or gives more.
fn read(reader: &mut impl Read, place: &str) -> Result<Secret, InputError> {
    // Never grown, so that no part of the value stays behind in memory that was given back.
    let mut bytes = Zeroizing::new(vec![0; LONGEST_VALUE + 2]);
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => return Ok(Secret::from(bytes.get(..length).unwrap_or_default())),
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(InputError::Io { place: place.to_owned(), source }),
        }
    }
    Err(InputError::TooLong)
}

/// The value without one line's end at its end.
fn without_line_end(value: &Secret) -> Secret {
    value.as_bytes().strip_suffix(b"\n").map_or_else(|| value.clone(), Secret::from)
}

/// Asks a person, who sees nothing of what they type. Only somebody who changes a vault by hand comes here: no path that opens
/// one does.
///
/// # Errors
/// When they cannot be asked, or do not want to answer.
fn typed(name: &str) -> Result<Secret, InputError> {
    if !io::stderr().is_terminal() {
        return Err(InputError::Terminal);
    }
    let stdin = io::stdin().lock();
    let failed = |source: io::Error| InputError::Io { place: "the terminal".to_owned(), source };
    let quiet = Quiet::begin(&stdin).map_err(|errno| failed(errno.into()))?;
    let _ = write!(io::stderr(), "value of {name} (not shown): ");
    let line = quiet.line();
    drop(quiet);
    let _ = writeln!(io::stderr());
    line.map_err(failed)?.ok_or(InputError::Cancelled)
}

/// A terminal that shows nothing of what is typed, until this is dropped. It sends no signals meanwhile, so that none can end
/// the program and leave it so.
struct Quiet<'a, F: AsFd> {
    /// The terminal.
    terminal: &'a F,
    /// What it was before.
    before: Termios,
}

impl<'a, F: AsFd> Quiet<'a, F> {
    /// Silences a terminal.
    ///
    /// # Errors
    /// The kernel's (termios(3)).
    fn begin(terminal: &'a F) -> nix::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG);
        for (index, value) in [(SpecialCharacterIndices::VMIN, 1), (SpecialCharacterIndices::VTIME, 0)] {
            quiet.control_chars[index as usize] = value;
        }
        tcsetattr(terminal, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self { terminal, before })
    }

    /// Reads a line, byte by byte; none when the person ends it otherwise.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    fn line(&self) -> io::Result<Option<Secret>> {
        let mut terminal = File::from(self.terminal.as_fd().try_clone_to_owned()?);
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_VALUE + 2));
        let mut byte = Zeroizing::new([0]);
        loop {
            if terminal.read(byte.as_mut_slice())? == 0 || CANCEL.contains(&byte[0]) {
                return Ok(None);
            }
            match byte[0] {
                b'\n' | b'\r' => return Ok(Some(Secret::from(line.as_slice()))),
                erase if ERASE.contains(&erase) => {
                    line.pop();
                }
                _ if line.len() > LONGEST_VALUE => return Ok(None),
                other => line.push(other),
            }
        }
    }
}

impl<F: AsFd> Drop for Quiet<'_, F> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::{InputError, read, without_line_end};
    use crate::document::LONGEST_VALUE;
    use crate::secret::Secret;

    #[test]
    fn one_line_end_goes_and_no_more() {
        for (text, expected) in [("a\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", ""), ("a\r\n", "a\r"), ("", "")] {
            assert!(without_line_end(&Secret::from(text)) == Secret::from(expected), "{text:?}");
        }
    }

    #[test]
    fn a_value_of_the_longest_kind_is_read_whole_and_an_endless_one_is_not() {
        let longest = vec![b'x'; LONGEST_VALUE + 1];
        assert_eq!(read(&mut longest.as_slice(), "").unwrap().len(), LONGEST_VALUE + 1);
        assert!(matches!(read(&mut std::io::repeat(b'x'), ""), Err(InputError::TooLong)));
    }
}
