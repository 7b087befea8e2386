//! Inputs that the fuzzer found, and layers that are generated.
//!
//! `LOBSTERPOT_CASES` says how many pairs of layers are tried.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::narrower::{is_narrower, judges_narrower};
use super::{BORDER, composed, policy_file};
use crate::replay::replay;

/// How many pairs of layers are tried when nobody says.
const CASES: u32 = 400;

#[test]
fn policy_files_that_were_found_keep_their_promises() {
    replay("policy_file", policy_file);
}

/// A path as policies write it.
fn pattern() -> impl Strategy<Value = String> {
    let anchor =
        select(vec!["~", "", ".", "$XDG_CACHE_HOME", "$XDG_CONFIG_HOME", "**", "/srv", "/usr", "/home/me/work"]);
    let part = select(vec![
        "a",
        "b",
        ".ssh",
        ".cargo",
        ".env",
        ".git/hooks",
        "*",
        "a*",
        "**",
        "x{1,2}",
        "[!a]b",
        "?",
        ".openclaw",
        "private",
    ]);
    (anchor, vec(part, 0..4)).prop_map(|(anchor, parts)| {
        let rest: Vec<&str> = [anchor].into_iter().chain(parts).filter(|part| !part.is_empty()).collect();
        if anchor.is_empty() && rest.len() > 1 { format!("/{}", rest.join("/")) } else { rest.join("/") }
    })
}

/// A list of paths.
fn patterns() -> impl Strategy<Value = String> {
    vec(pattern(), 1..4)
        .prop_map(|all| format!("[{}]", all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(", ")))
}

/// One of these texts.
fn one_of(all: &'static [&'static str]) -> BoxedStrategy<String> {
    select(all).prop_map(str::to_owned).boxed()
}

/// Hosts, as lists.
const HOSTS: &[&str] = &[
    r#"["example.com"]"#,
    r#"["*.example.com", "one.net:22"]"#,
    r#"["@git"]"#,
    r#"["@registries", "10.0.0.0/8:5432"]"#,
    r#"["a.example.com:*"]"#,
    r#"[{ host = "one.net", methods = ["GET"], paths = ["/x"] }]"#,
];

