//! What `doctor` says of a world that is as it should be, and of one thing at a time that is not.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::World;

/// A launcher as far as `doctor` asks one: a host on which one layer is missing and one could be better.
const LAUNCHER: &str = r#"case "$1" in
--version) echo "sandbox-exec VERSION"; exit ;;
check) echo '{"layers":[{"name":"landlock","state":"ok","required":true,"detail":"ABI 7","remedy":null},
{"name":"seccomp","state":"LEVEL","required":true,"detail":"the filter","remedy":"boot another kernel"},
{"name":"cgroup","state":"partial","required":false,"detail":"not divided","remedy":"delegate it"}]}'; exit ;;
esac
"#;

/// Breaks one thing in a world.
type Breakage = fn(&World);

/// A world with every program, each of which says its version, and with one client installed.
fn world(level: &str) -> World {
    let world = World::new();
    let launcher = LAUNCHER.replace("VERSION", env!("CARGO_PKG_VERSION")).replace("LEVEL", level);
    let confines = crate::world::CONFINES.strip_prefix("#!/bin/sh\n").unwrap();
    world.program("sandbox-exec", &format!("#!/bin/sh\n{launcher}{confines}"));
    for name in ["lobsterpot-egress", "fs-guard", "lobsterpot-vault"] {
        world.program(name, &format!("#!/bin/sh\necho {name} {}\n", env!("CARGO_PKG_VERSION")));
    }
    world
}

/// The checks by their names, each with its state.
fn states(world: &World, status: i32) -> BTreeMap<String, String> {
    let said: Value = serde_json::from_str(&world.expect(status, &["doctor", "--json"])).unwrap();
    assert_eq!((&said["version"], said["ok"].as_bool()), (&Value::from(1), Some(status == 0)), "{said}");
    let checks = said["checks"].as_array().unwrap().iter();
    checks.map(|check| (check["name"].as_str().unwrap().into(), check["state"].as_str().unwrap().into())).collect()
}

/// Every file below a folder, with its content and permissions.
fn files(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let facts = entry.metadata().unwrap();
        if facts.is_dir() {
            found.extend(files(&entry.path()));
        }
        let content = if facts.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        found.insert(entry.path(), (content, facts.permissions().mode()));
    }
    found
}

#[test]
fn whatever_is_wrong_is_the_only_thing_that_fails_and_nothing_is_changed() {
    // Each breaks one thing in the world, which the check of that name then says.
    let breaks: [(&str, Breakage); 7] = [
        ("program.lobsterpot-egress", |world| fs::remove_file(world.path("bin/lobsterpot-egress")).unwrap()),
        ("program.fs-guard", |world| world.program("fs-guard", "#!/bin/sh\necho fs-guard 0.0.9\n")),
        ("program.lobsterpot-vault", |world| {
            fs::set_permissions(world.path("bin/lobsterpot-vault"), Permissions::from_mode(0o777)).unwrap();
        }),
        ("policy.user", |world| {
            world.write("home/.config/lobsterpot/policy.toml", "");
            let file = world.path("home/.config/lobsterpot/policy.toml");
            fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap();
        }),
        ("policy.user", |world| world.write("home/.config/lobsterpot/policy.toml", "[files]\nraed = []\n")),
        ("agent.copilot", |world| world.write("home/.copilot/config.json", "{}")),
        ("log", |world| world.write("home/.local/state/lobsterpot/audit.jsonl", "no record\n")),
    ];
    let base = world("ok");
    assert_eq!(states(&base, 0)["host.cgroup"], "warn");
    for (name, break_it) in breaks {
        let world = world("ok");
        break_it(&world);
        let before = files(&world.path("home"));
        let found = states(&world, 1);
        assert_eq!(found.get(name).map(String::as_str), Some("fail"), "{name}: {found:?}");
        let follow = |failed: &&String| {
            let with_policy = name == "policy.user" && (failed.as_str() == "policy" || failed.as_str() == "agents");
            **failed != name && !with_policy
        };
        let others: Vec<&String> =
            found.iter().filter(|(_, state)| *state == "fail").map(|(name, _)| name).filter(follow).collect();
        assert_eq!(others, Vec::<&String>::new(), "beside {name}");
        assert_eq!(files(&world.path("home")), before, "{name}: something was changed");
        let said = world.expect(1, &["doctor"]);
        assert!(said.lines().any(|line| line.starts_with(&format!("FAIL {name}: "))), "{said}");
        assert!(said.contains("     hint: "), "{said}");
    }
}

#[test]
fn a_layer_that_the_host_lacks_fails_with_its_remedy() {
    let world = world("missing");
    let said = world.expect(1, &["doctor"]);
    assert!(said.contains("FAIL host.seccomp: the filter\n     hint: boot another kernel\n"), "{said}");
    assert!(said.contains("ok   host.landlock: ABI 7\n"), "{said}");
    assert!(said.contains("warn host.cgroup: not divided\n     hint: delegate it\n"), "{said}");
}

#[test]
fn a_launcher_that_says_nothing_or_garbage_fails() {
    for text in ["#!/bin/sh\nexit 3\n", "#!/bin/sh\nprintf '\\377{'\n", "#!/bin/sh\necho '{\"layers\":7}'\n"] {
        let world = world("ok");
        world.program("sandbox-exec", text);
        let found = states(&world, 1);
        assert_eq!((found["host"].as_str(), found["program.sandbox-exec"].as_str()), ("fail", "fail"), "{text}");
    }
}
