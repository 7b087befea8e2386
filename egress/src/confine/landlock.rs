//! Landlock: every right handled and none granted, but connections to the ports that are needed. `landlock(7)`.

use std::collections::BTreeSet;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope,
};

use super::ConfineError;

/// The newest ABI that is known here. Rights that the running kernel does not know are left out.
const NEWEST: ABI = ABI::V9;

/// To which TCP ports connections can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connect {
    /// To all: a rule allows every port.
    Any,
    /// To these (Linux 6.7; before it, to all).
    To(BTreeSet<u16>),
    /// Whatever the namespace has: sockets are made for the sandbox, in its own.
    Namespace,
}

/// Restricts this process to what it has open.
///
/// # Errors
/// When the kernel has no Landlock or refuses.
pub(super) fn restrict(connect: &Connect) -> Result<(), ConfineError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    ruleset = match connect {
        Connect::Any => ruleset.handle_access(AccessNet::BindTcp)?,
        Connect::To(_) => ruleset.handle_access(AccessNet::from_all(NEWEST))?,
        Connect::Namespace => ruleset,
    };
    let mut created = ruleset.create()?;
    if let Connect::To(ports) = connect {
        for port in ports {
            created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
    }
    match created.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err(ConfineError::NoLandlock),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}
