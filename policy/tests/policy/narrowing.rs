//! A workspace's file is written by the agent: whatever it says, nothing becomes possible that was not.

use std::path::Path;

use lobsterpot_policy::{Access, Decision, Field, FieldValue, Judge, Layer, Policy, PolicyError, ToolInput};
use proptest::prelude::*;

use crate::world::{USER, WORKSPACE, World, places};

/// What a workspace file may not say, and the key that the error names.
const WIDENING: [(&str, &str); 30] = [
    ("[workspace]\nroots = [\"~/x\"]\n", "workspace.roots"),
    ("[files]\nread = [\"~/x\"]\n", "files.read"),
    ("[files]\nwrite = [\"~/x\"]\n", "files.write"),
    ("[files]\nscratch = [\"~/x\"]\n", "files.scratch"),
    ("[files]\noverlay = [\"~/x\"]\n", "files.overlay"),
    ("[files]\nsockets = [\"/run/docker.sock\"]\n", "files.sockets"),
    ("[files]\nunmask = [\"~/.ssh\"]\n", "files.unmask"),
    ("[files]\nhome = \"read-only\"\n", "files.home"),
    ("[network]\nmode = \"host\"\n", "network.mode"),
    ("[network]\nallow = [\"example.com\"]\n", "network.allow"),
    ("[network]\nallow = [\"@models\"]\n", "network.allow"),
    ("[network]\npublish = [3000]\n", "network.publish"),
    ("[network]\nproxy = true\n", "network.proxy"),
    ("[environment]\npass = [\"AWS_SECRET_ACCESS_KEY\"]\n", "environment.pass"),
    ("[environment.set]\nPATH = \"/x\"\n", "environment.set.PATH"),
    ("[limits]\nprocesses = 5000\n", "limits.processes"),
    ("[limits]\nprocesses = \"off\"\n", "limits.processes"),
    ("[limits]\ngrace = \"1h\"\n", "limits.grace"),
    ("[require]\nlandlock = \"best-effort\"\n", "require.landlock"),
    ("[syscalls]\nptrace = \"allow\"\n", "syscalls.ptrace"),
    ("[syscalls]\nuser_namespaces = \"allow\"\n", "syscalls.user_namespaces"),
    ("[tools.claude-code]\nfile = [\"Bash\"]\n", "tools.claude-code"),
    ("[tools.claude-code]\nother_with_path = \"ignore\"\n", "tools.claude-code.other_with_path"),
    ("[tools.claude-code]\nother_with_path = \"judge\"\n", "tools.claude-code.other_with_path"),
    ("[tools.new]\nother = \"ask\"\n", "tools.new.other"),
    ("[tools.new]\nother_with_path = \"ask\"\n", "tools.new.other_with_path"),
    ("[tools.openclaw]\nrules = [{ tool = \"plugins\", decision = \"allow\" }]\n", "tools.openclaw.rules"),
    ("[tools.openclaw]\nrules = [{ tool = \"read\", read = [\"nothing\"] }]\n", "tools.openclaw.rules"),
    ("[tools.openclaw]\nrules = [{ tool = \"x\", decision = \"deny\", write = [\"y\"] }]\n", "tools.openclaw.rules"),
    ("[tools.new]\nshell = [\"x\"]\n", "tools.new"),
];

