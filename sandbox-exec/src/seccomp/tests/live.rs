//! Real calls under the loaded filter, each in a child of its own. The same call without the filter must end differently.
#![expect(unsafe_code, reason = "raw system calls in a forked child; one operation per block")]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{PLAIN, Variant, number, select};

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Its call succeeded, or failed with this errno.
    Errno(i32),
    /// By this signal.
    Signal(i32),
}

/// `AT_FDCWD` as an argument.
const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;
/// Success.
const OK: End = End::Errno(0);

/// Makes one call in a forked child, under the filter of `variant` if one is given.
fn attempt(variant: Option<Variant>, call: impl Fn() -> i64) -> End {
    // SAFETY: the child only makes system calls on memory that exists already, then leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let loaded = variant.is_none_or(load);
        let result = if loaded { call() } else { -i64::from(libc::ENOTSUP) };
        let status = if result < 0 { i32::try_from(-result).unwrap_or(255) } else { 0 };
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: `status` is a live integer.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    if libc::WIFSIGNALED(status) { End::Signal(libc::WTERMSIG(status)) } else { End::Errno(libc::WEXITSTATUS(status)) }
}

/// Loads a variant's filter into the calling process.
fn load(variant: Variant) -> bool {
    let program = select(variant).instructions();
    let filter =
        libc::sock_fprog { len: program.len().try_into().unwrap_or(0), filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: takes integers only.
    let quiet = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: `filter` describes `program`, which has the layout of `sock_filter` and which the kernel only reads.
    let loaded = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    quiet == 0 && loaded == 0
}

/// A raw call: its result, or the negative errno.
fn raw(number: i64, arguments: [u64; 4]) -> i64 {
    let [first, second, third, fourth] = arguments;
    // SAFETY: the callers pass numbers, null or pointers to data that outlives the call.
    let result = unsafe { libc::syscall(number, first, second, third, fourth) };
    if result >= 0 { result } else { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(255)) }
}

/// Asserts how a call ends bare and under the filter of a variant; skipped if this architecture lacks the call.
#[track_caller]
fn assert_ends(variant: Variant, name: &str, arguments: [u64; 4], bare: End, confined: End) {
    let Some(number) = number(name) else { return };
    let call = || raw(number.into(), arguments);
    assert_eq!(attempt(None, call), bare, "{name} without the filter");
    assert_eq!(attempt(Some(variant), call), confined, "{name} under {variant:?}");
}

/// The variants that need no listener: nothing waits for a supervisor, which these tests do not have.
fn unsupervised() -> impl Iterator<Item = Variant> {
    Variant::all().filter(|variant| !variant.supervised && !variant.watched)
}

/// `path` as system calls take it.
fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

/// The address of a text, which must outlive the call.
fn address(text: &CString) -> u64 {
    text.as_ptr().addr() as u64
}

/// `openat` relative to nothing; 0 or the negative errno.
fn open(path: &CString, flags: u64) -> i64 {
    raw(libc::SYS_openat, [HERE, address(path), flags, 0o600]).min(0)
}

#[test]
fn the_kernel_takes_every_program_and_ordinary_calls_work() {
    for variant in Variant::all() {
        assert_eq!(attempt(Some(variant), || raw(libc::SYS_getpid, [0; 4])), OK, "{variant:?}");
        let internet = if variant.offline { End::Errno(libc::EACCES) } else { OK };
        assert_eq!(attempt(Some(variant), || raw(libc::SYS_socket, [2, 1, 0, 0]).min(0)), internet, "{variant:?}");
        assert_eq!(attempt(Some(variant), || raw(libc::SYS_socket, [1, 1, 0, 0]).min(0)), OK, "{variant:?}");
        assert_eq!(attempt(Some(variant), || raw(libc::SYS_clone, [17, 0, 0, 0]).min(0)), OK, "{variant:?}");
    }
}

