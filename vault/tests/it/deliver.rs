//! `unlock`, `lock`, `run`, `render`: what leaves the vault for programs, where to, and what does not.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::harness::{Home, Ran, has, skip, write_program};

/// A folder in memory that the caller alone can enter.
fn memory() -> TempDir {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    folder
}

/// The names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Unlocks to a folder; the host that tests run on may have swap.
fn unlock(home: &Home, target: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec!["unlock", "--allow-swap", "--to", target.to_str().unwrap()];
    arguments.extend(more);
    home.run(&arguments)
}

/// Runs `command` with the options.
fn run(home: &Home, options: &[&str], command: &[&str]) -> Ran {
    let words: Vec<&str> =
        ["run", "--allow-swap"].iter().chain(options).chain(&["--"]).chain(command).copied().collect();
    home.run(&words)
}

/// Whether this runs as root; says so when it does not.
fn is_root() -> bool {
    if !geteuid().is_root() {
        skip("only root can mount and change owners");
    }
    geteuid().is_root()
}

/// Runs `script` in a mount namespace of its own, with the program's command line behind `$@`.
fn in_mounts(home: &Home, script: &str, target: &Path) -> Ran {
    let before = ["--mount", "--propagation", "private", "sh", "-ec", script, "sh"];
    let arguments = ["unlock", "--allow-swap", "--to", target.to_str().unwrap()];
    let mut command = home.under("unshare", &before, &arguments);
    command.env("T", target).env("D", home.path("disk")).output().unwrap().into()
}

#[test]
fn unlock_and_lock_leave_nothing_behind() {
    let (home, place) = (Home::with_secrets(&[("A", "1"), ("b/c", "2\n")]), memory());
    let target = place.path().join("lobsterpot/secrets");
    unlock(&home, &target, &["--env-file", ".env"]).done();
    assert_eq!(names(&target), [".env", ".lobsterpot-vault", "A", "b%2Fc"].map(str::to_owned).into());
    assert_eq!(fs::read(target.join("b%2Fc")).unwrap(), b"2\n");
    assert_eq!(fs::read(target.join(".env")).unwrap(), b"A=1\n");
    for file in names(&target) {
        assert_eq!(fs::metadata(target.join(file)).unwrap().permissions().mode() & 0o7777, 0o600);
    }
    unlock(&home, &target, &["--only", "A"]).done();
    assert_eq!(names(&target), [".lobsterpot-vault", "A"].map(str::to_owned).into());
    for _ in 0..2 {
        home.run(&["lock", "--to", target.to_str().unwrap()]).done();
        assert!(!target.exists());
    }
    assert_eq!(names(&place.path().join("lobsterpot")), BTreeSet::new());
}

