//! Rules by their hosts, to find out what is left of another rule without comparing each with each.

use std::collections::BTreeMap;

use super::HostRule;
use super::pattern::HostPattern;

/// What is denied.
#[derive(Debug)]
pub(crate) struct Denied<'a> {
    /// The rules about each host, each with its place among all.
    by_host: BTreeMap<&'a HostPattern, Vec<(usize, &'a HostRule)>>,
}

impl<'a> Denied<'a> {
    /// What `rules` deny.
    pub(crate) fn new(rules: impl Iterator<Item = &'a HostRule>) -> Self {
        let mut by_host: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (place, rule) in rules.enumerate() {
            by_host.entry(&rule.host).or_default().push((place, rule));
        }
        Self { by_host }
    }

    /// The first that leaves nothing of `rule`.
    pub(crate) fn covering(&self, rule: &HostRule) -> Option<&'a HostRule> {
        if self.by_host.is_empty() {
            return None;
        }
        let hosts = rule.host.wider();
        let about = hosts.iter().filter_map(|host| self.by_host.get(host)).flatten();
        about.filter(|(_, denied)| denied.covers(rule)).min_by_key(|(place, _)| *place).map(|(_, denied)| *denied)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::origin::Origin;

    /// Rules of hosts that lie in and around one another.
    fn rule() -> impl Strategy<Value = HostRule> {
        let hosts = vec![
            "a.test",
            "b.a.test",
            "c.b.a.test",
            "ba.test",
            "*.a.test",
            "*.b.a.test",
            "*.ba.test",
            "10.0.0.1",
            "10.0.0.0/8",
            "10.0.0.0/31",
            "0.0.0.0/0",
            "10.0.0.1/32",
            "[2001:db8::1]",
            "[2001:db8::/32]",
            "[::/0]",
            "[2001:db8::1/128]",
        ];
        (select(hosts), select(vec!["", ":443", ":80", ":80,443", ":*"])).prop_map(|(host, ports)| {
            let mut rule = HostRule::parse_deny(&format!("{host}{ports}"), Origin::flags()).unwrap();
            // What only learn mode states.
            if host == "0.0.0.0/0" && ports.is_empty() {
                rule.host = HostPattern::Every;
            }
            rule
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn index_finds_what_comparing_with_each_finds(denied in prop::collection::vec(rule(), 0..12), asked in rule()) {
            let first = denied.iter().find(|denied| denied.covers(&asked));
            let found = Denied::new(denied.iter()).covering(&asked);
            prop_assert!(found.map(std::ptr::from_ref) == first.map(std::ptr::from_ref), "{:?} {:?}", found, first);
        }
    }
}
