//! Both hooks in places where something is wrong with the host: full and read-only disks, no `/proc`, no home, a policy that is a folder
//! or a pipe. Each captured call is answered as in a good place, or denied in its client's own words; nothing hangs.
//!
//! The places are made in mount namespaces, and end with the hook, which runs as an ordinary user. Each place is put to a part of the
//! captured calls, every client among them; `LOBSTERPOT_THOROUGH=1` takes all.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::golden::{CLIENTS, golden, placed};
use crate::support::{World, feed};

/// The hooks, with the folder of their captured calls.
const HOOKS: [(&str, &str, &str); 2] = [
    ("sandbox-exec-hook", env!("CARGO_BIN_EXE_sandbox-exec-hook"), "golden"),
    ("fs-guard-hook", env!("CARGO_BIN_EXE_fs-guard-hook"), "golden-files"),
];
/// The user that the hook runs as when the test is root's.
const ORDINARY: u32 = 61234;
/// Far longer than the hook's own deadline, even on a busy machine, and shorter than any client's patience.
const PATIENCE: Duration = Duration::from_secs(300);
/// Shorter than the hook's own deadline, which a machine that is busy enough lets pass.
const HARDLY_LATE: Duration = Duration::from_secs(4);
/// How many hooks are asked at once.
const WORKERS: usize = 4;
/// Of how many captured calls one is put to each place.
const ONE_OF: usize = 16;

/// Makes the place, then becomes the hook without any capability: root's would pass over permissions.
/// $1: the world's folder; $2: the place; $3: the user to become, or nothing; then the hook's command line.
const STAGE: &str = r#"
set -e
W=$1 place=$2 user=$3
shift 3
mount --make-rprivate /
mount --bind "$W/passwd" /etc/passwd
cd "$W/proj"
fill() { dd if=/dev/zero of="$1/filler" bs=1k 2>/dev/null || true; ! echo x 2>/dev/null >"$1/more"; }
P=$W/house/.config/lobsterpot/policy.toml
eval "$place"
# The set-up is root's work; what it made must belong to who calls the hook.
[ -z "$user" ] || chown -hR "$user:$user" "$W/house" 2>/dev/null || true
caps='--bounding-set=-all --inh-caps=-all --securebits=+noroot'
[ -z "$user" ] || caps="--reuid=$user --regid=$user --clear-groups --bounding-set=-all --inh-caps=-all"
eval "${limit-}"
exec setpriv $caps -- "$@"
"#;

/// What a place does to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// None: nothing of the kind is needed.
    None,
    /// It may cost the answer, in favour of a denial.
    Some,
    /// Whatever would be allowed is denied for this reason.
    Denied(&'static str),
}

/// Every place: its name, what makes it, and what it does.
const PLACES: &[(&str, &str, Effect)] = &[
    ("the policy is a folder", "mkdir -p \"$P\"", Effect::Denied("policy.unreadable")),
    ("the policy is a pipe", "mkfifo \"$P\"", Effect::Denied("policy.unreadable")),
    ("the policy cannot be read", "echo >\"$P\"; chmod 000 \"$P\"", Effect::Denied("policy.unreadable")),
    ("the policy's folder cannot be read", "echo >\"$P\"; chmod 000 \"${P%/*}\"", Effect::Denied("policy.unreadable")),
    ("the policy leads to itself", "ln -s policy.toml \"$P\"", Effect::Denied("policy.unreadable")),
    ("the policy never ends", "ln -s /dev/zero \"$P\"", Effect::Denied("policy.unreadable")),
    ("the policy is as large as a disk", "truncate -s 900G \"$P\"", Effect::Denied("policy.unreadable")),
    ("the policy is no text", "head -c 4096 /dev/urandom >\"$P\"", Effect::Denied("policy.unreadable")),
    ("the policy is cut off", "printf '[files]\\nmask = [\"~/.ss' >\"$P\"", Effect::Denied("policy.unreadable")),
    (
        "the system's policy is a pipe",
        "cp /etc/passwd \"$W/kept\"; mount -t tmpfs tmpfs /etc; cp \"$W/kept\" /etc/passwd; mkdir /etc/lobsterpot; mkfifo /etc/lobsterpot/policy.toml",
        Effect::Denied("policy.unreadable"),
    ),
    (
        "nobody is in the passwd file",
        "echo 'root:x:7:7::/root:/bin/sh' >\"$W/passwd\"",
        Effect::Denied("policy.unreadable"),
    ),
    ("the passwd file is missing", "mount -t tmpfs tmpfs /etc", Effect::Denied("policy.unreadable")),
    ("the home cannot be read", "chmod 000 \"$W/house\"", Effect::Denied("policy.unreadable")),
    ("the home is missing", "rm -r \"$W/house\"", Effect::None),
    ("the folder that it starts in is gone", "mkdir ../gone; cd ../gone; rmdir ../gone", Effect::None),
    ("there is no environment", "unset HOME PWD OLDPWD TMPDIR USER LOGNAME", Effect::None),
    ("there is no /proc", "mount -t tmpfs tmpfs /proc", Effect::Some),
    ("there is no /dev", "mount -t tmpfs tmpfs /dev", Effect::Some),
    (
        "every disk is full",
        "cp -a . \"$W/copy\"; mount -t tmpfs -o size=64k,mode=0755 tmpfs \"$W/proj\"; cp -a \"$W/copy/.\" \"$W/proj\"; cd \"$W/proj\"; \
         for place in \"$W/house\" /var/tmp /dev/shm; do mount -t tmpfs -o size=64k,mode=1777 tmpfs \"$place\"; fill \"$place\"; done; fill .",
        Effect::None,
    ),
    (
        "every disk is read-only",
        "mount --bind \"$W\" \"$W\"; mount -o remount,bind,ro \"$W\"; cd \"$W/proj\"",
        Effect::None,
    ),
    ("no further process or thread can be made", "limit='ulimit -u 1'", Effect::Some),
    ("a few files can be open", "limit='ulimit -n 7'", Effect::Some),
    ("hardly a file can be open", "limit='ulimit -n 4'", Effect::Some),
    ("the stack is small", "limit='ulimit -s 256'", Effect::Some),
    ("the memory is small", "limit='ulimit -d 2500'", Effect::Some),
];

