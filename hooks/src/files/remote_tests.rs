//! Addresses that programs read in different ways, and hosts that only look like allowed ones.

use lobsterpot_policy::{Decision, HostRule, LoadRequest, Origin, SystemReader, load};

use super::*;
use crate::files::address::{Address, read};

/// The network of the built-in policy in a mode, with these rules in the place of its own.
fn network(mode: NetworkMode, allow: &[&str], deny: &[&str]) -> Network {
    let mut network = load(&LoadRequest::default(), &SystemReader).unwrap().network;
    network.mode = mode;
    network.rules = allow.iter().map(|text| HostRule::parse(text, Origin::flags()).unwrap()).collect();
    network.deny = deny.iter().map(|text| HostRule::parse_deny(text, Origin::flags()).unwrap()).collect();
    network
}

/// The code of the refusal of an address; `None` when it may be reached.
fn said(network: &Network, text: &str) -> Option<&'static str> {
    let verdict = match read(text) {
        Address::Network(remote) => remote.judge(network, text).err()?,
        Address::Refused(why) => refused(text, why),
        Address::Path(_) | Address::Harmless => return None,
    };
    assert_eq!(verdict.decision, Decision::Deny);
    assert!(!verdict.instead.is_empty());
    Some(verdict.reason.as_str())
}

#[test]
fn an_address_is_reached_by_the_rule_that_a_connection_would_need() {
    let network = network(NetworkMode::Allowlist, &["example.com", "*.example.net:80,8443"], &["bad.example.net"]);
    for text in [
        "https://example.com",
        "https://example.com/a?b#c",
        "HTTPS://EXAMPLE.COM.:443/",
        "wss://example.com/",
        "https://example.com:/",
        "http://a.example.net/",
        "https://a.b.example.net:8443?x",
    ] {
        assert_eq!(said(&network, text), None, "{text}");
    }
    for text in [
        "http://example.com/",
        "https://example.com:8443/",
        "https://example.com.evil.example/",
        "https://evil.example/?https://example.com",
        "https://evil.example#@example.com/",
        "https://xexample.com/",
        "https://a.example.net/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://xn--exmple-cua.com/",
    ] {
        assert_eq!(said(&network, text), Some("net.host-not-allowed"), "{text}");
    }
    assert_eq!(said(&network, "http://bad.example.net/"), Some("net.host-denied"));
}

#[test]
fn an_address_that_programs_read_in_different_ways_is_refused() {
    let network = network(NetworkMode::Allowlist, &["example.com:80,443", "example.com.evil.example"], &[]);
    for text in [
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://evil.example\\@example.com/",
        "https://example.com\\.evil.example/",
        "https:example.com",
        "https:/example.com",
        "https:///example.com",
        "https:\\\\example.com",
        "https://example.com:80:443/",
        "https://example.com:99999/",
        "https://example.com:+443/",
        "https://example.com:0/",
        "https://example.com:４４３/",
        "https://ex\tample.com/",
        "https://example.com\n.evil.example/",
        "https://ex%61mple.com/",
        "https://ｅxample.com/",
        "https://example。com/",
        "https://[example.com]/",
        "https://[::ffff:1.2.3.4]x/",
        "https://example.com'/",
        "https://example.com../",
        "https://-example.com/",
        "https://",
        "https://:443/",
    ] {
        assert!(said(&network, text).is_some(), "{text}");
    }
}

#[test]
fn an_address_in_numbers_is_read_in_one_way_only() {
    let network = network(NetworkMode::Allowlist, &["8.8.8.8", "[2606:4700::1111]:443", "10.1.0.0/16:80"], &[]);
    for text in ["https://8.8.8.8/", "https://[2606:4700::1111]/", "http://10.1.2.3/", "https://[::ffff:8.8.8.8]/"] {
        assert_eq!(said(&network, text), None, "{text}");
    }
    for text in [
        "https://134744072/",
        "https://0x08080808/",
        "https://8.8.2056/",
        "https://010.8.8.8/",
        "https://8.8.8.8.8/",
        "http://10.1.515/",
        "http://10.2.0.1/",
        "http://127.0.0.1/",
        "https://10.1.2.3/",
    ] {
        assert!(said(&network, text).is_some(), "{text}");
    }
}

