//! Attempts on the host's resources.

use crate::call::{Arg, call, clone, leave, wait};
use crate::{Arguments, Attempt, Outcome, number, refused};
use std::fs::File;
use std::io::Read;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("fork-bomb", fork_bomb),
    ("alloc", alloc),
    ("open-files", open_files),
    ("raise-limit", raise_limit),
    ("core", core),
    ("spin", spin),
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
