//! The built-in profiles, parsed and checked when the program was built.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::Composition;
use crate::error::PolicyError;
use crate::group::Group;
use crate::host::HostRule;
use crate::once;
use crate::origin::{SourceId, Tier};
use crate::overlay::Overlay;
use crate::policy::{Network, NetworkMode};
use crate::profile::ProfileName;

/// The encoded profiles, in the order of [`ProfileName::ALL`].
const ENCODED: [&[u8]; 3] = [
    include_bytes!(concat!(env!("OUT_DIR"), "/agent.postcard")),
    include_bytes!(concat!(env!("OUT_DIR"), "/strict.postcard")),
    include_bytes!(concat!(env!("OUT_DIR"), "/dev.postcard")),
];

/// The encoded groups of hosts.
const GROUPS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/groups.postcard"));

/// Adds the hosts of groups to a network whose rules count. A rule of a policy file about the same hosts and ports takes the place of
/// a group's.
///
/// # Errors
/// When the program's own data is damaged.
pub(crate) fn add_groups(
    network: &mut Network,
    allowed: &BTreeSet<Group>,
    denied: &BTreeSet<Group>,
) -> Result<(), PolicyError> {
    if matches!(network.mode, NetworkMode::Host | NetworkMode::None) || (allowed.is_empty() && denied.is_empty()) {
        return Ok(());
    }
    let damaged = |_| PolicyError::BuiltIn { profile: "groups" };
    let groups: BTreeMap<Group, Vec<HostRule>> = postcard::from_bytes(GROUPS).map_err(damaged)?;
    let mut rules = Vec::new();
    for (group, hosts) in groups {
        if denied.contains(&group) {
            network.deny.extend(hosts.iter().map(HostRule::target));
        }
        if allowed.contains(&group) {
            rules.extend(hosts);
        }
    }
    once::remove(&mut rules, &network.rules, HostRule::compare_targets);
    rules.append(&mut network.rules);
    network.rules = rules;
    Ok(())
}

/// Puts a profile, and what it extends, at the bottom of a composition.
///
/// # Errors
/// When the program's own data is damaged.
pub(crate) fn apply(profile: ProfileName, composition: &mut Composition) -> Result<(), PolicyError> {
    let encoded = ProfileName::ALL.into_iter().zip(ENCODED).find(|(name, _)| *name == profile).map(|(_, bytes)| bytes);
    let damaged = || PolicyError::BuiltIn { profile: profile.name() };
    let layer: Overlay = encoded.and_then(|bytes| postcard::from_bytes(bytes).ok()).ok_or_else(damaged)?;
    match layer.extends {
        Some(ProfileName::Agent) if profile != ProfileName::Agent => apply(ProfileName::Agent, composition)?,
        Some(_) => return Err(damaged()),
        None => {}
    }
    composition.apply(layer, &SourceId { tier: Tier::BuiltIn(profile), file: None })
}
