//! Attacks from within: each runs in a process of its own that was confined as this program is.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl::set_no_new_privs;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockProtocol, SockType, socket};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, Uid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

use super::{Capabilities, Connect, Job, become_id, confine, keep_only, landlock};
use crate::exit::Exit;
use crate::sys::process::{attempt, fork};

/// An ordinary user for tests that root runs.
const ORDINARY: u32 = 61234;

/// Runs `body` in a process of its own.
fn apart(body: impl FnOnce() -> Exit) -> WaitStatus {
    let run = || catch_unwind(AssertUnwindSafe(body)).unwrap_or(Exit::Internal);
    waitpid(fork(run).expect("a process can be made"), None).expect("it ends")
}

/// Runs `attack` in a process that was confined for `job`.
fn confined(job: Job, connect: &Connect, attack: impl FnOnce() -> Exit) -> WaitStatus {
    apart(|| {
        become_id(Some(ORDINARY), Capabilities::None).expect("root becomes an ordinary user");
        confine(job, connect).expect("this kernel confines");
        attack()
    })
}

/// Whether a process was ended by the filter.
fn is_killed(status: WaitStatus) -> bool {
    matches!(status, WaitStatus::Signaled(_, Signal::SIGSYS, _))
}

/// Whether a process came to its end.
fn is_done(status: WaitStatus) -> bool {
    matches!(status, WaitStatus::Exited(_, 0))
}

/// An attack: what it is called and what it does.
type Attack = (&'static str, fn());

/// Makes a socket that must never be.
fn odd(family: AddressFamily, kind: SockType) {
    let _ = socket(family, kind, SockFlag::empty(), None);
}

/// A call with numbers only.
fn bare(call: libc::c_long, arguments: [libc::c_long; 6]) {
    let _ = attempt(call, arguments);
}

/// What neither process may do.
const ATTACKS: &[Attack] = &[
    ("open a file", || drop(std::fs::File::open("/etc/hostname"))),
    ("open a folder", || drop(nix::fcntl::open("/", OFlag::O_PATH, Mode::empty()))),
    ("look at a file", || drop(std::fs::metadata("/etc"))),
    ("make a file", || drop(std::fs::write("/tmp/evil", "evil"))),
    ("remove a file", || drop(std::fs::remove_file("/tmp/evil"))),
    ("start a program", || {
        let path = CString::new("/bin/true").unwrap();
        let _ = nix::unistd::execve(&path, &[&path], &[] as &[&CString]);
    }),
    ("start a process", || bare(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0, 0])),
    ("signal another process", || bare(libc::SYS_kill, [1, libc::SIGTERM.into(), 0, 0, 0, 0])),
    ("trace another process", || bare(libc::SYS_ptrace, [16, 1, 0, 0, 0, 0])),
    ("read another process", || bare(libc::SYS_process_vm_readv, [1, 0, 0, 0, 0, 0])),
    ("take another's descriptor", || bare(libc::SYS_pidfd_open, [1, 0, 0, 0, 0, 0])),
    ("mount", || bare(libc::SYS_mount, [0; 6])),
    ("mount anew", || bare(libc::SYS_fsopen, [0; 6])),
    ("load a program into the kernel", || bare(libc::SYS_bpf, [0; 6])),
    ("go around the filter with io_uring", || bare(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0])),
    ("handle faults itself", || bare(libc::SYS_userfaultfd, [0; 6])),
    ("use keys", || bare(libc::SYS_keyctl, [0; 6])),
    ("join a namespace", || bare(libc::SYS_setns, [0; 6])),
    ("leave its namespaces", || bare(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0, 0])),
    ("become another user", || bare(libc::SYS_setuid, [0; 6])),
    ("make a unix socket", || odd(AddressFamily::Unix, SockType::Stream)),
    ("make a netlink socket", || odd(AddressFamily::Netlink, SockType::Raw)),
    ("make a packet socket", || odd(AddressFamily::Packet, SockType::Raw)),
    ("make a vsock socket", || odd(AddressFamily::Vsock, SockType::Stream)),
    ("make a raw socket", || odd(AddressFamily::Inet, SockType::Raw)),
    ("make a raw IPv6 socket", || odd(AddressFamily::Inet6, SockType::Raw)),
    ("make a socket of another protocol", || {
        let protocol = Some(SockProtocol::Sctp);
        let _ = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), protocol);
    }),
    ("make a pair of unix sockets", || {
        let flags = SockFlag::empty();
        let _ = nix::sys::socket::socketpair(AddressFamily::Unix, SockType::Stream, None, flags);
    }),
    ("make memory executable", || bare(libc::SYS_mmap, [0, 4096, libc::PROT_EXEC.into(), 0x22, -1, 0])),
    ("make memory executable later", || bare(libc::SYS_mprotect, [0, 4096, libc::PROT_EXEC.into(), 0, 0, 0])),
    ("change its own attributes", || bare(libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0, 0])),
    ("raise a limit", || bare(libc::SYS_prlimit64, [0; 6])),
];

#[test]
fn what_serving_does_not_need_ends_the_process() {
    for (name, attack) in ATTACKS {
        let status = confined(Job::Serve, &Connect::Any, || {
            attack();
            Exit::Done
        });
        assert!(is_killed(status), "{name}: {status:?}");
    }
}

