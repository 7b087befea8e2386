//! Why a call is stopped: a stable code, one sentence for the model, and what to do instead.

use std::path::PathBuf;

use lobsterpot_policy::ReasonCode;
use thiserror::Error;

use crate::client::Client;
use crate::role::Role;

/// Every way in which the hook stops a call. There is no other failure: what is not understood is denied.
#[derive(Debug, Error)]
pub(crate) enum Denial {
    /// The hook was started with arguments that it does not know.
    #[error("the hook's own arguments are wrong: {problem}")]
    Arguments {
        /// What is wrong with them.
        problem: String,
    },
    /// `--client` names a client whose protocol is not spoken here.
    #[error("the hook does not speak the protocol of the client \"{name}\"")]
    UnknownClient {
        /// The name as it was given.
        name: String,
    },
    /// The payload is another client's: an answer in this client's form would be ignored there.
    #[error("the call comes from {found}, but the hook is installed for {expected}")]
    Foreign {
        /// Whose payload it is.
        found: Client,
        /// Whose it should be.
        expected: Client,
        /// The client that certainly listens, and to nothing but its own words.
        listener: Option<Client>,
    },
    /// The payload cannot be read, or lacks what every call carries.
    #[error("the client's description of the call cannot be used: {problem}")]
    Payload {
        /// What is wrong with it.
        problem: String,
    },
    /// The payload is longer than the hook reads.
    #[error("the client's description of the call is longer than {limit} bytes")]
    Oversize {
        /// The most that is read.
        limit: u64,
    },
    /// The shell command cannot be carried into the sandbox.
    #[error("the command cannot be run in the sandbox: {problem}")]
    Command {
        /// What about it does not fit.
        problem: String,
    },
    /// A program of this project is missing, or others could change it.
    #[error("\"{path}\" cannot be trusted to start the sandbox: {problem}")]
    Program {
        /// The program.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No workspace is known for the call's folder.
    #[error("\"{directory}\" does not lie in a workspace: {problem}")]
    Workspace {
        /// The session's current folder.
        directory: PathBuf,
        /// Why none was found.
        problem: String,
    },
    /// The policy cannot be loaded, so nothing is known to be allowed.
    #[error("the policy cannot be used: {problem}")]
    Policy {
        /// What is wrong with it.
        problem: String,
        /// How to put it right, as the policy's own loader says.
        remedy: String,
    },
    /// The policy says that this tool is not to be used.
    #[error("the policy denies the tool \"{tool}\"")]
    Tool {
        /// The tool's name.
        tool: String,
    },
    /// The client cannot change a command, so the model has to write it as the sandbox needs it.
    #[error("a command runs only in the sandbox here, and this client cannot put it there by itself")]
    Unwrapped {
        /// What to do instead.
        instead: String,
    },
    /// A person is to decide, but the client has no way of asking one.
    #[error("{question}, and there is no way of asking one here")]
    Unasked {
        /// What a person was to decide.
        question: String,
    },
    /// The policy or the file guard has judged.
    #[error("{message}")]
    Judged {
        /// The verdict's own code.
        code: &'static str,
        /// The verdict in one sentence.
        message: String,
        /// What to do instead.
        instead: String,
    },
    /// A signal asked the hook to end before it had answered.
    #[error("the hook was ended by signal {number} before it had judged the call")]
    Signal {
        /// The signal's number.
        number: u32,
    },
    /// The hook's own deadline passed.
    #[error("the hook did not finish within {seconds} seconds")]
    Deadline {
        /// The deadline.
        seconds: u16,
    },
    /// The hook has a defect.
    #[error("the hook failed: {problem}")]
    Internal {
        /// What is known of it.
        problem: String,
    },
}

impl Denial {
    /// The stable reason code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Arguments { .. } => "hook.arguments",
            Self::UnknownClient { .. } | Self::Foreign { .. } => "hook.client",
            Self::Payload { .. } | Self::Oversize { .. } => "hook.payload",
            Self::Command { .. } | Self::Unwrapped { .. } => "hook.command",
            Self::Program { .. } => "hook.program",
            Self::Workspace { .. } => ReasonCode::OutsideWorkspace.as_str(),
            Self::Policy { .. } => ReasonCode::PolicyUnreadable.as_str(),
            Self::Tool { .. } => ReasonCode::Tool.as_str(),
            Self::Unasked { .. } => "tool.unasked",
            Self::Judged { code, .. } => code,
            Self::Signal { .. } | Self::Deadline { .. } | Self::Internal { .. } => ReasonCode::Internal.as_str(),
        }
    }

    /// What to do instead: for the model where it can help itself, for the person where only that helps.
    pub(crate) fn hint(&self) -> &str {
        match self {
            Self::Arguments { .. } | Self::UnknownClient { .. } => {
                "Tell the user to install the hook as Lobsterpot's document hooks.md says; no call of this kind can run until then."
            }
            Self::Foreign { .. } => {
                "Tell the user that the hook's --client does not fit this agent; no call of this kind can run until then."
            }
            Self::Payload { .. } | Self::Oversize { .. } => {
                "Try once more with a shorter, plain call; if that fails too, tell the user that client and hook do not fit."
            }
            Self::Command { .. } => {
                "Write long text to a file with the file tools, and run a short command that reads it."
            }
            Self::Program { .. } => {
                "Tell the user to install Lobsterpot where only root or they can write; no shell command can run until then."
            }
            Self::Workspace { .. } => {
                "Go back to the folder in which the session was started; to allow another one, the user adds it to `workspace.roots` in the policy."
            }
            Self::Policy { remedy, .. } => remedy,
            Self::Tool { .. } | Self::Unasked { .. } => "Use another tool; only the user can change the policy.",
            Self::Unwrapped { instead } | Self::Judged { instead, .. } => instead,
            Self::Signal { .. } | Self::Deadline { .. } => {
                "Try the same call once more; if it fails again, tell the user that the machine is overloaded."
            }
            Self::Internal { .. } => {
                "Tell the user that the hook is broken; no call of this kind can run until it is repaired."
            }
        }
    }

    /// The whole reason, as the model and the person read it.
    pub(crate) fn reason(&self, role: Role) -> String {
        format!("{}: {self} [{}]. hint: {}", role.name(), self.code(), self.hint())
    }
}
