//! Attempts that reach others by way of a process group, or by outrunning who looks for them.

use crate::call::{Arg, call, clone, leave};
use crate::{Arguments, Attempt, Outcome, number, refused, usage};
use std::fs;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[("signal-by-pipe", signal_by_pipe), ("runaway", runaway)];

/// `signal-by-pipe`: has the kernel send `SIGKILL` to the own process group because a pipe can be read (`F_SETOWN`, `F_SETSIG`).
fn signal_by_pipe(_: &Arguments) -> Outcome {
    let (reader, mut writer) = io::pipe()?;
    let fd = Arg::Int(i64::from(reader.as_raw_fd()));
    let group = call(libc::SYS_getpgid, [Arg::Int(0)])?;
    if group == 0 {
        return Err(refused("the group's number is not known here"));
    }
    let set = |command: i32, value: i64| {
        call(libc::SYS_fcntl, [Arg::Int(i64::from(reader.as_raw_fd())), Arg::Int(i64::from(command)), Arg::Int(value)])
    };
    set(libc::F_SETOWN, -group)?;
    set(10, i64::from(libc::SIGKILL))?;
    call(libc::SYS_fcntl, [fd, Arg::Int(i64::from(libc::F_SETFL)), Arg::Int(i64::from(libc::O_ASYNC))])?;
    writer.write_all(b"x")?;
    std::thread::sleep(Duration::from_millis(300));
    Err(refused("nothing was signalled"))
}

/// `runaway FILE MILLISECONDS`: leaves a process behind that is another one every moment (it forks, and the parent ends), and writes
/// the file when the time is over.
fn runaway(arguments: &Arguments) -> Outcome {
    let file = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    let time = Duration::from_millis(number(arguments, 1)?);
    if clone(0)? != 0 {
        return Ok(b"left behind".to_vec());
    }
    drop(call(libc::SYS_setsid, []));
    drop(call(libc::SYS_close_range, [Arg::Int(0), Arg::Int(i64::from(u32::MAX)), Arg::Int(0)]));
    let start = Instant::now();
    while start.elapsed() < time {
        match clone(0) {
            Ok(0) => {}
            Ok(_) => leave(0),
            Err(_) => std::thread::yield_now(),
        }
    }
    drop(fs::write(file, "still here"));
    leave(0)
}
