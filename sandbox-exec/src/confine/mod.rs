//! Carrying a plan out, from the inside: one type per stage, each made from the one before, so that no step can be skipped.
//!
//! ```text
//! Namespaced ──mount──► Mounted ──start──► (in the command's process) Restricted ──exec──► the command
//! ```
//!
//! The order and its reasons: the place in the queue of the out-of-memory killer first, because everything inherits it; then identity,
//! because everything made later is owned by it; the sockets of the sandbox's network before anything is mounted, because the outside
//! takes them and they need nothing of the tree; mounts while the process still has the namespace's capabilities; the root last of the
//! mounts, because sources are looked up in the old one; then, in the command's own process, limits, Landlock (needs
//! `no_new_privs`), capabilities (nothing after needs them), and seccomp last, because the filter refuses what the steps before it do.

mod exec;
mod identity;
mod memory;
mod mounts;
mod network;
mod restrict;
mod tap;

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::sys::signal::SigSet;
use nix::unistd::Pid;

use crate::channel::Channel;
use crate::plan::{Mount, Network, Origin, Owners, Plan, Source};
use crate::step::{Failure, Step, Stepped};
use crate::sys::{clone, net, process};

pub(crate) use identity::{map_from_outside, prepare_mounts};
pub(crate) use memory::go_first;

/// The first process inside, right after `clone3`.
#[must_use]
#[derive(Debug)]
pub(crate) struct Namespaced<'a> {
    /// What to carry out.
    plan: &'a Plan,
    /// Mounts prepared outside, by the path of their source.
    prepared: BTreeMap<PathBuf, Vec<OwnedFd>>,
}

/// The first process inside, with the sandbox's own tree as its root.
#[must_use]
#[derive(Debug)]
pub(crate) struct Mounted<'a> {
    /// What to carry out.
    plan: &'a Plan,
}

/// The caller's state that the command gets back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited {
    /// The signal mask.
    pub(crate) mask: SigSet,
    /// Which of 0, 1 and 2 were closed.
    pub(crate) closed: [bool; 3],
}

impl<'a> Namespaced<'a> {
    /// Takes on the caller's identity and ties this process's life to the launcher's.
    ///
    /// # Errors
    /// The step that failed.
    pub(crate) fn settle(plan: &'a Plan, channel: &Channel) -> Result<Self, Failure> {
        let mut prepared: BTreeMap<PathBuf, Vec<OwnedFd>> = BTreeMap::new();
        match plan.owners {
            Owners::Same => identity::map_from_inside(plan.user)?,
            Owners::Remapped(_) => {
                let mounts = channel.take_in().step(Step::IdentityMap)?;
                for (mount, origin) in mounts.into_iter().zip(own_sources(plan)) {
                    prepared.entry(origin.path.clone()).or_default().push(mount);
                }
                identity::take_on(plan.user)?;
            }
        }
        // Without a terminal among its streams the command could still open the caller's by `/dev/tty`, and reach the caller's process
        // group, with its priority and its signals: `setsid(2)` leaves both.
        if plan.supervision.own_session {
            nix::unistd::setsid().step(Step::Leash)?;
        }
        // After the change of identity, which would clear it; and only then is the outside still there to be asked.
        process::die_with_parent().step(Step::Leash)?;
        process::hide_memory().step(Step::Leash)?;
        Ok(Self { plan, prepared })
    }

    /// Sets the network up, hands out its sockets over `channel`, builds the sandbox's tree and makes it the root.
    ///
    /// # Errors
    /// The step that failed, with the path.
    pub(crate) fn mount(self, channel: &Channel) -> Result<Mounted<'a>, Failure> {
        match &self.plan.network {
            Network::Isolated => net::loopback_up().step(Step::Loopback)?,
            Network::Allowlist(allowlist) => {
                // Left to the one `close_range(2)` at the end: the outside has them now.
                let sockets = ManuallyDrop::new(network::build(allowlist)?);
                channel.hand_out_sockets(&sockets).step(Step::Supervisor)?;
            }
            Network::Host => {}
        }
        mounts::build(self.plan, self.prepared)?;
        Ok(Mounted { plan: self.plan })
    }
}

/// The sources whose owners are translated, in the order in which the mounts are made.
fn own_sources(plan: &Plan) -> Vec<&Origin> {
    fn own(mount: &Mount) -> Option<&Origin> {
        match &mount.source {
            Source::Own(origin) | Source::Overlay(origin, _) => Some(origin),
            Source::Host(_) | Source::Tree(_) => None,
        }
    }
    plan.sealed.iter().chain(&plan.open).filter_map(own).collect()
}

impl Mounted<'_> {
    /// Starts the command in a process of its own, restricted; returns its id inside.
    ///
    /// # Errors
    /// When the process cannot be made. What fails in it is told over `channel`.
    pub(crate) fn start(self, inherited: Inherited, channel: &Channel) -> Result<Pid, Failure> {
        let command = exec::Command::new(self.plan)?;
        let mut body = || {
            let failure = match restrict::restrict(self.plan, channel) {
                Ok(restricted) => restricted.exec(&command, inherited),
                Err(failure) => failure,
            };
            channel.fail(&failure);
            i32::from(failure.exit() as u8)
        };
        clone::vfork(&mut body).step(Step::Command)
    }
}

/// Starts the command in a process of its own, restricted, where there are no namespaces.
///
/// # Errors
/// The step that failed.
pub(crate) fn start_without_namespaces(plan: &Plan, inherited: Inherited, channel: &Channel) -> Result<Pid, Failure> {
    process::die_with_parent().step(Step::Leash)?;
    process::hide_memory().step(Step::Leash)?;
    process::adopt_orphans().step(Step::Leash)?;
    Mounted { plan }.start(inherited, channel)
}

/// Drops what the first process needed to build the sandbox and does not need to look after it: every descriptor, so that no
/// stream of the caller's stays open on its account, and every capability.
pub(crate) fn shed(kept: Option<&Channel>) {
    match kept.and_then(|channel| u32::try_from(channel.as_fd().as_raw_fd()).ok()) {
        Some(0) | None => {
            let _ = process::close_descriptors(u32::from(kept.is_some()), u32::MAX);
        }
        Some(kept) => {
            let _ = process::close_descriptors(0, kept - 1);
            let _ = process::close_descriptors(kept + 1, u32::MAX);
        }
    }
    let _ = caps::clear(None, caps::CapSet::Effective);
    let _ = caps::clear(None, caps::CapSet::Permitted);
}
