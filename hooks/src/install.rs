//! Puts the hooks into clients' own configuration, and takes them out again.
//!
//! Everything is worked out and tried before anything is written: the new text is made from the old one, read again and
//! compared, and the hooks are started as the client will start them. Then the record is written, then each file is replaced
//! whole. So an interrupted installation leaves the old configuration, or the new one, and never half of one.

mod agent;
mod change;
mod clients;
mod document;
mod edit;
mod error;
mod file;
mod hunks;
mod json;
mod links;
mod payload;
mod person;
mod pipeline;
mod prefix;
mod presence;
mod programs;
mod record;
mod report;
mod status;
mod toml;
mod trial;
mod trust;
mod verify;
mod version;
mod wishes;

pub use agent::{Agent, Scope, UnknownAgent};
pub use error::InstallError;
pub use pipeline::{Request, Run, install, uninstall};
pub use report::{FileReport, Outcome, Report};
pub use status::{BackendStatus, ClientStatus, Question, ScopeStatus, Status, status};
pub use trust::changeable;
pub use wishes::{Choice, Choices, ShellPrefix};