#[test]
fn a_name_that_lock_leaves_gives_a_terminal_no_orders() {
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let target = place.path().join("secrets");
    unlock(&home, &target, &[]).done();
    fs::write(target.join("\u{1b}]0;evil\u{7}\u{9b}2J"), "").unwrap();
    let said = home.run(&["lock", "--to", target.to_str().unwrap()]).done().stderr;
    assert!(said.contains("evil") && !said.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{said:?}");
}

#[test]
fn lock_needs_neither_vault_nor_identity() {
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let target = place.path().join("secrets");
    unlock(&home, &target, &[]).done();
    fs::remove_dir_all(home.path("v")).unwrap();
    home.run(&["lock", "--to", target.to_str().unwrap()]).done();
    assert!(!target.exists());
}

#[test]
fn a_secret_that_is_not_for_unlock_or_has_expired_is_left_out() {
    let (home, place) = (Home::with_secrets(&[("A", "1"), ("B", "2"), ("OLD", "3")]), memory());
    home.run(&["set", "B", "--keep-value", "--consumer", "get"]).done();
    home.run(&["set", "OLD", "--keep-value", "--expires", "1s"]).done();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let target = place.path().join("secrets");
    let ran = unlock(&home, &target, &[]).done();
    assert!(ran.stderr.contains("left out OLD, which has expired"), "{}", ran.stderr);
    assert_eq!(names(&target), [".lobsterpot-vault", "A"].map(str::to_owned).into());
    unlock(&home, &target, &["--only", "B"]).refused(77, "B is not for unlock", "--consumer unlock");
    unlock(&home, &target, &["--only", "OLD"]).refused(77, "OLD has expired", "rotate OLD");
    unlock(&home, &target, &["--only", "A,NONE"]).refused(66, "no secret NONE", "list");
    assert_eq!(fs::read(target.join("A")).unwrap(), b"1");
}

#[test]
fn variables_that_load_code_do_not_come_into_an_environment_file_unasked() {
    let (home, place) = (Home::with_vault(), memory());
    home.feed(&["set", "LD_PRELOAD", "--allow-code"], b"/x.so").done();
    let target = place.path().join("secrets");
    unlock(&home, &target, &["--env-file", ".env"]).refused(77, "LD_PRELOAD makes programs load code", "--allow-code");
    assert!(!target.exists());
    unlock(&home, &target, &["--env-file", ".env", "--allow-code"]).done();
    unlock(&home, &target, &["--env-file", "LD_PRELOAD", "--allow-code"]).refused(
        64,
        "the name of the --env-file",
        ".env",
    );
    unlock(&home, &target, &["--env-file", "../x"]).refused(77, "LD_PRELOAD", "--allow-code");
}

#[test]
fn a_target_on_a_disk_is_refused_and_nothing_is_made() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    // The folder of temporary files may be in memory; this one is not.
    let target = PathBuf::from("/usr/lobsterpot-test/secrets");
    unlock(&home, &target, &[]).refused(69, "/usr is not on a tmpfs", "into memory only");
    assert!(!Path::new("/usr/lobsterpot-test").exists());
}

#[test]
fn a_target_behind_a_symlink_is_refused() {
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    fs::create_dir(place.path().join("real")).unwrap();
    symlink("real", place.path().join("link")).unwrap();
    for name in ["link", "link/secrets"] {
        let target = place.path().join(name);
        unlock(&home, &target, &[]).refused(77, "link is a symlink", "the folder that it leads to");
    }
    assert_eq!(names(&place.path().join("real")), BTreeSet::new());
}

#[test]
fn a_target_that_others_can_enter_is_refused() {
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let target = place.path().join("secrets");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o777)).unwrap();
    unlock(&home, &target, &[]).refused(77, "has mode 0777 instead of 0700", "chmod 0700");
    fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
    unlock(&home, &place.path().join("other"), &[]).refused(77, "others can change", "chmod go-w");
    assert_eq!(names(place.path()), ["secrets".to_owned()].into());
}

#[test]
fn a_target_of_somebody_else_is_refused() {
    if !is_root() {
        return;
    }
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let target = place.path().join("secrets");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o700)).unwrap();
    chown(&target, Some(61234), None).unwrap();
    unlock(&home, &target, &[]).refused(77, "belongs to uid 61234", "of your own");
    unlock(&home, &target.join("below"), &[]).refused(77, "others can change", "elsewhere");
    assert_eq!(names(&target), BTreeSet::new());
}

#[test]
fn a_disk_that_is_mounted_over_the_target_is_refused() {
    if !is_root() || !has("unshare") {
        return;
    }
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let disk = home.path("disk");
    let target = place.path().join("secrets");
    for folder in [&disk, &target] {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap();
    }
    let bind = "mount --bind \"$D\" \"$T\"; exec \"$@\"";
    in_mounts(&home, bind, &target).refused(69, "is not on a tmpfs", "into memory only");
    in_mounts(&home, "T=${T%/*}; mount --bind \"$D\" \"$T\"; exec \"$@\"", &target.join("below")).refused(
        69,
        "is not on a tmpfs",
        "into memory only",
    );
    assert_eq!(names(&disk), BTreeSet::new());
    let overlay = "mkdir \"$D/u\" \"$D/w\"; mount -t overlay -o lowerdir=/usr,upperdir=\"$D/u\",workdir=\"$D/w\" o \"$T\"; \
                   chmod 0700 \"$T\"; exec \"$@\"";
    in_mounts(&home, overlay, &target).refused(69, "is not on a tmpfs", "into memory only");
    assert_eq!((names(&disk.join("u")), names(&target)), (BTreeSet::new(), BTreeSet::new()));
}

