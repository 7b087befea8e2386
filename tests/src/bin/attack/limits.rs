//! Attempts on the host's resources.

use crate::call::{Arg, call, clone, leave, wait};
use crate::{Arguments, Attempt, Outcome, number, refused, text, usage};
use std::fs::File;
use std::io::Read;
use std::time::Duration;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("fork-bomb", fork_bomb),
    ("alloc", alloc),
    ("open-files", open_files),
    ("raise-limit", raise_limit),
    ("core", core),
    ("spin", spin),
    ("oom-order", oom_order),
    ("shared-memory", shared_memory),
    ("queue-bomb", queue_bomb),
    ("timer-bomb", timer_bomb),
    ("inodes", inodes),
];

/// `fork-bomb N`: N children at the same time; they end with their parent's pipe.
fn fork_bomb(arguments: &Arguments) -> Outcome {
    let wanted: usize = number(arguments, 0)?;
    let (mut hold, release) = std::io::pipe()?;
    let mut children = Vec::new();
    let mut failure = None;
    for _ in 0..wanted {
        match clone(0) {
            Ok(0) => {
                drop(release);
                drop(hold.read(&mut [0]));
                leave(0);
            }
            Ok(pid) => children.push(pid),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    drop(release);
    for pid in &children {
        wait(*pid)?;
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(format!("{} processes at once", children.len()).into_bytes()),
    }
}

/// `alloc BYTES`: memory that is really written to.
fn alloc(arguments: &Arguments) -> Outcome {
    let wanted: usize = number(arguments, 0)?;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    while blocks.len() << 20 < wanted {
        let mut block: Vec<u8> = Vec::new();
        block.try_reserve_exact(1 << 20).map_err(|_| refused("no more memory"))?;
        block.resize(1 << 20, 0xa5);
        blocks.push(block);
    }
    Ok(format!("{} MiB", blocks.len()).into_bytes())
}

/// `open-files N`.
fn open_files(arguments: &Arguments) -> Outcome {
    let wanted: usize = number(arguments, 0)?;
    let mut files = Vec::new();
    while files.len() < wanted {
        files.push(File::open("/proc/self/status")?);
    }
    Ok(format!("{} open files", files.len()).into_bytes())
}

/// `raise-limit`: sets the hard limit of processes to a million.
fn raise_limit(_: &Arguments) -> Outcome {
    let wanted = [1_000_000_u64.to_ne_bytes(), 1_000_000_u64.to_ne_bytes()].concat();
    call(libc::SYS_prlimit64, [Arg::Int(0), Arg::Int(i64::from(libc::RLIMIT_NPROC)), Arg::In(&wanted), Arg::Int(0)])?;
    Ok(b"a million processes".to_vec())
}

/// `core`: turns core dumps on.
fn core(_: &Arguments) -> Outcome {
    let unlimited = [u64::MAX.to_ne_bytes(), u64::MAX.to_ne_bytes()].concat();
    call(libc::SYS_prlimit64, [Arg::Int(0), Arg::Int(i64::from(libc::RLIMIT_CORE)), Arg::In(&unlimited), Arg::Int(0)])?;
    Ok(b"core dumps of any size".to_vec())
}

/// `spin`: never ends.
fn spin(_: &Arguments) -> Outcome {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

/// `oom-order`: is not the first to go when memory runs out.
fn oom_order(_: &Arguments) -> Outcome {
    let value = std::fs::read_to_string("/proc/self/oom_score_adj")?;
    if value.trim() == "1000" { Err(refused("the first to go")) } else { Ok(value.into_bytes()) }
}

/// `shared-memory KIND BYTES`: memory that belongs to no process: `memfd` or `sysv`.
fn shared_memory(arguments: &Arguments) -> Outcome {
    let bytes: i64 = number(arguments, 1)?;
    match text(arguments, 0)? {
        "memfd" => {
            let fd = call(libc::SYS_memfd_create, [Arg::Text(c"lobsterpot-e2e"), Arg::Int(0)])?;
            call(libc::SYS_fallocate, [Arg::Int(fd), Arg::Int(0), Arg::Int(0), Arg::Int(bytes)])?;
        }
        "sysv" => {
            let id = call(libc::SYS_shmget, [Arg::Int(0), Arg::Int(bytes), Arg::Int(0o1600)])?;
            call(libc::SYS_shmctl, [Arg::Int(id), Arg::Int(i64::from(libc::IPC_RMID)), Arg::Int(0)])?;
        }
        _ => return Err(usage("no such kind")),
    }
    Ok(format!("{bytes} bytes").into_bytes())
}

/// `queue-bomb BYTES`: POSIX message queues of the default size, until the kernel holds so many bytes for them.
fn queue_bomb(arguments: &Arguments) -> Outcome {
    let wanted: u64 = number(arguments, 0)?;
    let mut attributes = [0_i64; 8];
    let [_, messages, size, ..] = &mut attributes;
    (*messages, *size) = (10, 8192);
    let attributes: Vec<u8> = attributes.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut held = 0;
    while held < wanted {
        let name = std::ffi::CString::new(format!("lobsterpot-e2e-{}-{held}", std::process::id()))?;
        let flags = i64::from(libc::O_CREAT | libc::O_RDWR);
        call(libc::SYS_mq_open, [Arg::Text(&name), Arg::Int(flags), Arg::Int(0o600), Arg::In(&attributes)])?;
        call(libc::SYS_mq_unlink, [Arg::Text(&name)])?;
        held += 10 * 8192;
    }
    Ok(format!("{held} bytes").into_bytes())
}

/// `timer-bomb N [wait]`: timers that the kernel keeps a signal ready for; says `MADE` and waits to be ended, if told so.
fn timer_bomb(arguments: &Arguments) -> Outcome {
    let wanted: usize = number(arguments, 0)?;
    for _ in 0..wanted {
        call(libc::SYS_timer_create, [Arg::Int(0), Arg::Int(0), Arg::Out(&mut [0; 4])])?;
    }
    if arguments.len() > 1 {
        crate::say(b"MADE\n");
        std::thread::sleep(Duration::from_secs(600));
    }
    Ok(format!("{wanted} timers").into_bytes())
}

/// `inodes FOLDER N`: there is room for more than so many files, or nobody counts them.
fn inodes(arguments: &Arguments) -> Outcome {
    let mut status = [0_u8; 120];
    call(libc::SYS_statfs, [Arg::Text(&crate::files::path(arguments, 0)?), Arg::Out(&mut status)])?;
    let word =
        |offset: usize| status.get(offset..offset + 8).and_then(|word| word.try_into().ok()).map(u64::from_ne_bytes);
    let (all, free) = (word(40).unwrap_or(0), word(48).unwrap_or(0));
    if all == 0 || free > number(arguments, 1)? {
        Ok(format!("room for {free} files of {all}").into_bytes())
    } else {
        Err(refused("bounded"))
    }
}
