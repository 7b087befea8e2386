//! What a confined program may do, as data: policy files, their composition, and the judgement that follows from them.
//!
//! A [`Policy`] is composed by [`load()`] from a built-in profile, policy files and command-line flags. [`Judge`] answers, for
//! one path, host or tool, what the policy means. The launcher turns the same policy into mounts and rulesets.
//!
//! This crate makes no system calls except through a [`Reader`], keeps no clock, prints nothing, and does not know what a
//! sandbox is. Paths it is asked about must already be absolute and free of symbolic links.
#![forbid(unsafe_code)]

mod builtin;
mod compose;
pub mod enforcers;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod group;
mod host;
mod judge;
mod load;
mod name;
mod narrow;
mod once;
pub mod orders;
mod origin;
mod overlay;
mod pattern;
mod policy;
mod printable;
mod profile;
mod publish;
mod reader;
#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;
mod rule;
pub mod special;
mod suggest;
mod tools;
mod trust;
mod units;
mod users;
mod wire;

pub use error::{PolicyError, Position};
pub use group::Group;
pub use host::{Bounds, HostError, HostRule, Ports};
pub use judge::{Access, Decision, Judge, ReasonCode, Refusal, ToolKind, ToolVerdict, Verdict};
pub use load::{LoadRequest, SYSTEM_POLICY, USER_POLICY, WORKSPACE_POLICY, load};
pub use name::{NameError, NamePattern};
pub use origin::{Origin, SourceId, Tier};
pub use overlay::Overlay;
pub use pattern::{Bases, Glob, Pattern, PatternError, Places, Purpose, ResolvedPattern, Segment, XDG_NAMES};
pub use policy::{
    ClientTools, Environment, Files, HomeView, Layer, Limits, Network, NetworkMode, Permission, Policy, Requirement,
    Requirements, Syscalls, ToolDefault, Workspace,
};
pub use printable::{printable, printable_lines};
pub use profile::ProfileName;
pub use publish::{Publish, PublishError};
pub use reader::{FileFacts, Folder, Reader, SystemReader};
pub use rule::Rule;
pub use tools::{
    Field, FieldValue, PathDefault, Step, ToolInput, ToolName, ToolOutcome, ToolRule, ToolRuleError, Words,
    folded_field, is_same_field, trimmed,
};
pub use trust::TrustError;
pub use units::{LimitName, UnitError};
pub use users::{PASSWD, User, home_of, users};
