//! Every way in which the hook can fail stops the call.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::{HOOK, World, assert_denied, feed, hook};

/// The arguments of every call here, with the world's launcher.
fn arguments(world: &World) -> [String; 4] {
    let launcher = world.base.join("sandbox-exec").to_str().unwrap().to_owned();
    ["--client".to_owned(), "claude-code".to_owned(), "--sandbox-exec".to_owned(), launcher]
}

/// Runs the hook in `world` on `stdin`.
fn call(world: &World, stdin: &str) -> std::process::Output {
    hook(&arguments(world).each_ref().map(String::as_str), stdin)
}

/// A good payload that runs `ls`.
fn good(world: &World) -> Value {
    world.payload("Bash", &json!({ "command": "ls" }), &world.workspace)
}

#[test]
fn a_payload_that_is_not_one_json_object_is_denied() {
    let world = World::new();
    let good = good(&world).to_string();
    assert_eq!(call(&world, &good).status.code(), Some(0), "the payload is good as it is");
    let cut = &good[..good.len() - 1];
    let twice = format!("{good}{good}");
    let trailing = format!("{good} x");
    for stdin in ["", " ", "{", "null", "[]", "\"Bash\"", "42", "{}", "not json", cut, &twice, &trailing] {
        assert_denied(&call(&world, stdin), "hook.payload");
    }
    let deep = "[".repeat(100_000);
    assert_denied(&call(&world, &deep), "hook.payload");
}

#[test]
fn a_payload_with_a_field_missing_or_of_another_type_is_denied() {
    let world = World::new();
    for name in ["session_id", "transcript_path", "cwd", "hook_event_name", "tool_name", "tool_input"] {
        let mut payload = good(&world);
        payload.as_object_mut().unwrap().remove(name);
        assert!(assert_denied(&call(&world, &payload.to_string()), "hook.payload").contains(name));
        for odd in [json!(null), json!(7), json!([]), json!("")] {
            payload[name] = odd;
            assert!(assert_denied(&call(&world, &payload.to_string()), "hook.payload").contains(name));
        }
    }
    for input in [json!({}), json!({ "command": null }), json!({ "command": 7 }), json!({ "command": ["ls"] })] {
        let payload = world.payload("Bash", &input, &world.workspace);
        assert_denied(&call(&world, &payload.to_string()), "hook.payload");
    }
}

#[test]
fn another_event_is_denied() {
    let world = World::new();
    let mut payload = good(&world);
    payload["hook_event_name"] = json!("PostToolUse");
    assert_denied(&call(&world, &payload.to_string()), "hook.payload");
}

#[test]
fn a_command_that_no_argument_can_carry_is_denied() {
    let world = World::new();
    for command in ["echo a\u{0}b".to_owned(), "x".repeat(2 << 20)] {
        let payload = world.payload("Bash", &json!({ "command": command }), &world.workspace);
        assert_denied(&call(&world, &payload.to_string()), "hook.command");
    }
    let surrogate = good(&world).to_string().replace("\"ls\"", "\"ls \\ud800\"");
    assert_denied(&call(&world, &surrogate), "hook.payload");
    let payload = world.payload("Bash", &json!({ "command": "x".repeat(9 << 20) }), &world.workspace);
    assert_denied(&call(&world, &payload.to_string()), "hook.payload");
}

#[test]
fn a_command_given_twice_is_denied() {
    let world = World::new();
    let twice = good(&world).to_string().replace("{\"command\":\"ls\"}", "{\"command\":\"ls\",\"command\":\"id\"}");
    assert!(assert_denied(&call(&world, &twice), "hook.payload").contains("twice"));
}

#[test]
fn another_clients_payload_is_stopped_without_words_that_it_would_misread() {
    let world = World::new();
    let mut foreign = Vec::new();
    for (name, value) in [
        ("turn_id", json!("t")),
        ("toolName", json!("bash")),
        ("conversation_id", json!("c")),
        ("clineVersion", json!("4")),
        ("hook_event_name", json!("BeforeTool")),
    ] {
        let mut payload = good(&world);
        payload[name] = value;
        foreign.push(payload);
    }
    let mut copilot = good(&world);
    copilot.as_object_mut().unwrap().remove("permission_mode");
    copilot["timestamp"] = json!("2026-11-20T00:00:00Z");
    foreign.push(copilot);
    for payload in foreign {
        let output = call(&world, &payload.to_string());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), b"".as_slice()), "{payload}");
        assert!(stderr.contains("[hook.client]"), "{stderr}");
    }
}

#[test]
fn a_hook_with_wrong_arguments_stops_the_call() {
    let world = World::new();
    let good = good(&world).to_string();
    let wrong: [&[&str]; 5] =
        [&[], &["--help"], &["--client", "claude"], &["--client", "claude-code", "--no-sandbox"], &["--client=", "x"]];
    for arguments in wrong {
        let output = hook(arguments, &good);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), b"".as_slice()), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_folder_outside_every_workspace_is_denied() {
    let world = World::new();
    fs::create_dir(world.base.join("proj_evil")).unwrap();
    for cwd in [world.base.clone(), world.base.join("proj_evil"), "/".into(), "/etc".into(), "proj".into()] {
        let payload = world.payload("Bash", &json!({ "command": "ls" }), &cwd);
        assert_denied(&call(&world, &payload.to_string()), "fs.outside-workspace");
    }
}

#[test]
fn a_launcher_that_is_missing_or_open_to_others_is_denied() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let good = good(&world).to_string();
    let launcher = world.base.join("sandbox-exec");
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o777)).unwrap();
    assert_denied(&call(&world, &good), "hook.program");
    fs::remove_file(&launcher).unwrap();
    assert_denied(&call(&world, &good), "hook.program");
}

