//! Bad input: one line of message, a hint, a status of its own, and the command never runs.

use super::refused;
use crate::harness::{Run, Scene, each_scene};
use std::ffi::OsString;

/// A command that would leave a mark.
fn marking(flags: &[&str]) -> Run {
    Run::shell("touch ran").flags(flags)
}

/// Asserts that it is refused, and that the command did not run.
#[track_caller]
fn does_not_run(scene: &Scene, run: &Run, status: i32) -> String {
    let message = refused(scene, run, status);
    assert!(!scene.at_work("ran").exists(), "the command ran: {message}");
    message
}

#[test]
fn unknown_or_broken_options_are_refused() {
    each_scene(|scene| {
        for flags in [
            ["--no-such-option", "x"],
            ["--net", "everything"],
            ["--limit", "processes"],
            ["--limit", "processes=many"],
            ["--limit", "unknown=3"],
            ["--timeout", "soon"],
            ["--fd", "minus"],
            ["--env", "=x"],
        ] {
            does_not_run(scene, &marking(&flags), 64);
        }
    });
}

#[test]
fn missing_command_is_refused() {
    each_scene(|scene| {
        refused(scene, &Run::default(), 64);
    });
}

#[test]
fn folder_as_standard_input_is_refused() {
    each_scene(|scene| {
        for folder in [&scene.home, &scene.workspace] {
            does_not_run(scene, &marking(&[]).fd(0, folder), 64);
        }
    });
}

#[test]
fn unknown_profile_is_refused() {
    each_scene(|scene| {
        let message = scene.sandboxed(&marking(&["--profile", "agnet"]));
        assert!([64, 65].contains(&message.status), "{message}");
        assert!(message.err().contains("agent"), "it names the profiles there are: {message}");
        assert!(!scene.at_work("ran").exists());
    });
}

/// A policy file in the scene, by content and mode.
fn policy(scene: &Scene, place: &str, content: &str, mode: u32) -> [OsString; 2] {
    let place = scene.at_home(place);
    scene.write(&place, content);
    std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("its mode");
    ["--policy".into(), place.into_os_string()]
}

#[test]
fn broken_policy_is_refused_with_file_and_line() {
    each_scene(|scene| {
        for content in ["[network]\nmod = \"none\"\n", "[network]\nmode = \"all\"\n", "[network\n"] {
            let flags = policy(scene, "p.toml", content, 0o600);
            let message = does_not_run(scene, &marking(&[]).flags(&flags), 65);
            assert!(message.contains("p.toml:"), "file and line: {message}");
        }
    });
}

#[test]
fn missing_policy_is_refused() {
    each_scene(|scene| {
        does_not_run(scene, &marking(&["--policy", "/nowhere/policy.toml"]), 65);
    });
}

#[test]
fn policy_that_others_may_write_is_refused() {
    each_scene(|scene| {
        for mode in [0o620, 0o602] {
            let flags = policy(scene, "p.toml", "", mode);
            does_not_run(scene, &marking(&[]).flags(&flags), 65);
        }
    });
}

#[test]
fn policy_in_the_workspace_is_refused() {
    each_scene(|scene| {
        let flags = policy(scene, "code/project/p.toml", "", 0o600);
        does_not_run(scene, &marking(&[]).flags(&flags), 65);
        let link = scene.at_home("l.toml");
        std::os::unix::fs::symlink(scene.at_work("p.toml"), &link).expect("a symlink");
        does_not_run(scene, &marking(&[]).flags(&["--policy".into(), link.into_os_string()]), 65);
    });
}

#[test]
fn workspace_file_that_widens_is_refused() {
    each_scene(|scene| {
        scene.write(&scene.at_work(".lobsterpot.toml"), "[files]\nread = [\"~/.ssh\"]\n");
        let message = does_not_run(scene, &marking(&[]), 65);
        assert!(message.contains(".lobsterpot.toml:"), "file and line: {message}");
    });
}

#[test]
fn workspace_file_that_narrows_is_obeyed() {
    each_scene(|scene| {
        scene.write(&scene.at_work(".lobsterpot.toml"), "[files]\nmask = [\"vault\"]\n");
        scene.write(&scene.at_work("vault/key"), &format!("secret={}\n", scene.canary));
        let outcome = scene.sandboxed(&Run::shell("cat vault/key; cat README.md"));
        assert!(outcome.out().contains("a project") && !scene.canary.is_in(&outcome.stdout), "{outcome}");
    });
}

#[test]
fn users_policy_is_found_and_obeyed() {
    each_scene(|scene| {
        scene.write(&scene.at_home("docs/a"), "documents\n");
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), "[files]\nread = [\"~/docs\"]\n");
        assert_eq!(scene.sandboxed(&Run::shell("cat ~/docs/a")).ok(), "documents\n");
    });
}

#[test]
fn environment_cannot_name_a_policy() {
    each_scene(|scene| {
        // An agent that controls the environment points everything at its workspace.
        scene.write(&scene.at_work("lobsterpot/policy.toml"), "[files]\nread = [\"~/.ssh\"]\nunmask = [\"~/.ssh\"]\n");
        let key = scene.at_home(".ssh/id_ed25519");
        let run = Run::new(&["cat".into(), key.into_os_string()])
            .env("XDG_CONFIG_HOME", &scene.workspace)
            .env("LOBSTERPOT_POLICY", scene.at_work("lobsterpot/policy.toml"))
            .env("SANDBOX_EXEC_POLICY", scene.at_work("lobsterpot/policy.toml"));
        let outcome = scene.sandboxed(&run);
        assert!(!scene.canary.is_in(&outcome.stdout), "{outcome}");
    });
}

#[test]
fn dry_run_shows_the_plan_and_runs_nothing() {
    each_scene(|scene| {
        let outcome = scene.sandboxed(&marking(&["--dry-run"]));
        assert!(!outcome.ok().is_empty(), "{outcome}");
        let outcome = scene.sandboxed(&marking(&["--dry-run", "--json"]));
        let plan: serde_json::Value = serde_json::from_str(&outcome.ok()).expect("JSON");
        assert!(plan.is_object());
        assert!(!scene.at_work("ran").exists());
    });
}

#[test]
fn check_tells_what_this_host_offers() {
    each_scene(|scene| {
        let outcome = scene.bare(&Run::new(&[scene.binary("sandbox-exec").into_os_string(), "check".into()]));
        let text = outcome.ok().to_lowercase();
        for layer in ["namespace", "landlock", "seccomp"] {
            assert!(text.contains(layer), "{layer}: {outcome}");
        }
    });
}

#[test]
fn required_layer_that_is_absent_stops_the_run() {
    each_scene(|scene| {
        let file = scene.at_work(".lobsterpot.toml");
        // The workspace's own file may ask for more. Here, and nowhere else in the suite, every layer is required.
        let present = [
            "user_namespace",
            "network_namespace",
            "landlock",
            "seccomp",
            "socket_supervision",
            "absent_names",
            "owner_remap",
        ];
        let all: String = present.iter().map(|layer| format!("{layer} = \"require\"\n")).collect();
        scene.write(&file, &format!("[require]\n{all}"));
        scene.sandboxed(&Run::new(&["true"])).ok();
        scene.write(&file, &format!("[require]\n{all}cgroup = \"require\"\n"));
        let message = does_not_run(scene, &marking(&[]), 69);
        assert!(message.contains("cgroup is required by the policy and not available"), "{message}");
        assert!(message.contains("cgroup = \"best-effort\""), "the hint says what to write: {message}");
    });
}
