//! Attempts on System V and POSIX inter-process communication, and the makers of what they look for.

use crate::call::{Arg, call};
use crate::{Arguments, Attempt, Outcome, number, refused, text};
use std::ffi::CString;
use std::io;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("shm-make", shm_make),
    ("shm-read", shm_read),
    ("shm-remove", shm_remove),
    ("msg-make", msg_make),
    ("msg-read", msg_read),
    ("msg-remove", msg_remove),
    ("sem-make", sem_make),
    ("sem-read", sem_read),
    ("sem-remove", sem_remove),
    ("mq-make", mq_make),
    ("mq-read", mq_read),
    ("mq-remove", mq_remove),
];

/// The segment's size.
const SIZE: i64 = 4096;

/// Looks up or makes a segment.
fn segment(arguments: &Arguments, flags: i32) -> io::Result<i64> {
    call(libc::SYS_shmget, [Arg::Int(number(arguments, 0)?), Arg::Int(SIZE), Arg::Int(i64::from(flags))])
}

/// Attaches a segment and gives a way to its memory that the kernel checks: `/proc/self/mem`.
fn attached(id: i64) -> io::Result<(std::fs::File, u64)> {
    let address = call(libc::SYS_shmat, [Arg::Int(id), Arg::Int(0), Arg::Int(0)])?;
    let memory = std::fs::OpenOptions::new().read(true).write(true).open("/proc/self/mem")?;
    Ok((memory, address.cast_unsigned()))
}

/// `shm-make KEY TEXT`.
fn shm_make(arguments: &Arguments) -> Outcome {
    let (memory, address) = attached(segment(arguments, libc::IPC_CREAT | 0o666)?)?;
    std::os::unix::fs::FileExt::write_all_at(&memory, text(arguments, 1)?.as_bytes(), address)?;
    Ok(b"made".to_vec())
}

/// `shm-read KEY`.
fn shm_read(arguments: &Arguments) -> Outcome {
    let (memory, address) = attached(segment(arguments, 0)?)?;
    let mut bytes = vec![0; 64];
    std::os::unix::fs::FileExt::read_exact_at(&memory, &mut bytes, address)?;
    Ok(bytes)
}

/// `shm-remove KEY`.
fn shm_remove(arguments: &Arguments) -> Outcome {
    call(libc::SYS_shmctl, [Arg::Int(segment(arguments, 0)?), Arg::Int(i64::from(libc::IPC_RMID)), Arg::Int(0)])?;
    Ok(b"removed".to_vec())
}

/// Looks up or makes a message queue.
fn queue(arguments: &Arguments, flags: i32) -> io::Result<i64> {
    call(libc::SYS_msgget, [Arg::Int(number(arguments, 0)?), Arg::Int(i64::from(flags))])
}

/// `msg-make KEY TEXT`.
fn msg_make(arguments: &Arguments) -> Outcome {
    let id = queue(arguments, libc::IPC_CREAT | 0o666)?;
    let content = text(arguments, 1)?.as_bytes();
    let message = [&1_i64.to_ne_bytes(), content].concat();
    let length = i64::try_from(content.len()).unwrap_or(0);
    call(libc::SYS_msgsnd, [Arg::Int(id), Arg::In(&message), Arg::Int(length), Arg::Int(0)])?;
    Ok(b"made".to_vec())
}

/// `msg-read KEY`.
fn msg_read(arguments: &Arguments) -> Outcome {
    let id = queue(arguments, 0)?;
    let mut message = vec![0; 264];
    let flags = i64::from(libc::IPC_NOWAIT);
    call(libc::SYS_msgrcv, [Arg::Int(id), Arg::Out(&mut message), Arg::Int(256), Arg::Int(0), Arg::Int(flags)])?;
    Ok(message.split_off(8))
}

/// `msg-remove KEY`.
fn msg_remove(arguments: &Arguments) -> Outcome {
    call(libc::SYS_msgctl, [Arg::Int(queue(arguments, 0)?), Arg::Int(i64::from(libc::IPC_RMID)), Arg::Int(0)])?;
    Ok(b"removed".to_vec())
}

/// Looks up or makes a set of one semaphore.
fn semaphore(arguments: &Arguments, flags: i32) -> io::Result<i64> {
    call(libc::SYS_semget, [Arg::Int(number(arguments, 0)?), Arg::Int(1), Arg::Int(i64::from(flags))])
}

/// `sem-make KEY`.
fn sem_make(arguments: &Arguments) -> Outcome {
    semaphore(arguments, libc::IPC_CREAT | 0o666)?;
    Ok(b"made".to_vec())
}

/// `sem-read KEY`.
fn sem_read(arguments: &Arguments) -> Outcome {
    semaphore(arguments, 0).map(|id| format!("semaphore {id}").into_bytes())
}

/// `sem-remove KEY`.
fn sem_remove(arguments: &Arguments) -> Outcome {
    call(libc::SYS_semctl, [Arg::Int(semaphore(arguments, 0)?), Arg::Int(0), Arg::Int(i64::from(libc::IPC_RMID))])?;
    Ok(b"removed".to_vec())
}

/// The queue's name for the raw calls, which take no leading slash.
fn mq_name(arguments: &Arguments) -> io::Result<CString> {
    CString::new(text(arguments, 0)?).map_err(|_| refused("NUL in a name"))
}

/// `mq-make NAME TEXT`.
fn mq_make(arguments: &Arguments) -> Outcome {
    let flags = i64::from(libc::O_CREAT | libc::O_RDWR);
    let id = call(libc::SYS_mq_open, [Arg::Text(&mq_name(arguments)?), Arg::Int(flags), Arg::Int(0o600), Arg::Int(0)])?;
    let content = text(arguments, 1)?.as_bytes();
    let length = i64::try_from(content.len()).unwrap_or(0);
    call(libc::SYS_mq_timedsend, [Arg::Int(id), Arg::In(content), Arg::Int(length), Arg::Int(0), Arg::Int(0)])?;
    Ok(b"made".to_vec())
}

/// `mq-read NAME`.
fn mq_read(arguments: &Arguments) -> Outcome {
    let flags = i64::from(libc::O_RDWR | libc::O_NONBLOCK);
    let id = call(libc::SYS_mq_open, [Arg::Text(&mq_name(arguments)?), Arg::Int(flags), Arg::Int(0), Arg::Int(0)])?;
    let mut content = vec![0; 8192];
    let count = call(
        libc::SYS_mq_timedreceive,
        [Arg::Int(id), Arg::Out(&mut content), Arg::Int(8192), Arg::Int(0), Arg::Int(0)],
    )?;
    content.truncate(usize::try_from(count).unwrap_or(0));
    Ok(content)
}

/// `mq-remove NAME`.
fn mq_remove(arguments: &Arguments) -> Outcome {
    call(libc::SYS_mq_unlink, [Arg::Text(&mq_name(arguments)?)])?;
    Ok(b"removed".to_vec())
}