#[test]
fn a_mount_point_cannot_be_replaced_and_a_folder_below_it_can() {
    if !is_root() || !has("unshare") {
        return;
    }
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let tmpfs = "mount -t tmpfs -o mode=0700 t \"$T\"; exec \"$@\"";
    in_mounts(&home, tmpfs, place.path()).refused(73, "is a mount point", "a folder below it");
    let below = format!("mount -t tmpfs -o mode=0700 t {}; \"$@\"; cat \"$T/A\"", place.path().display());
    assert_eq!(in_mounts(&home, &below, &place.path().join("secrets")).done().stdout, b"1");
    assert_eq!(names(place.path()), BTreeSet::new());
}

/// Debian's Python.
const PYTHON: &str = "/usr/bin/python3";

/// What a command prints that tells everything that it was given.
const TELL: &str = r#"
import fcntl, json, os
def kind(n):
    try: return fcntl.fcntl(n, 1034)
    except OSError: return None
open_before = sorted(int(n) for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}"))
print(json.dumps({
    "environment": dict(os.environ),
    "descriptors": {n: kind(n) for n in open_before},
    "value": os.pread(7, 100, 0).decode(),
    "folder": os.getcwd(),
}))
"#;

#[test]
fn a_command_gets_what_is_named_for_it_and_nothing_else() {
    // Not the first of the PATH, which may be a script that sets variables.
    if !Path::new(PYTHON).exists() {
        return skip("python3 is not installed");
    }
    let (home, place) = (Home::with_secrets(&[("A", "1"), ("b/c", "2"), ("SECOND", "3"), ("OTHER", "4")]), memory());
    let file = place.path().join("files/key");
    let pair = format!("SECOND={}", file.display());
    let options = ["run", "--allow-swap", "--only", "A", "--fd", "b/c=7", "--file", &pair, "--", PYTHON, "-c", TELL];
    let mut command = home.command(&options);
    command.current_dir(place.path()).env("A", "old").env("KEPT", "5").env("LC_ALL", "C.UTF-8");
    let ran = Ran::from(command.output().unwrap()).done();
    let told: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let variables: BTreeSet<&str> = told["environment"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(variables, ["A", "HOME", "KEPT", "LC_ALL", "PATH"].into());
    assert_eq!(told["environment"]["A"], "1");
    // Write, grow, shrink and seal: what nobody can undo.
    let seals = told["descriptors"]["7"].as_i64().unwrap();
    assert_eq!(seals & 0xf, 0xf, "{seals:#x}");
    let descriptors: BTreeSet<&str> = told["descriptors"].as_object().unwrap().keys().map(String::as_str).collect();
    // Whoever runs the tests may leave some open; python reads the folder by one of its own.
    let script = "import os; print(*[n for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n)])";
    let usual = Command::new(PYTHON).args(["-c", script]).output().unwrap();
    let mut expected: BTreeSet<&str> = std::str::from_utf8(&usual.stdout).unwrap().split_whitespace().collect();
    expected.insert("7");
    assert_eq!(descriptors, expected);
    assert_eq!(told["value"], "2");
    assert_eq!(told["folder"], place.path().to_str().unwrap());
    assert_eq!(fs::read(&file).unwrap(), b"3");
    assert_eq!(ran.stderr, "");
    home.run(&["lock", "--to", place.path().join("files").to_str().unwrap()]).done();
    assert!(!file.exists());
}

#[test]
fn the_way_to_the_identity_does_not_reach_the_command() {
    let home = Home::with_secrets(&[("A", "1")]);
    let script = "echo \"${CREDENTIALS_DIRECTORY-none}\"; (: <&9) 2>/dev/null && echo open; echo end";
    fs::write(home.path("passphrase"), "not needed\n").unwrap();
    let words = ["-c", "exec 9<\"$HOME/passphrase\"; exec \"$@\"", "sh"];
    let arguments = ["--passphrase-fd", "9", "run", "--only", "A", "--", "sh", "-c", script];
    let mut command = home.under("sh", &words, &arguments);
    let ran = Ran::from(command.env("CREDENTIALS_DIRECTORY", "/nonexistent").output().unwrap()).done();
    assert_eq!(ran.text(), "none\nend\n");
}

#[test]
fn a_command_gets_back_its_limits_and_signals() {
    if !has("prlimit") {
        return;
    }
    let home = Home::with_secrets(&[("A", "1")]);
    let script = "ulimit -Sc; ulimit -Hc; grep SigIgn /proc/self/status";
    let before = ["--core=4096:8192"];
    let ran =
        Ran::from(home.under("prlimit", &before, &["run", "--only", "A", "--", "sh", "-c", script]).output().unwrap());
    // Shells count blocks of 512 bytes.
    let text = ran.done().text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["8", "16"]);
    let unchanged = Command::new("grep").args(["SigIgn", "/proc/self/status"]).output().unwrap();
    // Above 31 are signals that the C library keeps for itself.
    let ignored =
        |line: &str| u64::from_str_radix(line.trim_start_matches("SigIgn:").trim(), 16).unwrap() & 0x7fff_ffff;
    assert_eq!(ignored(lines[2]), ignored(std::str::from_utf8(&unchanged.stdout).unwrap()));
}