#[test]
fn nothing_in_the_environment_changes_the_answer() {
    let world = World::new();
    let home = world.base.join("home/.config/lobsterpot");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("policy.toml"), "[workspace]\nroots = [\"/\"]\n").unwrap();
    let payload = good(&world).to_string();
    let expected = call(&world, &payload);
    let mut command = Command::new(HOOK);
    command
        .args(arguments(&world))
        .env("HOME", world.base.join("home"))
        .env("XDG_CONFIG_HOME", world.base.join("home/.config"));
    command
        .env("CLAUDE_PROJECT_DIR", "/")
        .env("PATH", &world.workspace)
        .env("TMPDIR", "/nowhere")
        .env("SHELL", "/bin/false");
    let output = feed(command, payload.as_bytes());
    assert_eq!((output.status.code(), output.stdout), (Some(0), expected.stdout));
}

#[test]
fn closed_or_full_streams_stop_the_call() {
    let world = World::new();
    let payload = good(&world).to_string();
    let file = world.base.join("payload");
    fs::write(&file, &payload).unwrap();
    let shell = |redirections: &str| {
        let script = format!(
            "exec {HOOK} --client claude-code --sandbox-exec {}/sandbox-exec {redirections}",
            world.base.display()
        );
        Command::new("/bin/sh").args(["-c", &script]).stdin(Stdio::null()).output().unwrap().status.code()
    };
    let from = format!("< {}", file.display());
    assert_eq!(shell(&from), Some(0), "the call is good as it is");
    for redirections in [
        "<&-".to_owned(),
        format!("{from} >&-"),
        format!("{from} > /dev/null"),
        format!("{from} > /dev/full"),
        format!("{from} >&- 2>&-"),
        "<&- >&- 2>&-".to_owned(),
    ] {
        assert_eq!(shell(&redirections), Some(2), "{redirections}");
    }
}

#[test]
fn a_client_that_stops_listening_gets_the_status_that_stops_the_call() {
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(HOOK);
    let payload = world.base.join("payload");
    fs::write(&payload, good(&world).to_string()).unwrap();
    command.args(arguments(&world)).stdin(File::open(payload).unwrap()).stdout(writer).stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("[internal]"));
}

#[test]
fn streams_that_nobody_empties_stop_the_call_in_time() {
    let world = World::new();
    let full = || {
        let (reader, mut writer) = std::io::pipe().unwrap();
        // As much as a pipe holds: pipe(7).
        writer.write_all(&[b'x'; 65536]).unwrap();
        (reader, writer)
    };
    let payload = world.base.join("payload");
    for content in [good(&world).to_string(), "garbage".to_owned()] {
        fs::write(&payload, content).unwrap();
        let ((_stdout, out), (_stderr, err)) = (full(), full());
        let mut command = Command::new(HOOK);
        command.args(arguments(&world)).stdin(File::open(&payload).unwrap()).stdout(out).stderr(err);
        let begin = Instant::now();
        assert_eq!(command.status().unwrap().code(), Some(2));
        assert!(begin.elapsed() < Duration::from_secs(300), "clients give ten minutes");
    }
}

#[test]
fn signals_that_would_end_the_hook_stop_the_call() {
    let world = World::new();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGSEGV,
        Signal::SIGABRT,
        Signal::SIGALRM,
        Signal::SIGSYS,
    ] {
        let mut command = Command::new(HOOK);
        command.args(arguments(&world)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let pid = child.id();
        await_watchdog(pid);
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
        let mut child = child;
        // The hook's standard input stays open, so that only the signal can end it.
        let stdin = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert!(assert_denied(&output, "internal").contains(&format!("signal {}", signal as i32)));
    }
}

/// Waits until the process has its second thread: from then on it answers signals.
fn await_watchdog(pid: u32) {
    let tasks = format!("/proc/{pid}/task");
    let begin = Instant::now();
    while fs::read_dir(Path::new(&tasks)).unwrap().count() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(120), "the hook started no watchdog");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_client_that_never_finishes_its_payload_is_denied_in_time() {
    let world = World::new();
    let mut command = Command::new(HOOK);
    command.args(arguments(&world)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begin = Instant::now();
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_denied(&output, "internal");
    assert!(begin.elapsed() < Duration::from_secs(300), "clients give ten minutes");
}

#[test]
fn a_panic_stops_the_call() {
    let broken = Path::new(HOOK).with_file_name("examples").join("broken_hook");
    assert!(broken.exists(), "it is built by `cargo test` without --test, or by `cargo build --examples`");
    let mut command = Command::new(broken);
    command.args(["--client", "claude-code"]);
    let world = World::new();
    let output = feed(command, good(&world).to_string().as_bytes());
    assert!(assert_denied(&output, "internal").contains("panic at"));
}

#[test]
fn a_reader_that_is_slow_still_gets_one_whole_document() {
    let world = World::new();
    let command = "x".repeat(100_000);
    let payload = world.payload("Bash", &json!({ "command": command }), &world.workspace);
    let file = world.base.join("payload");
    fs::write(&file, payload.to_string()).unwrap();
    let mut hook = Command::new(HOOK);
    hook.args(arguments(&world)).stdin(OpenOptions::new().read(true).open(file).unwrap()).stdout(Stdio::piped());
    let mut child = hook.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer["hookSpecificOutput"]["updatedInput"]["command"].as_str().unwrap().contains(&command));
}
