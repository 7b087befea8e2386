//! What the program hands to the kernel: under strace(1), with whole buffers, no value and no key is in any system call of any
//! subcommand but where handing it over is what the subcommand is for.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{self, Home, PROGRAM};

/// The value that is looked for.
const VALUE: &str = "canary-7Qm2xV9rT4bLk8ZpW3sY";

/// A value that a subcommand brings in.
const NEW: &str = "canary-Jd5Hn0GcE6uFa1RoMtBi";

/// A tmpfs that every Linux has.
const MEMORY: &str = "/dev/shm";

/// One way of using the program.
struct Use {
    /// The arguments; `@` stands for the folder on a tmpfs, `~` for the home.
    arguments: &'static [&'static str],
    /// What it reads.
    input: &'static str,
    /// Beginnings of the system calls that a value may be in; `@` as above.
    purpose: &'static [&'static str],
}

/// A use that hands nothing over.
const fn silent(arguments: &'static [&'static str]) -> Use {
    Use { arguments, input: "", purpose: &[] }
}

/// Every subcommand, each in the ways that differ in what they hand over.
const USES: &[Use] = &[
    silent(&["list"]),
    silent(&["list", "--json"]),
    silent(&["status"]),
    silent(&["status", "--json"]),
    silent(&["verify"]),
    silent(&["--debug", "verify"]),
    silent(&["get", "MISSING"]),
    silent(&["scan", "~/plain"]),
    silent(&["scan", "--json", "--environment", "~/plain"]),
    silent(&["install-units", "--dry-run", "--account", "somebody", "--root", "~/units"]),
    silent(&["install-units", "--user", "--dry-run"]),
    silent(&["lock", "--to", "@/target"]),
    Use { arguments: &["--debug", "set", "ADDED"], input: NEW, purpose: &[] },
    Use { arguments: &["rotate", "ADDED"], input: "canary-other", purpose: &[] },
    silent(&["rotate", "ADDED", "--generate", "--previous", "BEFORE"]),
    silent(&["unset", "ADDED"]),
    silent(&["import", "~/plain/.env"]),
    silent(&["import", "~/plain/.env", "--shred"]),
    Use { arguments: &["--debug", "rekey", "--new-identity"], input: "", purpose: &["write(", "in:~/v/.vault.key"] },
    Use { arguments: &["get", "KEY"], input: "", purpose: &["write(1<"] },
    Use { arguments: &["--debug", "get", "KEY"], input: "", purpose: &["write(1<"] },
    Use { arguments: &["export", "--dialect", "docker"], input: "", purpose: &["write(1<"] },
    Use { arguments: &["render", "~/template"], input: "", purpose: &["write(1<"] },
    Use { arguments: &["unlock", "--to", "@/target", "--allow-swap"], input: "", purpose: &["write(", "in:@/"] },
    Use { arguments: &["lock", "--to", "@/target"], input: "", purpose: &[] },
    Use {
        arguments: &["run", "--only", "KEY", "--", "/usr/bin/true"],
        input: "",
        purpose: &["execve(\"/usr/bin/true\"", "execveat("],
    },
    Use { arguments: &["run", "--fd", "KEY=5", "--", "/usr/bin/true"], input: "", purpose: &["write(", "in:memfd:"] },
    Use {
        arguments: &["run", "--file", "KEY=@/one/file", "--allow-swap", "--", "/usr/bin/true"],
        input: "",
        purpose: &["write(", "in:@/one/"],
    },
    Use {
        arguments: &["provider", "openclaw"],
        input: r#"{"protocolVersion":1,"provider":"vault","ids":["KEY","MISSING"]}"#,
        purpose: &["write(1<"],
    },
    Use { arguments: &["provider", "claude-api-key", "KEY"], input: "", purpose: &["write(1<"] },
    Use {
        arguments: &["provider", "git", "get"],
        input: "protocol=https\nhost=example.com\n\n",
        purpose: &["write(1<"],
    },
    Use { arguments: &["provider", "docker", "get"], input: "registry.example.com", purpose: &["write(1<"] },
    Use { arguments: &["edit", "--allow-swap"], input: "", purpose: &["write(", "in:memory"] },
];

/// Uses of a vault that is not there yet.
const FIRST_USES: &[Use] =
    &[Use { arguments: &["--debug", "init"], input: "", purpose: &["write(", "in:~/v/.vault.key"] }];

/// A folder on a tmpfs, for a caller alone.
struct Memory(tempfile::TempDir);

impl Memory {
    /// A new folder.
    fn new() -> Self {
        let folder = tempfile::tempdir_in(MEMORY).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(folder)
    }
}

/// The forms in which bytes could be hidden in a trace: as they are, in base64, in hexadecimal digits.
fn forms(secret: &str) -> Vec<String> {
    let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![secret.to_owned(), STANDARD.encode(secret)[..24].to_owned(), hex]
}

/// What must not be seen: the values, and the secret parts of every key in a home.
fn canaries(home: &Home) -> Vec<String> {
    let mut secrets: Vec<String> = [VALUE, NEW].iter().flat_map(|value| forms(value)).collect();
    for entry in fs::read_dir(home.path("v")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        secrets.extend(text.lines().filter(|line| line.starts_with("AGE-SECRET-KEY-")).map(str::to_owned));
    }
    secrets
}

