//! What a disturbed run must have come to.

use super::calls::{Call, is_tolerated};
use crate::harness::Outcome;

/// The launcher's own statuses: `docs/exit-codes.md`.
const OWN: [i32; 8] = [64, 65, 66, 69, 70, 71, 126, 127];
/// The status of what `SIGKILL` ended.
const KILLED: i32 = 137;
/// Statuses of a program that could not even start: the C library's, and the signal by which it gives up.
const NO_START: [i32; 4] = [127, 132, 134, 139];

/// What was done to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// Nothing: it ended before the call that was meant.
    None,
    /// The call failed with this error.
    Fail(i32),
    /// It moved one byte at most.
    Short,
    /// This process was killed.
    Kill(String),
}

/// What an undisturbed run reports.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Every line that is not about a namespace.
    lines: Vec<String>,
    /// The namespaces of the test itself.
    own: Vec<String>,
    /// How many calls the launcher makes before its own first.
    pub(super) start: u32,
}

impl Expected {
    /// What `report` of an undisturbed run says, which must itself be of a whole sandbox.
    pub(super) fn of(report: &str, calls: &[Call]) -> Self {
        let lines: Vec<String> =
            report.lines().filter(|line| !line.starts_with("namespace ")).map(str::to_owned).collect();
        for needed in ["NoNewPrivs 1", "Seccomp 2", "signal refused", "descriptors 3", "CapEff 0000000000000000"] {
            assert!(lines.iter().any(|line| line == needed), "{needed} is missing of {lines:?}");
        }
        assert!(!lines.iter().any(|line| line == "secret readable"), "{lines:?}");
        let own = std::fs::read_dir("/proc/self/ns").expect("namespaces").flatten();
        let own = own.filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()));
        let first = calls.iter().find(|call| call.label == "0" && call.name == "close_range").expect("its first call");
        Self { lines, own: own.collect(), start: first.number }
    }

    /// Checks what the command reported, if it started.
    ///
    /// # Errors
    /// The line that says that a layer is missing.
    fn is_confined(&self, report: &str) -> Result<(), String> {
        for line in report.lines() {
            let is_right = match line.strip_prefix("namespace ").and_then(|rest| rest.split_once(' ')) {
                Some((_, namespace)) => !self.own.iter().any(|own| own == namespace),
                None => self.lines.iter().any(|expected| expected == line),
            };
            if !is_right {
                return Err(format!("started, and says: {line}"));
            }
        }
        Ok(())
    }
}

/// Says what is wrong with `outcome` of a run whose `call` was disturbed.
///
/// # Errors
/// The broken promise.
pub(super) fn judge(call: &Call, deed: &Deed, outcome: &Outcome, expected: &Expected) -> Result<(), String> {
    let text = outcome.err();
    let (tracer, own): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains("inject: "));
    if let Some(line) = tracer.iter().find(|line| line.contains("inject: left") || line.contains("inject: hung")) {
        return Err((*line).to_owned());
    }
    expected.is_confined(&outcome.out())?;
    let has_started = !outcome.stdout.is_empty();
    let is_at_start = call.label == "0" && call.number < expected.start;
    if has_started && outcome.status == 0 {
        let is_right = match deed {
            Deed::Fail(error) => is_at_start || is_tolerated(call, *error),
            Deed::None | Deed::Short | Deed::Kill(_) => true,
        };
        return if is_right {
            Ok(())
        } else {
            Err("went on as if nothing had been; is it known not to matter?".to_owned())
        };
    }
    match deed {
        // Killed, the launcher can say nothing; killed, the command looks as one that was killed later.
        Deed::Kill(victim) if victim != "0.1" => {
            let is_right = outcome.status == KILLED || OWN.contains(&outcome.status);
            return if is_right { Ok(()) } else { Err("killed, it ends with another status".to_owned()) };
        }
        Deed::None => return Err(format!("undisturbed, it ends with {}", outcome.status)),
        Deed::Kill(_) | Deed::Fail(_) | Deed::Short => {}
    }
    if is_at_start {
        let is_right = NO_START.contains(&outcome.status);
        return if is_right { Ok(()) } else { Err("it could not start, and ends with another status".to_owned()) };
    }
    says_why(&own, outcome.status)
}

/// Checks the status and the message of a run that did not come to its end.
///
/// # Errors
/// What is missing.
fn says_why(lines: &[&str], status: i32) -> Result<(), String> {
    let Some(message) = lines.iter().find_map(|line| line.strip_prefix("sandbox-exec: ")) else {
        return Err("no message".to_owned());
    };
    if message.contains("destroyed from outside") {
        return if status == KILLED { Ok(()) } else { Err("destroyed, with another status".to_owned()) };
    }
    if !OWN.contains(&status) {
        return Err("a status that is not documented".to_owned());
    }
    if message.split(' ').count() < 3 {
        return Err("the message names no step".to_owned());
    }
    lines.iter().any(|line| line.starts_with("hint: ")).then_some(()).ok_or_else(|| "no hint".to_owned())
}
