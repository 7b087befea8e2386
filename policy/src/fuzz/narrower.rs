//! What it means that one policy allows no more than another: once by everything that it is made of, once by what is judged.

use std::path::Path;

use super::places;
use crate::judge::{Access, Judge};
use crate::policy::{Layer, Limits, NetworkMode, Policy};
use crate::rule::Rule;
use crate::tools::ToolOutcome;

/// Paths near everything that rules speak of.
const PATHS: [&str; 16] = [
    "/",
    "/etc/shadow",
    "/usr/bin/x",
    "/srv/x/y",
    "/run/docker.sock",
    "/tmp/x",
    "/home/me",
    "/home/me/a/b",
    "/home/me/.ssh/id",
    "/home/me/.cargo/registry/x",
    "/home/me/work",
    "/home/me/work/x/y",
    "/home/me/work/.env",
    "/home/me/work/.git/hooks/pre-commit",
    "/home/me/work/.lobsterpot.toml",
    "/home/other/x",
];

/// Hosts that rules may speak of.
const HOSTS: [(&str, u16); 6] = [
    ("a.example.com", 443),
    ("example.com", 80),
    ("one.net", 22),
    ("github.com", 443),
    ("10.0.0.1", 5432),
    ("localhost", 80),
];

/// Checks that `new` is made of nothing that `old` does not have, and of everything by which `old` refuses.
pub(super) fn is_narrower(new: &Policy, old: &Policy) {
    assert_eq!(new.workspace, old.workspace, "other folders can be workspaces");
    assert!(new.files.home >= old.files.home, "more of the home folder is seen");
    let gives = |policy: &Policy| {
        [&policy.files.read, &policy.files.write, &policy.files.scratch, &policy.files.sockets].map(Vec::clone)
    };
    for (new, old) in gives(new).iter().zip(&gives(old)) {
        assert_within(new, old, "is given");
    }
    assert_within(&old.files.mask, &new.files.mask, "is no longer masked");
    assert_within(&old.files.protect, &new.files.protect, "is no longer protected");
    assert!(new.network.mode >= old.network.mode, "more of the network is reached");
    // On the host's own network every host is reached, so the hosts of groups are left out.
    let is_all = old.network.mode == NetworkMode::Host;
    let is_reached = |rule| old.network.rules.contains(rule);
    assert!(is_all || new.network.rules.iter().all(is_reached), "another host is reached");
    // Without any network no host is asked about, so the hosts of groups are left out.
    let is_off = new.network.mode == NetworkMode::None;
    let is_denied = |rule| new.network.deny.iter().any(|other| other.covers(rule));
    assert!(is_off || old.network.deny.iter().all(is_denied), "a host is no longer denied");
    assert!(!new.network.proxy || old.network.proxy, "a proxy is offered");
    assert!(new.network.publish.iter().all(|port| old.network.publish.contains(port)), "a port is published");
    assert!(new.environment.pass.iter().all(|name| old.environment.pass.contains(name)), "a variable is passed");
    assert_eq!(new.environment.set, old.environment.set, "a variable is set");
    assert_limits(&new.limits, &old.limits);
    for layer in Layer::ALL {
        assert!(new.requirements.of(layer) >= old.requirements.of(layer), "{} may be missing", layer.name());
    }
    assert!(new.syscalls.ptrace >= old.syscalls.ptrace, "ptrace is allowed");
    assert!(new.syscalls.user_namespaces >= old.syscalls.user_namespaces, "user namespaces are allowed");
    assert_tools(new, old);
}

/// Checks that every rule of `part` is one of `whole`.
fn assert_within(part: &[Rule], whole: &[Rule], what: &str) {
    let extra = part.iter().find(|rule| !whole.iter().any(|other| other.pattern == rule.pattern));
    assert!(extra.is_none(), "{} {what}", extra.map(Rule::label).unwrap_or_default());
}

/// Checks that no limit is higher.
fn assert_limits(new: &Limits, old: &Limits) {
    let of = |limits: &Limits| {
        let time = limits.wall_clock.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        [limits.processes, limits.memory, limits.file_size, limits.open_files, limits.core, limits.tmpfs, time]
            .map(|limit| limit.unwrap_or(u64::MAX))
    };
    assert!(of(new).into_iter().zip(of(old)).all(|(new, old)| new <= old), "{new:?} is more than {old:?}");
    assert!(new.grace <= old.grace, "leftovers live longer");
}

/// Checks that no tool is judged by anything milder.
fn assert_tools(new: &Policy, old: &Policy) {
    for (client, new) in new.tools.iter() {
        let strict = |rule: &crate::tools::ToolRule| matches!(rule.outcome, Some(ToolOutcome::Ask | ToolOutcome::Deny));
        let Some(old) = old.tools.get(client) else {
            assert!(new.shell.is_empty() && new.file.is_empty() && new.rules.is_empty(), "{client} has tools");
            assert!(new.other == crate::policy::ToolDefault::Deny && new.narrowing.iter().all(strict), "{client}");
            continue;
        };
        assert!((&new.shell, &new.file, &new.rules) == (&old.shell, &old.file, &old.rules), "{client}'s tools changed");
        assert!(new.other >= old.other && new.other_with_path >= old.other_with_path, "{client}'s defaults");
        assert!(old.narrowing.iter().all(|rule| new.narrowing.contains(rule)), "{client}: a rule is gone");
        assert!(new.narrowing.iter().all(strict), "{client}: a workspace's rule allows");
    }
    assert!(old.tools.keys().all(|client| new.tools.contains_key(client)), "a client is forgotten");
}

/// Checks that no path, of `more` and the usual ones, and no host is judged more mildly.
pub(super) fn judges_narrower<'a>(new: &Policy, old: &Policy, more: impl IntoIterator<Item = &'a str>) {
    let (new, old) = (Judge::new(new, &places()), Judge::new(old, &places()));
    for path in PATHS.into_iter().chain(more).map(Path::new) {
        for access in [Access::Read, Access::Write, Access::Execute, Access::Connect] {
            let (was, is) = (old.path(path, access).decision, new.path(path, access).decision);
            assert!(is >= was, "{} {access:?}: {was:?} became {is:?}", path.display());
        }
        assert!(new.workspace(path).decision >= old.workspace(path).decision, "{}", path.display());
    }
    for (host, port) in HOSTS {
        assert!(new.host(host, port).decision >= old.host(host, port).decision, "{host}:{port}");
    }
}
