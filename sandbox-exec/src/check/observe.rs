//! What is observed on this host; nothing is concluded here.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, open, openat2};
use nix::sys::prctl::set_no_new_privs;
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, Gid, Pid, Uid, access};

use super::trial::{Outcome, in_child, on_child};
use crate::plan::REMAPPED;
use crate::seccomp::{Variant, select};
use crate::sys::clone::Namespaces;
use crate::sys::mount::{self, FileSystem, NODEV, NOSUID, RDONLY};
use crate::sys::seccomp::{Listener, load};
use crate::sys::{diag, landlock_abi, net, process};

/// Everything that was tried or read.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    /// The kernel's release.
    pub(super) kernel: String,
    /// This program, for remedies that name it.
    pub(super) program: Option<PathBuf>,
    /// Making a user namespace.
    pub(super) user_namespace: Outcome,
    /// Using its rights: mapping the caller and making a file system.
    pub(super) rights: Outcome,
    /// Making namespaces of other kinds, by name.
    pub(super) namespaces: Vec<(&'static str, Outcome)>,
    /// Bringing the loopback interface of a new network namespace up.
    pub(super) loopback: Outcome,
    /// `mount_setattr(2)`.
    pub(super) mount_attributes: Outcome,
    /// Mounting a new `/proc`.
    pub(super) proc: Outcome,
    /// Translating owners in the current folder; `None` when the caller is not root.
    pub(super) owner_remap: Option<Outcome>,
    /// Landlock's ABI.
    pub(super) landlock: u32,
    /// Loading the filter.
    pub(super) seccomp: Outcome,
    /// Loading a filter with a supervisor.
    pub(super) notification: Outcome,
    /// `pidfd_getfd(2)`
    pub(super) pidfd_getfd: Outcome,
    /// Asking for listening unix sockets.
    pub(super) sock_diag: Outcome,
    /// `close_range(2)`
    pub(super) close_range: Outcome,
    /// `openat2(2)`
    pub(super) openat2: Outcome,
    /// Control groups.
    pub(super) cgroup: Cgroup,
    /// What the system's administrator has set.
    pub(super) settings: Settings,
}

/// Switches of `/proc/sys`; `None` for those that this kernel does not have.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// `kernel.apparmor_restrict_unprivileged_userns`
    pub(super) apparmor_restricts: Option<u64>,
    /// `kernel.unprivileged_userns_clone`
    pub(super) unprivileged_clone: Option<u64>,
    /// `user.max_user_namespaces`
    pub(super) max_user_namespaces: Option<u64>,
    /// `kernel.yama.ptrace_scope`
    pub(super) ptrace_scope: Option<u64>,
    /// `kernel.core_pattern`
    pub(super) core_pattern: Option<String>,
}

/// What can be done with control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cgroup {
    /// The caller's own group can be divided.
    Delegated,
    /// The caller's own group belongs to somebody else.
    Foreign,
    /// There is no version 2 hierarchy, or this process is not in it.
    None,
}

/// A kind of namespace as `clone3(2)` takes it.
const fn bits(flags: libc::c_int) -> Namespaces {
    flags.cast_unsigned() as Namespaces
}

/// A user namespace.
const USER: Namespaces = bits(libc::CLONE_NEWUSER);
/// A user namespace with mounts of its own.
const MOUNTS: Namespaces = USER | bits(libc::CLONE_NEWNS);

impl Observed {
    /// Tries everything.
    pub(super) fn now() -> Self {
        let caller = (Uid::current().as_raw(), Gid::current().as_raw());
        let is_root = caller.0 == 0;
        let kinds = [
            ("network_namespace", libc::CLONE_NEWNET),
            ("pid_namespace", libc::CLONE_NEWPID),
            ("ipc_namespace", libc::CLONE_NEWIPC),
            ("uts_namespace", libc::CLONE_NEWUTS),
            ("cgroup_namespace", libc::CLONE_NEWCGROUP),
        ];
        Self {
            kernel: setting("kernel/osrelease").unwrap_or_else(|| "of an unknown release".to_owned()),
            program: std::env::current_exe().ok(),

            user_namespace: in_child(USER, || Ok(())),
            rights: in_child(MOUNTS, || own_mount(caller).map(drop)),
            namespaces: kinds.map(|(name, kind)| (name, in_child(USER | bits(kind), || Ok(())))).to_vec(),
            loopback: in_child(USER | bits(libc::CLONE_NEWNET), net::loopback_up),
            mount_attributes: in_child(MOUNTS, || change_attributes(caller)),
            proc: in_child(MOUNTS | bits(libc::CLONE_NEWPID), || own_proc(caller)),
            owner_remap: is_root.then(|| on_child(USER, |child, _, _| translate_owners(child, caller))),
            landlock: landlock_abi::version(),
            seccomp: in_child(0, || filter(Variant::default(), Listener::None)),
            notification: in_child(0, || filter(Variant { supervised: true, ..Variant::default() }, Listener::New)),
            pidfd_getfd: on_child(0, |_, pidfd, held| process::take_descriptor(pidfd, held).map(drop)),
            sock_diag: in_child(0, list_sockets),
            close_range: in_child(0, || process::close_descriptors(3, u32::MAX)),
            openat2: openat2(AT_FDCWD, ".", OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC)).map(drop),
            cgroup: cgroup(),
            settings: Settings::now(),
        }
    }
}

