//! What a run's report says about calls and sockets that were refused.

use serde_json::{Value, json};

use super::words::{escaped, harmless};
use crate::seccomp::Refusal;
use crate::supervise::Socket;
use crate::way_out::record::{CALL, SOCKET};

/// How many sockets are named.
const NAMED: usize = 5;
/// What to do about a socket outside.
const NAME_IT: &str = "a service of the host is reached by files.sockets in ~/.config/lobsterpot/policy.toml; mind what it lets its users do";

/// The report. `others` is how often further sockets were refused.
pub(super) fn text(calls: &[(Refusal, u64)], sockets: &[Socket], others: u64) -> String {
    let mut lines = Vec::new();
    let mut hints: Vec<&str> = Vec::new();
    for (Refusal { call, rule, errno: _ }, times) in calls {
        lines.push(format!(
            "sandbox-exec: refused the system call {call} ({CALL}){}: {}",
            counted(*times),
            rule.reason
        ));
        if !hints.contains(&rule.hint) {
            lines.push(format!("hint: {}", rule.hint));
            hints.push(rule.hint);
        }
    }
    for Socket { path, reason, times } in sockets.iter().take(NAMED) {
        let why = reason.as_deref().unwrap_or("who listens there is outside of the sandbox");
        let (path, times) = (escaped(path), counted(*times));
        lines.push(format!("sandbox-exec: refused the socket \"{path}\" ({SOCKET}){times}: {}", harmless(why)));
    }
    let unnamed = sockets.iter().skip(NAMED).fold(others, |sum, socket| sum.saturating_add(socket.times));
    if unnamed > 0 {
        lines.push(format!("sandbox-exec: … and {unnamed} more connections to sockets"));
    }
    if !sockets.is_empty() {
        lines.push(format!("hint: {NAME_IT}"));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The same for a program, on one line.
pub(super) fn json(calls: &[(Refusal, u64)], sockets: &[Socket], others: u64) -> String {
    let calls = calls.iter().map(|(refusal, times)| {
        json!({
            "reason": CALL,
            "call": refusal.call,
            "times": times,
            "why": refusal.rule.reason,
            "hint": refusal.rule.hint,
        })
    });
    let sockets = sockets.iter().map(|socket| {
        json!({
            "reason": SOCKET,
            "path": escaped(&socket.path),
            "times": socket.times,
            "why": socket.reason.as_deref().map(harmless),
            "hint": NAME_IT,
        })
    });
    let refused: Vec<Value> = calls.chain(sockets).collect();
    format!("{}\n", json!({ "version": super::json::VERSION, "refused": refused, "more": others }))
}

/// How often, when more than once.
fn counted(times: u64) -> String {
    if times > 1 { format!(", {times} times") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::seccomp;

    #[test]
    fn a_refused_call_is_named_with_its_reason_and_a_way_on() {
        let number = u32::try_from(libc::SYS_ptrace).expect("a number");
        let refusal = seccomp::reported(number, &[0; 6]).expect("reported");
        let text = text(&[(refusal, 3)], &[], 0);
        assert!(text.starts_with("sandbox-exec: refused the system call ptrace (sys.denied), 3 times: "), "{text}");
        assert!(text.contains("\nhint: ") && text.contains("--profile dev"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_program_is_told_the_same_on_one_line() {
        let number = u32::try_from(libc::SYS_ptrace).expect("a number");
        let refusal = seccomp::reported(number, &[0; 6]).expect("reported");
        let socket = Socket { path: PathBuf::from("/run/a\u{1b}b"), reason: None, times: 2 };
        let line = json(&[(refusal, 3)], &[socket], 4);
        let read: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line.lines().count(), 1);
        assert_eq!((&read["refused"][0]["call"], &read["refused"][0]["times"]), (&json!("ptrace"), &json!(3)));
        assert_eq!(read["refused"][1]["reason"], "fs.socket-not-allowed");
        assert_eq!(read["more"], 4);
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }

    #[test]
    fn sockets_are_named_up_to_a_bound_and_nothing_of_them_drives_a_terminal() {
        let socket = |number: u64| Socket {
            path: PathBuf::from(format!("/run/\u{1b}[2J{number}")),
            reason: None,
            times: number,
        };
        let sockets: Vec<Socket> = (1..=7).map(socket).collect();
        let text = text(&[], &sockets, 4);
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert_eq!(text.matches("refused the socket").count(), 5);
        assert!(text.contains("… and 17 more connections"), "{text}");
        assert_eq!(text.matches("hint: ").count(), 1);
    }
}
