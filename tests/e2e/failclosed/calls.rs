//! The calls of the set-up: which errors are tried, and which failures may be survived, with the reason for each.

use std::path::Path;
use std::process::Command;

use nix::errno::Errno;

use crate::harness::{Outcome, outcome};

/// How often a run is started anew that made another call in the place of the one that was to be disturbed.
const TRIES: usize = 20;

/// One call of the set-up, as the tracer lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The process: `0` the launcher, `0.1` the first process inside, `0.1.1` the command's before it becomes the command.
    pub(super) label: String,
    /// Which of its calls, from 1.
    pub(super) number: u32,
    /// Its name.
    pub(super) name: String,
    /// Its first two arguments, and the path that it is about.
    pub(super) detail: String,
}

impl Call {
    /// The call in a line of the tracer's; paths below `root` are shown as `ROOT/…`, and a folder around it as `ABOVE`.
    pub(super) fn parse(line: &str, root: &Path) -> Option<Self> {
        let mut words = line.strip_prefix("call ")?.splitn(6, ' ');
        let (label, number, name) = (words.next()?.to_owned(), words.next()?.parse().ok()?, words.next()?.to_owned());
        let (first, second, path) = (words.next()?, words.next()?, Path::new(words.next().unwrap_or("-")));
        let path = match path.strip_prefix(root) {
            Ok(inside) => Path::new("ROOT").join(inside),
            Err(_) if path.is_absolute() && root.starts_with(path) => "ABOVE".into(),
            Err(_) => path.to_owned(),
        };
        Some(Self { label, number, name, detail: format!("{first} {second} {}", path.display()) })
    }

    /// Runs what disturbs this call. How often the launcher waits, say, differs from run to run, so that another call may have its number:
    /// then it is run again, and after some times nothing comes of it.
    pub(super) fn disturbed_by(&self, command: &mut Command, input: Option<&[u8]>) -> Option<Outcome> {
        let is_this =
            |made: Self| (made.label, made.number, made.name) == (self.label.clone(), self.number, self.name.clone());
        (0..TRIES).find_map(|_| {
            let outcome = outcome::run(command, input);
            let said = outcome.err();
            let mut made = said.lines().filter_map(|line| Self::parse(line.strip_prefix("inject: ")?, Path::new("/")));
            made.any(is_this).then_some(outcome)
        })
    }

    /// The path that it is about.
    fn path(&self) -> &str {
        self.detail.rsplit(' ').next().unwrap_or_default()
    }
}

/// A call whose failure may be survived.
struct Tolerated {
    /// The process, `*` for each.
    label: &'static str,
    /// The call.
    name: &'static str,
    /// Which calls of that name.
    which: fn(&Call) -> bool,
    /// Why nothing is lost. Read by people; a call that is not in the list fails the test.
    _reason: &'static str,
}

/// Short for one entry.
const fn may(label: &'static str, name: &'static str, which: fn(&Call) -> bool, reason: &'static str) -> Tolerated {
    Tolerated { label, name, which, _reason: reason }
}

/// Every call of its name.
fn any(_: &Call) -> bool {
    true
}

/// Whether the path is that of egress, or of a folder around it.
fn is_around_egress(call: &Call) -> bool {
    ["ABOVE", "ROOT", "ROOT/"].contains(&call.path()) || call.path().starts_with("ROOT/shipped")
}