impl Settings {
    /// Reads the switches.
    fn now() -> Self {
        Self {
            apparmor_restricts: number("kernel/apparmor_restrict_unprivileged_userns"),
            unprivileged_clone: number("kernel/unprivileged_userns_clone"),
            max_user_namespaces: number("user/max_user_namespaces"),
            ptrace_scope: number("kernel/yama/ptrace_scope"),
            core_pattern: setting("kernel/core_pattern"),
        }
    }
}

/// The text of one file of `/proc/sys`.
fn setting(name: &str) -> Option<String> {
    std::fs::read_to_string(Path::new("/proc/sys").join(name)).ok().map(|text| text.trim_end().to_owned())
}

/// The number in one file of `/proc/sys`.
fn number(name: &str) -> Option<u64> {
    setting(name).and_then(|text| u64::from_str(&text).ok())
}

/// A user and a group.
type Ids = (u32, u32);

/// Becomes the caller in the new user namespace, as the launcher does for ordinary users; root is mapped from outside. The ids
/// are those from before: inside, until the mapping is made, the kernel shows others.
///
/// # Errors
/// The file that refused.
fn map((uid, gid): Ids) -> Outcome {
    if uid == 0 {
        return Ok(());
    }
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("{uid} {uid} 1"))?;
    write("/proc/self/gid_map", &format!("{gid} {gid} 1"))
}

/// Writes one file of `/proc` in one call.
///
/// # Errors
/// The kernel's.
fn write(path: &str, content: &str) -> Outcome {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    nix::unistd::write(&file, content.as_bytes()).map(drop)
}

/// Makes a file system and attaches it: what takes rights in the user namespace.
///
/// # Errors
/// `ENOSYS` before Linux 5.2, `EPERM` without rights.
fn own_mount(caller: Ids) -> Result<OwnedFd, Errno> {
    map(caller)?;
    let tree = FileSystem::open(c"tmpfs")?.mount(NOSUID | NODEV)?;
    mount::attach(&tree, AT_FDCWD, c"/")?;
    Ok(tree)
}

/// Makes a file system read-only with all that is below it.
///
/// # Errors
/// `ENOSYS` before Linux 5.12.
fn change_attributes(caller: Ids) -> Outcome {
    mount::set_attributes(own_mount(caller)?, RDONLY)
}

/// Mounts a `/proc` of its own.
///
/// # Errors
/// `EPERM` where parts of `/proc` are hidden.
fn own_proc(caller: Ids) -> Outcome {
    map(caller)?;
    FileSystem::open(c"proc")?.mount(NOSUID | NODEV).map(drop)
}

/// Translates owners in the current folder by the user namespace of `child`, as the launcher does for root.
///
/// # Errors
/// `EINVAL` when the file system cannot.
fn translate_owners(child: Pid, (uid, gid): Ids) -> Outcome {
    for (file, id) in [("uid_map", uid), ("gid_map", gid)] {
        write(&format!("/proc/{child}/{file}"), &format!("{id} {REMAPPED} 1"))?;
    }
    let namespace = open(format!("/proc/{child}/ns/user").as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let tree = mount::clone_tree(AT_FDCWD, c".")?;
    mount::map_owners(&tree, &namespace, NOSUID | NODEV)
}

/// Loads a filter.
///
/// # Errors
/// `EINVAL` without filters or listeners.
fn filter(variant: Variant, listener: Listener) -> Outcome {
    set_no_new_privs()?;
    load(select(variant).instructions(), listener).map(drop)
}

/// Asks which unix sockets listen.
///
/// # Errors
/// `EIO` without `CONFIG_UNIX_DIAG`.
fn list_sockets() -> Outcome {
    let diagnosis = diag::open()?;
    diag::has_listener(diagnosis.as_fd(), (0, 0)).map(drop)
}

/// Whether the caller's own control group can be divided: `cgroups(7)`, "delegation".
fn cgroup() -> Cgroup {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::/")) else { return Cgroup::None };
    let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
    let Some(root) = root.into_iter().find(|root| root.join("cgroup.controllers").exists()) else {
        return Cgroup::None;
    };
    let group = root.join(path);
    let controllers = std::fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    let has = |name: &str| controllers.split_whitespace().any(|controller| controller == name);
    let writable = |name: &str| access(&group.join(name), AccessFlags::W_OK).is_ok();
    if !has("memory") || !has("pids") {
        return Cgroup::None;
    }
    if writable("cgroup.procs") && writable("cgroup.subtree_control") { Cgroup::Delegated } else { Cgroup::Foreign }
}
