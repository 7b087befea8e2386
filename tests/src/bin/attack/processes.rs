//! Attempts on other processes and on what their `/proc` entries show.

use crate::call::{Arg, call, clone, leave};
use crate::files::head;
use crate::{Arguments, Attempt, Outcome, number, refused, say, text, usage};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("idle", idle),
    ("kill", kill),
    ("kill-all", kill_all),
    ("pidfd-kill", pidfd_kill),
    ("ptrace", ptrace),
    ("vm-read", vm_read),
    ("mem-read", mem_read),
    ("pidfd-getfd", pidfd_getfd),
    ("raise-limits-of", raise_limits_of),
    ("slow-down", slow_down),
    ("slow-down-group", slow_down_group),
    ("idle-group", idle_group),
    ("environ-scan", environ_scan),
    ("fd-scan", fd_scan),
    ("root-scan", root_scan),
    ("daemon", daemon),
    ("traced-child", traced_child),
];

/// `idle`: a victim: says where a copy of `$LOBSTERPOT_VICTIM` lies in its memory, then waits.
fn idle(_: &Arguments) -> Outcome {
    let secret = std::env::var("LOBSTERPOT_VICTIM").unwrap_or_default().into_bytes();
    // Without a tracer's right granted, a hardened kernel would refuse bare attempts too.
    drop(call(libc::SYS_prctl, [Arg::Int(0x5961_6d61), Arg::Int(-1), Arg::Int(0), Arg::Int(0), Arg::Int(0)]));
    say(format!("AT {} {}\n", secret.as_ptr().expose_provenance(), secret.len()).as_bytes());
    loop {
        std::thread::sleep(std::time::Duration::from_secs(3600));
        std::hint::black_box(&secret);
    }
}

/// `kill PID`.
fn kill(arguments: &Arguments) -> Outcome {
    call(libc::SYS_kill, [Arg::Int(number(arguments, 0)?), Arg::Int(i64::from(libc::SIGKILL))])?;
    Ok(b"killed".to_vec())
}

/// `kill-all HOST`: everything that can be signalled, but never in the pid namespace `HOST` (its link text): a sandbox
/// that fails must not take the machine down.
fn kill_all(arguments: &Arguments) -> Outcome {
    if fs::read_link("/proc/self/ns/pid")?.to_str() == Some(text(arguments, 0)?) {
        return Ok(b"the host's own pid namespace".to_vec());
    }
    call(libc::SYS_kill, [Arg::Int(-1), Arg::Int(i64::from(libc::SIGKILL))])?;
    Err(refused("signalled, in another pid namespace"))
}

/// `pidfd-kill PID`.
fn pidfd_kill(arguments: &Arguments) -> Outcome {
    let process = call(libc::SYS_pidfd_open, [Arg::Int(number(arguments, 0)?), Arg::Int(0)])?;
    call(
        libc::SYS_pidfd_send_signal,
        [Arg::Int(process), Arg::Int(i64::from(libc::SIGKILL)), Arg::Int(0), Arg::Int(0)],
    )?;
    Ok(b"killed".to_vec())
}

/// `ptrace PID`: seizes a process (which leaves it running).
fn ptrace(arguments: &Arguments) -> Outcome {
    call(libc::SYS_ptrace, [Arg::Int(0x4206), Arg::Int(number(arguments, 0)?), Arg::Int(0), Arg::Int(0)])?;
    Ok(b"attached".to_vec())
}

/// `vm-read PID ADDRESS LENGTH`.
fn vm_read(arguments: &Arguments) -> Outcome {
    let length: usize = number(arguments, 2)?;
    let mut bytes = vec![0_u8; length];
    let local = [bytes.as_mut_ptr().expose_provenance().to_ne_bytes(), length.to_ne_bytes()].concat();
    let remote = [number::<usize>(arguments, 1)?.to_ne_bytes(), length.to_ne_bytes()].concat();
    let pid = Arg::Int(number(arguments, 0)?);
    call(libc::SYS_process_vm_readv, [pid, Arg::In(&local), Arg::Int(1), Arg::In(&remote), Arg::Int(1), Arg::Int(0)])?;
    Ok(std::hint::black_box(bytes))
}

/// `mem-read PID ADDRESS LENGTH`.
fn mem_read(arguments: &Arguments) -> Outcome {
    let mut bytes = vec![0_u8; number(arguments, 2)?];
    File::open(format!("/proc/{}/mem", text(arguments, 0)?))?.read_exact_at(&mut bytes, number(arguments, 1)?)?;
    Ok(bytes)
}

/// `pidfd-getfd PID FD`: takes an open file out of another process.
fn pidfd_getfd(arguments: &Arguments) -> Outcome {
    let process = call(libc::SYS_pidfd_open, [Arg::Int(number(arguments, 0)?), Arg::Int(0)])?;
    let fd = call(libc::SYS_pidfd_getfd, [Arg::Int(process), Arg::Int(number(arguments, 1)?), Arg::Int(0)])?;
    let mut bytes = vec![0; 4096];
    let count = call(libc::SYS_pread64, [Arg::Int(fd), Arg::Out(&mut bytes), Arg::Int(4096), Arg::Int(0)])?;
    bytes.truncate(usize::try_from(count).unwrap_or(0));
    Ok(bytes)
}

