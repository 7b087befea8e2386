//! The groups of hosts, as they are written in `profiles/groups.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::List;
use super::entry::HostEntry;
use super::hosts::{self, Effect};
use super::locate::{self, Locator};
use crate::error::PolicyError;
use crate::group::Group;
use crate::host::HostRule;
use crate::origin::{SourceId, Tier};

/// One group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// Its hosts.
    allow: List<HostEntry>,
}

/// Reads the groups.
///
/// # Errors
/// When the text is malformed, a group is missing, an entry names another group, or has no reason.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<Group, Vec<HostRule>>, PolicyError> {
    let source = |group| SourceId { tier: Tier::Group(group), file: None };
    let anywhere = source(Group::Registries);
    let mut sections: BTreeMap<Group, Section> =
        toml::from_str(text).map_err(|error| locate::syntax(&error, &Locator::new(text, &anywhere)))?;
    let mut groups = BTreeMap::new();
    for group in Group::ALL {
        let source = source(group);
        let at = Locator::new(text, &source);
        let hosts =
            hosts::list(sections.remove(&group).map(|section| section.allow).unwrap_or_default(), Effect::Allow, &at)?;
        if hosts.rules.is_empty() || !hosts.groups.is_empty() || hosts.rules.iter().any(|rule| rule.reason.is_none()) {
            return Err(PolicyError::BuiltIn { profile: group.name() });
        }
        groups.insert(group, hosts.rules);
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_without_a_reason_or_with_another_group_in_it_stops_the_build() {
        let whole = include_str!("../../profiles/groups.toml");
        assert_eq!(parse(whole).unwrap().len(), Group::ALL.len());
        let first = whole.find("  { host").unwrap();
        for line in ["  \"a.com\",\n", "  \"@models\",\n", "  { host = \"*.github.io\", reason = \"r\" },\n"] {
            let mut text = whole.to_owned();
            text.insert_str(first, line);
            assert!(parse(&text).is_err(), "{line}");
        }
        assert!(parse(&whole.replace("[models]", "[modles]")).is_err());
    }
}
