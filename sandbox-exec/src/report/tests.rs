//! Attacks on reports: on who reads them, and on what they say.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use lobsterpot_policy::NetworkMode;
use nix::errno::Errno;
use serde_json::Value;

use super::layers::{Enforced, Level};
use super::sight::Sight;
use super::{json, text};
use crate::plan::tests::world::{World, home, work};
use crate::plan::{Plan, Tier};

/// Both reports of `plan`.
fn reports(plan: &Plan) -> [String; 2] {
    [text::plan(plan), json::plan(plan)]
}

/// A world with something in every list.
fn full_world() -> World {
    let mut world = World::new();
    world.folder(home(".cargo"));
    world.folder(home(".ssh"));
    world.file(home(".cargo/credentials.toml"));
    world.folder(work(".git"));
    world.folder(work(".git/hooks"));
    world.file(work(".env"));
    world
}

#[test]
fn values_of_variables_are_never_printed_but_for_the_sandboxs_own() {
    let mut world = World::new();
    world.environment = ["LANG", "MY_TOKEN", "CI"].map(|name| (name.into(), "hunter2".into())).to_vec();
    world.invocation.environment = vec!["MY_TOKEN".into(), "SET_HERE=hunter2".into()];
    let plan = world.plan();
    assert!(plan.environment.iter().filter(|(_, value)| value == "hunter2").count() == 4);
    for report in reports(&plan) {
        assert!(!report.contains("hunter2"), "{report}");
        assert!(["LANG", "MY_TOKEN", "SET_HERE", "SANDBOX"].iter().all(|name| report.contains(name)), "{report}");
    }
}

#[test]
fn layer_that_the_kernel_refuses_is_named_and_drives_no_terminal() {
    let folder = Path::new("/home/a\x1b[2J/.cargo");
    for told in [text::layer_refused(folder, Errno::EINVAL), json::layer_refused(folder, Errno::EINVAL)] {
        assert!(!told.contains('\x1b') && told.contains(".cargo") && told.contains("Invalid argument"), "{told:?}");
    }
}

#[test]
fn no_name_or_argument_drives_the_terminal_that_shows_the_plan() {
    let hostile = OsStr::from_bytes(b"/home/ann/w\x1b]0;owned\x07\n\xff\xe2\x80\xae");
    let mut world = World::new();
    world.folder(hostile);
    world.workspaces = vec![hostile.into()];
    world.cwd = hostile.into();
    world.invocation.command = vec!["sh".into(), OsStr::from_bytes(b"\x1b[2J\n  can be read: 0").into()];
    for report in reports(&world.plan()) {
        let acts = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!report.contains(acts), "{report:?}");
        assert!(!report.contains("\n  can be read: 0"), "{report}");
    }
}

#[test]
fn every_mount_of_the_plan_is_in_the_report_once() {
    let plan = full_world().plan();
    let sight = Sight::of(&plan);
    let lists = [
        &sight.writable,
        &sight.readable,
        &sight.protected,
        &sight.pinned,
        &sight.masked,
        &sight.scratch,
        &sight.overlay,
    ];
    for mount in plan.sealed.iter().chain(&plan.open) {
        let times = lists.iter().filter(|list| list.contains(&mount.target)).count();
        assert_eq!(times, 1, "{}", mount.target.display());
    }
}

#[test]
fn paths_are_listed_by_what_can_be_done_with_them() {
    let sight = Sight::of(&full_world().plan());
    assert_eq!(sight.writable, [work("")].map(|path| path.components().collect::<std::path::PathBuf>()));
    assert_eq!(sight.protected, [work(".git/hooks")]);
    assert_eq!(sight.pinned, [work(".git")]);
    assert!(sight.overlay.contains(&home(".cargo")));
    assert!(sight.scratch.iter().any(|path| path == Path::new("/tmp")));
    for masked in [home(".cargo/credentials.toml"), home(".ssh"), work(".env")] {
        assert!(sight.masked.contains(&masked), "{}: {:?}", masked.display(), sight.masked);
    }
}