/// A text of [`Use`] with its folders filled in.
fn place(text: &str, home: &Home, memory: &Path) -> String {
    let home = home.path("");
    text.replace('@', memory.to_str().unwrap()).replace('~', home.to_str().unwrap().trim_end_matches('/'))
}

/// Runs one use under strace, and gives the lines of the trace.
fn trace(home: &Home, memory: &Path, usage: &Use) -> Vec<String> {
    let output: PathBuf = home.path("trace");
    let strace = ["-f", "-v", "-y", "-qq", "-s", "2000000", "-o", output.to_str().unwrap()];
    let arguments: Vec<String> = usage.arguments.iter().map(|argument| place(argument, home, memory)).collect();
    let mut command = home.under("strace", &strace, &arguments);
    command.env("EDITOR", "/bin/true").env("XDG_RUNTIME_DIR", memory);
    let ran = harness::feed(command, usage.input.as_bytes());
    assert!(
        !ran.stderr.contains("canary-") && !ran.stderr.contains("AGE-SECRET"),
        "{:?}: {}",
        usage.arguments,
        ran.stderr
    );
    // Which units can be written depends on who asks.
    let may_be_refused = usage.arguments.iter().any(|argument| matches!(*argument, "MISSING" | "install-units"));
    assert!(ran.status <= 1 || may_be_refused, "{:?}: {ran:?}", usage.arguments);
    let lines = fs::read(&output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap();
    fs::remove_file(output).unwrap();
    // The first column is the process.
    lines.lines().map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().to_owned()).collect()
}

/// Whether a call brings bytes in: that is how a secret comes to be in the process, and the kernel had it already.
fn brings_in(line: &str) -> bool {
    ["read(", "pread64(", "readv(", "preadv(", "keyctl(KEYCTL_READ", "recvfrom("]
        .iter()
        .any(|call| line.starts_with(call))
}

/// Whether a call is one that the use is for.
fn is_meant(line: &str, usage: &Use, home: &Home, memory: &Path) -> bool {
    match usage.purpose {
        [call, within] if within.starts_with("in:") => {
            let file = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(file, _)| file);
            let within = place(&within["in:".len()..], home, memory);
            let is_there = if within == "memory" {
                file.starts_with(MEMORY)
            } else {
                file.trim_start_matches('/').starts_with(within.trim_start_matches('/'))
            };
            line.starts_with(call) && is_there
        }
        calls => calls.iter().any(|call| line.starts_with(call)),
    }
}

/// Runs uses, one after the other, in one home, and says which calls have what they must not have. Each use that is there to hand
/// something over must have done so.
fn check(home: &Home, memory: &Memory, uses: &[Use]) {
    for usage in uses {
        let mut has_handed_over = false;
        let lines = trace(home, memory.0.path(), usage);
        // After the use, for it may have made the key.
        let canaries = canaries(home);
        assert!(lines.iter().any(|line| line.starts_with("execve(")), "{:?}: nothing was traced", usage.arguments);
        for line in &lines {
            if brings_in(line) || !canaries.iter().any(|canary| line.contains(canary)) {
                continue;
            }
            let is_meant = is_meant(line, usage, home, memory.0.path());
            assert!(is_meant, "{:?} hands over a secret in {}…", usage.arguments, &line[..line.len().min(60)]);
            has_handed_over = true;
        }
        assert_eq!(has_handed_over, !usage.purpose.is_empty(), "{:?}", usage.arguments);
    }
}

/// A home with everything that the uses need.
fn furnished() -> Home {
    let home = Home::with_secrets(&[("KEY", VALUE)]);
    let credential = format!(r#"{{"username":"me","password":"{VALUE}"}}"#);
    for name in ["git/https/example.com", "docker/registry.example.com"] {
        home.feed(&["set", name, "--consumer", "git", "--consumer", "docker"], credential.as_bytes()).done();
    }
    fs::create_dir(home.path("plain")).unwrap();
    fs::create_dir(home.path("units")).unwrap();
    fs::write(home.path("plain/.env"), format!("NEW_KEY={NEW}\n")).unwrap();
    fs::set_permissions(home.path("plain/.env"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(home.path("template"), "key: {{KEY}}\n").unwrap();
    home
}

#[test]
fn no_system_call_has_a_value_or_a_key_but_where_that_is_the_purpose() {
    if harness::has("strace") {
        let memory = Memory::new();
        if !nix::unistd::geteuid().is_root() {
            // The kernel closes the process even to a tracer of the same user, who sees addresses alone; root looks below.
            let home = furnished();
            let lines = trace(&home, memory.0.path(), &silent(&["get", "KEY"]));
            let written = lines.iter().find(|line| line.starts_with("write(1")).unwrap();
            assert!(!lines.iter().any(|line| line.contains(VALUE)) && written.contains("0x"), "{written}");
            return;
        }
        check(&furnished(), &memory, USES);
        let empty = Home::new();
        fs::create_dir(empty.path("v")).unwrap();
        fs::set_permissions(empty.path("v"), fs::Permissions::from_mode(0o700)).unwrap();
        check(&empty, &memory, FIRST_USES);
    }
}

#[test]
fn every_subcommand_is_looked_at() {
    let help = std::process::Command::new(PROGRAM).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let there: BTreeSet<&str> =
        listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    let word = |usage: &Use| usage.arguments.iter().find(|argument| !argument.starts_with('-')).copied();
    let looked_at: BTreeSet<&str> = USES.iter().chain(FIRST_USES).filter_map(word).collect();
    assert_eq!(there, looked_at);
}
