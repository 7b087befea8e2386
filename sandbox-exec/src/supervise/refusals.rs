//! What the sandbox refused and no program need have told: counted, bounded, and said at the end of the run.
//!
//! A debugger that is told `EPERM`, or a client that finds no socket, guesses at the cause. So what was refused here is named here,
//! with what to do instead. What is refused stays refused, whatever becomes of the report.

use std::path::{Path, PathBuf};

use crate::plan::Account;
use crate::report;
use crate::seccomp::Refusal;
use crate::way_out::record;

/// How many sockets are told apart.
const SOCKETS: usize = 16;

/// What was refused so far, and not yet told.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// Calls, one for each rule, with how often.
    calls: Vec<(Refusal, u64)>,
    /// Sockets outside, with why they are hidden where somebody said, and how often.
    sockets: Vec<Socket>,
    /// Refusals of further sockets.
    others: u64,
}

/// A socket outside.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Its path.
    pub(crate) path: PathBuf,
    /// Why it is hidden.
    pub(crate) reason: Option<String>,
    /// How often it was to be connected to.
    pub(crate) times: u64,
}

impl Refusals {
    /// Notes a call.
    pub(crate) fn note_call(&mut self, refusal: Refusal) {
        match self.calls.iter_mut().find(|(known, _)| std::ptr::eq(known.rule, refusal.rule)) {
            Some((_, times)) => *times = times.saturating_add(1),
            None => self.calls.push((refusal, 1)),
        }
    }

    /// Notes a connection to a socket outside.
    pub(crate) fn note_socket(&mut self, path: &Path, reason: Option<&str>) {
        let has_room = self.sockets.len() < SOCKETS;
        match self.sockets.iter_mut().find(|socket| socket.path == path) {
            Some(socket) => socket.times = socket.times.saturating_add(1),
            None if has_room => {
                let reason = reason.map(str::to_owned);
                self.sockets.push(Socket { path: path.to_owned(), reason, times: 1 });
            }
            None => self.others = self.others.saturating_add(1),
        }
    }

    /// Tells the person what was refused, once, and writes it down.
    pub(crate) fn tell(&mut self, account: &Account) {
        let Self { calls, sockets, others } = std::mem::take(self);
        if calls.is_empty() && sockets.is_empty() {
            return;
        }
        report::refused(&calls, &sockets, others, account.report);
        if let Err(error) = record::write_refused(account, &calls, &sockets, others) {
            report::log_not_written(&error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp;

    /// The refusal of a call.
    fn refusal(call: libc::c_long) -> Refusal {
        let number = u32::try_from(call).expect("a number");
        seccomp::reported(number, &[u64::MAX; 6]).expect("it is refused and reported")
    }

    #[test]
    fn the_inside_cannot_make_the_launcher_grow() {
        let mut refusals = Refusals::default();
        for number in 0..10_000 {
            refusals.note_call(refusal(libc::SYS_ptrace));
            refusals.note_call(refusal(libc::SYS_process_vm_readv));
            refusals.note_call(refusal(libc::SYS_mount));
            refusals.note_socket(Path::new(&format!("/run/{number}")), None);
            refusals.note_socket(Path::new("/run/0"), None);
        }
        let calls: Vec<_> = refusals.calls.iter().map(|(refusal, times)| (refusal.call, *times)).collect();
        assert_eq!(calls, [("ptrace", 20_000), ("mount", 10_000)]);
        assert_eq!(refusals.sockets.len(), SOCKETS);
        assert_eq!(refusals.sockets.first().map(|socket| socket.times), Some(10_001));
        assert_eq!(refusals.others, 10_000 - 16);
    }
}
