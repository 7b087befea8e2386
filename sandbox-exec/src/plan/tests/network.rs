//! Which network a plan gives the command, and what programs inside read to look names up.

use lobsterpot_policy::{NetworkMode, Overlay};

use super::sight::{Seen, seen};
use super::world::{World, work};
use crate::plan::{Allowlist, NAME_SERVICE, Network, NodeKind, Plan};

/// A world in which `change` is asked for on the command line, besides an allowlist.
fn with_allowlist(change: impl FnOnce(&mut Overlay)) -> World {
    let mut world = World::new();
    for path in NAME_SERVICE {
        world.file(path);
    }
    world.flags(|flags| {
        flags.network(NetworkMode::Allowlist);
        change(flags);
    });
    world
}

/// The allowlist of a plan in which `rules` lead out.
fn allowlist(rules: &[&str]) -> Allowlist {
    let world = with_allowlist(|flags| rules.iter().for_each(|rule| flags.host(rule).expect("a rule")));
    match world.plan().network {
        Network::Allowlist(allowlist) => *allowlist,
        Network::Isolated | Network::Host => panic!("not an allowlist"),
    }
}

/// The text of the sandbox's own file at `path`.
fn text(plan: &Plan, path: &str) -> Option<String> {
    let name = path.rsplit('/').next().expect("a name");
    plan.tree.iter().find(|node| node.path.ends_with(name)).and_then(|node| match &node.kind {
        NodeKind::Text(text) => Some(text.clone()),
        NodeKind::Folder(_) | NodeKind::File(_) | NodeKind::Notice | NodeKind::Marker | NodeKind::Link(_) => None,
    })
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

#[test]
fn the_hosts_name_server_is_named_nowhere_where_it_cannot_be_reached() {
    let plan = with_allowlist(|_| {}).plan();
    for path in NAME_SERVICE {
        assert_eq!(seen(&plan, path), Seen::Own, "{path}");
    }
    let servers = text(&plan, "/etc/resolv.conf").expect("a file of its own");
    let servers: Vec<&str> = servers.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(servers, ["nameserver 198.18.0.1"]);
    assert!(text(&plan, "/etc/nsswitch.conf").expect("a file of its own").contains("\nhosts: files dns\n"));
    assert!(text(&plan, "/etc/hosts").expect("a file of its own").contains("127.0.1.1 box.example.net box\n"));
}

#[test]
fn without_an_allowlist_name_service_stays_as_it_is() {
    for mode in [NetworkMode::None, NetworkMode::Host] {
        let plan = with_allowlist(|flags| flags.network(mode)).plan();
        for path in NAME_SERVICE {
            assert!(matches!(seen(&plan, path), Seen::Readable(_)), "{path} with {mode:?}");
        }
        assert!(!plan.tree.iter().any(|node| matches!(node.kind, NodeKind::Text(_))), "{mode:?}");
    }
}

#[test]
fn a_symlink_to_what_is_not_shown_is_covered_where_it_lies() {
    let mut world = with_allowlist(|_| {});
    world.file("/run/systemd/resolve/stub-resolv.conf");
    world.link("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/stub-resolv.conf");
    let plan = world.plan();
    assert_eq!(seen(&plan, "/etc/resolv.conf"), Seen::Own);
    let mount = plan.sealed.iter().find(|mount| mount.target.ends_with("resolv.conf") && !mount.mask);
    assert_eq!(mount.map(|mount| mount.target.clone()), Some("/etc/resolv.conf".into()));
}

#[test]
fn what_the_host_does_not_have_is_not_mounted_on() {
    let mut world = World::new();
    world.flags(|flags| flags.network(NetworkMode::Allowlist));
    let plan = world.plan();
    assert!(plan.sealed.iter().all(|mount| !NAME_SERVICE.iter().any(|path| mount.target.as_os_str() == *path)));
    assert!(plan.notes.iter().any(|note| note.starts_with("/etc/resolv.conf does not exist")), "{:?}", plan.notes);
}

#[test]
fn a_mask_over_name_service_wins() {
    let plan = with_allowlist(|flags| flags.mask(std::path::Path::new("/etc/hosts")).expect("a path")).plan();
    assert_eq!(seen(&plan, "/etc/hosts"), Seen::Mask);
}

#[test]
fn programs_hear_of_the_proxy_only_when_it_was_asked_for() {
    let value = |plan: &Plan, name: &str| {
        plan.environment.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone().into_string().unwrap())
    };
    let mut world = with_allowlist(|_| {});
    world.environment = vec![("HTTPS_PROXY".into(), "http://user:secret@proxy.corp.example:3128".into())];
    assert_eq!(value(&world.plan(), "HTTPS_PROXY"), None);
    world.policy.network.proxy = true;
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        assert_eq!(value(&world.plan(), name).as_deref(), Some("http://198.18.0.1:3128"), "{name}");
    }
    assert_eq!(value(&world.plan(), "no_proxy").as_deref(), Some("localhost,127.0.0.1,::1"));
    world.policy.network.mode = NetworkMode::None;
    assert_eq!(value(&world.plan(), "HTTPS_PROXY"), None);
}

#[test]
fn learning_has_a_word_of_its_own_so_that_nobody_takes_it_for_an_allowlist() {
    let world = with_allowlist(|flags| flags.network(NetworkMode::Learn));
    assert_eq!(world.plan().network.word(), "learn");
    assert_eq!(with_allowlist(|_| {}).plan().network.word(), "allowlist");
    assert_eq!(seen(&world.plan(), work("file")), seen(&with_allowlist(|_| {}).plan(), work("file")));
}