/// Entries that lower layers may have, to take away.
const TAKEN: &[&str] = &[r#"["~/.cargo"]"#, r#"["~/a"]"#, r#"["/usr"]"#, r#"["~/.ssh"]"#, r#"["TERM"]"#, r#"["LC_*"]"#];

/// Sizes, times and numbers.
const AMOUNTS: &[&str] = &["0", "1", "64", "4096", "5000", r#""1GiB""#, r#""10MiB""#, r#""1h""#, r#""1s""#, r#""off""#];

/// Statements about tools.
const TOOLS: &[&str] = &[
    "[tools.claude-code]\nother = \"ask\"\n",
    "[tools.claude-code]\nother_with_path = \"deny\"\n",
    "[tools.openclaw]\nrules = [{ tool = \"plugins\", when = { action = \"list\" }, decision = \"deny\" }]\n",
    "[tools.mine]\nshell = [\"odd\"]\nother = \"ignore\"\n",
    "[tools.mine]\nother = \"deny\"\nrules = [{ tool = \"*\", decision = \"ask\" }]\n",
    "[tools.new]\nother_with_path = \"judge\"\n",
    "[tools.codex]\nfile = [\"x\"]\nrules = [{ tool = \"x\", read = [\"path\"] }]\n",
];

/// Every key that a file can have, with values for it. Those that a workspace may state come with most weight where `narrow`.
fn statements(narrow: bool) -> impl Strategy<Value = Vec<(&'static str, &'static str, String)>> {
    let key = |table: &'static str, key: &'static str, value: BoxedStrategy<String>| {
        value.prop_map(move |value| (table, key, value)).boxed()
    };
    let narrowing = vec![
        key("files", "mask", patterns().boxed()),
        key("files", "protect", patterns().boxed()),
        key("files", "unread", one_of(TAKEN)),
        key("environment", "unpass", one_of(TAKEN)),
        key("network", "deny", one_of(HOSTS)),
        key("network", "mode", one_of(&["\"none\"", "\"allowlist\"", "\"host\""])),
        key("network", "proxy", one_of(&["true", "false"])),
        key("files", "home", one_of(&["\"hide\"", "\"read-only\""])),
    ];
    let limits = ["processes", "memory", "file_size", "open_files", "core", "tmpfs", "wall_clock", "grace"];
    let limits = limits.map(|name| key("limits", name, one_of(AMOUNTS)));
    let layers = ["user_namespace", "landlock", "seccomp", "cgroup", "absent_names", "owner_remap"];
    let layers = layers.map(|name| key("require", name, one_of(&["\"require\"", "\"best-effort\""])));
    let calls = ["ptrace", "user_namespaces"].map(|name| key("syscalls", name, one_of(&["\"allow\"", "\"deny\""])));
    let narrowing: Vec<_> = narrowing.into_iter().chain(limits).chain(layers).chain(calls).collect();
    let widening = vec![
        key("files", "read", patterns().boxed()),
        key("files", "write", patterns().boxed()),
        key("files", "scratch", patterns().boxed()),
        key("files", "sockets", one_of(&[r#"["/run/docker.sock"]"#, r#"["~/agent.sock"]"#])),
        key("files", "unmask", one_of(TAKEN)),
        key("network", "allow", one_of(HOSTS)),
        key("network", "publish", one_of(&["[3000]", "[\"8080:80\"]"])),
        key("environment", "pass", one_of(&["[\"SECRET\"]", "[\"LC_*\", \"X\"]"])),
        key("workspace", "roots", patterns().boxed()),
    ];
    let weight = if narrow { 40 } else { 3 };
    let each =
        prop_oneof![weight => proptest::strategy::Union::new(narrowing), 1 => proptest::strategy::Union::new(widening)];
    vec(each, 0..7)
}

/// A policy file of such statements. Each key once.
fn file(narrow: bool) -> impl Strategy<Value = String> {
    let tools = prop_oneof![2 => Just(String::new()), 1 => one_of(TOOLS)];
    (statements(narrow), tools).prop_map(|(mut statements, tools)| {
        statements.sort_by_key(|(table, key, _)| (*table, *key));
        statements.dedup_by_key(|(table, key, _)| (*table, *key));
        let mut text = String::new();
        let mut open = "";
        for (table, key, value) in &statements {
            if open != *table {
                text.push_str(&format!("[{table}]\n"));
                open = table;
            }
            text.push_str(&format!("{key} = {value}\n"));
        }
        text + &tools
    })
}

#[test]
fn whatever_a_workspaces_layer_says_the_policy_allows_a_subset() {
    let cases = std::env::var("LOBSTERPOT_CASES").map_or(CASES, |count| count.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, max_local_rejects: u32::MAX, ..Config::default() };
    let path = prop_oneof![
        pattern().prop_map(|text| text.replace("~", "/home/me").replace("**", "x").replace('*', "y")),
        "/(home/me/work|home/me|srv|usr)(/[a-z.]{1,3}){0,3}",
    ];
    let path = path.prop_filter("absolute", |path| path.starts_with('/') && !path.contains("/."));
    let both = (file(false), file(true), vec(path, 6));
    TestRunner::new(config)
        .run(&both, |(user, workspace, paths)| {
            let Ok(before) = composed(user.as_bytes(), None) else { return Ok(()) };
            if let Ok(after) = composed(user.as_bytes(), Some(workspace.as_bytes())) {
                is_narrower(&after, &before);
                judges_narrower(&after, &before, paths.iter().map(String::as_str));
            }
            Ok(())
        })
        .expect("no layer of a workspace widens");
}

#[test]
fn a_place_that_a_workspaces_layer_does_without_is_still_none_to_work_in() {
    let before = composed(b"", None).expect("the built-in policy");
    let after = composed(b"", Some(b"[files]\nunread = [\"/usr\"]\n")).expect("it takes away");
    judges_narrower(&after, &before, ["/usr", "/usr/src", "/"]);
}

/// Found by many cases: what is left out of a policy because of its mode, and what is stated twice, is no more than there was.
#[test]
fn a_workspaces_layer_about_the_network_alone_is_narrower() {
    let layers: [(&[u8], &[u8]); 3] = [
        (b"[network]\ndeny = [\"@git\"]\n", b"[network]\nmode = \"none\"\n"),
        (b"[network]\ndeny = [\"example.com\"]\n", b"[network]\ndeny = [\"example.com\"]\n"),
        (b"[network]\nmode = \"host\"\n", b"[network]\nmode = \"allowlist\"\n"),
    ];
    for (user, workspace) in layers {
        let before = composed(user, None).expect("a policy");
        let after = composed(user, Some(workspace)).expect("it narrows");
        is_narrower(&after, &before);
        judges_narrower(&after, &before, std::iter::empty());
    }
}

#[test]
fn the_generated_layers_are_composed_often_enough_to_tell_something() {
    let mut runner = TestRunner::deterministic();
    let mut composes = || {
        let [user, workspace] =
            [file(false).boxed(), file(true).boxed()].map(|file| file.new_tree(&mut runner).expect("a file").current());
        composed(user.as_bytes(), Some(workspace.as_bytes())).is_ok()
    };
    let count = (0..300).filter(|_| composes()).count();
    assert!((30..290).contains(&count), "{count} of 300");
}

#[test]
fn an_input_is_two_files_with_a_border_between() {
    let widens = [b"", BORDER, b"[files]\nread = [\"~/x\"]\n"].concat();
    policy_file(&widens);
    assert!(composed(b"", Some(b"[files]\nread = [\"~/x\"]\n")).is_err());
    assert!(composed(b"", Some(b"[files]\nmask = [\"~/x\"]\n")).is_ok());
}
