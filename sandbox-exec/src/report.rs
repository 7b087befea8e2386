//! Everything that the launcher itself says. Nothing of it goes to standard output but what was asked for there.

use std::io::Write as _;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::args::Format;
use crate::error::Error;
use crate::plan::Plan;

/// Says on standard error what is wrong, and what to do.
pub(crate) fn error(error: &Error) {
    say(&format!("sandbox-exec: {error}\nhint: {}\n", error.hint()));
}

/// Says that the time was up.
pub(crate) fn timed_out(plan: &Plan) {
    let seconds = plan.supervision.timeout.unwrap_or_default().as_secs_f64();
    say(&format!("sandbox-exec: the run was ended after its time limit of {seconds} s\n"));
}

/// Says what the tier without namespaces cannot do.
pub(crate) fn lost() {
    say(&format!("sandbox-exec: running with less protection than usual, as the policy accepts: {}\n", crate::fallback::LOST));
}

/// Says that the sandbox was destroyed.
pub(crate) fn destroyed(signal: Signal) {
    say(&format!("sandbox-exec: the sandbox was destroyed from outside by {signal}\n"));
}

/// Says that a guarded name came into being and was moved aside.
pub(crate) fn moved_aside(path: &Path, aside: &Path) {
    say(&format!("sandbox-exec: \"{}\" is protected and was created during the run: moved to \"{}\"\n", path.display(), aside.display()));
}

/// Says that a guarded name came into being and could not be moved aside.
pub(crate) fn not_moved_aside(path: &Path, errno: Errno) {
    say(&format!("sandbox-exec: \"{}\" is protected, was created during the run and could not be moved aside: {}\n", path.display(), errno.desc()));
}

/// Prints `text` on standard output.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints the plan on standard output.
pub(crate) fn plan(plan: &Plan, _format: Format) {
    print(&format!("{plan:#?}\n"));
}

/// Writes to standard error in one call; there is nobody to tell when that fails.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
