//! Workspaces and working folders of every kind.

use super::refused;
use crate::harness::canary::random_name;
use crate::harness::service::Service;
use crate::harness::{Run, Scene, each_scene};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Asserts that a workspace can be written to, and that the command starts there.
#[track_caller]
fn is_a_workspace(scene: &Scene, place: &Path) {
    let run = Run::shell("echo made >made.txt && pwd").workspaces(&[place]).folder(place);
    let outcome = scene.sandboxed(&run);
    outcome.ok();
    let real = place.canonicalize().expect("it exists");
    let mut said = outcome.stdout.clone();
    said.pop();
    assert!(
        OsString::from_vec(said.clone()) == real.as_os_str() || OsString::from_vec(said) == place.as_os_str(),
        "{outcome}"
    );
    assert_eq!(std::fs::read_to_string(real.join("made.txt")).ok().as_deref(), Some("made\n"), "written on the host");
}

#[test]
fn workspace_may_have_an_odd_name() {
    each_scene(|scene| {
        for name in ["two words", "new\nline", "quote'\"", "ümlaut", "-dash", "back\\slash", "comma,colon:"] {
            let place = scene.at_home("code").join(name);
            scene.mkdir(&place);
            is_a_workspace(scene, &place);
        }
        let place = scene.at_home("code").join(OsString::from_vec(vec![b'x', 0xff]));
        scene.mkdir(&place);
        is_a_workspace(scene, &place);
    });
}

#[test]
fn workspace_may_be_reached_by_a_symlink() {
    each_scene(|scene| {
        let link = scene.at_home("short");
        std::os::unix::fs::symlink(&scene.workspace, &link).expect("a symlink");
        is_a_workspace(scene, &link);
    });
}

#[test]
fn workspace_may_lie_in_the_temporary_folder() {
    each_scene(|scene| {
        for folder in ["/tmp", "/var/tmp"] {
            let place = Path::new(folder).join(format!("lobsterpot-e2e-{}", random_name()));
            scene.mkdir(&place);
            scene.goes_away(&place);
            is_a_workspace(scene, &place);
        }
    });
}

#[test]
fn command_starts_in_the_workspace_where_the_current_folder_is_not_there_inside() {
    each_scene(|scene| {
        for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
            let place = Path::new(folder).join(format!("lobsterpot-e2e-{}", random_name()));
            scene.mkdir(&place.join("deep"));
            scene.goes_away(&place);
            let outcome = scene.sandboxed(&Run::new(&["pwd"]).folder(&place.join("deep")));
            assert_eq!(Path::new(outcome.ok().trim_end()), scene.workspace, "{outcome}");
            let outcome = scene.sandboxed(&Run::new(&["pwd"]).folder(Path::new(folder)));
            assert_eq!(outcome.ok().trim_end(), folder, "this folder is there, empty: {outcome}");
        }
    });
}

#[test]
fn package_managers_add_to_their_folders_for_the_command_alone() {
    const FOLDERS: [&str; 5] = [".cargo", "go/pkg", ".m2/repository", ".nuget/packages", ".yarn/berry"];
    each_scene(|scene| {
        for (number, folder) in FOLDERS.into_iter().enumerate() {
            // Every other one is there already.
            let is_there = number % 2 == 0;
            if is_there {
                scene.write(&scene.at_home(folder).join("old/package"), "old\n");
            }
            let read = if is_there { "cat old/package && echo more >>old/package &&" } else { "" };
            let script = format!(
                "cd ~/{folder} && {read} mkdir -p new/package && echo new >new/package/file && cat new/package/file"
            );
            let said = scene.sandboxed(&Run::shell(&script)).ok();
            assert_eq!(said, if is_there { "old\nnew\n" } else { "new\n" }, "{folder}");
            assert!(!scene.at_home(folder).join("new").exists(), "{folder}: nothing of it is left");
            let old = std::fs::read_to_string(scene.at_home(folder).join("old/package")).unwrap_or_default();
            assert_eq!(old, if is_there { "old\n" } else { "" }, "{folder}: the person's own is as it was");
        }
        let outcome = scene.sandboxed(&Run::shell("echo x >~/go/bin/x || mkdir ~/go/bin"));
        assert_ne!(outcome.status, 0, "a program is not installed to be lost: {outcome}");
        std::fs::remove_dir_all(scene.at_home("go")).ok();
        scene.mkdir(&scene.at_home("go/bin"));
        scene.sandboxed(&Run::shell("mkdir -p ~/go/pkg/mod && echo new >~/go/pkg/mod/file")).ok();
        assert!(!scene.at_home("go/pkg").exists(), "nothing of it is left");
    });
}

