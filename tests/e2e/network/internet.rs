//! The suite's internet itself: what the attacks count on is there.

use crate::harness::canary::random_name;
use crate::harness::online::heard;
use crate::harness::{Run, each_online};

/// Every user gets the canary from these, without a sandbox.
#[track_caller]
fn gives_the_canary(script: &str) {
    each_online(|scene| {
        let outcome = scene.bare(&super::trusting(script));
        assert!(scene.canary.is_in(&outcome.stdout), "{script}: {outcome}");
    });
}

#[test]
fn hosts_that_no_rule_names_answer() {
    for place in ["http://evil.example.net", "https://evil.example.net", "http://10.7.7.7", "http://169.254.169.254"] {
        gives_the_canary(&format!("curl -sS {place}/"));
    }
}

#[test]
fn friends_answer_another_name_with_the_canary() {
    gives_the_canary("curl -sS -H 'Host: evil.example.net' http://web.example.com/");
    gives_the_canary("curl -sS -H 'Host: evil.example.net' https://web.example.com/");
    gives_the_canary("curl -sS --connect-to evil.example.net:443:web.example.com:443 https://evil.example.net/");
}

#[test]
fn machine_has_services_of_its_own() {
    for place in ["127.0.0.1:4444", "own.example.com:4444", "own-private.example.com:4444"] {
        gives_the_canary(&format!("~/.local/bin/attack say {place} hello"));
    }
}

#[test]
fn names_change_their_answers() {
    each_online(|scene| {
        let ask = format!("~/.local/bin/attack ask udp - A {}.rebind.example.com", random_name());
        let said = scene.bare(&Run::shell(&format!("{ask}; {ask}"))).ok();
        assert!(said.contains("93.184.216.27") && said.contains("10.7.7.7"), "{said}");
    });
}

#[test]
fn questions_are_noted() {
    each_online(|scene| {
        let name = format!("{}.tunnel.example.net", random_name());
        scene.bare(&Run::new(&[&scene.attack().to_string_lossy(), "ask", "udp", "-", "TXT", &name])).ok();
        assert!(heard(&["dns", "TXT", &name]), "{name}");
    });
}
