//! The proxy inside the sandbox, for programs that insist on one: the same rules.

use crate::harness::online::{Tricks, policy, set_policy};
use crate::harness::{Run, each_online, host};

/// What the policy of these tests allows.
const ALLOWED: &[&str] = &["web.example.com:80,443", "ten.example.com:80"];

/// Why none of it succeeds bare.
const WHY: &str = "there is no such proxy outside of the sandbox";

/// Asserts that the proxy refuses these requests of curl.
#[track_caller]
fn refused(options: &[(&str, &str)]) {
    let tries: Vec<String> =
        options.iter().map(|(options, _)| format!("curl --noproxy none.example -gsS -m 8 {options}")).collect();
    let tricks: Vec<(&str, &str)> =
        tries.iter().map(String::as_str).zip(options.iter().map(|(_, recorded)| *recorded)).collect();
    Tricks::new(ALLOWED, &tricks).policy("proxy = true\n").never_bare(WHY).are_refused();
}

#[test]
fn proxy_tunnels_to_no_host_that_no_rule_names() {
    refused(&[
        ("-p -x http://198.18.0.1:3128 http://evil.example.net/", "evil.example.net"),
        ("-x http://198.18.0.1:3128 https://evil.example.net/", "evil.example.net"),
        ("-x socks5h://198.18.0.1:3128 http://evil.example.net/", "evil.example.net"),
        ("-p -x http://198.18.0.1:3128 http://web.example.com:4444/", "web.example.com:4444"),
        ("-x socks5h://198.18.0.1:3128 http://web.example.com:4444/", "web.example.com:4444"),
    ]);
}

#[test]
fn proxy_tunnels_to_no_private_address() {
    refused(&[
        ("-p -x http://198.18.0.1:3128 http://10.7.7.7/", "10.7.7.7"),
        ("-p -x http://198.18.0.1:3128 http://127.0.0.1:4444/", "127.0.0.1"),
        ("-p -x http://198.18.0.1:3128 http://169.254.169.254/", "169.254.169.254"),
        ("-p -x http://198.18.0.1:3128 http://[fd00::7]/", "fd00::7"),
        ("-p -x http://198.18.0.1:3128 http://[::ffff:10.7.7.7]/", "10.7.7.7"),
        ("-x socks5://198.18.0.1:3128 http://10.7.7.7/", "10.7.7.7"),
        ("-x socks5://198.18.0.1:3128 http://127.0.0.1:4444/", "127.0.0.1"),
        ("-x socks5h://198.18.0.1:3128 http://2852039166/", "169.254.169.254"),
        ("-x socks5://198.18.0.1:3128 http://[fd00::7]/", "fd00::7"),
        ("-x socks5h://198.18.0.1:3128 http://localhost:4444/", "localhost"),
    ]);
}

#[test]
fn proxy_tunnels_to_no_allowed_name_that_leads_to_a_private_address() {
    refused(&[
        ("-p -x http://198.18.0.1:3128 http://ten.example.com/", "ten.example.com"),
        ("-x socks5h://198.18.0.1:3128 http://ten.example.com/", "ten.example.com"),
    ]);
}

#[test]
fn what_goes_through_the_tunnel_is_held_to_its_host() {
    refused(&[
        ("-p -x http://198.18.0.1:3128 -H 'Host: evil.example.net' http://web.example.com/", "web.example.com"),
        ("-x socks5h://198.18.0.1:3128 -H 'Host: evil.example.net' http://web.example.com/", "web.example.com"),
        (
            "-x http://198.18.0.1:3128 --connect-to evil.example.net:443:web.example.com:443 https://evil.example.net/",
            "web.example.com",
        ),
        (
            "-x socks5h://198.18.0.1:3128 --connect-to evil.example.net:443:web.example.com:443 https://evil.example.net/",
            "web.example.com",
        ),
    ]);
}

#[test]
fn proxy_is_there_only_when_it_was_asked_for() {
    if host::only_bare() {
        return;
    }
    each_online(|scene| {
        set_policy(scene, &policy(&["web.example.com:80,3128"]));
        let script = "curl -sS -m 8 -p -x http://198.18.0.1:3128 http://web.example.com/; echo over";
        let outcome = scene.sandboxed(&Run::shell(script));
        assert!(outcome.out().contains("over") && !outcome.out().contains("hello"), "{outcome}");
    });
}
