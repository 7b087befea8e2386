//! Everything that can stop a run before the command has started, each with the next step for the person who reads it.

use std::path::PathBuf;

use lobsterpot_policy::PolicyError;
use nix::errno::Errno;

use crate::deep::SearchError;
use crate::exit::Exit;
use crate::step::{Failure, Step};

/// Why a run was stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The command line cannot be understood.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: String,
    },
    /// The policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The folder must not be a workspace.
    #[error("\"{}\" cannot be a workspace: {why}", path.display())]
    Workspace {
        /// The folder.
        path: PathBuf,
        /// Why not.
        why: &'static str,
        /// What to do instead.
        hint: String,
    },
    /// A path of the command line does not exist or cannot be looked at.
    #[error("cannot use \"{}\" for {option}: {}", path.display(), errno.desc())]
    Path {
        /// The option that named it.
        option: &'static str,
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
    /// A pattern with `**` cannot be searched for.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// This host lacks something that the policy requires.
    #[error("{layer} is required by the policy and not available: {why}")]
    Unsupported {
        /// The layer, by its name in the policy.
        layer: &'static str,
        /// What is missing, with the kernel version that has it.
        why: String,
        /// The remedy.
        hint: String,
    },
    /// The program that serves the sandbox's network cannot be used.
    #[error("\"{}\", which the policy's network needs, cannot be used: {why}", path.display())]
    WayOut {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A port of the host cannot be published.
    #[error("port {port} of the host cannot be published: {}", errno.desc())]
    Publish {
        /// The port.
        port: u16,
        /// What the kernel said.
        errno: Errno,
    },
    /// A hard link to a masked or protected file lies where the sandbox could use it.
    #[error("\"{}\" is a hard link to a file of \"{}\", which is masked or protected", link.display(), masked.display())]
    HardLink {
        /// The visible name.
        link: PathBuf,
        /// The masked or protected path.
        masked: PathBuf,
    },
    /// What must not be written is the very folder that is there to be written.
    #[error("\"{}\" is a protected name and leads to \"{}\", all of which may be written", link.display(), root.display())]
    LinkToRoot {
        /// The protected name, a symbolic link.
        link: PathBuf,
        /// The folder that it leads to.
        root: PathBuf,
    },
    /// What the command line shows leads out of a place that commands can write.
    #[error("{option}: \"{}\" leads by a link from a workspace to \"{}\"", path.display(), real.display())]
    LedAstray {
        /// The option.
        option: &'static str,
        /// The path as it was given.
        path: PathBuf,
        /// Where it leads.
        real: PathBuf,
    },
    /// A step of the set-up failed.
    #[error("{0}")]
    Setup(#[from] Failure),
}

impl Error {
    /// The error for a launch that failed, with the remedy when the kernel refused namespaces.
    pub(crate) fn from_launch(failure: Failure) -> Self {
        let remedies: [(&[Errno], &str); 3] = [
            (&[Errno::ENOSPC, Errno::EUSERS], "sysctl -w user.max_user_namespaces=15000"),
            (
                &[Errno::EPERM],
                "sysctl -w kernel.unprivileged_userns_clone=1, or let the container create user namespaces",
            ),
            (&[Errno::EINVAL, Errno::ENOSYS], "boot a kernel with CONFIG_USER_NS"),
        ];
        let remedy = remedies.iter().find(|(errnos, _)| errnos.contains(&failure.errno));
        let Some((_, remedy)) = remedy.filter(|_| failure.step == Step::Namespaces) else { return failure.into() };
        Self::Unsupported {
            layer: "user_namespace",
            why: format!("the kernel refuses user namespaces ({})", failure.errno.desc()),
            hint: format!("{remedy}; or accept less: [require] user_namespace = \"best-effort\""),
        }
    }

    /// The launcher's exit status for this error.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } => Exit::Usage,
            Self::Policy(_) | Self::Search(_) => Exit::Policy,
            Self::Workspace { .. }
            | Self::Path { .. }
            | Self::HardLink { .. }
            | Self::LinkToRoot { .. }
            | Self::LedAstray { .. } => Exit::Workspace,
            Self::Unsupported { .. } | Self::WayOut { .. } | Self::Publish { .. } => Exit::Unsupported,
            Self::Setup(failure) => failure.exit(),
        }
    }

    /// What the reader can do next, in one line.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Usage { hint, .. } | Self::Workspace { hint, .. } | Self::Unsupported { hint, .. } => hint.clone(),
            Self::Policy(error) => error.hint(),
            Self::Search(error) => error.hint().to_owned(),
            Self::Path { errno: Errno::ENOENT, .. } => "create it first, or correct the path".to_owned(),
            Self::Path { .. } => "check the path and who may read it".to_owned(),
            Self::HardLink { link, .. } | Self::LinkToRoot { link, .. } => format!("remove it: rm {}", quoted(link)),
            Self::LedAstray { option, real, .. } => {
                format!("a command could have made that link; if it is meant, write {option} {}", quoted(real))
            }
            Self::WayOut { .. } => {
                "install lobsterpot-egress in the folder of sandbox-exec, or do without a network: --net none"
                    .to_owned()
            }
            Self::Publish { errno: Errno::EACCES, .. } => "choose a port of the host from 1024 on".to_owned(),
            Self::Publish { port, .. } => {
                format!("choose another port of the host, or end what uses it: ss -ltnp 'sport = :{port}'")
            }
            Self::Setup(failure) => failure.hint(),
        }
    }
}

/// `path` in single quotes, so that the hint can be pasted into a shell.
fn quoted(path: &std::path::Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
