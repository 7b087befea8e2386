//! Attacks on the judgement of names, addresses and ports.

use super::*;
use crate::origin::Origin;

/// A policy with these rules, as the command line would give them.
fn network(allow: &[&str], deny: &[&str]) -> Network {
    let origin = Origin::flags;
    Network {
        mode: NetworkMode::Allowlist,
        rules: allow.iter().map(|text| HostRule::parse(text, origin()).unwrap()).collect(),
        deny: deny.iter().map(|text| HostRule::parse_deny(text, origin()).unwrap()).collect(),
        proxy: false,
        publish: Vec::new(),
    }
}

/// Why a connection is refused.
fn reason(network: &Network, name: &str, port: u16) -> Option<ReasonCode> {
    network.judge(name, port).err().map(|refusal| refusal.reason)
}

#[test]
fn a_denied_host_stays_denied_whatever_allows_it() {
    let network =
        network(&["*.example.com:*", "a.example.com:22,443", "10.0.0.0/8:*"], &["a.example.com", "10.1.0.0/16"]);
    assert_eq!(reason(&network, "A.Example.com.", 443), Some(ReasonCode::HostDenied));
    assert_eq!(reason(&network, "b.example.com", 443), None);
    assert!(network.judge_name("a.example.com").is_err() && network.judge_name("b.example.com").is_ok());
    assert!(network.names_address([10, 2, 0, 1].into(), 80) && !network.names_address([10, 1, 0, 1].into(), 80));
    assert!(network.denies_address("::ffff:10.1.0.1".parse().unwrap(), 1));
}

#[test]
fn a_wildcard_ends_where_anybody_can_have_a_name() {
    let network = network(&["*.amazonaws.com", "mine.s3.amazonaws.com", "*.example.com"], &["*.com:25"]);
    for own in ["sts.amazonaws.com", "s3.amazonaws.com", "a.b.example.com", "mine.s3.amazonaws.com"] {
        assert!(network.judge(own, 443).is_ok() && network.judge_name(own).is_ok(), "{own}");
    }
    for anybodys in ["theirs.s3.amazonaws.com", "a.theirs.S3.amazonaws.com.", "x.mine.s3.amazonaws.com"] {
        let refusal = network.judge(anybodys, 443).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::HostNotAllowed, "{anybodys}");
        assert!(refusal.message.contains("anybody can have a name below s3.amazonaws.com"), "{refusal:?}");
        assert!(network.judge_name(anybodys).is_err(), "{anybodys} is not even looked up");
    }
    assert_eq!(
        reason(&network, "theirs.s3.amazonaws.com", 25),
        Some(ReasonCode::HostDenied),
        "deny reaches everything"
    );
}

#[test]
fn a_name_whose_only_port_is_denied_is_not_even_looked_up() {
    let network = network(&["example.com:80,443"], &["example.com:443"]);
    assert!(network.judge_name("example.com").is_ok());
    assert_eq!(reason(&network, "example.com", 443), Some(ReasonCode::HostDenied));
    let network = self::network(&["example.com:80,443"], &["*.com:443", "example.com:80"]);
    assert!(network.judge_name("example.com").is_err());
}

#[test]
fn a_name_that_is_denied_at_its_ports_is_called_denied_and_no_line_is_suggested() {
    let denied = [
        network(&["example.com:22,443"], &["example.com:22,443"]),
        network(&["example.com:80"], &["example.com:80"]),
        network(&[], &["example.com:443"]),
    ];
    for network in denied {
        let refusal = network.judge_name("example.com").unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::HostDenied, "{refusal:?}");
        assert!(!refusal.instead.contains("add"), "{refusal:?}");
    }
    let open = network(&[], &["example.com:80"]).judge_name("example.com").unwrap_err();
    assert!(open.instead.contains("add \"example.com:443\""), "{open:?}");
}

#[test]
fn a_refusal_names_the_line_that_would_allow_it_and_that_line_does() {
    let empty = network(&[], &[]);
    for (name, port) in [("Example.com.", 22), ("10.0.0.1", 80), ("2001:db8::1", 443), ("xn--bcher-kva.example", 8443)]
    {
        let refusal = empty.judge(name, port).unwrap_err();
        let line = refusal.instead.split('"').nth(1).unwrap().to_owned();
        assert!(refusal.instead.contains(USER_FILE), "{refusal:?}");
        assert_eq!(reason(&network(&[&line], &[]), name, port), None, "{line}");
    }
    assert!(empty.judge("127.0.0.1", 80).unwrap_err().instead.contains("no rule can allow"));
}

#[test]
fn without_a_network_everything_is_refused_and_with_the_hosts_own_nothing_is() {
    let mut network = network(&["example.com"], &[]);
    network.mode = NetworkMode::None;
    assert_eq!(reason(&network, "example.com", 443), Some(ReasonCode::NetworkOff));
    assert!(network.low_ports().is_empty() && !network.names_address([10, 0, 0, 1].into(), 443));
    network.mode = NetworkMode::Host;
    assert_eq!(reason(&network, "anything.net", 1), None);
}

#[test]
fn learn_mode_allows_what_no_rule_names_but_not_what_is_denied_or_no_host() {
    let mut network = network(&[], &["evil.example"]);
    network.mode = NetworkMode::Learn;
    assert_eq!(reason(&network, "anything.net", 1234), None);
    assert_eq!(reason(&network, "evil.example", 443), Some(ReasonCode::HostDenied));
    assert_eq!(reason(&network, "2130706433", 443), Some(ReasonCode::BadHost));
    assert!(!network.names_address([10, 0, 0, 1].into(), 443), "only a rule opens private addresses");
}

#[test]
fn the_narrowest_rule_decides_and_of_two_alike_the_later() {
    let mut network = network(&["api.example.com:80", "*.example.com:80", "*.api.example.com:*"], &[]);
    let first = network.rules.remove(0).with_requests(&["GET".to_owned()], &[]).unwrap();
    network.rules.insert(0, first);
    assert!(network.judge("api.example.com", 80).unwrap().restricts_requests());
    assert!(!network.judge("x.example.com", 80).unwrap().restricts_requests());
    assert_eq!(network.judge("x.api.example.com", 80).unwrap().to_string(), "*.api.example.com:*");
}

#[test]
fn low_ports_are_those_that_rules_list() {
    let network = network(&["a.com:22,443,8443", "*.b.com:*", "10.0.0.0/8:80"], &[]);
    assert_eq!(network.low_ports(), BTreeSet::from([22, 80, 443]));
    assert_eq!(network.all_ports(), None);
    assert_eq!(self::network(&["a.com:22,8443"], &[]).all_ports(), Some(BTreeSet::from([22, 8443])));
}
