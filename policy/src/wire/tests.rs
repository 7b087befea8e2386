//! Malformed policy files: the error names the line, the fault and the remedy.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::origin::Tier;

/// A file of the given kind.
fn source(tier: Tier) -> SourceId {
    SourceId { tier, file: Some(Arc::from(Path::new("/p.toml"))) }
}

/// The message and hint for a user's file.
fn refuse(text: &str) -> (String, String) {
    let error = parse(text, &source(Tier::User)).expect_err(text);
    (error.to_string(), error.hint())
}

#[test]
fn an_unknown_key_is_refused_with_the_key_that_was_meant() {
    let (message, hint) = refuse("[files]\nhome = \"hide\"\nmasks = [\"~/x\"]\n");
    assert!(message.starts_with("/p.toml:3:1: unknown field `masks`"), "{message}");
    assert_eq!(hint, "did you mean `mask`?");
}

#[test]
fn an_unknown_section_value_layer_limit_and_profile_are_refused_where_they_stand() {
    for (text, position, near) in [
        ("[netwrok]\nmode = \"none\"\n", "/p.toml:1:2: ", "network"),
        ("[network]\nmode = \"nome\"\n", "/p.toml:2:8: ", "none"),
        ("[require]\nlandlok = \"require\"\n", "/p.toml:2:1: ", "landlock"),
        ("[require]\nlandlock = \"besteffort\"\n", "/p.toml:2:12: ", "best-effort"),
        ("[limits]\nproceses = 3\n", "/p.toml:2:1: ", "processes"),
        ("profile = \"agnet\"\n", "/p.toml:1:11: ", "agent"),
        ("[syscalls]\nptrace = \"alow\"\n", "/p.toml:2:10: ", "allow"),
        ("[tools.x]\nshel = []\n", "/p.toml:2:1: ", "shell"),
    ] {
        let (message, hint) = refuse(text);
        assert!(message.starts_with(position), "{message}");
        assert_eq!(hint, format!("did you mean `{near}`?"), "{text}");
    }
}

#[test]
fn a_malformed_entry_is_refused_on_its_own_line() {
    for (text, line) in [
        ("[files]\nread = [\n  \"~/a\",\n  \"~/../b\",\n]\n", 4),
        ("[files]\nmask = [{ path = \"~/a\", reson = \"x\" }]\n", 2),
        ("[files]\nmask = [{ reason = \"x\" }]\n", 2),
        ("[network]\nallow = [\"a.com\",\n\"*.com\"]\n", 3),
        ("[network]\nallow = [{ host = \"a.com\", ports = [0] }]\n", 2),
        ("[network]\nallow = [{ host = \"a.com\", ports = [65536] }]\n", 2),
        ("[environment]\npass = [\n\"A\",\n\"*\"]\n", 4),
        ("[environment.set]\n\"A=B\" = \"x\"\n", 2),
        ("[environment.set]\nA = \"x\\u0000y\"\n", 2),
        ("[limits]\nmemory = \"4GB\"\n", 2),
        ("[limits]\nprocesses = -1\n", 2),
        ("[limits]\nwall_clock = 1.5\n", 2),
        ("[files]\nread = \"~/a\"\n", 2),
        ("[files]\nread = [\n", 2),
        ("[files]\nhome = \"hide\"\nhome = \"hide\"\n", 3),
        ("extends = \"agent\"\n", 1),
    ] {
        let (message, hint) = refuse(text);
        assert!(message.starts_with(&format!("/p.toml:{line}")), "{text}: {message}");
        assert!(!hint.is_empty() && !message.contains('\n'), "{text}");
    }
}

