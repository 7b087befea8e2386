//! The command line, on which nothing is decided: the program only says what it is.

use std::ffi::OsString;
use std::io::Write;

use crate::exit::Exit;
use crate::report::printable;

/// What `--help` says.
const HELP: &str = "\
lobsterpot-egress: the only way out of the network of a sandbox from which some hosts can be reached.

It is started by sandbox-exec (--net allowlist, --net learn, or a policy with such a network), with orders on standard input and the
sandbox's sockets as descriptors, and ends with it. It is not started by hand.

  --help     this text
  --version  the version";
/// The longest argument that is repeated, in bytes.
const LONGEST: usize = 100;

/// Answers the arguments, if there are any: then nothing else is to be done.
pub(crate) fn answer(arguments: impl Iterator<Item = OsString>) -> Option<Exit> {
    let arguments: Vec<OsString> = arguments.skip(1).take(2).collect();
    let said = match arguments.as_slice() {
        [] => return None,
        [one] if one == "--version" || one == "-V" => {
            writeln!(std::io::stdout(), "lobsterpot-egress {}", env!("CARGO_PKG_VERSION"))
        }
        [one] if one == "--help" || one == "-h" => writeln!(std::io::stdout(), "{HELP}"),
        [one, ..] => {
            let shown = printable(&one.to_string_lossy(), LONGEST);
            let hint = "hint: sandbox-exec --net allowlist starts this program by itself";
            // Where nobody listens, the status still says it.
            let _told = writeln!(std::io::stderr(), "lobsterpot-egress: `{shown}` is not understood\n{hint}");
            return Some(Exit::Usage);
        }
    };
    Some(if said.is_ok() { Exit::Done } else { Exit::System })
}
