//! The steps of the set-up by name, and how a process inside tells the launcher outside which of them failed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::exit::Exit;

/// One step of the set-up, in the order in which they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    /// The process in its new namespaces could not be made.
    Namespaces,
    /// It could not be put first in the queue of the out-of-memory killer.
    OutOfMemory,
    /// Its user and group could not be mapped.
    IdentityMap,
    /// Owners could not be translated on a mount.
    OwnerRemap,
    /// It could not be tied to the launcher's life.
    Leash,
    /// The loopback interface could not be brought up.
    Loopback,
    /// The sockets at which egress serves could not be made.
    Sockets,
    /// The private tmpfs could not be made.
    PrivateTree,
    /// A folder, file or link of the private tree could not be made.
    Skeleton,
    /// A file system of the host could not be shown inside.
    Bind,
    /// A path could not be masked.
    Mask,
    /// Mounts could not be made read-only.
    Seal,
    /// `/proc` could not be mounted.
    Proc,
    /// `/dev` could not be built.
    Devices,
    /// The private tree could not be made the root.
    Root,
    /// The command's process could not be made.
    Command,
    /// The working folder cannot be entered inside.
    WorkingFolder,
    /// A limit could not be set.
    Limit,
    /// Capabilities could not be dropped.
    Capabilities,
    /// Landlock could not be applied.
    Landlock,
    /// The seccomp filter could not be loaded.
    Seccomp,
    /// The supervisor could not be connected.
    Supervisor,
    /// Descriptors could not be closed.
    Descriptors,
    /// The command could not be run.
    Exec,
    /// Signals could not be set up.
    Signals,
    /// A path could not be looked at, so that nobody knows what lies there.
    Look,
}

/// Every step, indexed by its number on the wire.
const STEPS: [Step; 26] = [
    Step::Namespaces,
    Step::OutOfMemory,
    Step::IdentityMap,
    Step::OwnerRemap,
    Step::Leash,
    Step::Loopback,
    Step::Sockets,
    Step::PrivateTree,
    Step::Skeleton,
    Step::Bind,
    Step::Mask,
    Step::Seal,
    Step::Proc,
    Step::Devices,
    Step::Root,
    Step::Command,
    Step::WorkingFolder,
    Step::Limit,
    Step::Capabilities,
    Step::Landlock,
    Step::Seccomp,
    Step::Supervisor,
    Step::Descriptors,
    Step::Exec,
    Step::Signals,
    Step::Look,
];

impl Step {
    /// The step as the end of "failed to …".
    fn verb(self) -> &'static str {
        match self {
            Self::Namespaces => "create the namespaces",
            Self::OutOfMemory => "go first when memory runs out, by",
            Self::IdentityMap => "map the caller's user and group",
            Self::OwnerRemap => "translate owners of",
            Self::Leash => "tie the sandbox to the launcher",
            Self::Loopback => "bring up the loopback interface",
            Self::Sockets => "make the sockets of the sandbox's network",
            Self::PrivateTree => "create the private tmpfs",
            Self::Skeleton => "create in the private tree",
            Self::Bind => "bind",
            Self::Mask => "mask",
            Self::Seal => "make read-only",
            Self::Proc => "mount /proc",
            Self::Devices => "build /dev",
            Self::Root => "change the root",
            Self::Command => "create the command's process",
            Self::WorkingFolder => "enter the working folder",
            Self::Limit => "set a limit",
            Self::Capabilities => "drop capabilities",
            Self::Landlock => "apply the Landlock ruleset",
            Self::Seccomp => "load the seccomp filter",
            Self::Supervisor => "connect the supervisor",
            Self::Descriptors => "close descriptors",
            Self::Exec => "run",
            Self::Signals => "set up signals",
            Self::Look => "look at",
        }
    }
}

/// A step that failed, on what, and what the kernel said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The step.
    pub(crate) step: Step,
    /// The path that it was about, when it was about one.
    pub(crate) path: Option<PathBuf>,
    /// What the kernel said.
    pub(crate) errno: Errno,
}

/// The longest path that a failure carries across the channel; longer ones are cut.
const LONGEST_PATH: usize = 1024;

impl Failure {
    /// A failure of `step` that is not about a path.
    pub(crate) fn new(step: Step, errno: Errno) -> Self {
        Self { step, path: None, errno }
    }

    /// A failure of `step` at `path`.
    pub(crate) fn at(step: Step, path: impl AsRef<Path>, errno: Errno) -> Self {
        Self { step, path: Some(path.as_ref().to_owned()), errno }
    }

