//! The second layer: this process itself can open nothing that the policy does not list, should a judgement ever be wrong.
//!
//! Landlock cannot take a part out of what it grants, so masks and protected names are the judgement's alone. Names may be listed
//! everywhere, since the guard searches for what rules with wildcards mean; contents may not.

use std::fmt;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, PathFdError,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use lobsterpot_policy::Access;
use nix::errno::Errno;

use crate::guard::Guard;
use crate::sys::landlock_abi;

/// How this process is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confined {
    /// By Landlock of this ABI.
    Landlock(u32),
    /// Not at all: the kernel has no Landlock, or one that would refuse honest work.
    Not,
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Landlock(abi) => write!(f, "landlock-{abi}"),
            Self::Not => f.write_str("none"),
        }
    }
}

/// Why this process cannot be confined although the kernel has Landlock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfineError {
    /// Privileges can still be gained.
    #[error("failed to set no_new_privs: {}", errno.desc())]
    Privileges {
        /// What the kernel said.
        errno: Errno,
    },
    /// The ruleset cannot be made or applied.
    #[error("failed to apply Landlock: {source}")]
    Ruleset {
        /// What is wrong.
        #[from]
        source: RulesetError,
    },
}

impl ConfineError {
    /// What to do about it.
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::Privileges { .. } | Self::Ruleset { .. } => {
                "a filter around this program forbids it: allow prctl and landlock calls"
            }
        }
    }
}

/// What a confined process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Files may move from one folder to another.
    Moves,
    /// They do not.
    Stays,
}

/// The first ABI under which a file can move from one folder to another; the kernel always refuses that before (Linux 5.19).
const MOVES: u32 = 2;

/// Confines this process for good: no privileges to gain, nothing to execute, no TCP, no signals or abstract sockets to others, and
/// files only as the policy lists them. Rights that the kernel's Landlock lacks are left out.
///
/// # Errors
/// When the kernel has Landlock and it cannot be applied.
pub(crate) fn confine(guard: &Guard, work: Work) -> Result<Confined, ConfineError> {
    nix::sys::prctl::set_no_new_privs().map_err(|errno| ConfineError::Privileges { errno })?;
    let version = landlock_abi::version();
    let least = if work == Work::Moves { MOVES } else { 1 };
    if version < least {
        return Ok(Confined::Not);
    }
    restrict(guard, version)?;
    Ok(Confined::Landlock(version))
}

/// Applies the ruleset of the ABI `version`, all of it: the crate asks the kernel anew, and would do without when that question fails.
///
/// # Errors
/// When it cannot be applied.
fn restrict(guard: &Guard, version: u32) -> Result<(), ConfineError> {
    let abi = ABI::from(i32::try_from(version).unwrap_or(i32::MAX));
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
    // The crate takes an empty set for a mistake; here it means a kernel whose ABI is too old.
    if !Scope::from_all(abi).is_empty() {
        ruleset = ruleset.scope(Scope::from_all(abi))?;
    }
    if !AccessNet::from_all(abi).is_empty() {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
    }
    let unwanted = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::Execute;
    let write = AccessFs::from_all(abi) & !unwanted;
    let mut created = grant(ruleset.create()?, Path::new("/"), AccessFs::ReadDir.into())?;
    for path in guard.roots(Access::Read).iter().chain(&guard.needs()) {
        created = grant(created, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    for path in &guard.roots(Access::Write) {
        created = grant(created, path, write)?;
    }
    created.restrict_self()?;
    Ok(())
}

/// Grants `access` to `path` and what is below it; nothing when it cannot be opened, for then nobody can use it.
///
/// # Errors
/// The ruleset's.
fn grant(ruleset: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, ConfineError> {
    let handle = match PathFd::new(path) {
        Ok(handle) => handle,
        Err(PathFdError::OpenCall { .. } | _) => return Ok(ruleset),
    };
    let is_folder = nix::sys::stat::fstat(&handle).is_ok_and(|facts| facts.st_mode & libc::S_IFMT == libc::S_IFDIR);
    let access = if is_folder { access } else { access & AccessFs::from_file(ABI::V5) };
    Ok(ruleset.add_rule(PathBeneath::new(handle, access))?)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::process::Command;
    use std::{fs, net};

    use super::*;
    use crate::guard::Options;

    /// Runs `attempt` in threads that are confined under each ABI that this kernel has, with a workspace beside something that the
    /// policy does not list.
    fn confined(attempt: impl Fn(&Path, u32) + Send + Sync) {
        for abi in 1..=landlock_abi::version() {
            let ground = tempfile::tempdir().unwrap();
            let base = ground.path().canonicalize().unwrap();
            for name in ["work", "outside"] {
                fs::create_dir(base.join(name)).unwrap();
                fs::write(base.join(name).join("file"), name).unwrap();
            }
            let (workspaces, directory) = (vec![base.join("work")], base.join("work"));
            let options = Options { workspaces, directory, ..Options::default() };
            // A domain binds only its thread.
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    nix::sys::prctl::set_no_new_privs().unwrap();
                    restrict(&Guard::load(&options).unwrap(), abi).unwrap();
                    attempt(&base, abi);
                });
            });
        }
    }

    #[test]
    fn a_wrong_judgement_would_still_open_nothing_outside() {
        confined(|base, _| {
            let outside = base.join("outside");
            assert_eq!(fs::read(outside.join("file")).unwrap_err().kind(), ErrorKind::PermissionDenied);
            fs::write(outside.join("file"), "evil").unwrap_err();
            fs::write(outside.join("new"), "evil").unwrap_err();
            fs::remove_file(outside.join("file")).unwrap_err();
            fs::rename(outside.join("file"), base.join("work/stolen")).unwrap_err();
            fs::hard_link(outside.join("file"), base.join("work/stolen")).unwrap_err();
            fs::read("/proc/self/environ").unwrap_err();
        });
    }

    #[test]
    fn honest_work_goes_on() {
        confined(|base, abi| {
            let work = base.join("work");
            assert_eq!(fs::read(work.join("file")).unwrap(), b"work");
            fs::create_dir_all(work.join("a/b")).unwrap();
            std::os::unix::fs::symlink("file", work.join("link")).unwrap();
            fs::rename(work.join("link"), work.join("moved")).unwrap();
            let moved = fs::rename(work.join("file"), work.join("a/b/file"));
            assert_eq!(moved.is_ok(), abi >= MOVES, "ABI {abi}");
            fs::read_dir(base.join("outside")).unwrap();
            fs::read("/etc/passwd").unwrap();
        });
    }

    #[test]
    fn no_program_is_started_and_nobody_is_talked_to() {
        let address = SocketAddr::from_abstract_name(format!("lobsterpot-test-{}", std::process::id())).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let server = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap();
        UnixStream::connect_addr(&address).unwrap();
        confined(|_, abi| {
            assert_eq!(Command::new("/bin/true").status().unwrap_err().kind(), ErrorKind::PermissionDenied);
            assert_eq!(net::TcpStream::connect(port).is_err(), abi >= 4);
            assert_eq!(UnixStream::connect_addr(&address).is_err(), abi >= 6);
        });
    }
}
