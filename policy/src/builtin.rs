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

/// An encoded profile.
struct Encoded {
    /// All of it but the tools.
    layer: &'static [u8],
    /// What it says of clients' tools.
    tools: &'static [u8],
}

/// The encoded profiles, in the order of [`ProfileName::ALL`].
const ENCODED: [Encoded; 3] = [
    Encoded {
        layer: include_bytes!(concat!(env!("OUT_DIR"), "/agent.postcard")),
        tools: include_bytes!(concat!(env!("OUT_DIR"), "/agent-tools.postcard")),
    },
    Encoded {
        layer: include_bytes!(concat!(env!("OUT_DIR"), "/strict.postcard")),
        tools: include_bytes!(concat!(env!("OUT_DIR"), "/strict-tools.postcard")),
    },
    Encoded {
        layer: include_bytes!(concat!(env!("OUT_DIR"), "/dev.postcard")),
        tools: include_bytes!(concat!(env!("OUT_DIR"), "/dev-tools.postcard")),
    },
];

/// The encoded groups of hosts: each by itself, in a map of bytes.
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
    let groups: BTreeMap<Group, &'static [u8]> = postcard::from_bytes(GROUPS).map_err(damaged)?;
    let mut rules = Vec::new();
    for (group, encoded) in groups {
        if !denied.contains(&group) && !allowed.contains(&group) {
            continue;
        }
        let hosts: Vec<HostRule> = postcard::from_bytes(encoded).map_err(damaged)?;
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

/// Which part of a profile is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// What it says of clients' tools is left out.
    WithoutTools,
}

/// A profile, and what it extends, as the bottom of a composition.
///
/// # Errors
/// When the program's own data is damaged.
pub(crate) fn composition(profile: ProfileName, part: Part) -> Result<Composition, PolicyError> {
    let damaged = || PolicyError::BuiltIn { profile: profile.name() };
    let layer = decode(profile, part).ok_or_else(damaged)?;
    let source = SourceId { tier: Tier::BuiltIn(profile), file: None };
    match layer.extends {
        Some(ProfileName::Agent) if profile != ProfileName::Agent => {
            let mut below = composition(ProfileName::Agent, part)?;
            below.apply(layer, &source)?;
            Ok(below)
        }
        Some(_) => Err(damaged()),
        None => Ok(Composition::of_profile(layer, source)),
    }
}

/// What a profile itself states; `None` when the program's own data is damaged.
fn decode(profile: ProfileName, part: Part) -> Option<Overlay> {
    let (_, encoded) = ProfileName::ALL.into_iter().zip(&ENCODED).find(|(name, _)| *name == profile)?;
    let mut layer: Overlay = postcard::from_bytes(encoded.layer).ok()?;
    if part == Part::Whole {
        layer.tools = postcard::from_bytes(encoded.tools).ok()?;
    }
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_that_extends_nothing_is_what_composing_it_makes() {
        for profile in ProfileName::ALL {
            let layer = decode(profile, Part::Whole).unwrap();
            let source = SourceId { tier: Tier::BuiltIn(profile), file: None };
            if layer.extends.is_none() {
                let mut composed = Composition::default();
                composed.apply(layer.clone(), &source).unwrap();
                assert_eq!(Composition::of_profile(layer, source), composed, "{profile}");
            }
        }
    }

    #[test]
    fn profile_without_its_tools_is_the_same_otherwise() {
        for profile in ProfileName::ALL {
            let whole = composition(profile, Part::Whole).unwrap().finish(profile.name());
            let part = composition(profile, Part::WithoutTools).unwrap().finish(profile.name());
            assert!(!whole.tools.is_empty() && part.tools.is_empty());
            assert_eq!(crate::Policy { tools: whole.tools.clone(), ..part }, whole, "{profile}");
        }
    }
}
