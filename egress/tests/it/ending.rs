//! How it ends: with the launcher, soon, and with the sandbox's network.

use std::time::Duration;

use lobsterpot_policy::orders::{Event, Role};
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt;

use crate::harness::{As, Egress, Programs, allow, line, number};

#[test]
fn it_ends_soon_after_the_line_closes() {
    for by in [As::Caller, As::Ordinary] {
        let mut egress = Egress::start(&Programs::new(), by, allow(&["example.com"]), Vec::new());
        egress.control = None;
        let (status, took) = egress.ended();
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(60), "{took:?}");
    }
}

#[test]
fn it_is_killed_with_the_thread_that_started_it_even_when_the_line_stays() {
    let started = || Egress::start(&Programs::new(), As::Caller, allow(&["example.com"]), Vec::new());
    let mut egress = std::thread::spawn(started).join().unwrap();
    assert_eq!(egress.ended().0.signal(), Some(Signal::SIGKILL as i32));
}

#[test]
fn what_the_launcher_says_wrongly_is_passed_over() {
    let egress = Egress::start(&Programs::new(), As::Caller, allow(&["example.com"]), Vec::new());
    for text in ["", "{", "[]", "{\"want\":{}}", "\u{1b}[2J"] {
        if !text.is_empty() {
            egress.say(text.as_bytes());
        }
    }
    egress.say(&vec![b' '; 100_000]);
    egress.say(br#"{"want":{"id":7,"address":"198.18.0.77","port":8443}}"#);
    assert_eq!(egress.event_that(|event| matches!(event, Event::Ready { .. })), Event::Ready { id: 7 });
}

#[test]
fn a_launcher_that_never_reads_holds_nothing_up() {
    let mut egress = Egress::start(&Programs::new(), As::Caller, allow(&["example.com"]), Vec::new());
    for id in 0..5000 {
        let text = format!(r#"{{"want":{{"id":{id},"address":"10.0.{}.{}","port":8443}}}}"#, id / 256, id % 256);
        egress.say(text.as_bytes());
    }
    egress.control = None;
    assert_eq!(egress.ended().0.code(), Some(0));
}

#[test]
fn the_orders_decide_over_the_environment() {
    // Neither a debugger's variable nor a backtrace's makes it open a file after it was confined: it would be killed.
    let (ours, theirs) = line();
    let named = [(theirs, Role::Control)];
    let text = serde_json::to_vec(&crate::harness::orders(allow(&["example.com"]), &named)).unwrap();
    let [(theirs, _)] = named;
    assert!(number(&theirs) > 2);
    let process = crate::harness::start(&Programs::new(), As::Caller, &text, &[theirs]);
    let mut egress = Egress { control: Some(ours), process };
    assert_eq!(egress.event(), Some(Event::Started));
    egress.control = None;
    assert_eq!(egress.ended().0.code(), Some(0));
}