#[test]
fn every_widening_statement_is_refused_by_name_and_line() {
    for (text, key) in WIDENING {
        let error = World::with(WORKSPACE, text).load().expect_err(text);
        assert!(matches!(error, PolicyError::Widens { .. }), "{error}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("{WORKSPACE}:")) && message.contains(&format!("`{key}`")), "{message}");
        assert!(!message.starts_with(&format!("{WORKSPACE}: ")), "no line: {message}");
    }
}

#[test]
fn a_workspace_file_narrows_what_the_user_widened() {
    let user = "[files]\nhome = \"read-only\"\nread = [\"~/shared\"]\n[network]\nmode = \"host\"\n[limits]\nwall_clock = \"1h\"\n";
    let workspace = "[files]\nhome = \"hide\"\nmask = [\"private\"]\nprotect = [\"vendor\"]\nunread = [\"~/shared\"]\n\
                     [network]\nmode = \"none\"\n[limits]\nwall_clock = \"5m\"\n[environment]\nunpass = [\"EDITOR\"]\n";
    let policy = World::with(USER, user).and(WORKSPACE, workspace).load().unwrap();
    let judge = Judge::new(&policy, &places());
    let reason = |path: &str, access| judge.path(Path::new(path), access).reason.as_str();
    assert_eq!(reason("/home/me/work/private/x", Access::Read), "fs.masked");
    assert_eq!(reason("/home/me/work/vendor/x", Access::Write), "fs.protected");
    assert_eq!(reason("/home/me/shared/x", Access::Read), "fs.outside-workspace");
    assert_eq!(judge.host("example.com", 443).reason.as_str(), "net.off");
    assert_eq!(policy.limits.wall_clock.map(|time| time.as_secs()), Some(300));
    assert!(policy.environment.pass.iter().all(|name| name.exact() != Some("EDITOR")));
}

/// What users may have allowed.
fn user_file() -> impl Strategy<Value = String> {
    let home = prop_oneof![Just("hide"), Just("read-only")];
    let network = prop_oneof![Just("none"), Just("allowlist"), Just("host")];
    let paths = || {
        proptest::sample::subsequence(
            vec!["\"~/a\"", "\"~/a/b\"", "\"/srv/*\"", "\"~/.openclaw/x\"", "\"~/.kube\""],
            0..5,
        )
    };
    let list = |all: Vec<&str>| all.join(", ");
    (home, network, paths(), paths(), paths(), any::<bool>(), 1..5000_u32).prop_map(
        move |(home, network, read, write, sockets, unmask, processes)| {
            let unmask = if unmask { "\"~/.kube\"" } else { "" };
            let (read, write, sockets) = (list(read), list(write), list(sockets));
            format!(
                "[files]\nhome = \"{home}\"\nread = [{read}]\nwrite = [{write}]\nsockets = [{sockets}]\nunmask = [{unmask}]\n\
                 [network]\nmode = \"{network}\"\nallow = [\"*.example.com\", \"one.net:22\"]\n\
                 [limits]\nprocesses = {processes}\nmemory = \"off\"\n\
                 [tools.mine]\nshell = [\"odd\"]\nother = \"ask\"\nrules = [{{ tool = \"plugins\", decision = \"ask\" }}]\n"
            )
        },
    )
}

/// What a hostile workspace may say, one statement of every kind, in all combinations that parse.
fn workspace_file() -> impl Strategy<Value = String> {
    let patterns = || {
        let all = vec![
            "\"~\"",
            "\"~/a\"",
            "\"**/x\"",
            "\".env\"",
            "\".git/hooks\"",
            "\"~/.ssh\"",
            "\"/usr\"",
            "\"[!a]*\"",
            "\".\"",
        ];
        proptest::sample::subsequence(all, 0..4).prop_map(|all| all.join(", "))
    };
    let quoted = |key: &'static str, values: &'static [&'static str]| {
        proptest::option::of(proptest::sample::select(values))
            .prop_map(move |value| value.map_or_else(String::new, |value| format!("{key} = {value}\n")))
    };
    let files = (
        patterns(),
        patterns(),
        quoted("home", &["\"hide\"", "\"read-only\""]),
        quoted("unread", &["[\"~/a\"]", "[\"~/.cargo\"]"]),
        quoted("read", &["[\"~/x\"]"]),
        quoted("unmask", &["[\"~/.ssh\"]"]),
    );
    let others = (
        quoted("mode", &["\"none\"", "\"allowlist\"", "\"host\""]),
        quoted("unpass", &["[\"TERM\"]", "[\"LC_*\"]"]),
        quoted("processes", &["1", "4096", "4097", "\"off\""]),
        quoted("memory", &["\"1GiB\"", "\"off\""]),
        quoted("landlock", &["\"require\"", "\"best-effort\""]),
        quoted("ptrace", &["\"deny\"", "\"allow\""]),
    );
    let clients = || proptest::sample::select(vec!["claude-code", "openclaw", "mine", "new"]);
    let rules = [
        "{ tool = \"*\", decision = \"ask\" }",
        "{ tool = \"plugins\", when = { action = \"list\" }, decision = \"deny\" }",
        "{ tool = \"plugins\", when = { action = [\"\", \"disable\"] }, decision = \"ask\" }",
        "{ tool = \"Read\", decision = \"deny\" }",
        "{ tool = \"odd\", decision = \"allow\" }",
    ];
    let rules = proptest::sample::subsequence(rules.to_vec(), 0..4).prop_map(|all| all.join(", "));
    let other = quoted("other", &["\"ignore\"", "\"ask\"", "\"deny\""]);
    let with_path = quoted("other_with_path", &["\"judge\"", "\"ask\"", "\"deny\""]);
    let tools = (clients(), rules, other, with_path).prop_map(|(client, rules, other, with_path)| {
        format!("[tools.{client}]\nrules = [{rules}]\n{other}{with_path}")
    });
    let tools = prop_oneof![2 => Just(String::new()), 1 => tools];
    (files, others, tools).prop_map(|((mask, protect, home, unread, read, unmask), (mode, unpass, processes, memory, landlock, ptrace), tools)| {
        format!(
            "[files]\nmask = [{mask}]\nprotect = [{protect}]\n{home}{unread}{read}{unmask}[network]\n{mode}[environment]\n{unpass}\
             [limits]\n{processes}{memory}[require]\n{landlock}[syscalls]\n{ptrace}{tools}"
        )
    })
}

/// Paths near everything that rules speak of.
fn any_path() -> impl Strategy<Value = String> {
    let heads = vec![
        "/",
        "/usr",
        "/etc/shadow",
        "/srv/x",
        "/run/docker.sock",
        "/tmp",
        "/home/me",
        "/home/me/a",
        "/home/me/a/b",
        "/home/me/.ssh",
        "/home/me/.kube",
        "/home/me/.cargo",
        "/home/me/.openclaw",
        "/home/me/.openclaw/x",
        "/home/me/work",
        "/home/me/work/.git",
        "/home/me/work/.env",
        "/home/other",
    ];
    let tails = vec!["", "/x", "/hooks", "/a/x/y", "/.env", "/credentials", "/secrets/z"];
    (proptest::sample::select(heads), proptest::sample::select(tails))
        .prop_map(|(head, tail)| format!("{}{tail}", if head == "/" { "" } else { head }).replace("//", "/"))
}

/// Whether a limit is at most another; none is more than any.
fn at_most(new: Option<u64>, old: Option<u64>) -> bool {
    new.unwrap_or(u64::MAX) <= old.unwrap_or(u64::MAX)
}

/// Whether no scalar of `new` is looser than that of `old`.
fn scalars_no_looser(new: &Policy, old: &Policy) -> bool {
    let limits = |policy: &Policy| {
        let limits = policy.limits.clone();
        [limits.processes, limits.memory, limits.file_size, limits.open_files, limits.core, limits.tmpfs]
    };
    limits(new).into_iter().zip(limits(old)).all(|(new, old)| at_most(new, old))
        && new.limits.grace <= old.limits.grace
        && new.syscalls.ptrace >= old.syscalls.ptrace
        && new.syscalls.user_namespaces >= old.syscalls.user_namespaces
        && Layer::ALL.into_iter().all(|layer| new.requirements.of(layer) >= old.requirements.of(layer))
        && new.environment.set == old.environment.set
        && new.environment.pass.iter().all(|name| old.environment.pass.contains(name))
}

/// A tool's input with one field.
struct OneField(&'static str, &'static str);

impl ToolInput for OneField {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        if field.to_string() == self.0 { FieldValue::Text(self.1) } else { FieldValue::Absent }
    }

    fn holds_only(&self, fields: &[Field]) -> bool {
        fields.iter().any(|field| field.to_string() == self.0)
    }

    fn ambiguous(&self) -> Option<&str> {
        None
    }
}