#[test]
fn a_unix_datagram_socket_cannot_be_had() {
    let mut pair = [0_i32; 2];
    let pair = pair.as_mut_ptr().addr() as u64;
    for variant in unsupervised() {
        for kind in [2, 3, 0x8_0802] {
            assert_ends(variant, "socket", [1, kind, 0, 0], OK, End::Errno(libc::EACCES));
            assert_ends(variant, "socketpair", [1, kind, 0, pair], OK, End::Errno(libc::EACCES));
        }
        assert_ends(variant, "socketpair", [1, 1, 0, pair], OK, OK);
    }
}

#[test]
fn tiocsti_with_high_bits_never_reaches_the_terminal() {
    // Without a terminal the kernel says ENOTTY (or EBADF); with the filter it is not even asked.
    for request in [0x5412_u64, 0x5412 | 1 << 32, 0x541c | 0xffff_ffff << 32] {
        let call = || raw(libc::SYS_ioctl, [u64::MAX, request, 0, 0]);
        assert_eq!(attempt(None, call), End::Errno(libc::EBADF));
        assert_eq!(attempt(Some(PLAIN), call), End::Errno(libc::EPERM));
    }
}

#[test]
fn an_io_uring_and_a_newer_clone_are_unknown() {
    let bad = End::Errno(libc::EFAULT);
    assert_ends(PLAIN, "io_uring_setup", [1, 0, 0, 0], bad, End::Errno(libc::ENOSYS));
    assert_ends(PLAIN, "clone3", [0, 88, 0, 0], End::Errno(libc::EFAULT), End::Errno(libc::ENOSYS));
    let nested = Variant { user_namespaces: true, ..PLAIN };
    assert_ends(nested, "clone3", [0, 88, 0, 0], End::Errno(libc::EFAULT), End::Errno(libc::EFAULT));
}

#[test]
fn personality_and_set_user_id_are_refused() {
    assert_ends(PLAIN, "personality", [0x40_0000, 0, 0, 0], OK, End::Errno(libc::EPERM));
    assert_ends(PLAIN, "personality", [0xffff_ffff, 0, 0, 0], OK, OK);
    let file = tempfile::NamedTempFile::new().unwrap();
    let handle = u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
    assert_ends(PLAIN, "fchmod", [handle, 0o4755, 0, 0], OK, End::Errno(libc::EPERM));
    assert_ends(PLAIN, "fchmod", [handle, 0o755, 0, 0], OK, OK);
}

#[test]
fn a_new_user_namespace_needs_the_grant() {
    let call = || raw(libc::SYS_unshare, [0x1000_0000, 0, 0, 0]);
    assert_eq!(attempt(Some(PLAIN), call), End::Errno(libc::EPERM));
    let nested = Variant { user_namespaces: true, ..PLAIN };
    assert_eq!(attempt(Some(nested), call), attempt(None, call), "the filter changes what the kernel says");
}

#[test]
fn supervised_connect_fails_where_nobody_listens() {
    let supervised = Variant { supervised: true, ..PLAIN };
    let bare = End::Errno(libc::EBADF);
    assert_ends(supervised, "connect", [u64::MAX, 0, 0, 0], bare, End::Errno(libc::ENOSYS));
    assert_ends(PLAIN, "connect", [u64::MAX, 0, 0, 0], End::Errno(libc::EBADF), End::Errno(libc::EBADF));
}

#[test]
fn the_hosts_network_and_ipc_are_refused_offline() {
    let refused = || End::Errno(libc::EPERM);
    for offline in unsupervised().filter(|variant| variant.offline) {
        for (family, kind) in [(2, 1), (2, 2), (10, 1), (10, 2), (16, 3), (2, 0x8_0802)] {
            assert_ends(offline, "socket", [family, kind, 0, 0], OK, End::Errno(libc::EACCES));
            assert_ends(offline, "socket", [family | 1 << 32, kind, 0, 0], OK, End::Errno(libc::EACCES));
        }
        assert_ends(offline, "socket", [1 | 1 << 32, 1, 0, 0], OK, OK);
        // Impossible sizes and identifiers, so that the bare call leaves nothing behind.
        assert_ends(offline, "shmget", [0, 0, 0o600, 0], End::Errno(libc::EINVAL), refused());
        assert_ends(offline, "semget", [0, u64::MAX, 0o600, 0], End::Errno(libc::EINVAL), refused());
        assert_ends(offline, "msgctl", [u64::MAX, 0, 0, 0], End::Errno(libc::EINVAL), refused());
        assert_ends(offline, "mq_open", [0, 0, 0, 0], End::Errno(libc::EFAULT), refused());
        assert_ends(offline, "mq_unlink", [0, 0, 0, 0], End::Errno(libc::EFAULT), refused());
    }
}