/// A world for a call of either hook, with a home and a passwd file of its own.
fn world(hides: bool, user: u32) -> World {
    let world = World::new();
    let at = |name: &str| world.workspace.join(name);
    fs::create_dir_all(at("src")).unwrap();
    for (name, text) in [("secret.txt", "TOP\n"), ("n.ipynb", "{}"), ("a.txt", "old\n"), ("src/main.rs", "")] {
        fs::write(at(name), text).unwrap();
    }
    if hides {
        fs::write(at(".env"), "KEY=1\n").unwrap();
    }
    fs::write(world.base.join("outside.txt"), "KEY\n").unwrap();
    symlink("../outside.txt", at("link")).unwrap();
    fs::create_dir_all(world.base.join("house/.config/lobsterpot")).unwrap();
    let line = format!("pat:x:{user}:{user}::{}/house:/bin/sh\n", world.base.display());
    fs::write(world.base.join("passwd"), line).unwrap();
    fs::set_permissions(&world.base, fs::Permissions::from_mode(0o755)).unwrap();
    world
}

/// A call that was captured.
struct Captured {
    /// Its client.
    client: &'static str,
    /// Its file.
    file: PathBuf,
    /// The hook that it is for, and where that lies.
    hook: (&'static str, PathBuf),
}

/// Every captured call that needs no policy of its own, with copies of the hooks that everybody can start, in `programs`.
fn captured(programs: &Path) -> Vec<Captured> {
    let mut all = Vec::new();
    for (name, built, folder) in HOOKS {
        let copy = programs.join(name);
        // By another process: a file that is open for writing here while another test forks cannot be started.
        assert!(Command::new("cp").arg(built).arg(&copy).status().unwrap().success());
        for client in CLIENTS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder).join(client);
            let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            let plain = files.into_iter().filter(|file| golden(file).policy.is_none());
            all.extend(plain.map(|file| Captured { client, file, hook: (name, copy.clone()) }));
        }
    }
    all
}

/// The user that the hook runs as: root's tests become another, everybody else is root in a namespace of their own.
fn user() -> (u32, &'static str, bool) {
    let is_root = nix::unistd::getuid().is_root();
    if is_root { (ORDINARY, "61234", true) } else { (0, "", false) }
}