#[test]
fn workspace_may_lie_in_an_agents_state_folder() {
    each_scene(|scene| is_a_workspace(scene, &scene.at_home(".openclaw/workspace")));
}

#[test]
fn two_workspaces_can_be_written() {
    each_scene(|scene| {
        let other = scene.at_home("code/other");
        scene.mkdir(&other);
        let workspace = scene.workspace.clone();
        let run = Run::shell("echo a >a && echo b >../other/b").workspaces(&[&workspace, &other]);
        scene.sandboxed(&run).ok();
        assert!(other.join("b").exists() && scene.at_work("a").exists());
    });
}

#[test]
fn current_folder_is_the_workspace_when_none_is_named() {
    each_scene(|scene| {
        scene.sandboxed(&Run::shell("echo a >a").workspaces(&[])).ok();
        assert!(scene.at_work("a").exists());
    });
}

#[test]
fn current_folder_below_the_workspace_is_kept() {
    each_scene(|scene| {
        let place = scene.at_work("deep/er");
        scene.mkdir(&place);
        assert_eq!(scene.sandboxed(&Run::shell("pwd -P").folder(&place)).ok().trim(), place.to_string_lossy());
    });
}

#[test]
fn current_folder_outside_the_workspace_does_not_become_visible() {
    each_scene(|scene| {
        let elsewhere = scene.at_home(".ssh");
        let outcome = scene.sandboxed(&Run::shell("pwd; ls; cat id_ed25519").folder(&elsewhere));
        assert!(!scene.canary.is_in(&outcome.stdout), "{outcome}");
        assert!(!outcome.out().contains("id_ed25519"), "{outcome}");
    });
}

#[test]
fn folder_to_start_in_can_be_named() {
    each_scene(|scene| {
        let place = scene.at_work("sub");
        scene.mkdir(&place);
        let run = Run::shell("pwd -P").flags(&["--chdir".into(), place.clone().into_os_string()]);
        assert_eq!(scene.sandboxed(&run).ok().trim(), place.to_string_lossy());
    });
}

#[test]
fn home_root_and_folders_of_secrets_are_no_workspaces() {
    each_scene(|scene| {
        let home = scene.home.clone();
        let places: Vec<PathBuf> = vec![
            home.clone(),
            "/".into(),
            home.join(".ssh"),
            home.join(".config"),
            scene.root.clone(),
            "/etc".into(),
            "/usr".into(),
        ];
        for place in places {
            let message = refused(scene, &Run::new(&["true"]).workspaces(&[&place]), 66);
            assert!(message.contains(&*place.to_string_lossy()), "the message names {}: {message}", place.display());
        }
    });
}

#[test]
fn workspace_that_is_missing_or_a_file_is_refused() {
    each_scene(|scene| {
        for name in ["missing", "README.md"] {
            refused(scene, &Run::new(&["true"]).workspaces(&[&scene.at_work(name)]), 66);
        }
    });
}

#[test]
fn folder_that_is_bound_readable_or_writable_is_there() {
    each_scene(|scene| {
        let (readable, writable) = (scene.at_home("r"), scene.at_home("w"));
        scene.write(&readable.join("a"), "readable\n");
        scene.mkdir(&writable);
        let flags = ["--ro".into(), readable.into_os_string(), "--rw".into(), writable.clone().into_os_string()];
        let outcome = scene.sandboxed(&Run::shell("cat ~/r/a && echo b >~/w/b").flags(&flags));
        assert_eq!(outcome.ok(), "readable\n");
        assert!(writable.join("b").exists());
    });
}