#[test]
fn opening_to_read_needs_no_supervisor_in_any_variant() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = text(file.path());
    // The kernel cuts the flags to 32 bits: what would create or write in the high half is only reading.
    for flags in [0, 0x8_0000, 0x41 << 32, 0xffff_ffff << 32] {
        assert_eq!(attempt(None, || open(&path, flags)), OK);
        for variant in Variant::all() {
            assert_eq!(attempt(Some(variant), || open(&path, flags)), OK, "{flags:#x} under {variant:?}");
        }
    }
}

#[test]
fn a_name_that_no_supervisor_has_seen_does_not_come_into_being() {
    let folder = tempfile::tempdir().unwrap();
    let (file, directory) = (folder.path().join("file"), folder.path().join("directory"));
    let (file_text, directory_text) = (text(&file), text(&directory));
    let create = libc::O_CREAT as u64;
    let calls: [(&Path, bool, &dyn Fn() -> i64); 4] = [
        (&file, false, &|| open(&file_text, create)),
        (&file, true, &|| open(&file_text, create | 0x1 | 1 << 32)),
        (&file, false, &|| raw(libc::SYS_mknodat, [HERE, address(&file_text), 0o10_0600, 0])),
        (&directory, false, &|| raw(libc::SYS_mkdirat, [HERE, address(&directory_text), 0o700, 0])),
    ];
    for (path, writes, call) in calls {
        for variant in Variant::all() {
            // What is only watched looks at opening to write, and at nothing else that creates.
            let shown = variant.supervised || variant.watched && writes;
            let expected = if shown { End::Errno(libc::ENOSYS) } else { OK };
            assert_eq!(attempt(Some(variant), call), expected, "{variant:?}");
            assert_eq!(path.exists(), !shown, "{variant:?}");
            let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path));
        }
    }
}

#[test]
fn a_file_that_no_supervisor_has_judged_is_neither_changed_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let path = text(&file);
    let calls: [&dyn Fn() -> i64; 4] = [
        &|| open(&path, 0x1 | libc::O_TRUNC as u64),
        &|| open(&path, 0x2 | libc::O_TRUNC as u64 | 1 << 32),
        &|| raw(libc::SYS_truncate, [address(&path), 0, 0, 0]),
        &|| raw(libc::SYS_unlinkat, [HERE, address(&path), 0, 0]),
    ];
    for call in calls {
        for variant in Variant::all() {
            std::fs::write(&file, "hello").unwrap();
            let expected = if variant.watched { End::Errno(libc::ENOSYS) } else { OK };
            assert_eq!(attempt(Some(variant), call), expected, "{variant:?}");
            let left = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(left == "hello", variant.watched, "{variant:?} left {left:?}");
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_x32_call_kills_the_process() {
    let call = || raw(0x4000_0000 + libc::SYS_getpid, [0; 4]);
    assert_ne!(attempt(None, call), End::Signal(libc::SIGSYS));
    assert_eq!(attempt(Some(PLAIN), call), End::Signal(libc::SIGSYS));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_call_by_the_32_bit_gate_kills_the_process() {
    let call = || {
        let result: i64;
        // SAFETY: getpid by the i386 convention touches no memory; registers that the gate clobbers are named.
        unsafe {
            std::arch::asm!("int 0x80", inout("rax") 20_i64 => result, out("r8") _, out("r9") _, out("r10") _, out("r11") _)
        };
        result.min(0)
    };
    if attempt(None, call) == OK {
        assert_eq!(attempt(Some(PLAIN), call), End::Signal(libc::SIGSYS));
    } else {
        eprintln!("skipped: this kernel has no 32-bit gate, so that it cannot be attacked");
    }
}
