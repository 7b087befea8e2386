//! Which network a plan gives the command.

use lobsterpot_policy::NetworkMode;

use super::world::World;
use crate::plan::{Allowlist, Network};

/// The allowlist of a plan in which `rules` lead out.
fn allowlist(rules: &[&str]) -> Allowlist {
    let mut world = World::new();
    world.flags(|flags| {
        flags.network(NetworkMode::Allowlist);
        rules.iter().for_each(|rule| flags.host(rule).expect("a rule"));
    });
    match world.plan().network {
        Network::Allowlist(allowlist) => *allowlist,
        Network::Isolated | Network::Host => panic!("not an allowlist"),
    }
}

#[test]
fn only_low_ports_that_a_rule_names_are_taken_from_servers_inside() {
    let low = allowlist(&["a.example", "b.example:22,443,8443", "c.example:1024"]).low_ports;
    assert!(low.contains(&22) && low.contains(&443), "{low:?}");
    assert!(low.iter().all(|port| *port < 1024), "{low:?}");
}

#[test]
fn a_network_of_its_own_is_not_the_hosts() {
    assert!(Network::Isolated.is_own() && !Network::Host.is_own());
    assert!(Network::Allowlist(Box::new(allowlist(&["a.example"]))).is_own());
}