/// Asks about a call in a place.
fn ask(call: &Captured, place: &str) -> (Output, Duration) {
    let (id, name, is_root) = user();
    let stem = call.file.file_stem().unwrap().to_str().unwrap();
    let world = world(call.hook.0 == "fs-guard-hook" && stem.starts_with("deny"), id);
    let payload =
        placed(golden(&call.file).payload.get(), &world).replace("$HOME", &format!("{}/house", world.base.display()));
    world.transcribe(&payload);
    if is_root {
        let given = Command::new("chown").args(["-hR", name]).arg(&world.base).status().unwrap();
        assert!(given.success());
    }
    let mut command = Command::new("unshare");
    command
        .args(if is_root { &[][..] } else { &["--map-root-user"][..] })
        .args(["--mount", "sh", "-c", STAGE, "stage"]);
    command.arg(&world.base).args([place, name]).arg(&call.hook.1).args(["--client", call.client]);
    if call.hook.0 == "sandbox-exec-hook" {
        command.arg("--sandbox-exec").arg(world.base.join("sandbox-exec"));
    }
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", world.base.join("house"));
    let begin = Instant::now();
    let mut output = feed(command, payload.as_bytes());
    // Two worlds differ by their folder's name.
    let nameless =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(world.base.to_str().unwrap(), "$W").into_bytes();
    (output.stdout, output.stderr) = (nameless(&output.stdout), nameless(&output.stderr));
    (output, begin.elapsed())
}

/// Asks about a call in a place, and again where the answer came about when the hook gives up waiting for itself: what is looked at
/// is the place and not how busy the machine is.
fn ask_patiently(call: &Captured, place: &str) -> (Output, Duration) {
    for _ in 0..3 {
        let answer = ask(call, place);
        if answer.1 < HARDLY_LATE {
            return answer;
        }
    }
    ask(call, place)
}

/// Whether mount namespaces can be made here; says so once when not.
fn is_possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let options = if user().2 { &["--mount"][..] } else { &["--map-root-user", "--mount"][..] };
        let made = Command::new("unshare").args(options).args(["setpriv", "--bounding-set=-all", "true"]).status();
        let possible = made.is_ok_and(|status| status.success());
        if !possible {
            assert!(std::env::var_os("REQUIRE_ALL").is_none_or(|value| value != "1"), "namespaces are required");
            std::io::stderr().write_all(b"SKIP: no mount namespace can be made here\n").unwrap();
        }
        possible
    })
}

/// What is wrong with an answer, given the one of a good place.
fn fault(answer: &Output, good: &Output, effect: Effect) -> Option<String> {
    let same = |answer: &Output| (answer.status.code(), answer.stdout.clone());
    if same(answer) == same(good) {
        let must_differ = matches!(effect, Effect::Denied(_)) && good.status.code() == Some(0);
        return must_differ.then(|| "it is allowed".to_owned());
    }
    if effect == Effect::None {
        return Some("another answer than in a good place".to_owned());
    }
    let stderr = String::from_utf8_lossy(&answer.stderr);
    if answer.status.code() != Some(2) || stderr.is_empty() {
        return Some(format!("no denial: {:?}", answer.status));
    }
    if !answer.stdout.is_empty() && serde_json::from_slice::<Value>(&answer.stdout).is_err() {
        return Some("half an answer".to_owned());
    }
    if let Effect::Denied(code) = effect
        && good.status.code() == Some(0)
        && !stderr.contains(&format!("[{code}]"))
    {
        return Some(format!("denied, but not for {code}"));
    }
    None
}

#[test]
fn in_every_bad_place_each_captured_call_is_answered_as_ever_or_denied() {
    if !is_possible() {
        return;
    }
    let programs = tempfile::tempdir().unwrap();
    fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let all = captured(programs.path());
    let every = if std::env::var_os("LOBSTERPOT_THOROUGH").is_some_and(|value| value == "1") { 1 } else { ONE_OF };
    let good: Vec<OnceLock<Output>> = all.iter().map(|_| OnceLock::new()).collect();
    let (wrong, denied, next) = (Mutex::new(Vec::new()), AtomicUsize::new(0), AtomicUsize::new(0));
    let in_one_place = |number: usize, (name, place, effect): (&str, &str, Effect)| {
        for (index, call) in all.iter().enumerate().filter(|(index, _)| (index + number % 3).is_multiple_of(every)) {
            let good = good[index].get_or_init(|| ask_patiently(call, ":").0);
            let (answer, time) = ask_patiently(call, place);
            let late = (time > PATIENCE).then(|| format!("it took {time:?}"));
            if good.status.code() == Some(0) && answer.status.code() == Some(2) {
                denied.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(fault) = fault(&answer, good, effect).or(late) {
                let (hook, file) = (call.hook.0, call.file.file_name().unwrap().display());
                let asked = format!("{hook} --client {} {file}", call.client);
                let text = format!("{name}: {asked}: {fault}: {answer:?}, and in a good place {good:?}");
                wrong.lock().unwrap().push(text);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((number, place)) = PLACES.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    in_one_place(number, *place);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    assert!(denied.into_inner() > 0, "no place cost an answer");
}