#[test]
fn the_mode_decides_about_what_no_rule_names() {
    let off = network(NetworkMode::None, &["example.com"], &[]);
    assert_eq!(said(&off, "https://example.com/"), Some("net.off"));
    assert_eq!(said(&off, "data:text/plain,x"), None);
    for mode in [NetworkMode::Host, NetworkMode::Learn] {
        let open = network(mode, &[], &[]);
        assert_eq!(said(&open, "https://anything.example/"), None);
        for local in ["http://127.0.0.1:18789/", "http://localhost/", "http://169.254.169.254/", "http://metadata/"] {
            assert_eq!(said(&open, local), Some("net.host-not-allowed"), "{local}");
        }
    }
}

#[test]
fn a_rule_for_methods_and_paths_holds_for_plain_addresses() {
    let mut network = network(NetworkMode::Allowlist, &["example.com:80,8080"], &[]);
    let rule = network.rules.pop().unwrap().with_requests(&["GET".to_owned()], &["/docs/**".to_owned()]).unwrap();
    network.rules.push(rule);
    assert_eq!(said(&network, "http://example.com/docs/a?b"), None);
    assert_eq!(said(&network, "http://example.com/other"), Some("net.request"));
    assert_eq!(said(&network, "http://example.com/docs/%2e%2e/other"), Some("net.malformed"));
    assert_eq!(said(&network, "https://example.com:8080/docs/a"), Some("net.protocol"));
}

#[test]
fn every_address_of_a_text_is_found() {
    let found = |text| within(text).collect::<Vec<_>>();
    assert_eq!(
        found("read https://a.example/x, then (HTTP://b.example)."),
        ["https://a.example/x", "HTTP://b.example"]
    );
    assert_eq!(found("[t](https://a.example/)<wss://c>"), ["https://a.example/)<wss://c", "wss://c"]);
    assert_eq!(found("https://a.example'.evil.example"), ["https://a.example'.evil.example"]);
    assert_eq!(found("http:b.example ftp://c view://d"), ["http:b.example", "ftp://c", "view://d"]);
    assert_eq!(found("use http: or a:b at 10:30, then http"), Vec::<&str>::new());
}

/// What is said of an address that lacks its scheme, where it could be a path too.
fn said_without_scheme(network: &Network, text: &str) -> Option<&'static str> {
    without_scheme(text).and_then(|host| host.judge(network, text).err()).map(|verdict| verdict.reason.as_str())
}

#[test]
fn an_address_without_its_scheme_is_judged_as_a_client_may_complete_it() {
    let network = network(NetworkMode::Allowlist, &["example.com", "both.example.com:80,443"], &[]);
    for text in [
        "evil.example/x",
        "//evil.example",
        "evil.example?q",
        " evil.example/x:y",
        "127.1/",
        "localhost",
        "x/y",
        "a@b/",
    ] {
        assert_eq!(said_without_scheme(&network, text), Some("net.host-not-allowed"), "{text}");
    }
    assert_eq!(
        said_without_scheme(&network, "example.com/x"),
        Some("net.host-not-allowed"),
        "http is not allowed there"
    );
    assert_eq!(said_without_scheme(&network, "both.example.com/x"), None);
    for text in ["/x", "./x", "../x", "~/x", "", "."] {
        assert_eq!(without_scheme(text), None, "{text:?} is a path");
    }
}

#[test]
fn a_name_that_is_more_likely_a_files_is_not_taken_for_a_host() {
    let is_plain = |text: &str| without_scheme(text).is_some_and(WithoutScheme::is_plain);
    for text in ["evil.example/x", "//evil.example/x", "localhost/x", "127.0.0.1", "2130706433/x", "notes.md"] {
        assert!(is_plain(text), "{text}");
    }
    for text in ["out/picture.png", "README", ".env", "src/main.rs"] {
        assert!(!is_plain(text), "{text}");
    }
}