#[test]
fn keys_of_the_json_plan_are_stable() {
    let plan: Value = serde_json::from_str(&json::plan(&full_world().plan())).expect("JSON");
    let keys: Vec<&str> = plan.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "command",
            "cwd",
            "descriptors",
            "egress",
            "environment",
            "files",
            "guarded",
            "landlock",
            "layers",
            "leftovers",
            "limits",
            "network",
            "notes",
            "profile",
            "seccomp",
            "sockets",
            "terminal",
            "tier",
            "user",
            "version"
        ]
    );
    assert_eq!(plan["version"], 1);
    assert_eq!(plan["limits"]["memory"], 8_u64 << 30);
    assert_eq!(plan["environment"]["SANDBOX"], "lobsterpot");
    assert_eq!(plan["environment"]["SHELL"], Value::Null);
    assert_eq!(plan["files"]["writable"], serde_json::json!(["/home/ann/work"]));
}

#[test]
fn reports_of_the_same_plan_are_the_same() {
    assert_eq!(reports(&full_world().plan()), reports(&full_world().plan()));
}

/// The level of `layer`.
fn level(plan: &Plan, layer: &str) -> Level {
    let layers = Enforced::of(plan).layers;
    layers.into_iter().find(|(name, _)| *name == layer).expect("a layer").1
}

#[test]
fn a_layer_that_is_missing_is_never_reported_as_enforced() {
    let mut world = World::new();
    assert!(matches!(level(&world.plan(), "network_namespace"), Level::Partial(what) if what.contains("egress")));
    world.policy.network.mode = NetworkMode::None;
    assert_eq!(level(&world.plan(), "network_namespace"), Level::Enforced);
    assert_eq!(level(&world.plan(), "landlock_scope"), Level::Enforced);
    world.policy.network.mode = NetworkMode::Host;
    world.landlock = 2;
    world.policy.limits.memory = None;
    world.invocation.descriptors = vec![7];
    let plan = world.plan();
    assert!(matches!(level(&plan, "network_namespace"), Level::Absent(_)));
    assert!(matches!(level(&plan, "landlock_network"), Level::Absent(_)));
    assert!(matches!(level(&plan, "landlock_scope"), Level::Absent(why) if why.contains("6.12")));
    assert!(matches!(level(&plan, "landlock"), Level::Partial(what) if what.contains("6.2")));
    assert_eq!(level(&plan, "limits"), Level::Partial("switched off: memory".to_owned()));
    assert_eq!(level(&plan, "descriptors"), Level::Partial("kept open as asked: 7".to_owned()));
}

#[test]
fn the_tier_without_namespaces_claims_neither_namespaces_nor_mounts() {
    let mut plan = World::new().plan();
    plan.tier = Tier::Landlock;
    for layer in ["user_namespace", "mounts"] {
        assert!(matches!(level(&plan, layer), Level::Absent(_)), "{layer}");
    }
    assert!(matches!(level(&plan, "network_namespace"), Level::Partial(_)));
    assert_eq!(level(&plan, "capabilities"), Level::Enforced);
}

#[test]
fn an_explanation_has_one_line_for_each_layer() {
    let plan = World::new().plan();
    let enforced = Enforced::of(&plan);
    let lines = text::explain(&plan, &enforced);
    assert_eq!(lines.lines().count(), 1 + enforced.layers.len());
    assert!(lines.lines().all(|line| line.starts_with("sandbox-exec: ")), "{lines}");
    for (line, (name, level)) in lines.lines().skip(1).zip(&enforced.layers) {
        assert!(line.contains(name) && line.contains(level.words().0), "{line}");
    }
    let value: Value = serde_json::from_str(&json::explain(&plan, &enforced)).expect("JSON");
    assert_eq!(value["layers"].as_array().map(Vec::len), Some(enforced.layers.len()));
}
