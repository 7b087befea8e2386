//! One layer of policy: what a single profile, file or command line states, before it is composed with the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::group::Group;
use crate::host::{HostError, HostRule};
use crate::name::{NameError, NamePattern};
use crate::origin::Origin;
use crate::pattern::{Pattern, PatternError};
use crate::policy::{HomeView, Layer, NetworkMode, Permission, Requirement, ToolDefault};
use crate::profile::ProfileName;
use crate::publish::{Publish, PublishError};
use crate::rule::Rule;
use crate::tools::{PathDefault, ToolRule};
use crate::units::{Amount, LimitName, UnitError};

/// What one layer states. The command line's layer is built with the methods here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub struct Overlay {
    /// The profile that a system or user file asks for.
    pub(crate) profile: Option<Stated<ProfileName>>,
    /// The profile that a built-in profile builds on.
    pub(crate) extends: Option<ProfileName>,
    /// `workspace.roots`.
    pub(crate) roots: Vec<Rule>,
    /// `files.home`.
    pub(crate) home: Option<Stated<HomeView>>,
    /// `files.read`.
    pub(crate) read: Vec<Rule>,
    /// `files.write`.
    pub(crate) write: Vec<Rule>,
    /// `files.scratch`.
    pub(crate) scratch: Vec<Rule>,
    /// `files.overlay`.
    pub(crate) overlay: Vec<Rule>,
    /// `files.mask`.
    pub(crate) mask: Vec<Rule>,
    /// `files.protect`.
    pub(crate) protect: Vec<Rule>,
    /// `files.sockets`.
    pub(crate) sockets: Vec<Rule>,
    /// `files.unread`: entries of `files.read` in lower layers that are taken away.
    pub(crate) unread: Vec<Rule>,
    /// `files.unmask`: entries of `files.mask` in lower layers that are taken away.
    pub(crate) unmask: Vec<Rule>,
    /// `network.mode`.
    pub(crate) network: Option<Stated<NetworkMode>>,
    /// `network.allow`.
    pub(crate) hosts: Vec<HostRule>,
    /// Groups that `network.allow` names.
    pub(crate) groups: Vec<Stated<Group>>,
    /// `network.deny`.
    pub(crate) deny: Vec<HostRule>,
    /// Groups that `network.deny` names.
    pub(crate) deny_groups: Vec<Stated<Group>>,
    /// `network.proxy`.
    pub(crate) proxy: Option<Stated<bool>>,
    /// `network.publish`.
    pub(crate) publish: Vec<Stated<Publish>>,
    /// `environment.pass`.
    pub(crate) pass: Vec<Stated<NamePattern>>,
    /// `environment.unpass`: entries of `environment.pass` in lower layers that are taken away.
    pub(crate) unpass: Vec<Stated<NamePattern>>,
    /// `environment.set`.
    pub(crate) set: BTreeMap<String, Stated<String>>,
    /// `limits`.
    pub(crate) limits: BTreeMap<LimitName, Stated<Amount>>,
    /// `require`.
    pub(crate) require: BTreeMap<Layer, Stated<Requirement>>,
    /// `syscalls.ptrace`.
    pub(crate) ptrace: Option<Stated<Permission>>,
    /// `syscalls.user_namespaces`.
    pub(crate) user_namespaces: Option<Stated<Permission>>,
    /// `tools`, by client.
    pub(crate) tools: BTreeMap<String, Stated<ToolsOverlay>>,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stated<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it was written.
    pub(crate) origin: Origin,
}

/// What one layer states about the tools of one client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub(crate) struct ToolsOverlay {
    /// Tools that run a command line.
    pub(crate) shell: BTreeSet<String>,
    /// Tools that name a file.
    pub(crate) file: BTreeSet<String>,
    /// What happens to all others.
    pub(crate) other: Option<ToolDefault>,
    /// What happens to all others that are given something like a path.
    pub(crate) other_with_path: Option<PathDefault>,
    /// Rules, the first that fits deciding.
    pub(crate) rules: Vec<ToolRule>,
    /// Rules of workspaces: each that fits can make the verdict stricter.
    pub(crate) narrowing: Vec<ToolRule>,
}

impl<T> Stated<T> {
    /// A value from the command line.
    const fn flag(value: T) -> Self {
        Self { value, origin: Origin::flags() }
    }
}

