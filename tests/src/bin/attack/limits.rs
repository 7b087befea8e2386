//! Attempts on the host's resources.

use crate::call::{Arg, call, clone, leave, wait};
use crate::{Arguments, Attempt, Outcome, number, refused, text, usage};
use std::fs::File;
use std::io::{self, Read, Write};
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
    ("hold-memory", hold),
    ("spread", spread),
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

/// Memory that is really written to.
fn written(bytes: usize) -> io::Result<Vec<u8>> {
    let mut block: Vec<u8> = Vec::new();
    block.try_reserve_exact(bytes).map_err(|_| refused("no more memory"))?;
    block.resize(bytes, 0xa5);
    Ok(block)
}

/// `hold-memory BYTES FILE`: holds that much memory, makes the file once it has it, and waits to be ended.
fn hold(arguments: &Arguments) -> Outcome {
    let block = written(number(arguments, 0)?)?;
    std::fs::write(arguments.get(1).ok_or_else(|| usage("a path is missing"))?, "")?;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        std::hint::black_box(&block);
    }
}

/// `spread N BYTES`: so many processes that each hold so much, all of them as little worth killing as they can make themselves, until all
/// have it or one was killed.
fn spread(arguments: &Arguments) -> Outcome {
    let (wanted, bytes): (usize, usize) = (number(arguments, 0)?, number(arguments, 1)?);
    drop(std::fs::write("/proc/self/oom_score_adj", "0"));
    let ((mut held, release), (mut ready, tell)) = (io::pipe()?, io::pipe()?);
    for _ in 0..wanted {
        if clone(0)? == 0 {
            drop(release);
            let block = written(bytes);
            drop((&tell).write(b"x"));
            drop(held.read(&mut [0]));
            std::hint::black_box(&block);
            leave(0);
        }
    }
    drop(tell);
    let (count, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..wanted {
            drop(ready.read_exact(&mut [0]).and_then(|()| count.send(()).map_err(|_| refused("nobody waits"))));
        }
    });
    let no_hang = i64::from(libc::WNOHANG);
    for _ in 0..wanted {
        while told.recv_timeout(Duration::from_millis(10)).is_err() {
            if call(libc::SYS_wait4, [Arg::Int(-1), Arg::Int(0), Arg::Int(no_hang), Arg::Int(0)])? > 0 {
                return Err(refused("one was killed"));
            }
        }
    }
    Ok(b"all had their memory".to_vec())
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
        std::thread::sleep(Duration::from_secs(60));
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
