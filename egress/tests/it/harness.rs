//! Starts the program as the launcher does, and talks to it as the launcher does.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lobsterpot_policy::orders::{Event, Orders, Role};
use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, setsockopt, socketpair, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

/// An ordinary user for tests that root runs.
pub(crate) const ORDINARY: u32 = 61234;

/// One process is started at a time: what one is to inherit another one must not.
pub(crate) static SPAWNING: Mutex<()> = Mutex::new(());

/// Starts a process that inherits nothing but its streams.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn spawning(command: &mut Command) -> std::io::Result<Child> {
    let _alone = SPAWNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    command.spawn()
}

/// Copies of the programs that every user can start.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Where they are.
    folder: tempfile::TempDir,
}

impl Programs {
    /// Copies them.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open.clone()).unwrap();
        let itself = std::env::current_exe().unwrap();
        for (from, name) in [(itself, "it"), (PathBuf::from(env!("CARGO_BIN_EXE_lobsterpot-egress")), "egress")] {
            // Another test may be starting a process: a file that is open for writing there could not be executed.
            let _alone = SPAWNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            std::fs::copy(from, folder.path().join(name)).unwrap();
            std::fs::set_permissions(folder.path().join(name), open.clone()).unwrap();
        }
        Self { folder }
    }

    /// This test program.
    pub(crate) fn it(&self) -> PathBuf {
        self.folder.path().join("it")
    }

    /// `lobsterpot-egress`.
    pub(crate) fn egress(&self) -> PathBuf {
        self.folder.path().join("egress")
    }
}

/// A running egress.
#[derive(Debug)]
pub(crate) struct Egress {
    /// The launcher's end of the line.
    pub(crate) control: Option<OwnedFd>,
    /// The process.
    pub(crate) process: Child,
}

/// How it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// By the user who runs the tests; root's becomes an ordinary user.
    Caller,
    /// By an ordinary user, when root runs the tests.
    Ordinary,
}

/// A policy with these rules.
pub(crate) fn allow(rules: &[&str]) -> Network {
    let rules = rules.iter().map(|rule| HostRule::parse(rule, Origin::flags()).unwrap()).collect();
    Network { mode: NetworkMode::Allowlist, rules, deny: Vec::new(), proxy: false, publish: Vec::new() }
}

/// Both ends of a line.
pub(crate) fn line() -> (OwnedFd, OwnedFd) {
    let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    setsockopt(&pair.0, sockopt::ReceiveTimeout, &TimeVal::seconds(120)).unwrap();
    pair
}

/// Starts the program with `orders` on standard input. It inherits `descriptors`.
pub(crate) fn start(programs: &Programs, by: As, orders: &[u8], descriptors: &[OwnedFd]) -> Child {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(orders).unwrap();
    input.rewind().unwrap();
    start_with(programs, by, input, descriptors)
}

/// The same with a file on standard input.
fn start_with(programs: &Programs, by: As, input: File, descriptors: &[OwnedFd]) -> Child {
    let mut command = Command::new(programs.egress());
    command.stdin(Stdio::from(input)).stdout(Stdio::null()).stderr(Stdio::piped());
    if by == As::Ordinary && nix::unistd::geteuid().is_root() {
        command.uid(ORDINARY).gid(ORDINARY);
    }
    let _alone = SPAWNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for descriptor in descriptors {
        fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    }
    let child = command.spawn().unwrap();
    for descriptor in descriptors {
        fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    }
    child
}

/// Orders for these descriptors.
pub(crate) fn orders(network: Network, descriptors: &[(OwnedFd, Role)]) -> Orders {
    let named = descriptors.iter().map(|(descriptor, role)| (descriptor.as_raw_fd(), *role)).collect();
    Orders { version: Orders::VERSION, network, become_id: Some(ORDINARY), descriptors: named }
}

impl Egress {
    /// Starts it with these descriptors and a line. Its own copies are the only ones then.
    pub(crate) fn start(programs: &Programs, by: As, network: Network, descriptors: Vec<(OwnedFd, Role)>) -> Self {
        let (ours, theirs) = line();
        let mut all = descriptors;
        all.push((theirs, Role::Control));
        let orders = serde_json::to_vec(&orders(network, &all)).unwrap();
        let all: Vec<OwnedFd> = all.into_iter().map(|(descriptor, _)| descriptor).collect();
        let process = start(programs, by, &orders, &all);
        drop(all);
        let mut egress = Self { control: Some(ours), process };
        let first = egress.event();
        assert_eq!(first, Some(Event::Started), "{:?}", egress.words());
        egress
    }

    /// The next event; nothing at the end.
    pub(crate) fn event(&self) -> Option<Event> {
        let mut bytes = [0; 8192];
        let line = self.control.as_ref()?;
        match recv(line.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
            Ok(0) | Err(nix::errno::Errno::ECONNRESET) => None,
            Ok(length) => Some(serde_json::from_slice(&bytes[..length]).unwrap()),
            Err(errno) => panic!("no event in time: {errno}"),
        }
    }

    /// The next event that `wanted` is.
    pub(crate) fn event_that(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        std::iter::from_fn(|| self.event()).find(wanted).expect("the event comes")
    }

    /// Says something to it.
    pub(crate) fn say(&self, text: &[u8]) {
        send(self.control.as_ref().unwrap().as_raw_fd(), text, MsgFlags::MSG_NOSIGNAL).unwrap();
    }

    /// What it said on standard error.
    pub(crate) fn words(&mut self) -> String {
        let _ = self.process.kill();
        words(&mut self.process)
    }

    /// How it ended, and how long that took.
    pub(crate) fn ended(&mut self) -> (ExitStatus, Duration) {
        ended(&mut self.process)
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a process said on standard error until it ended.
pub(crate) fn words(process: &mut Child) -> String {
    process.stderr.take().map(|stderr| std::io::read_to_string(stderr).unwrap()).unwrap_or_default()
}

/// How a process ended, and how long that took: within two minutes, or the test fails.
pub(crate) fn ended(process: &mut Child) -> (ExitStatus, Duration) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(120) {
        if let Some(status) = process.try_wait().unwrap() {
            return (status, start.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = process.kill();
    panic!("it did not end");
}

/// A descriptor's number, for orders that name it wrongly.
pub(crate) fn number(descriptor: &OwnedFd) -> RawFd {
    descriptor.as_raw_fd()
}