#[test]
fn a_secret_for_one_program_is_not_given_to_another_or_by_another_way() {
    let home = Home::with_secrets(&[("A", "1")]);
    let place = memory();
    let real = fs::canonicalize("/bin/cat").unwrap();
    home.run(&["set", "A", "--keep-value", "--consumer", &format!("run:{}", real.display())]).done();
    run(&home, &["--fd", "A=0"], &["cat"]).done();
    run(&home, &["--only", "A"], &["env"]).refused(77, "A is not for run:", "--consumer");
    symlink(&real, place.path().join("env")).unwrap();
    let link = place.path().join("env");
    assert_eq!(run(&home, &["--fd", "A=0"], &[link.to_str().unwrap()]).done().stdout, b"1");
    symlink("/usr/bin/env", place.path().join("cat")).unwrap();
    run(&home, &["--only", "A"], &[place.path().join("cat").to_str().unwrap()]).refused(77, "A is not for run:", "");
}

#[test]
fn a_secret_for_a_program_that_others_can_replace_is_not_given() {
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let program = place.path().join("tool");
    write_program(&program, b"#!/bin/sh\necho \"$A\"\n");
    fs::set_permissions(&program, Permissions::from_mode(0o777)).unwrap();
    home.run(&["set", "A", "--keep-value", "--consumer", &format!("run:{}", program.display())]).done();
    run(&home, &["--only", "A"], &[program.to_str().unwrap()]).refused(77, "others can replace", "chmod go-w");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run(&home, &["--only", "A"], &[program.to_str().unwrap()]).done().text(), "1\n");
}

#[test]
fn what_the_environment_cannot_hold_is_refused_by_name() {
    let home = Home::with_secrets(&[("BIG", &"x".repeat(131_072)), ("N", "a\0b"), ("A", "1")]);
    run(&home, &["--only", "A,BIG"], &["env"]).refused(65, "BIG is too big for an environment variable", "--fd BIG=3");
    run(&home, &["--only", "N"], &["env"]).refused(65, "N has a NUL in it", "--fd N=3");
    run(&home, &["--env", "A=LD_PRELOAD"], &["env"]).refused(77, "LD_PRELOAD makes programs load code", "--allow-code");
    run(&home, &["--only", "a/b"], &["env"]).refused(
        64,
        "not the name of an environment variable",
        "--env a/b=VARIABLE",
    );
    assert_eq!(run(&home, &["--fd", "BIG=0"], &["wc", "-c"]).done().text().trim(), "131072");
}

