//! File systems that do not answer, as those of a network that is gone: no hook looks at one for longer than its client waits.

use serde_json::{Value, json};
use std::path::Path;

use crate::harness::{Identity, Outcome, Run, Scene, host, outcome, require, skip, ways};

/// The status that stops the call in every client.
const STOP: i32 = 2;
/// The status of the stage where such a file system cannot be had.
const CANNOT: i32 = 98;

/// Puts a file system over a folder that says how it is called and nothing else, in a mount namespace of its own, and has a program meet
/// it. Once that has said something the file system goes, for a program that waits for an answer which is on its way cannot even be
/// killed. `fuse(4)`, `linux/fuse.h`.
///
/// Arguments: the folder; whether it `reads` what it is asked, or is `stopped`; then the command line.
const STAGE: &str = r#"
import ctypes, os, struct, sys, threading
place, kind, *command = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
try:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"hung", place.encode(), b"fuse", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount")
except OSError as error:
    sys.exit(print("hung:", error, file=sys.stderr) or 98)
_, _, unique = struct.unpack_from("IIQ", os.read(device, 1 << 20))
answer = struct.pack("IIIIHHIIHHI", 7, 31, 0, 0, 0, 0, 4096, 1, 1, 0, 0) + bytes(28)
os.write(device, struct.pack("IiQ", 16 + len(answer), 0, unique) + answer)
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(device)
    os.dup2(writing, 1)
    os.execvp(command[0], command)
os.close(writing)
def serve():
    try:
        while os.read(device, 1 << 20):
            pass
    except OSError:
        pass
if kind == "reads":
    threading.Thread(target=serve, daemon=True).start()
said = os.read(reading, 1 << 16)
if kind == "reads":
    # Closed alone it would wait for its reader.
    libc.umount2(place.encode(), 1)
while more := os.read(reading, 1 << 16):
    said += more
os.write(1, said)
_, status = os.waitpid(pid, 0)
os._exit(os.waitstatus_to_exitcode(status) & 0xff)
"#;

/// A hook that is asked about a call, where the workspace is such a file system.
fn asked(scene: &Scene, hook: &str, kind: &str, payload: &Value) -> Run {
    let Identity { id, .. } = scene.identity;
    let is_root = nix::unistd::getuid().is_root();
    let mut run = Run::new(&[scene.binary(hook).into_os_string(), "--client".into(), "claude-code".into()]);
    let namespaces: &[&str] = if is_root { &["--mount"] } else { &["--map-root-user", "--mount"] };
    run.outer = host::words(&["unshare"]);
    run.outer.extend(host::words(namespaces));
    let place = scene.workspace.to_str().expect("UTF-8");
    run.outer.extend(host::words(&["python3", "-I", "-c", STAGE, place, kind]));
    if !is_root {
        let (user, group) = (format!("--map-user={id}"), format!("--map-group={}", nix::unistd::getgid()));
        run.outer.extend(host::words(&["unshare", "--user", &user, &group, "--"]));
    } else if !scene.identity.is_root() {
        let (user, group) = (format!("--reuid={id}"), format!("--regid={id}"));
        run.outer.extend(host::words(&["setpriv", &user, &group, "--clear-groups", "--"]));
    }
    run.outer_changes_user = true;
    run.input(payload.to_string().as_bytes())
}

/// Asserts that the call is denied, in whole words, and before the client gives up.
#[track_caller]
fn must_be_denied(answer: &Outcome, what: &str) {
    assert_eq!(answer.status, STOP, "{what}: {answer}");
    let said: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
    assert_eq!(said["hookSpecificOutput"]["permissionDecision"], "deny", "{what}: {answer}");
    assert!(answer.err().contains("did not finish within"), "{what}: {answer}");
}

/// A call for each hook that takes a look at the workspace.
fn questions(scene: &Scene) -> [(&'static str, Value); 2] {
    let call = |tool: &str, input: Value| {
        let mut payload = ways::call(scene, "Bash", &scene.workspace, &scene.workspace);
        payload["tool_name"] = json!(tool);
        payload["tool_input"] = input;
        payload
    };
    let file = |path: &Path| json!({ "file_path": path });
    [
        ("sandbox-exec-hook", call("Bash", json!({ "command": "ls" }))),
        ("fs-guard-hook", call("Read", file(&scene.at_work("README.md")))),
    ]
}

#[test]
fn hook_denies_in_time_where_the_workspace_does_not_answer() {
    if !require(&["unshare", "setpriv", "python3"]) {
        return;
    }
    for identity in Identity::all_known() {
        let scene = &Scene::new(identity);
        let questions = questions(scene);
        let asked = |hook, payload, kind: &'static str| {
            let run = asked(scene, hook, kind, payload);
            (format!("{hook}, {kind}"), scene.bare_command(&run), run.input)
        };
        let runs =
            questions.iter().flat_map(|(hook, payload)| ["stopped", "reads"].map(|kind| asked(hook, payload, kind)));
        let runs: Vec<_> = runs.collect();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = runs
                .into_iter()
                .map(|(what, mut command, input)| {
                    scope.spawn(move || (what, outcome::run(&mut command, input.as_deref())))
                })
                .collect();
            for answer in waiting {
                let (what, answer) = answer.join().expect("it ran");
                if answer.status == CANNOT {
                    return skip("no file system in user space can be mounted here");
                }
                must_be_denied(&answer, &what);
            }
        });
    }
}