/// Whether no call of a tool became easier.
fn tools_no_looser(new: &Judge, old: &Judge) -> bool {
    let clients = ["claude-code", "openclaw", "codex", "mine", "unheard-of"];
    let tools = ["Bash", "Read", "plugins", "mcp__a__b", "message", "odd"];
    let inputs = [OneField("action", "list"), OneField("action", "disable"), OneField("path", "/x")];
    let calls = clients.into_iter().flat_map(|client| tools.map(|tool| (client, tool)));
    calls.into_iter().all(|(client, tool)| {
        let decide = |judge: &Judge, input: &OneField| {
            judge.tool_call(client, tool, input).verdict.map_or(Decision::Allow, |verdict| verdict.decision)
        };
        let verdicts = inputs.iter().all(|input| decide(new, input) >= decide(old, input));
        let same_rule =
            |input: &OneField| new.tool_call(client, tool, input).rule == old.tool_call(client, tool, input).rule;
        verdicts
            && inputs.iter().all(same_rule)
            && new.tool(client, tool) >= old.tool(client, tool)
            && new.path_default(client) >= old.path_default(client)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_workspace_file_ever_widens_any_verdict(
        user in user_file(),
        workspace in workspace_file(),
        paths in proptest::collection::vec(any_path(), 30),
    ) {
        let before = World::with(USER, &user).load().unwrap();
        if let Ok(after) = World::with(USER, &user).and(WORKSPACE, &workspace).load() {
            let (old, new) = (Judge::new(&before, &places()), Judge::new(&after, &places()));
            for path in paths.iter().map(Path::new) {
                for access in [Access::Read, Access::Write, Access::Execute, Access::Connect] {
                    let (was, is) = (old.path(path, access).decision, new.path(path, access).decision);
                    prop_assert!(is >= was, "{} {:?}: {:?} became {:?}", path.display(), access, was, is);
                }
                prop_assert!(new.workspace(path).decision >= old.workspace(path).decision, "{}", path.display());
            }
            for (host, port) in [("a.example.com", 443), ("example.com", 443), ("one.net", 22), ("evil.net", 80)] {
                prop_assert!(new.host(host, port).decision >= old.host(host, port).decision);
            }
            prop_assert!(scalars_no_looser(&after, &before));
            prop_assert!(tools_no_looser(&new, &old), "{workspace}");
        }
    }
}

#[test]
fn the_property_above_does_try_files_that_load() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut loads = || {
        let workspace = workspace_file().new_tree(&mut runner).unwrap().current();
        World::with(USER, "[files]\nread = [\"~/a\"]\n").and(WORKSPACE, &workspace).load().is_ok()
    };
    let loaded = (0..200).filter(|_| loads()).count();
    assert!((5..195).contains(&loaded), "{loaded} of 200");
}