impl Overlay {
    /// Makes `path` and what is below it readable.
    ///
    /// # Errors
    /// When `path` is relative or has `..` in it.
    pub fn read(&mut self, path: &Path) -> Result<(), PatternError> {
        self.read.push(flag_rule(path)?);
        Ok(())
    }

    /// Makes `path` and what is below it writable.
    ///
    /// # Errors
    /// When `path` is relative or has `..` in it.
    pub fn write(&mut self, path: &Path) -> Result<(), PatternError> {
        self.write.push(flag_rule(path)?);
        Ok(())
    }

    /// Hides `path` and what is below it.
    ///
    /// # Errors
    /// When `path` is relative or has `..` in it.
    pub fn mask(&mut self, path: &Path) -> Result<(), PatternError> {
        self.mask.push(flag_rule(path)?);
        Ok(())
    }

    /// Lets the unix socket at `path` be connected to.
    ///
    /// # Errors
    /// When `path` is relative or has `..` in it.
    pub fn socket(&mut self, path: &Path) -> Result<(), PatternError> {
        self.sockets.push(flag_rule(path)?);
        Ok(())
    }

    /// Chooses how the network is reached.
    pub fn network(&mut self, mode: NetworkMode) {
        self.network = Some(Stated::flag(mode));
    }

    /// Lets a host or a group of hosts be reached; written as in a policy file.
    ///
    /// # Errors
    /// When the text is neither a host rule nor the name of a group.
    pub fn host(&mut self, text: &str) -> Result<(), HostError> {
        match flag_group(text)? {
            Some(group) => self.groups.push(group),
            None => self.hosts.push(HostRule::parse(text, Origin::flags())?),
        }
        Ok(())
    }

    /// Keeps a host or a group of hosts from being reached; written as in a policy file.
    ///
    /// # Errors
    /// When the text is neither a host rule nor the name of a group.
    pub fn deny_host(&mut self, text: &str) -> Result<(), HostError> {
        match flag_group(text)? {
            Some(group) => self.deny_groups.push(group),
            None => self.deny.push(HostRule::parse_deny(text, Origin::flags())?),
        }
        Ok(())
    }

    /// Says whether programs that ask for a proxy find one.
    pub fn proxy(&mut self, offered: bool) {
        self.proxy = Some(Stated::flag(offered));
    }

    /// Lets the host's loopback reach a server of the sandbox; written as in a policy file.
    ///
    /// # Errors
    /// When the text is neither a port nor two.
    pub fn publish(&mut self, text: &str) -> Result<(), PublishError> {
        self.publish.push(Stated::flag(Publish::parse(text)?));
        Ok(())
    }

    /// Keeps the caller's value of a variable, or of all variables with a common beginning.
    ///
    /// # Errors
    /// When the text is not a variable's name.
    pub fn pass(&mut self, name: &str) -> Result<(), NameError> {
        self.pass.push(Stated::flag(NamePattern::parse(name)?));
        Ok(())
    }

    /// Gives a variable a value.
    ///
    /// # Errors
    /// When `name` is not a variable's name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), NameError> {
        if !crate::name::is_name(name) {
            return Err(NameError::BadCharacter { text: name.escape_debug().to_string() });
        }
        self.set.insert(name.to_owned(), Stated::flag(value.to_owned()));
        Ok(())
    }

    /// Sets a limit; both written as in a policy file.
    ///
    /// # Errors
    /// When there is no such limit, or the value is not an amount of it.
    pub fn limit(&mut self, name: &str, value: &str) -> Result<(), UnitError> {
        let limit = LimitName::parse(name)?;
        self.limits.insert(limit, Stated::flag(limit.amount(value)?));
        Ok(())
    }

    /// States whether a protection must be there.
    pub fn require(&mut self, layer: Layer, requirement: Requirement) {
        self.require.insert(layer, Stated::flag(requirement));
    }
}

/// A group from the command line; `None` when the text does not name one.
///
/// # Errors
/// When there is no such group.
fn flag_group(text: &str) -> Result<Option<Stated<Group>>, HostError> {
    match Group::parse(text) {
        Some(group) => Ok(Some(Stated::flag(group))),
        None if text.starts_with('@') => Err(HostError::no_group(text)),
        None => Ok(None),
    }
}

/// A rule from the command line about one path.
///
/// # Errors
/// When `path` is relative or has `..` in it.
fn flag_rule(path: &Path) -> Result<Rule, PatternError> {
    Ok(Rule { pattern: Pattern::literal(path)?, reason: None, origin: Origin::flags() })
}