    /// The failure as the bytes of one message.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.step as u8];
        bytes.extend_from_slice(&(self.errno as i32).to_le_bytes());
        if let Some(path) = &self.path {
            let path = path.as_os_str().as_bytes();
            bytes.extend_from_slice(path.get(..LONGEST_PATH).unwrap_or(path));
        }
        bytes
    }

    /// Reads [`encode`](Self::encode)d bytes; `None` when they are not such.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&step, rest) = bytes.split_first()?;
        let (errno, path) = rest.split_first_chunk::<4>()?;
        let path = (!path.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(path)));
        let step = *STEPS.get(usize::from(step))?;
        Some(Self { step, path, errno: Errno::from_raw(i32::from_le_bytes(*errno)) })
    }

    /// Whether the host changed between the look and the mount, so that looking again may help. The command did not run.
    pub(crate) fn is_outdated(&self) -> bool {
        matches!(self.step, Step::Bind | Step::Mask)
            && matches!(self.errno, Errno::ENOENT | Errno::ESTALE | Errno::ENOTDIR)
    }

    /// The exit status for this failure.
    pub(crate) fn exit(&self) -> Exit {
        match (self.step, self.errno) {
            (Step::Exec, Errno::ENOENT | Errno::ENOTDIR) => Exit::NotFound,
            (Step::Exec, _) => Exit::NotExecutable,
            (Step::Namespaces, Errno::EPERM | Errno::ENOSPC | Errno::EUSERS | Errno::ENOSYS | Errno::EINVAL) => {
                Exit::Unsupported
            }
            (Step::OwnerRemap, _) => Exit::Unsupported,
            (Step::WorkingFolder, _) => Exit::Workspace,
            (_, Errno::ENOSPC | Errno::ENOMEM | Errno::EAGAIN | Errno::EMFILE | Errno::ENFILE) => Exit::Resources,
            _ => Exit::Setup,
        }
    }

    /// What the reader can do next, in one line.
    pub(crate) fn hint(&self) -> String {
        let hint = match (self.step, self.errno) {
            (Step::Exec, Errno::ENOENT) => {
                "is it installed where the sandbox can see it? `sandbox-exec --dry-run` lists what it sees"
            }
            (Step::Exec, Errno::EACCES) => "make it executable (chmod +x), or name the interpreter first",
            (Step::Exec, Errno::ELIBACC) => {
                "install it where the sandbox can see it, or correct the first line; `sandbox-exec --dry-run` lists what it sees"
            }
            (Step::Exec, Errno::E2BIG) => "pass the long argument through a file or standard input",
            (Step::Exec, _) => "check the file's format and mode",
            (Step::WorkingFolder, _) => "name a folder that the sandbox can see with --chdir",
            (Step::IdentityMap | Step::Bind | Step::PrivateTree, Errno::EPERM) => {
                "user namespaces exist but give no rights here (AppArmor?): `sandbox-exec check` shows the remedy"
            }
            (Step::OwnerRemap, _) => {
                "this file system cannot; run the agent as an ordinary user, or accept less: [require] owner_remap = \"best-effort\""
            }
            (_, Errno::ESTALE) => "something else was put there meanwhile: run again, and find out who did",
            (_, Errno::ENOSPC) => "raise the limit: --limit tmpfs=2GiB",
            (_, Errno::ENOMEM | Errno::EAGAIN) => "the host is out of memory or processes: free some and try again",
            (_, Errno::EMFILE | Errno::ENFILE) => "raise the limit on open files: ulimit -n",
            (Step::Look, _) => {
                "what lies there cannot be judged: repair that file system, or find out who keeps it from being looked at"
            }
            (Step::Proc, Errno::EPERM) => "this container hides parts of /proc: start it with an unmasked /proc",
            _ => "run `sandbox-exec check` to see what this host offers",
        };
        hint.to_owned()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.path, self.step) {
            (Some(path), Step::Exec) if self.errno == Errno::ELIBACC => {
                write!(formatter, "\"{}\": its interpreter or loader does not exist inside", path.display())
            }
            (Some(path), Step::Exec) if self.errno == Errno::ENOENT => {
                write!(formatter, "\"{}\": command not found", path.display())
            }
            (Some(path), _) => {
                write!(formatter, "failed to {} \"{}\": {}", self.step.verb(), path.display(), self.errno.desc())
            }
            (None, _) => write!(formatter, "failed to {}: {}", self.step.verb(), self.errno.desc()),
        }
    }
}

impl std::error::Error for Failure {}

/// Attaches a step to a kernel error.
pub(crate) trait Stepped<T> {
    /// The error as a failure of `step`.
    ///
    /// # Errors
    /// The failure.
    fn step(self, step: Step) -> Result<T, Failure>;

    /// The error as a failure of `step` at `path`.
    ///
    /// # Errors
    /// The failure.
    fn step_at(self, step: Step, path: impl AsRef<Path>) -> Result<T, Failure>;
}

impl<T> Stepped<T> for Result<T, Errno> {
    fn step(self, step: Step) -> Result<T, Failure> {
        self.map_err(|errno| Failure::new(step, errno))
    }

    fn step_at(self, step: Step, path: impl AsRef<Path>) -> Result<T, Failure> {
        self.map_err(|errno| Failure::at(step, path, errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_survives_the_channel() {
        for (number, step) in STEPS.into_iter().enumerate() {
            assert_eq!(step as usize, number);
            let failure = Failure::at(step, "/a b\n", Errno::EROFS);
            assert_eq!(Failure::decode(&failure.encode()), Some(failure));
        }
    }

    #[test]
    fn a_message_that_is_cut_short_or_unknown_is_no_failure() {
        assert_eq!(Failure::decode(&[]), None);
        assert_eq!(Failure::decode(&[0, 1, 0, 0]), None);
        assert_eq!(Failure::decode(&[255, 1, 0, 0, 0]), None);
    }
}
