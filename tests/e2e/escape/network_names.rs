//! Names that look like an allowed one, and are not.

use crate::harness::online::Tricks;

/// What the policy of these tests allows.
const ALLOWED: &[&str] = &["web.example.com:80,443", "*.wild.example.com:80,443"];

/// Asserts that none of these names can be reached; each is recorded as it is written here.
#[track_caller]
fn refused(names: &[&str]) {
    let fetches: Vec<String> = names.iter().map(|name| format!("attack fetch {name} 80 /")).collect();
    let tricks: Vec<(&str, &str)> =
        fetches.iter().map(String::as_str).zip(names.iter().map(|name| name.trim_end_matches('.'))).collect();
    Tricks::new(ALLOWED, &tricks).are_refused();
}

#[test]
fn host_that_no_rule_names_cannot_be_reached() {
    refused(&["evil.example.net"]);
}

#[test]
fn allowed_name_as_the_beginning_or_end_of_another_one_is_another_one() {
    refused(&[
        "web.example.com.evil.example.net",
        "evil-web.example.com",
        "eviiweb.example.com",
        "web.example.com-evil.example.net",
        "web.example.comevil.net",
        "web.example.co",
        "eb.example.com",
    ]);
}

#[test]
fn names_above_below_and_beside_an_allowed_one_are_not_allowed() {
    refused(&["example.com", "com", "below.web.example.com", "beside.example.com"]);
}

#[test]
fn wildcard_does_not_mean_its_parent_nor_what_only_ends_like_it() {
    refused(&[
        "wild.example.com",
        "evilwild.example.com",
        "one.wild.example.com.evil.example.net",
        "one.wild.example.net",
    ]);
}

#[test]
fn look_alikes_of_other_alphabets_are_other_names() {
    // Cyrillic e, e with an accent, and a zero for an o.
    refused(&["xn--wb-nlc.example.com", "xn--wb-bja.example.com", "web.examp1e.com", "web.example.c0m"]);
}

#[test]
fn capitals_and_final_dots_do_not_turn_one_name_into_another() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack fetch EVIL.Example.NET 80 /", "evil.example.net"),
            ("attack fetch evil.example.org. 80 /", "evil.example.org"),
            ("curl -sS -m 8 http://EVIL.example.NET./", "evil.example.net"),
        ],
    )
    .are_refused();
}

#[test]
fn parts_of_an_address_that_only_look_like_the_host_do_not_count() {
    Tricks::new(
        ALLOWED,
        &[
            ("curl -sS -m 8 http://web.example.com@evil-a.example.net/", "evil-a.example.net"),
            ("curl -sS -m 8 http://web.example.com:80@evil-b.example.net/", "evil-b.example.net"),
            ("curl -sS -m 8 'http://evil-c.example.net#@web.example.com/'", "evil-c.example.net"),
            ("curl -sS -m 8 'http://evil-d.example.net?web.example.com'", "evil-d.example.net"),
            ("curl -sS -m 8 http://web.example.com%2eevil-e.example.net/", "web.example.com.evil-e.example.net"),
            ("curl -sS -m 8 'http://evil-f\u{3002}example\u{3002}net/'", "evil-f.example.net"),
            ("curl -sS -m 8 -L http://web.example.com/redirect/http/evil-g.example.net", "evil-g.example.net"),
            ("curl -sS -m 8 -L https://web.example.com/redirect/https/evil-h.example.net", "evil-h.example.net"),
        ],
    )
    .are_refused();
}

#[test]
fn resolving_a_name_for_oneself_does_not_reach_it() {
    Tricks::new(
        ALLOWED,
        &[
            ("curl -sS -m 8 --resolve evil.example.net:80:45.33.32.156 http://evil.example.net/", "45.33.32.156"),
            (
                "curl -sS -m 8 --connect-to evil.example.net:80:web.example.com:80 http://evil.example.net/",
                "web.example.com",
            ),
        ],
    )
    .are_refused();
}

#[test]
fn names_with_bytes_that_no_name_has_are_not_taken_for_others() {
    // A dot and a NUL inside of a label.
    Tricks::new(
        ALLOWED,
        &[
            ("dig +short +time=2 +tries=1 TXT 'web.example\\.com'", "web.example"),
            ("dig +short +time=2 +tries=1 TXT 'web.example.com\\000.evil.example.net'", "evil.example.net"),
        ],
    )
    .are_refused();
}

#[test]
fn rule_that_denies_wins_however_the_name_is_written() {
    Tricks::new(
        &["*.example.net:80"],
        &[
            ("attack fetch evil.example.net 80 /", "evil.example.net"),
            ("attack fetch EVIL.example.NET. 80 /", "evil.example.net"),
            ("attack fetch below.worse.example.net 80 /", "below.worse.example.net"),
        ],
    )
    .policy("deny = [\"evil.example.net:*\", \"*.worse.example.net:*\"]\n")
    .are_refused();
}