/// Every call that may fail without stopping the run, after the C library's own start.
const TOLERATED: &[Tolerated] = &[
    may("*", "close", any, "what is closed is closed, whatever is said of it: close(2)"),
    may(
        "*",
        "fcntl",
        |call| call.detail.contains(" 0x1 "),
        "F_GETFD: asserts of debug builds; of 0, 1 and 2 only EBADF says closed",
    ),
    may("*", "brk", any, "the allocator maps memory instead"),
    may("*", "mmap", any, "the allocator has other means; without any the program ends"),
    may("*", "munmap", any, "memory that stays mapped until the end"),
    may("*", "madvise", any, "advice"),
    may("*", "exit_group", any, "the end"),
    may(
        "0",
        "statfs",
        |call| ["/", "ABOVE"].contains(&call.path()),
        "not known to be in a sandbox already: a sandbox is made",
    ),
    may("0", "fstatfs", any, "root's own pipes stay closed to be opened anew: less, not more"),
    may("0", "fchmod", any, "the same"),
    may("0", "getuid", any, "cannot fail: getuid(2)"),
    may("0", "getgid", any, "the same"),
    may(
        "0",
        "wait4",
        any,
        "how egress ended is only told; where the first process's end is not learned, the run ends with a message",
    ),
    may("0", "uname", any, "the host's name, for a file that is shown inside"),
    may(
        "0",
        "openat",
        |call| call.path() == "/etc/hosts",
        "names of this host's loopback, for a file that is shown inside",
    ),
    may("0", "read", any, "the same; what else is read must be whole to be understood"),
    may(
        "0",
        "newfstatat",
        |call| call.detail.starts_with("0xffffff9c "),
        "a folder on the way: taken for one behind a symlink, and gone through in the slower way; the secrets are tried all the same",
    ),
    may("0", "statx", |call| call.path().is_empty(), "how long an open file is: it is read to its end in any case"),
    may("0", "statx", is_around_egress, "unknown is taken for what the sandbox could write to: a copy is started"),
    may("0", "readlink", is_around_egress, "the same"),
    may(
        "0",
        "ioctl",
        |call| call.detail.contains("0x5401"),
        "TCGETS: not known to be a terminal, which then is not shown inside",
    ),
    may(
        "0",
        "ioctl",
        |call| call.detail.contains("0x40082104"),
        "SECCOMP_IOCTL_NOTIF_SET_FLAGS: waking synchronously is only faster",
    ),
    may(
        "0",
        "openat",
        |call| call.path() == "/dev/null",
        "the launcher keeps the command's streams until it ends itself",
    ),
    may("0", "dup2", any, "the same"),
    may("0", "rt_sigprocmask", any, "at the end, when the mask is given back"),
    may("0", "poll", any, "at the end, when egress is waited for"),
    may(
        "0",
        "ppoll",
        any,
        "how often the launcher waits differs from run to run; without its supervisor a sandbox ends",
    ),
    may(
        "0.1",
        "fsopen",
        any,
        "a private layer that the kernel refuses: the folder is shown read-only; what stands for a protection is probed",
    ),
    may("0.1", "fsconfig", any, "the same"),
    may("0.1", "fsmount", any, "the same"),
    may(
        "0.1",
        "socket",
        |call| call.detail.starts_with("0xa 0x80002"),
        "IPv6 may be absent: then there is nothing to bring up",
    ),
    may("0.1", "rt_sigtimedwait", any, "it waits again"),
    may("0.1", "wait4", any, "it looks again at the next signal"),
    may("0.1", "capget", any, "after the command's start: nothing inside can trace or signal the first process"),
    may("0.1", "capset", any, "the same"),
    may("0.1", "close_range", any, "the same: its descriptors cannot be reached"),
];

/// Calls that are made again when a signal has interrupted them.
const RETRIED: [&str; 7] = ["openat", "ppoll", "pread64", "read", "recvmsg", "wait4", "write"];

/// Whether the run may go on when `call` fails with `error`.
pub(super) fn is_tolerated(call: &Call, error: i32) -> bool {
    let is_meant = |one: &Tolerated| (one.label == "*" || one.label == call.label) && one.name == call.name;
    let is_retried = error == Errno::EINTR as i32 && RETRIED.contains(&call.name.as_str());
    is_retried || TOLERATED.iter().any(|one| is_meant(one) && (one.which)(call))
}

/// Calls that ask what lies at a path. `EPERM` there would say that it is closed to the sandbox, too, which is not so.
const LOOKS: [&str; 12] = [
    "access",
    "fstat",
    "getcwd",
    "getdents64",
    "lstat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "readlink",
    "stat",
    "statx",
];

/// The error that `call` is to fail with; `turn` chooses among those that fit.
pub(super) fn error_for(call: &Call, turn: u32) -> i32 {
    let any = [Errno::ENOSYS, Errno::EPERM, Errno::ENOMEM, Errno::EIO, Errno::EMFILE, Errno::ENOSPC, Errno::EINTR];
    let looks = [Errno::EIO, Errno::ENOMEM, Errno::ENOSYS, Errno::EMFILE, Errno::EINTR];
    let choice: &[Errno] = if LOOKS.contains(&call.name.as_str()) { &looks } else { &any };
    let index = usize::try_from(turn).unwrap_or(0) % choice.len();
    choice[index] as i32
}
