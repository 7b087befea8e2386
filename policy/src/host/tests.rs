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
        "Bücher.example",
    ] {
        let error = HostRule::parse(text, Origin::flags()).unwrap_err();
        assert!(!error.hint().is_empty(), "{text}");
    }
}

#[test]
fn a_star_over_names_that_anybody_can_have_is_refused_and_one_over_a_domain_is_not() {
    for text in [
        "*.co.uk",
        "*.github.io",
        "*.kawasaki.jp", // all that is below it is a public suffix
        "*.x.ck",
        "*.pages.dev",
        "*.s3.amazonaws.com",
        "*.рф",
        "*.xn--p1ai",
        "*.CO.UK.",
        "*.blogspot.com",
        "*.appspot.com:8443",
    ] {
        let error = HostRule::parse(text, Origin::flags()).expect_err(text);
        assert!(matches!(error, HostError::TooWide { .. }), "{text}: {error}");
        assert!(HostRule::parse_deny(text, Origin::flags()).is_ok(), "denying {text} is no fault");
    }
    for text in ["*.example.co.uk", "*.me.github.io", "*.city.kawasaki.jp", "co.uk", "*.crates.io", "me.github.io"] {
        assert!(HostRule::parse(text, Origin::flags()).is_ok(), "{text}");
    }
}

#[test]
fn networks_match_what_is_in_them_and_must_be_written_as_such() {
    let v4 = rule("10.0.0.0/8:5432");
    assert!(v4.matches("10.255.0.1", 5432) && v4.matches("::ffff:10.255.0.1", 5432));
    assert!(!v4.matches("11.0.0.0", 5432) && !v4.matches("10.0.0.1", 443) && !v4.matches("ten.example", 5432));
    assert!(!v4.matches("64:ff9b::10.0.0.1", 5432), "NAT64 forms are other addresses");
    let v6 = rule("[2001:db8::/32]:443");
    assert!(v6.matches("2001:db8:ffff::1", 443) && !v6.matches("2001:db9::", 443));
    assert_eq!((v4.to_string(), v6.to_string()), ("10.0.0.0/8:5432".to_owned(), "[2001:db8::/32]:443".to_owned()));
    assert!(rule("192.0.2.7/32").matches("192.0.2.7", 443));
    for (text, hint) in [
        ("10.0.0.1/8", "write `10.0.0.0/8`"),
        ("[2001:db8::1/32]:443", "write `[2001:db8::/32]`"),
        ("10.0.0.0/33", "at most 32"),
        ("10.0.0.0/", "at most 32"),
        ("10.0.0.0/08", "at most 32"),
        ("10.0.0.0/+8", "at most 32"),
        ("10.0/8", "only the host and the port"),
        ("010.0.0.0/8", "only the host and the port"),
        ("2001:db8::/32", "`[2001:db8::/32]`"),
        ("2001:db8::1", "`[2001:db8::1]`"),
        ("[::ffff:10.0.0.0/104]", "the IPv4 network"),
        ("[2001:db8::]/32", "write a name"),
        ("example.com/24", "only the host and the port"),
        ("*.example.com/24", "only the host and the port"),
    ] {
        let error = HostRule::parse(text, Origin::flags()).expect_err(text);
        assert!(error.hint().contains(hint), "{text}: {error}; {}", error.hint());
    }
}

#[test]
fn rules_for_a_large_part_of_all_addresses_are_refused() {
    for text in [
        "0.0.0.0/0",
        "128.0.0.0/1",
        "64.0.0.0/7",
        "[::/0]",
        "[2000::/3]",
        "[2600::/12]",
        "[64:ff9b::/96]",
        "[64:ff9b::/32]",
        "[64:ff9b:1::/48]",
        "[2002::/16]",
    ] {
        let error = HostRule::parse(text, Origin::flags()).expect_err(text);
        assert!(matches!(error, HostError::TooWide { .. } | HostError::Never { .. }), "{text}: {error}");
    }
    for text in ["10.0.0.0/8", "[fc00::/7]", "[2001:db8::/32]", "[64:ff9b::a00:0/104]"] {
        assert!(HostRule::parse(text, Origin::flags()).is_ok(), "{text}");
    }
}

#[test]
fn rules_that_can_never_match_are_refused_with_what_to_do() {
    for text in [
        "example.com:53",
        "example.com:53,443",
        "localhost:8080",
        "*.localhost",
        "a.localhost.:80",
        "x.invalid",
        "*.onion",
        "abc.onion",
        "127.0.0.1:80",
        "127.0.0.0/8",
        "[::1]:80",
        "0.0.0.0",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "198.18.0.20",
        "198.18.0.0/15",
        "[2001:2::10]",
    ] {
        let error = HostRule::parse(text, Origin::flags()).expect_err(text);
        assert!(matches!(error, HostError::Never { .. }) && !error.hint().is_empty(), "{text}: {error}");
    }
    assert!(rule("example.com:*").matches("example.com", 443), "all ports may be named all the same");
}

#[test]
fn methods_are_refused_where_requests_cannot_be_seen() {
    let get = ["GET".to_owned()];
    for text in ["example.com", "example.com:80,443", "example.com:636"] {
        let error = rule(text).with_requests(&get, &[]).expect_err(text);
        assert!(error.hint().contains("ports = [80]"), "{error}");
    }
    assert!(rule("example.com:80,8080").with_requests(&get, &[]).is_ok());
    for bad in ["get", "", "G ET", "GET\r\n", "CONNECT", "*"] {
        assert!(rule("example.com:80").with_requests(&[bad.to_owned()], &[]).is_err(), "{bad:?}");
    }
    for bad in ["v1", "", "/a?b", "/a/../b", "/./a", "//a", "/a%2fb", "/a**", "/a b", "/a\\b", "/ä"] {
        assert!(rule("example.com:80").with_requests(&[], &[bad.to_owned()]).is_err(), "{bad:?}");
    }
}

#[test]
fn no_notation_of_an_address_slips_past_a_rule_for_a_name_or_a_network() {
    let open = [rule("*.example.com:*"), rule("10.0.0.0/8:*"), rule("[fd00::/8]:*")];
    for text in [
        "012.0.0.1",
        "0xa.0.0.1",
        "10.1",
        "10.0.1",
        "167772161",
        "0xa000001",
        "0x0a.0x0.0x0.0x1",
        "10.0.0.1.",
        "10.0.0.256",
        "10.0.0.1%eth0",
        "fd00::1%lo",
        "[fd00::1%25lo]",
        "1.0.0.10.in-addr.arpa.example.net",
        "user@10.0.0.1",
        "10.0.0.1@example.net",
        "10.0.0.1\0.example.com",
        "１0.0.0.1",
        "a.example.com@evil.net",
        "a.example.com:443",
        "a.example.com/",
        "a.example.com\\",
        "a%2eexample.com",
        "xa.example.com.evil",
        "evil-example.com",
        "a.example.com..",
        "-.example.com",
    ] {
        assert!(open.iter().all(|rule| !rule.matches(text, 443)), "{text}");
    }
    let long = format!("{}.example.com", "a".repeat(64));
    assert!(!open.iter().any(|rule| rule.matches(&long, 443)), "a part of 64 characters");
    let long = format!("{}example.com", "a.".repeat(130));
    assert!(!open.iter().any(|rule| rule.matches(&long, 443)), "a name of 271 characters");
}