/// `raise-limits-of PID`: sets another process's file limit to what it is.
fn raise_limits_of(arguments: &Arguments) -> Outcome {
    let pid: i64 = number(arguments, 0)?;
    let mut limit = [0_u8; 16];
    let kind = i64::from(libc::RLIMIT_NOFILE);
    call(libc::SYS_prlimit64, [Arg::Int(pid), Arg::Int(kind), Arg::Int(0), Arg::Out(&mut limit)])?;
    call(libc::SYS_prlimit64, [Arg::Int(pid), Arg::Int(kind), Arg::In(&limit), Arg::Int(0)])?;
    Ok(b"set".to_vec())
}

/// `slow-down PID`: the lowest priority for another process.
fn slow_down(arguments: &Arguments) -> Outcome {
    call(libc::SYS_setpriority, [Arg::Int(0), Arg::Int(number(arguments, 0)?), Arg::Int(19)])?;
    Ok(b"slowed down".to_vec())
}

/// `slow-down-group`: a lower priority for everything in this process's group.
fn slow_down_group(_: &Arguments) -> Outcome {
    call(libc::SYS_setpriority, [Arg::Int(i64::from(libc::PRIO_PGRP)), Arg::Int(0), Arg::Int(7)])?;
    Ok(b"slowed down".to_vec())
}

/// `idle-group`: lets everything in this process's group wait for everybody else's disk: `ioprio_set(2)`.
fn idle_group(_: &Arguments) -> Outcome {
    /// `IOPRIO_WHO_PGRP`.
    const GROUP: i64 = 2;
    /// `IOPRIO_CLASS_IDLE`, in its place.
    const IDLE: i64 = 3 << 13;
    call(libc::SYS_ioprio_set, [Arg::Int(GROUP), Arg::Int(0), Arg::Int(IDLE)])?;
    Ok(b"slowed down".to_vec())
}

/// Every process that `/proc` lists but this one.
fn others() -> io::Result<Vec<PathBuf>> {
    let own = std::process::id().to_string();
    let mut places = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_bytes().iter().all(u8::is_ascii_digit) && name != own.as_str() {
            places.push(entry.path());
        }
    }
    Ok(places)
}

/// The content when it holds the wanted text.
fn holding(content: Vec<u8>, wanted: &str) -> Option<Vec<u8>> {
    content.windows(wanted.len()).any(|window| window == wanted.as_bytes()).then_some(content)
}

/// `environ-scan TEXT MORE`: looks for `TEXTMORE` in the environments and command lines of all other processes (in two
/// parts, so that the command lines of this very attempt do not hold it).
fn environ_scan(arguments: &Arguments) -> Outcome {
    let wanted = &[text(arguments, 0)?, text(arguments, 1)?].concat();
    for place in others()? {
        for name in ["environ", "cmdline"] {
            let content = File::open(place.join(name)).and_then(head).unwrap_or_default();
            if let Some(found) = holding(content, wanted) {
                return Ok(found);
            }
        }
    }
    Err(refused("no process has it"))
}

/// `fd-scan TEXT`: looks for the text in regular files that other processes hold open.
fn fd_scan(arguments: &Arguments) -> Outcome {
    let wanted = text(arguments, 0)?;
    for place in others()? {
        for entry in fs::read_dir(place.join("fd")).into_iter().flatten().flatten() {
            if !fs::metadata(entry.path()).is_ok_and(|facts| facts.is_file()) {
                continue;
            }
            let content = File::open(entry.path()).and_then(head).unwrap_or_default();
            if let Some(found) = holding(content, wanted) {
                return Ok(found);
            }
        }
    }
    Err(refused("no process has it open"))
}

/// `root-scan PATH TEXT`: reads an absolute path through every process's root, and what a folder descriptor leads to.
fn root_scan(arguments: &Arguments) -> Outcome {
    let relative = text(arguments, 0)?.trim_start_matches('/');
    let wanted = text(arguments, 1)?;
    for place in others()? {
        let mut starts = vec![place.join("root"), place.join("cwd")];
        starts.extend(fs::read_dir(place.join("fd")).into_iter().flatten().flatten().map(|entry| entry.path()));
        starts.extend(fs::read_dir(place.join("map_files")).into_iter().flatten().flatten().map(|entry| entry.path()));
        for start in starts {
            let content = File::open(start.join(relative)).and_then(head).unwrap_or_default();
            if let Some(found) = holding(content, wanted) {
                return Ok(found);
            }
        }
    }
    Err(refused("no process leads there"))
}

/// `daemon FILE MILLISECONDS`: leaves a process behind, in a session of its own with everything closed, that writes
/// the file later.
fn daemon(arguments: &Arguments) -> Outcome {
    let file = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    let delay: u64 = number(arguments, 1)?;
    if clone(0)? == 0 {
        drop(call(libc::SYS_setsid, []));
        if clone(0).is_ok_and(|pid| pid == 0) {
            drop(call(libc::SYS_close_range, [Arg::Int(0), Arg::Int(i64::from(u32::MAX)), Arg::Int(0)]));
            std::thread::sleep(std::time::Duration::from_millis(delay));
            drop(fs::write(file, "still here"));
        }
        leave(0);
    }
    Ok(b"left behind".to_vec())
}

/// `traced-child`: traces a child of its own.
fn traced_child(_: &Arguments) -> Outcome {
    let pid = clone(0)?;
    if pid == 0 {
        let traced = call(libc::SYS_ptrace, [Arg::Int(0), Arg::Int(0), Arg::Int(0), Arg::Int(0)]);
        leave(i32::from(traced.is_err()));
    }
    match crate::call::wait(pid)? {
        0 => Ok(b"a traced child".to_vec()),
        _ => Err(refused("the child could not be traced")),
    }
}
