//! The form of a policy file. Nothing here leaves the crate: a file becomes an [`Overlay`] or an error.

mod convert;
mod document;
mod entry;
mod examples;
#[cfg_attr(not(test), allow(dead_code, reason = "only the build script and a test read groups"))]
pub(crate) mod groups;
mod hosts;
mod locate;
mod tools;

use crate::error::PolicyError;
use crate::origin::SourceId;
use crate::overlay::Overlay;

use document::Document;
use locate::Locator;

/// Reads one policy file.
///
/// # Errors
/// When the text is not TOML, is not shaped as a policy, or states something malformed.
pub(crate) fn parse(text: &str, source: &SourceId) -> Result<Overlay, PolicyError> {
    let locator = Locator::new(text, source);
    let document: Document = toml::from_str(text).map_err(|error| locate::syntax(&error, &locator))?;
    convert::overlay(document, &locator)
}

#[cfg(test)]
mod tests;