#[test]
fn an_example_that_the_rule_does_not_match_stops_the_load() {
    let text = "[files]\nmask = [\n  { path = \"~/k/*.pem\", examples = [\"~/k/a.key\"] },\n]\n";
    let (message, _) = refuse(text);
    assert_eq!(message, "/p.toml:3:3: the rule \"~/k/*.pem\" does not match its example \"~/k/a.key\"");
    let (message, _) = refuse("[files]\nread = [{ path = \"~/k\", counter_examples = [\"~/k/secret\"] }]\n");
    assert!(message.contains("matches its counter-example"), "{message}");
    let (message, _) = refuse("[network]\nallow = [{ host = \"*.a.com\", examples = [\"a.com\"] }]\n");
    assert!(message.contains("does not match its example"), "{message}");
}

#[test]
fn examples_that_fit_are_accepted() {
    let text = r#"
        [files]
        mask = [{ path = "$XDG_CONFIG_HOME/x", examples = ["~/.config/x/y", "$XDG_CONFIG_HOME/x"], counter_examples = ["x"] }]
        protect = [{ path = "**/.git/hooks", examples = [".git/hooks/a", "sub/dir/.git/hooks"] }]
        [network]
        allow = [{ host = "*.a.com", ports = [22, 443], examples = ["b.a.com:22"], counter_examples = ["a.com", "b.a.com:80"] }]
    "#;
    let layer = parse(text, &source(Tier::User)).unwrap();
    assert_eq!(layer.mask.first().unwrap().origin.line, 3);
    assert_eq!(layer.hosts.first().unwrap().to_string(), "*.a.com:22,443");
}

#[test]
fn a_workspace_file_cannot_choose_the_profile() {
    let error = parse("profile = \"dev\"\n", &source(Tier::Workspace)).unwrap_err();
    assert_eq!(error.to_string(), "/p.toml:1:11: `profile` has no meaning here");
}

#[test]
fn no_text_makes_the_parser_panic_and_every_error_is_one_line_with_a_hint() {
    use proptest::prelude::*;
    let pieces = prop_oneof![
        Just("[files]\n".to_owned()),
        Just("mask = [".to_owned()),
        Just("]\n".to_owned()),
        Just("{ path = ".to_owned()),
        Just("\"~/{a,b}/**/[x\"".to_owned()),
        Just("}".to_owned()),
        Just(",".to_owned()),
        Just("[limits]\nmemory = ".to_owned()),
        "\\PC{0,6}",
        Just("\"$XDG_CONFIG_HOME/\\\\\"".to_owned()),
        Just("[network]\nallow = [\"[::1]:".to_owned()),
        Just("\n".to_owned()),
    ];
    proptest!(|(text in proptest::collection::vec(pieces, 0..12).prop_map(|parts| parts.concat()))| {
        if let Err(error) = parse(&text, &source(Tier::User)) {
            prop_assert!(!error.to_string().contains('\n') && !error.hint().is_empty());
        }
    });
}

#[test]
fn a_malformed_rule_about_a_tool_is_refused_on_its_own_line() {
    for (entry, complaint) in [
        ("{ tool = \"\", decision = \"deny\" }", "names no tool"),
        ("{ tool = \"x\" }", "neither what happens"),
        ("{ tool = \"x\", when = { action = \"list\" } }", "neither what happens"),
        ("{ decision = \"deny\" }", "missing field"),
        ("{ tool = \"x\", decision = \"never\" }", "unknown variant"),
        ("{ tool = \"x\", reed = [\"path\"] }", "unknown field"),
        ("{ tool = \"x\", read = [\"a..b\"] }", "`a..b` is not a field"),
        ("{ tool = \"x\", when = { \"a[\" = \"y\" }, decision = \"ask\" }", "`a[` is not a field"),
        ("{ tool = \"x\", when = { a = 1.5 }, decision = \"ask\" }", "invalid type"),
    ] {
        let (message, hint) = refuse(&format!("[tools.c]\nrules = [\n  {entry},\n]\n"));
        assert!(message.starts_with("/p.toml:3:") && message.contains(complaint), "{entry}: {message}");
        assert!(!hint.is_empty(), "{entry}");
    }
}
