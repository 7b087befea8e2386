//! Attempts on the terminal, and a terminal to make them in.

use crate::call::{Arg, call, clone, leave, wait};
use crate::{Arguments, Attempt, Outcome, number, refused, text, usage};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("tiocsti", tiocsti),
    ("tioclinux", tioclinux),
    ("tiocsetd", tiocsetd),
    ("tiocexcl", tiocexcl),
    ("tty-write", tty_write),
    ("tty-show", tty_show),
    ("in-terminal", in_terminal),
];

/// An ioctl of the controlling terminal with `high` bits above the request's 32.
fn terminal_ioctl(request: u64, high: u64, argument: Arg<'_>) -> io::Result<i64> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let request = (request | high << 32).cast_signed();
    call(libc::SYS_ioctl, [Arg::Int(i64::from(terminal.as_raw_fd())), Arg::Int(request), argument])
}

/// `tiocsti HIGH-BITS`: types a character into the terminal.
fn tiocsti(arguments: &Arguments) -> Outcome {
    terminal_ioctl(libc::TIOCSTI, number(arguments, 0)?, Arg::In(b"#"))?;
    Ok(b"typed".to_vec())
}

/// `tioclinux HIGH-BITS`: pastes on a virtual console; on a pseudo-terminal the kernel answers "not a console" once it is asked.
fn tioclinux(arguments: &Arguments) -> Outcome {
    match terminal_ioctl(0x541c, number(arguments, 0)?, Arg::In(&[3, 0, 0, 0])) {
        Err(error) if error.raw_os_error() == Some(libc::ENOTTY) => Ok(b"reached the terminal's driver".to_vec()),
        other => other.map(|_| b"pasted".to_vec()),
    }
}

/// `tiocsetd`: sets the line discipline (to the one it has).
fn tiocsetd(_: &Arguments) -> Outcome {
    terminal_ioctl(0x5423, 0, Arg::In(&[0; 4]))?;
    Ok(b"set".to_vec())
}

/// `tty-write PATH TEXT`: writes to somebody's terminal without making it one's own.
fn tty_write(arguments: &Arguments) -> Outcome {
    let target = arguments.first().ok_or_else(|| usage("a path is missing"))?;
    let mut terminal = OpenOptions::new().write(true).custom_flags(libc::O_NOCTTY).open(target)?;
    terminal.write_all(text(arguments, 1)?.as_bytes())?;
    Ok(b"written".to_vec())
}

/// `tiocexcl`: keeps everybody else from opening the terminal.
fn tiocexcl(_: &Arguments) -> Outcome {
    terminal_ioctl(libc::TIOCEXCL, 0, Arg::Int(0))?;
    Ok(b"alone".to_vec())
}

/// `tty-show PATH`: makes a terminal, says its path, then shows for three seconds what others write to it.
fn tty_show(_: &Arguments) -> Outcome {
    let (mut master, slave) = terminal()?;
    let place = std::fs::read_link(format!("/proc/self/fd/{}", slave.as_raw_fd()))?;
    crate::say(format!("TERMINAL {}\n", place.display()).as_bytes());
    let mut bytes = [0; 256];
    let count = master.read(&mut bytes)?;
    Ok(bytes.get(..count).unwrap_or_default().to_vec())
}

/// A pseudo-terminal pair.
fn terminal() -> io::Result<(File, File)> {
    let master = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open("/dev/ptmx")?;
    let fd = Arg::Int(i64::from(master.as_raw_fd()));
    call(libc::SYS_ioctl, [fd, Arg::Int(0x4004_5431), Arg::In(&[0; 4])])?;
    let flags = i64::from(libc::O_RDWR | libc::O_NOCTTY);
    let slave = call(libc::SYS_ioctl, [Arg::Int(i64::from(master.as_raw_fd())), Arg::Int(0x5441), Arg::Int(flags)])?;
    Ok((master, owned(slave)?))
}

/// Takes over a descriptor that a raw call returned.
#[expect(unsafe_code, reason = "a descriptor from a raw call has no owner yet")]
fn owned(fd: i64) -> io::Result<File> {
    let fd = RawFd::try_from(fd).map_err(|_| refused("not a descriptor"))?;
    // SAFETY: the descriptor was just returned by the kernel to this function's caller, and nothing else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    Ok(File::from(fd))
}

/// `in-terminal ROWS COLUMNS PROGRAM [ARG…]`: runs a program as the leader of a session on a new terminal, relaying
/// this process's stdin and stdout, and ends with its status.
fn in_terminal(arguments: &Arguments) -> Outcome {
    let (master, slave) = terminal()?;
    let size = [number::<u16>(arguments, 0)?, number(arguments, 1)?, 0, 0].map(u16::to_ne_bytes).concat();
    call(libc::SYS_ioctl, [Arg::Int(i64::from(slave.as_raw_fd())), Arg::Int(0x5414), Arg::In(&size)])?;
    let program = arguments.get(2).ok_or_else(|| usage("a program is missing"))?;
    let pid = clone(0)?;
    if pid == 0 {
        drop(master);
        call(libc::SYS_setsid, [])?;
        call(libc::SYS_ioctl, [Arg::Int(i64::from(slave.as_raw_fd())), Arg::Int(0x540e), Arg::Int(0)])?;
        let streams = (slave.try_clone()?, slave.try_clone()?);
        let error = Command::new(program)
            .args(arguments.iter().skip(3))
            .stdin(streams.0)
            .stdout(streams.1)
            .stderr(slave)
            .exec();
        crate::say(format!("cannot run: {error}\n").as_bytes());
        leave(127);
    }
    drop(slave);
    let keyboard = master.try_clone()?;
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    std::thread::spawn(move || type_into(keyboard, &seen));
    relay(master, &shown);
    let status = wait(pid)?;
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    leave(code)
}

/// Everything that the terminal has shown.
type Shown = Mutex<Vec<u8>>;
/// How long words are waited for that the terminal is to show; then typing goes on.
const PATIENCE: Duration = Duration::from_secs(100);

/// Types this process's stdin into the terminal. Words between two NULs are not typed but waited for, until the terminal shows them (once
/// more); nothing between two waits for 300 ms.
fn type_into(mut keyboard: File, shown: &Shown) {
    let mut keys = Vec::new();
    if io::stdin().lock().read_to_end(&mut keys).is_err() {
        return;
    }
    let mut looked_at = 0;
    for (index, part) in keys.split(|key| *key == 0).enumerate() {
        if index % 2 == 0 {
            if keyboard.write_all(part).is_err() {
                return;
            }
        } else if part.is_empty() {
            std::thread::sleep(Duration::from_millis(300));
        } else {
            looked_at = wait_for(part, looked_at, shown);
        }
    }
}

/// Waits until the terminal shows these words behind a place; gives the place behind them.
fn wait_for(words: &[u8], begin: usize, shown: &Shown) -> usize {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let found = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = found.get(begin..).unwrap_or_default();
        if let Some(at) = behind.windows(words.len()).position(|window| window == words) {
            return begin + at + words.len();
        }
        drop(found);
        std::thread::sleep(Duration::from_millis(2));
    }
    begin
}

/// Shows what the terminal shows, until everybody has left it (`EIO`).
fn relay(mut master: File, shown: &Shown) {
    let mut bytes = [0; 4096];
    while let Ok(count) = master.read(&mut bytes) {
        let new = bytes.get(..count).unwrap_or_default();
        shown.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(new);
        crate::say(new);
        if count == 0 {
            return;
        }
    }
}
