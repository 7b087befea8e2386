//! The built-in profiles, parsed and checked when the program was built.

use crate::compose::Composition;
use crate::error::PolicyError;
use crate::origin::{SourceId, Tier};
use crate::overlay::Overlay;
use crate::profile::ProfileName;

/// The encoded profiles, in the order of [`ProfileName::ALL`].
const ENCODED: [&[u8]; 3] = [
    include_bytes!(concat!(env!("OUT_DIR"), "/agent.postcard")),
    include_bytes!(concat!(env!("OUT_DIR"), "/strict.postcard")),
    include_bytes!(concat!(env!("OUT_DIR"), "/dev.postcard")),
];

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
