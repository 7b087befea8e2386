//! The audit log: whether it is as it was written.

use std::path::PathBuf;

use lobsterpot_audit_log::Log;

use super::check::Check;
use crate::home;

/// Verifies the log of a home folder, or the caller's.
pub(super) fn check(home: Option<&PathBuf>) -> Check {
    let log = Log::new(home::log(home));
    let verdict = match log.verify() {
        Ok(verdict) => verdict,
        Err(error) => return Check::fail("log", error.to_string()).hint(error.hint()),
    };
    let changed = verdict.sealed.iter().filter(|seal| !seal.torn).count();
    match (&verdict.broken, changed) {
        (Some(place), _) => {
            Check::fail("log", format!("the chain of records breaks at {}:{}", place.file.display(), place.line))
                .hint("lobsterpot log --verify says how; keep the files as they are and find out who wrote to them")
        }
        (None, 0) => Check::ok("log", format!("{} records follow from one another", verdict.records)),
        (None, _) => Check::fail("log", "records were changed before they were sealed off")
            .hint("lobsterpot log --verify says where"),
    }
}
