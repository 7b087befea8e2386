//! Attacks on host rules.

use super::*;

/// A rule as the command line would give it.
fn rule(text: &str) -> HostRule {
    HostRule::parse(text, Origin::flags()).unwrap()
}

#[test]
fn a_nul_byte_cannot_smuggle_an_allowed_suffix() {
    let rule = rule("*.google.com");
    assert!(rule.matches("www.google.com", 443));
    for name in [
        "attacker.example\0.google.com",
        "attacker.example\n.google.com",
        " .google.com",
        "..google.com",
        ".google.com",
    ] {
        assert!(!rule.matches(name, 443), "{name:?}");
    }
}

#[test]
fn a_wildcard_matches_whole_parts_only() {
    let rule = rule("*.example.com");
    assert!(rule.matches("a.b.example.com", 443));
    assert!(!rule.matches("example.com", 443));
    assert!(!rule.matches("evilexample.com", 443));
    assert!(!rule.matches("example.com.evil.net", 443));
}

#[test]
fn a_name_does_not_match_as_a_prefix() {
    let rule = rule("api.example.com");
    assert!(rule.matches("API.Example.COM.", 443));
    assert!(!rule.matches("api.example.com.evil.net", 443));
    assert!(!rule.matches("api.example.com..", 443));
    assert!(!rule.matches("xapi.example.com", 443));
}

#[test]
fn only_https_is_meant_without_a_port() {
    assert!(rule("example.com").matches("example.com", 443));
    assert!(!rule("example.com").matches("example.com", 22));
    assert!(rule("example.com:22,80").matches("example.com", 22));
    assert!(!rule("example.com:22,80").matches("example.com", 443));
    assert!(rule("example.com:*").matches("example.com", 1));
}

#[test]
fn an_address_matches_in_every_spelling_of_the_same_address() {
    let rule = rule("[2001:db8::1]:443");
    assert!(rule.matches("2001:DB8:0:0::1", 443));
    assert!(!rule.matches("2001:db8::2", 443));
    assert_eq!(rule.to_string(), "[2001:db8::1]:443");
}

#[test]
fn numbers_that_resolvers_read_as_addresses_are_not_names() {
    for text in ["127.1", "2130706433", "0x7f.1", "0x7f000001", "a.0x7f"] {
        assert!(matches!(HostRule::parse(text, Origin::flags()), Err(HostError::HalfAddress { .. })), "{text}");
        assert!(!rule("*.example.com:*").matches(text, 443), "{text}");
    }
}

#[test]
fn rules_that_would_be_wider_than_they_look_are_refused() {
    for text in [
        "*",
        "*.com",
        "*.1.2.3.4",
        "a.*.com",
        "*a.com",
        "**.com",
        "",
        ".",
        "a..b",
        "-a.com",
        "http://a.com",
        "a.com/x",
        "u@a.com",
        "a.com:0",
        "a.com:65536",
        "a.com:+1",
        "a.com:",
        "a.com:80,",
        "::1",
        "[::1",
        "[::1]x",
        "a\0.com",
        "bücher.example",
    ] {
        let error = HostRule::parse(text, Origin::flags()).unwrap_err();
        assert!(!error.hint().is_empty(), "{text}");
    }
}
