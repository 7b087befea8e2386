//! Addresses: written without a name, in every notation; behind a name; the host's own; and ports.

use crate::harness::online::Tricks;

/// What the policy of these tests allows.
const ALLOWED: &[&str] = &["web.example.com:80,443", "other.example.com:443", "db.example.com:5432"];

/// Asserts that each of these web servers is refused; what is recorded is what follows.
#[track_caller]
fn refused(allowed: &[&str], places: &[(&str, &str)]) {
    let fetches: Vec<String> = places.iter().map(|(place, _)| format!("curl -gsS -m 8 http://{place}/")).collect();
    let tricks: Vec<(&str, &str)> =
        fetches.iter().map(String::as_str).zip(places.iter().map(|(_, recorded)| *recorded)).collect();
    Tricks::new(allowed, &tricks).are_refused();
}

#[test]
fn address_without_a_name_is_refused_in_every_notation() {
    refused(
        ALLOWED,
        &[
            ("45.33.32.156", "45.33.32.156"),
            ("757145756", "45.33.32.156"),
            ("0x2d21209c", "45.33.32.156"),
            ("055.041.040.0234", "45.33.32.156"),
            ("0x2d.33.8348", "45.33.32.156"),
            ("45.2171036", "45.33.32.156"),
            ("[2600:3c01::66]", "2600:3c01::66"),
            ("[2600:3c01:0:0:0:0:0:0066]", "2600:3c01::66"),
            ("[::ffff:45.33.32.156]", "45.33.32.156"),
        ],
    );
}

#[test]
fn address_of_an_allowed_host_is_refused_without_its_name() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack say 93.184.216.10:80 'GET / HTTP/1.0\\r\\n\\r\\n'", "93.184.216.10"),
            ("attack say [2606:2800:220::10]:80 'GET / HTTP/1.0\\r\\n\\r\\n'", "2606:2800:220::10"),
        ],
    )
    .are_refused();
}

#[test]
fn private_addresses_are_refused() {
    refused(
        ALLOWED,
        &[
            ("10.7.7.7", "10.7.7.7"),
            ("172.16.7.7", "172.16.7.7"),
            ("192.168.7.7", "192.168.7.7"),
            ("100.64.7.7", "100.64.7.7"),
            ("[fd00::7]", "fd00::7"),
            ("[64:ff9b::a07:707]", "64:ff9b::a07:707"),
        ],
    );
}

#[test]
fn metadata_address_is_refused_by_number() {
    refused(
        ALLOWED,
        &[
            ("169.254.169.254", "169.254.169.254"),
            ("2852039166", "169.254.169.254"),
            ("0xa9fea9fe", "169.254.169.254"),
            ("0251.0376.0251.0376", "169.254.169.254"),
            ("[::ffff:169.254.169.254]", "169.254.169.254"),
            ("[fd00:ec2::254]", "fd00:ec2::254"),
            ("[64:ff9b::a9fe:a9fe]", "64:ff9b::a9fe:a9fe"),
        ],
    );
}

#[test]
fn metadata_address_is_refused_by_name() {
    refused(
        &["metadata.google.internal:80", "metadata.example.com:80", "metadata6.example.com:80"],
        &[
            ("metadata.google.internal", "metadata.google.internal"),
            ("metadata.example.com", "metadata.example.com"),
            ("metadata6.example.com", "metadata6.example.com"),
        ],
    );
}

/// Names that a policy allows, whose owner has them lead to somewhere special.
#[track_caller]
fn leads_to_somewhere_special(names: &[&str]) {
    let allowed: Vec<String> = names.iter().map(|name| format!("{name}:80,4444")).collect();
    let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
    let tries: Vec<String> = names.iter().map(|name| format!("attack say {name}:4444 hello")).collect();
    let tricks: Vec<(&str, &str)> = tries.iter().map(String::as_str).zip(names.iter().copied()).collect();
    Tricks::new(&allowed, &tricks).are_refused();
}

#[test]
fn allowed_name_that_leads_to_a_private_address_is_refused() {
    leads_to_somewhere_special(&[
        "ten.example.com",
        "b-private.example.com",
        "c-private.example.com",
        "shared.example.com",
        "link.example.com",
        "unique.example.com",
        "benchmark.example.com",
    ]);
}

