//! Everything that the launcher itself says. Nothing of it goes to standard output but what was asked for there.
//!
//! Paths and arguments are chosen by whoever is confined, so no text of theirs reaches a terminal as it is: control characters
//! and bytes that are no text are written as `\xNN`.

mod json;
mod layers;
mod network;
mod refused;
mod sight;
mod text;
pub(crate) mod words;

use std::io::Write as _;
use std::path::Path;

use lobsterpot_audit_log::LogError;
use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::args::{Format, Mode};
use crate::error::Error;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::seccomp::Refusal;
use crate::supervise::Socket;
use crate::sys::process;
use crate::way_out::Summary;

pub(crate) use layers::Enforced;
use words::{escaped, harmless, shell_word};

/// Says on standard error what is wrong, and what to do.
pub(crate) fn error(error: &Error) {
    say(&format!("sandbox-exec: {}\nhint: {}\n", harmless(&error.to_string()), harmless(&error.hint())));
}

/// Has a mistake of the program's own, in whatever process or thread of it, end with words and a status of the table, where Rust would
/// abort. Before the command has started nothing has run; afterwards the kernel ends the sandbox with the launcher.
pub(crate) fn on_mistake() {
    std::panic::set_hook(Box::new(|facts| {
        let place = facts.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let text = format!(
            "sandbox-exec: a mistake of its own, at {place}\nhint: report it; the command was not started, or was ended\n"
        );
        process::say_and_exit(text.as_bytes(), Exit::Setup as u8)
    }));
}

/// Says that the time was up.
pub(crate) fn timed_out(plan: &Plan) {
    let seconds = plan.supervision.timeout.unwrap_or_default().as_secs_f64();
    say(&format!("sandbox-exec: the run was ended after its time limit of {seconds} s\n"));
}

/// Says what the tier without namespaces cannot do.
pub(crate) fn lost() {
    let lost = crate::fallback::LOST;
    say(&format!("sandbox-exec: running with less protection than usual, as the policy accepts: {lost}\n"));
}

/// Says that the sandbox was destroyed.
pub(crate) fn destroyed(signal: Signal) {
    say(&format!("sandbox-exec: the sandbox was destroyed from outside by {signal}\n"));
}

/// Says that a guarded name came into being and was moved aside.
pub(crate) fn moved_aside(path: &Path, aside: &Path) {
    let (path, aside) = (escaped(path), escaped(aside));
    say(&format!("sandbox-exec: \"{path}\" is protected and was created during the run: moved to \"{aside}\"\n"));
}

/// Says that a guarded name came into being and could not be moved aside.
pub(crate) fn not_moved_aside(path: &Path, errno: Errno) {
    let (path, why) = (escaped(path), errno.desc());
    say(&format!(
        "sandbox-exec: \"{path}\" is protected, was created during the run and could not be moved aside: {why}\n"
    ));
}

/// Says that nobody knows whether something that is not to be there was left at `path`.
pub(crate) fn not_looked_at(path: &Path, errno: Errno) {
    let (shown, why) = (escaped(path), reason(errno));
    say(&format!(
        "sandbox-exec: \"{shown}\" could not be looked at after the run: {why}\nhint: what a command left there may run outside: ls -ld -- {}\n",
        shell_word(path.as_os_str())
    ));
}

/// Says that a folder was closed to its owner, and has been opened.
pub(crate) fn opened(folder: &Path) {
    let shown = escaped(folder);
    say(&format!(
        "sandbox-exec: \"{shown}\" was closed to its owner (chmod u-rx), so that nothing in it could be guarded: its owner may enter it again\n"
    ));
}

/// Says that a symlink came to lie where git writes, and was removed.
pub(crate) fn link_removed(path: &Path, target: &Path) {
    let (path, target) = (escaped(path), escaped(target));
    say(&format!(
        "sandbox-exec: \"{path}\" became a symlink to \"{target}\", which git would write through: removed\n"
    ));
}

/// Says that a folder could not be searched for such symlinks.
pub(crate) fn not_searched(folder: &Path, errno: Errno) {
    let (shown, why) = (escaped(folder), reason(errno));
    say(&format!(
        "sandbox-exec: \"{shown}\" could not be searched for symlinks: {why}\nhint: before git runs there outside: find {} -type l\n",
        shell_word(folder.as_os_str())
    ));
}

/// Why something could not be looked at, in words.
fn reason(errno: Errno) -> &'static str {
    // The supervisor's own bound.
    if errno == Errno::E2BIG { "it holds too many names" } else { errno.desc() }
}

/// Says that something was left for git to go on with, and was moved aside.
pub(crate) fn left_aside(path: &Path, aside: &Path, why: &str) {
    let (path, aside) = (escaped(path), escaped(aside));
    say(&format!(
        "sandbox-exec: \"{path}\" was left behind, and {why}: moved to \"{aside}\"\nhint: {}\n",
        if path.ends_with("index") {
            "git reset makes a new one of the last commit"
        } else {
            "to go on with it in the sandbox, move it back and go on in one command"
        }
    ));
}

/// Says what the sandbox refused: calls, each with how often, and sockets outside.
pub(crate) fn refused(calls: &[(Refusal, u64)], sockets: &[Socket], others: u64, asked_for: (Mode, Format)) {
    say(&match asked_for {
        (Mode::Explain, Format::Json) => refused::json(calls, sockets, others),
        (Mode::Run | Mode::Explain | Mode::DryRun, _) => refused::text(calls, sockets, others),
    });
}

/// Says what was refused on the network, when something was.
pub(crate) fn network(summary: &Summary, asked_for: (Mode, Format)) {
    let text = network::text(summary, asked_for);
    if !text.is_empty() {
        say(&text);
    }
}

/// Says that the network is closed although the command goes on.
pub(crate) fn way_out_ended(how: &str) {
    let how = harmless(how);
    say(&format!(
        "sandbox-exec: network: lobsterpot-egress {how}: the network is closed for the rest of the run, and what is asked for \
         from now on is not recorded\n"
    ));
}

/// Says that the audit log could not be written. The run is none the worse for it.
pub(crate) fn log_not_written(error: &LogError) {
    let (error, hint) = (harmless(&error.to_string()), harmless(&error.hint()));
    say(&format!("sandbox-exec: the audit log was not written: {error}\nhint: {hint}\n"));
}

/// Prints `text` on standard output.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints the plan on standard output.
pub(crate) fn plan(plan: &Plan, format: Format) {
    print(&match format {
        Format::Text => text::plan(plan),
        Format::Json => json::plan(plan),
    });
}

/// Says on standard error what was enforced, layer by layer.
pub(crate) fn explain(plan: &Plan, enforced: &Enforced, format: Format) {
    say(&match format {
        Format::Text => text::explain(plan, enforced),
        Format::Json => json::explain(plan, enforced),
    });
}

/// Says, where the caller wants to know what was enforced, that the kernel refused a private layer over `folder`. Said from the inside,
/// where that is seen; nothing is the less protected for it.
pub(crate) fn layer_refused(folder: &Path, errno: Errno, asked_for: (Mode, Format)) {
    match asked_for {
        (Mode::Explain, Format::Text) => say(&text::layer_refused(folder, errno)),
        (Mode::Explain, Format::Json) => say(&json::layer_refused(folder, errno)),
        (Mode::Run | Mode::DryRun, _) => {}
    }
}

/// Writes to standard error in one call; there is nobody to tell when that fails.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests;
