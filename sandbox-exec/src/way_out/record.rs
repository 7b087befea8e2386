//! What of a run goes into the audit log: only what somebody may want to look into later.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use lobsterpot_audit_log::{Log, LogError, What, Writer};

use super::Summary;
use crate::plan::Account;
use crate::seccomp::Refusal;
use crate::supervise::Socket;

/// Writes what was refused, and the end of the way out when it came too early. Nothing is written, and no file made, when there is
/// nothing to tell.
///
/// # Errors
/// When the log cannot be written.
pub(crate) fn write(account: &Account, summary: &Summary) -> Result<(), LogError> {
    append(account, records(summary))
}

/// Writes which system calls and which sockets outside were refused; further sockets were, `others` times.
///
/// # Errors
/// When the log cannot be written.
pub(crate) fn write_refused(
    account: &Account,
    calls: &[(Refusal, u64)],
    sockets: &[Socket],
    others: u64,
) -> Result<(), LogError> {
    let refused = |reason: &str, subject: String, times| What::Refused { reason: reason.to_owned(), subject, times };
    let calls = calls.iter().map(|(refusal, times)| refused(CALL, refusal.call.to_owned(), *times));
    let named = sockets.iter().map(|socket| refused(SOCKET, socket.path.to_string_lossy().into_owned(), socket.times));
    let others = (others > 0).then(|| refused(SOCKET, "(others)".to_owned(), others));
    append(account, calls.chain(named).chain(others).collect())
}

/// Appends records, if there are any.
///
/// # Errors
/// When the log cannot be written.
fn append(account: &Account, what: Vec<What>) -> Result<(), LogError> {
    if what.is_empty() {
        return Ok(());
    }
    Log::new(&account.log).append(&writer(&account.command), what)
}

/// Why a system call is refused, as a code.
pub(crate) const CALL: &str = "sys.denied";
/// Why a socket outside is, as a code.
pub(crate) const SOCKET: &str = "fs.socket-not-allowed";

/// What is written: at most [`MOST`] records, in which everything is counted.
fn records(summary: &Summary) -> Vec<What> {
    let ended = summary.ended.iter().map(|message| What::WayOutEnded { message: message.clone() });
    // One for how egress ended, one for what is not told apart.
    let (named, unnamed) = summary.refused.split_at_checked(MOST - 2).unwrap_or((&summary.refused, &[]));
    let times = unnamed.iter().fold(summary.others, |sum, (asked, _)| sum.saturating_add(asked.times));
    let others = (times > 0).then(|| What::Refused { reason: "net".to_owned(), subject: "(others)".to_owned(), times });
    let refused = named.iter().map(|(asked, _)| What::Refused {
        reason: asked.reason.to_string(),
        subject: asked.to_string(),
        times: asked.times,
    });
    let failed = summary.unresolved.iter().take(MOST_UNRESOLVED).map(|asked| What::Failed {
        reason: asked.reason.to_string(),
        subject: asked.to_string(),
        times: asked.times,
    });
    ended.chain(others).chain(refused).chain(failed).collect()
}

/// The most records of one run about what was refused.
const MOST: usize = 66;
/// The most records of one run about names that could not be resolved.
const MOST_UNRESOLVED: usize = 32;

/// The number of this run, drawn once.
static RUN: OnceLock<u64> = OnceLock::new();

/// Who writes: this run, now.
fn writer(command: &str) -> Writer {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let number = *RUN.get_or_init(|| {
        let mut number = [0; 8];
        let drawn =
            std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut number));
        // Without chance, time and process tell runs apart nearly as well.
        if drawn.is_ok() { u64::from_ne_bytes(number) } else { time << 22 | u64::from(std::process::id()) }
    });
    Writer { time, run: format!("{number:016x}"), command: command.to_owned() }
}

#[cfg(test)]
mod tests {
    use lobsterpot_policy::ReasonCode;

    use super::*;
    use crate::way_out::Asked;

    #[test]
    fn what_is_too_much_to_be_told_apart_is_counted_all_the_same() {
        for (count, others) in [(1, 0), (64, 0), (64, 7), (65, 0), (512, 3)] {
            let asked = |number| Asked {
                host: format!("h{number}.example"),
                port: 443,
                protocol: "tls",
                reason: ReasonCode::HostNotAllowed,
                times: 2,
            };
            let refused = (0..count).map(|number| (asked(number), None)).collect();
            let summary = Summary { refused, others, ended: Some("has ended".to_owned()), ..Summary::default() };
            let what = records(&summary);
            assert!(what.len() <= MOST, "{}", what.len());
            let times = what.iter().filter_map(|what| match what {
                What::Refused { times, .. } => Some(times),
                What::Failed { .. } | What::WayOutEnded { .. } | What::Sealed { .. } => None,
            });
            assert_eq!(times.sum::<u64>(), count * 2 + others, "of {count} and {others}");
        }
    }
}