#[test]
fn masked_folder_says_why_it_is_empty() {
    each_scene(|scene| {
        scene.write(&scene.at_work("vault/key"), "x");
        let run =
            Run::shell("ls vault; cat vault/*").flags(&["--mask".into(), scene.at_work("vault").into_os_string()]);
        let outcome = scene.sandboxed(&run);
        assert_eq!(
            outcome.out().lines().next().map(|name| name == "key"),
            Some(false),
            "one file that explains: {outcome}"
        );
        assert!(outcome.out().to_lowercase().contains("lobsterpot"), "{outcome}");
    });
}

#[test]
fn policy_file_is_trusted_from_every_folder_once_the_workspace_is_named() {
    each_scene(|scene| {
        scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), "[limits]\nwall_clock = \"60s\"\n");
        let from_home = Run::new(&["true"]).folder(&scene.home);
        scene.sandboxed(&from_home).ok();
        // Without a named workspace the current folder is it, and then the file lies in what can be written.
        let outcome = scene.sandboxed(&from_home.workspaces(&[]));
        assert!(outcome.status != 0, "{outcome}");
    });
}

#[test]
fn policy_file_in_the_workspace_that_it_names_itself_is_refused() {
    each_scene(|scene| {
        let (below, file) = (scene.at_work("below"), scene.at_work("own.toml"));
        scene.mkdir(&below);
        scene.write(&file, &format!("[workspace]\nroots = [\"{}\"]\n", scene.workspace.display()));
        let flags = ["--policy".into(), file.into_os_string()];
        let text = refused(scene, &Run::new(&["true"]).folder(&below).workspaces(&[]).flags(&flags), 65);
        assert!(text.contains("is not trusted"), "{text}");
    });
}

#[test]
fn a_socket_that_the_policy_names_is_seen_and_connected_to_and_a_masked_one_is_not() {
    each_scene(|scene| {
        let (named, masked) = (scene.at_home("app.sock"), scene.at_home(".ssh/agent.sock"));
        let _named = Service::at_path(&named, "hello from app");
        let _masked = Service::at_path(&masked, "hello from agent");
        let ask = |flags: &str| {
            scene.write(&scene.at_home(".config/lobsterpot/policy.toml"), flags);
            let script = "for path in ~/app.sock ~/.ssh/agent.sock; do /usr/bin/python3 -c 'import socket, sys; \
                          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(64))' $path; done";
            scene.sandboxed(&Run::shell(script)).out()
        };
        assert!(!ask("").contains("hello"), "what nobody names cannot be connected to");
        let answer = ask("[files]\nsockets = [\"~/app.sock\", \"~/.ssh/agent.sock\"]\n");
        assert!(answer.contains("hello from app") && !answer.contains("hello from agent"), "{answer}");
    });
}

#[test]
fn home_below_a_shown_folder_needs_no_cache_of_its_own() {
    each_scene(|scene| {
        if !nix::unistd::getuid().is_root() {
            return crate::harness::skip("only root can make a home below /opt");
        }
        let home = std::path::Path::new("/opt").join(format!("lobsterpot-home-{}", scene.identity.id));
        let _ = std::fs::remove_dir_all(&home);
        scene.mkdir(&home);
        scene.goes_away(&home);
        let script = "mkdir -p \"$XDG_CACHE_HOME/a\" && echo kept >\"$XDG_CACHE_HOME/a/b\" && cat \"$XDG_CACHE_HOME/a/b\" && \
                      echo $npm_config_cache; touch ~/.cache 2>/dev/null || echo refused";
        let run = Run::shell(script).env("HOME", &home);
        assert_eq!(scene.sandboxed(&run).ok(), "kept\n/tmp/.cache/npm\nrefused\n");
        assert!(home.read_dir().expect("the home").next().is_none(), "nothing is made in it");
        // With a cache of its own, the private one covers it.
        scene.write(&home.join(".cache/secret"), scene.canary.text());
        let script = "ls -A ~/.cache; echo x >~/.cache/new; echo $npm_config_cache";
        let covered = scene.sandboxed(&Run::shell(script).env("HOME", &home)).ok();
        assert_eq!(covered, format!("{}/.cache/npm\n", home.display()));
        assert!(!home.join(".cache/new").exists());
    });
}