#[test]
fn allowed_name_that_leads_to_the_host_itself_is_refused() {
    leads_to_somewhere_special(&[
        "loop.example.com",
        "loop2.example.com",
        "zero.example.com",
        "zero6.example.com",
        "own.example.com",
        "own-private.example.com",
    ]);
}

#[test]
fn allowed_name_that_leads_to_a_private_address_in_disguise_is_refused() {
    leads_to_somewhere_special(&["mapped.example.com", "nat64.example.com", "six-to-four.example.com"]);
}

#[test]
fn allowed_name_that_is_an_alias_of_a_private_one_is_refused() {
    leads_to_somewhere_special(&["cname-private.example.com"]);
}

#[test]
fn allowed_name_that_leads_to_many_or_to_nobody_is_refused() {
    Tricks::new(
        &["multicast.example.com:80", "broadcast.example.com:80", "loop-a.example.com:80"],
        &[
            ("curl -sS -m 8 http://multicast.example.com/", "multicast.example.com"),
            ("curl -sS -m 8 http://broadcast.example.com/", "broadcast.example.com"),
            ("curl -sS -m 20 http://loop-a.example.com/", ""),
        ],
    )
    .never_bare("nobody listens there")
    .are_refused();
}

#[test]
fn name_that_changes_its_address_after_it_was_checked_does_not_lead_there() {
    // A fresh name for each run: the change comes after the first answer.
    let tries = ["rebind", "rebind-loop"].map(|below| {
        format!(
            "name=n$(date +%s%N).{below}.example.com; for i in 1 2 3 4 5 6; do attack say $name:2000 hello; sleep 0.5; done"
        )
    });
    let allowed = &["*.rebind.example.com:2000", "*.rebind-loop.example.com:2000"];
    Tricks::new(allowed, &[(&tries[0], ".rebind.example.com"), (&tries[1], ".rebind-loop.example.com")]).are_refused();
}

#[test]
fn port_that_no_rule_names_is_refused_at_an_allowed_host() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack say web.example.com:4444 hello", "web.example.com:4444"),
            ("attack say web.example.com:25 hello", "25"),
            ("curl -sS -m 8 http://web.example.com:8888/", "web.example.com:8888"),
            ("attack fetch web.example.com 8888 /", "web.example.com:8888"),
        ],
    )
    .are_refused();
}

#[test]
fn port_of_one_host_is_not_anothers() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack fetch other.example.com 80 /secret", "other.example.com:80"),
            ("attack fetch db.example.com 80 /secret", "db.example.com:80"),
        ],
    )
    .are_refused();
}

#[test]
fn services_of_the_host_cannot_be_reached() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack say 192.168.77.2:4444 hello", "192.168.77.2:4444"),
            ("attack say 185.220.7.7:4444 hello", "185.220.7.7:4444"),
            ("attack say 185.220.7.7:80 hello", "185.220.7.7"),
            ("attack say [2a03:7::7]:4444 hello", "2a03:7::7"),
            ("attack say 127.0.0.1:4444 hello", ""),
            ("attack say [::1]:4444 hello", ""),
            ("attack say localhost:4444 hello", ""),
            ("attack say 0.0.0.0:4444 hello", ""),
            ("attack say 127.0.0.1:80 hello", ""),
            ("attack say 127.0.0.1:5432 hello", ""),
        ],
    )
    .are_refused();
}

#[test]
fn synthetic_address_that_no_answer_gave_out_leads_nowhere() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack say 198.18.0.99:80 'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'", "198.18.0.99"),
            ("attack say 198.19.255.255:443 hello", "198.19.255.255"),
            ("attack say [2001:2::99]:80 hello", "2001:2::99"),
            ("attack say 198.18.0.99:4444 hello", "198.18.0.99"),
            ("attack say 198.18.0.1:80 hello", "198.18.0.1"),
        ],
    )
    .never_bare("there are no such addresses outside of the sandbox")
    .are_refused();
}