#[test]
fn what_making_does_not_need_ends_the_maker() {
    for (name, attack) in ATTACKS {
        let status = confined(Job::Make, &Connect::Namespace, || {
            attack();
            Exit::Done
        });
        assert!(is_killed(status), "{name}: {status:?}");
    }
    let datagram = confined(Job::Make, &Connect::Namespace, || {
        odd(AddressFamily::Inet, SockType::Datagram);
        Exit::Done
    });
    assert!(is_killed(datagram), "{datagram:?}");
}

#[test]
fn the_process_that_serves_cannot_listen() {
    let status = confined(Job::Serve, &Connect::Any, || {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
        let _ = nix::sys::socket::listen(&socket, Backlog::new(1).unwrap());
        Exit::Done
    });
    assert!(is_killed(status), "{status:?}");
}

#[test]
fn the_terminal_cannot_be_made_to_type() {
    let status = confined(Job::Serve, &Connect::Any, || {
        bare(libc::SYS_ioctl, [0, libc::TIOCSTI.cast_signed(), 0, 0, 0, 0]);
        Exit::Done
    });
    assert!(is_killed(status), "{status:?}");
}

#[test]
fn honest_work_goes_on_when_confined() {
    let status = confined(Job::Serve, &Connect::Any, || {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).unwrap();
        nix::unistd::write(&writer, b"x").unwrap();
        assert_eq!(nix::unistd::read(&reader, &mut [0; 8]), Ok(1));
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.send_to(b"x", udp.local_addr().unwrap()).unwrap();
        drop(vec![1_u8; 1 << 20]);
        drop(std::collections::HashMap::<u8, u8>::new());
        Exit::Done
    });
    assert!(is_done(status), "{status:?}");
}

#[test]
fn landlock_alone_keeps_files_ports_and_signals_away() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, foreign) = (server.local_addr().unwrap(), other.local_addr().unwrap());
    let parent = Pid::this();
    let status = apart(|| {
        set_no_new_privs().unwrap();
        landlock::restrict(&Connect::To(BTreeSet::from([address.port()]))).unwrap();
        let denied = |result: std::io::Result<()>| result.unwrap_err().raw_os_error() == Some(libc::EACCES);
        assert!(denied(std::fs::read("/etc/hostname").map(drop)));
        assert!(denied(std::fs::read_dir("/").map(drop)));
        assert!(denied(std::fs::write("/tmp/evil", "evil")));
        assert!(denied(std::process::Command::new("/bin/true").status().map(drop)));
        assert!(denied(TcpStream::connect(foreign).map(drop)));
        assert!(denied(TcpListener::bind("127.0.0.1:0").map(drop)));
        assert_eq!(nix::sys::signal::kill(parent, None), Err(Errno::EPERM));
        TcpStream::connect(address).unwrap();
        Exit::Done
    });
    assert!(is_done(status), "{status:?}");
}

/// Makes this process's kernel one that answers `errno` to a system call, as old kernels and filters of containers do.
fn without(call: libc::c_long, errno: Errno) {
    let (refuse, allow) = (SeccompAction::Errno(errno as u32), SeccompAction::Allow);
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let filter = SeccompFilter::new([(call, Vec::new())].into(), allow, refuse, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

#[test]
fn a_kernel_that_lacks_a_layer_stops_it() {
    for call in [libc::SYS_landlock_create_ruleset, libc::SYS_landlock_restrict_self, libc::SYS_seccomp] {
        for errno in [Errno::ENOSYS, Errno::EPERM, Errno::EOPNOTSUPP] {
            let status = apart(|| {
                become_id(Some(ORDINARY), Capabilities::None).unwrap();
                without(call, errno);
                let refused = confine(Job::Serve, &Connect::Any).unwrap_err();
                assert!(!refused.hint().is_empty() && !refused.to_string().is_empty());
                refused.exit()
            });
            assert!(matches!(status, WaitStatus::Exited(_, 69)), "{call}, {errno}: {status:?}");
        }
    }
}

#[test]
fn root_is_gone_with_all_that_goes_with_it() {
    let status = apart(|| {
        become_id(Some(ORDINARY), Capabilities::None).unwrap();
        keep_only(Capabilities::None).unwrap();
        assert!(!Uid::effective().is_root());
        assert_eq!(nix::unistd::setuid(Uid::from_raw(0)), Err(Errno::EPERM));
        for set in [caps::CapSet::Permitted, caps::CapSet::Effective, caps::CapSet::Ambient] {
            assert!(caps::read(None, set).unwrap().is_empty());
        }
        Exit::Done
    });
    assert!(is_done(status), "{status:?}");
}

#[test]
fn a_file_cannot_be_written_even_where_one_is_open() {
    let file = tempfile::tempfile().unwrap();
    let status = confined(Job::Serve, &Connect::Any, || {
        let _ = nix::unistd::write(file.as_fd(), b"x");
        Exit::Done
    });
    // Where whoever started the tests ignores the signal, the call fails instead: setrlimit(2).
    assert!(is_done(status) || matches!(status, WaitStatus::Signaled(_, Signal::SIGXFSZ, _)), "{status:?}");
    assert_eq!(file.metadata().unwrap().len(), 0, "{status:?}");
    assert!(file.as_raw_fd() > 2);
}