#[test]
fn commands_that_cannot_be_run_end_as_in_a_shell() {
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    run(&home, &["--only", "A"], &["no-such-program"]).refused(127, "there is no program no-such-program", "PATH");
    run(&home, &["--only", "A"], &["/etc/passwd"]).refused(126, "/etc/passwd cannot be run", "permissions");
    run(&home, &[], &["true"]).refused(64, "no secret is named", "--only");
    run(&home, &["--only", "NONE"], &["true"]).refused(66, "no secret NONE", "list");
    let script = place.path().join("script");
    write_program(&script, b"#!/no/such/interpreter\n");
    let file = place.path().join("files/key");
    let pair = format!("A={}", file.display());
    run(&home, &["--file", &pair], &[script.to_str().unwrap()]).refused(126, "cannot be run", "first line");
    assert!(!file.exists());
    assert_eq!(run(&home, &["--only", "A"], &["sh", "-c", "exit 42"]).status, 42);
}

#[test]
fn a_file_for_a_command_is_put_on_no_disk_and_over_nothing_of_others() {
    let (home, place) = (Home::with_secrets(&[("A", "1")]), memory());
    let command = ["true"];
    run(&home, &["--file", "A=/usr/lobsterpot-test/key"], &command).refused(69, "is not on a tmpfs", "memory");
    run(&home, &["--file", "A=relative"], &command).refused(64, "not the absolute path", "tmpfs");
    fs::write(place.path().join("mine"), "keep").unwrap();
    let pair = format!("A={}", place.path().join("mine").display());
    run(&home, &["--file", &pair], &command).refused(77, "did not put there", "");
    assert_eq!(fs::read(place.path().join("mine")).unwrap(), b"keep");
}

#[test]
fn a_template_is_filled_with_what_render_may_have() {
    let (home, place) = (Home::with_secrets(&[("A", "x\"y"), ("B", "2")]), memory());
    home.run(&["set", "B", "--keep-value", "--consumer", "get"]).done();
    let render = |text: &str| home.feed(&["render", "-"], text.as_bytes());
    assert_eq!(render("a: {{A|json}}\n").done().text(), "a: \"x\\\"y\"\n");
    render("\n{{B}}").refused(77, "line 2: B is not for render", "--consumer render");
    render("{{NONE}}").refused(66, "line 1: the vault has no secret NONE", "list");
    render("{{A").refused(65, "line 1: `{{` is not closed", "{{NAME}}");
    let template = place.path().join("template");
    fs::write(&template, "{{A}}").unwrap();
    let to = |output: &str| home.run(&["render", "--allow-swap", template.to_str().unwrap(), "-o", output]);
    let output = place.path().join("output");
    to(output.to_str().unwrap()).done();
    assert_eq!(fs::read(&output).unwrap(), b"x\"y");
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o7777, 0o600);
    to("/usr/lobsterpot-test").refused(69, "/usr is not on a tmpfs", "memory");
    let disk = home.path("rendered");
    let ran = home.run(&["render", template.to_str().unwrap(), "-o", disk.to_str().unwrap(), "--allow-disk"]);
    ran.done();
    assert_eq!(fs::read(disk).unwrap(), b"x\"y");
}

#[test]
fn a_template_is_not_shown_on_a_terminal_unasked() {
    if !has("script") {
        return;
    }
    let home = Home::with_secrets(&[("A", "hunter2")]);
    fs::write(home.path("template"), "{{A}}").unwrap();
    let on_terminal = |more: &str| {
        let options = home.options().join(" ");
        let line = format!("{} {options} render {} {more}", crate::harness::PROGRAM, home.path("template").display());
        let shown = Command::new("script").args(["-qec", &line, "/dev/null"]).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).into_owned()
    };
    let shown = on_terminal("");
    assert!(shown.contains("a terminal would show") && !shown.contains("hunter2"), "{shown}");
    assert!(on_terminal("--reveal").contains("hunter2"));
}
