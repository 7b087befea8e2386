//! The filter of system calls: what is listed goes through, everything else ends the process, and with it the network.

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::ConfineError;

/// What a process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// To serve the sandbox.
    Serve,
    /// To make sockets in the sandbox's network.
    Make,
}

/// Rules by the number of a system call; none for a call means that all its uses are allowed.
type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Memory, time, locks, and ending: what every process needs, with any arguments.
const COMMON: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_write,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_bind,
    libc::SYS_connect,
];

/// What serving needs besides, with any arguments. All of it is on descriptors that are there.
const SERVE: &[c_long] = &[
    libc::SYS_accept4,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_splice,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
];

/// What only this architecture still has of it.
#[cfg(target_arch = "x86_64")]
const SERVE_OLD: &[c_long] = &[libc::SYS_epoll_wait, libc::SYS_poll];
/// What only this architecture still has of it.
#[cfg(not(target_arch = "x86_64"))]
const SERVE_OLD: &[c_long] = &[];

/// The socket options that serving sets, by their levels.
const SERVE_OPTIONS: &[(c_int, c_int)] = &[
    (libc::SOL_SOCKET, libc::SO_LINGER),
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_RCVBUF),
    (libc::SOL_SOCKET, libc::SO_SNDBUF),
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_TCP, libc::TCP_QUICKACK),
    (libc::IPPROTO_TCP, libc::TCP_CORK),
    (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT),
    (libc::IPPROTO_IP, libc::IP_PKTINFO),
    (libc::IPPROTO_IP, libc::IP_FREEBIND), // answers to questions leave from whatever address was asked
    (libc::IPPROTO_IP, libc::IP_RECVERR),
    (libc::IPPROTO_TCP, libc::TCP_CONGESTION), // of the side inside, where nothing is congested
    (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
];

/// The socket options that making sets.
const MAKE_OPTIONS: &[(c_int, c_int)] = &[
    (libc::IPPROTO_IP, libc::IP_FREEBIND),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    (libc::IPPROTO_IPV6, libc::IPV6_FREEBIND),
];

/// Uses of `fcntl(2)`: flags, duplicates, and the size of pipes.
const FCNTL: &[c_int] = &[
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETPIPE_SZ,
    libc::F_SETPIPE_SZ,
];

/// Applies the filter of a job to this process.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn apply(job: Job) -> Result<(), ConfineError> {
    apply_filter(&compile(job)?)?;
    Ok(())
}

/// The filter of a job.
///
/// # Errors
/// When a rule is not one: a mistake here.
fn compile(job: Job) -> Result<BpfProgram, BackendError> {
    let mut rules: Rules = COMMON.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_mmap, vec![never(2, libc::PROT_EXEC)?]);
    rules.insert(libc::SYS_mprotect, vec![never(2, libc::PROT_EXEC)?]);
    // For `abort`: a signal to itself. Landlock keeps it from others where the kernel can.
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![is(2, libc::SIGABRT)?])?]);
    match job {
        Job::Serve => serve(&mut rules)?,
        Job::Make => make(&mut rules)?,
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}

/// What serving needs.
///
/// # Errors
/// When a rule is not one.
fn serve(rules: &mut Rules) -> Result<(), BackendError> {
    rules.extend(SERVE.iter().chain(SERVE_OLD).map(|call| (*call, Vec::new())));
    rules.insert(libc::SYS_socket, sockets(&[libc::SOCK_STREAM, libc::SOCK_DGRAM])?);
    rules.insert(libc::SYS_setsockopt, options(SERVE_OPTIONS)?);
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
    rules.insert(libc::SYS_pipe2, vec![SeccompRule::new(vec![is(1, flags)?])?]);
    rules.insert(libc::SYS_fcntl, each(1, FCNTL)?);
    // FIONBIO, FIONREAD: nothing else is asked of a socket this way.
    let requests = [libc::FIONBIO, libc::FIONREAD];
    let requests = requests.map(|request| SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request));
    let requests = requests.into_iter().map(|condition| SeccompRule::new(vec![condition?]));
    rules.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    Ok(())
}

/// What making needs.
///
/// # Errors
/// When a rule is not one.
fn make(rules: &mut Rules) -> Result<(), BackendError> {
    rules.insert(libc::SYS_socket, sockets(&[libc::SOCK_STREAM])?);
    rules.insert(libc::SYS_setsockopt, options(MAKE_OPTIONS)?);
    rules.insert(libc::SYS_listen, Vec::new());
    // The standard library looks whether a descriptor is open before it closes it, when it was built to.
    rules.insert(libc::SYS_fcntl, each(1, &[libc::F_GETFD])?);
    Ok(())
}

/// Internet sockets of these kinds, with the protocol that goes with them.
///
/// # Errors
/// When a rule is not one.
fn sockets(kinds: &[c_int]) -> Result<Vec<SeccompRule>, BackendError> {
    let kind_mask = !u64::from((libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK).cast_unsigned()) & u64::from(u32::MAX);
    let mut rules = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        for kind in kinds {
            let own = if *kind == libc::SOCK_STREAM { libc::IPPROTO_TCP } else { libc::IPPROTO_UDP };
            for protocol in [0, own] {
                let masked = SeccompCmpOp::MaskedEq(kind_mask);
                let is_kind = SeccompCondition::new(1, SeccompCmpArgLen::Dword, masked, number(*kind))?;
                rules.push(SeccompRule::new(vec![is(0, family)?, is_kind, is(2, protocol)?])?);
            }
        }
    }
    Ok(rules)
}

/// These options of these levels.
///
/// # Errors
/// When a rule is not one.
fn options(allowed: &[(c_int, c_int)]) -> Result<Vec<SeccompRule>, BackendError> {
    allowed.iter().map(|(level, option)| SeccompRule::new(vec![is(1, *level)?, is(2, *option)?])).collect()
}

/// One of these values.
///
/// # Errors
/// When a rule is not one.
fn each(argument: u8, values: &[c_int]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| SeccompRule::new(vec![is(argument, *value)?])).collect()
}

/// An argument with this value.
///
/// # Errors
/// When there is no such argument.
fn is(argument: u8, value: c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number(value))
}

/// An argument without this bit.
///
/// # Errors
/// When there is no such argument.
fn never(argument: u8, bit: c_int) -> Result<SeccompRule, BackendError> {
    let without = SeccompCmpOp::MaskedEq(number(bit));
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, without, 0)?])
}

/// A constant as the filter compares it: the lower half of the register.
fn number(value: c_int) -> u64 {
    u64::from(value.cast_unsigned())
}
