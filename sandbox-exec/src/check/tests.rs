//! Hosts that refuse one thing each.

use std::path::PathBuf;

use nix::errno::Errno;
use serde_json::Value;

use super::judge::{Finding, State, findings};
use super::observe::{Cgroup, Observed, Settings};
use super::{json, missing, text};

/// A host that offers everything, to an ordinary user.
fn host() -> Observed {
    let kinds = ["network_namespace", "pid_namespace", "ipc_namespace", "uts_namespace", "cgroup_namespace"];
    Observed {
        kernel: "6.18.0".to_owned(),
        program: Some(PathBuf::from("/usr/local/bin/sandbox-exec")),
        user_namespace: Ok(()),
        rights: Ok(()),
        namespaces: kinds.map(|kind| (kind, Ok(()))).to_vec(),
        loopback: Ok(()),
        mount_attributes: Ok(()),
        proc: Ok(()),
        owner_remap: None,
        landlock: 7,
        seccomp: Ok(()),
        notification: Ok(()),
        pidfd_getfd: Ok(()),
        sock_diag: Ok(()),
        close_range: Ok(()),
        openat2: Ok(()),
        cgroup: Cgroup::Delegated,
        settings: Settings { ptrace_scope: Some(1), core_pattern: Some("core".to_owned()), ..Settings::default() },
    }
}

/// The finding about `name`.
fn about(observed: &Observed, name: &str) -> Finding {
    findings(observed).into_iter().find(|finding| finding.name == name).expect("a finding")
}

/// The remedy for `name`.
fn remedy(observed: &Observed, name: &str) -> String {
    about(observed, name).remedy.expect("a remedy")
}

#[test]
fn a_host_that_offers_everything_has_nothing_to_remedy() {
    let all = findings(&host());
    assert!(all.iter().all(|finding| finding.state == State::Ok && finding.remedy.is_none()), "{all:#?}");
    assert!(missing(&all).is_empty());
}

#[test]
fn a_namespace_without_rights_under_apparmor_gets_a_profile_for_this_very_program() {
    let mut host = host();
    host.rights = Err(Errno::EACCES);
    host.settings.apparmor_restricts = Some(1);
    let remedy = remedy(&host, "user_namespace");
    assert!(
        remedy.contains("profile sandbox-exec /usr/local/bin/sandbox-exec flags=(unconfined) {\n  userns,\n}"),
        "{remedy}"
    );
    assert!(remedy.contains("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"), "{remedy}");
    assert!(missing(&findings(&host)).contains(&"user_namespace"));
}

#[test]
fn a_path_that_means_something_to_apparmor_is_not_pasted_into_a_profile() {
    let mut host = host();
    host.rights = Err(Errno::EPERM);
    host.settings.apparmor_restricts = Some(1);
    host.program = Some(PathBuf::from("/home/ann/{a,b} /** rwx,/sandbox-exec"));
    assert!(!remedy(&host, "user_namespace").contains("profile"));
}

#[test]
fn each_switch_that_refuses_user_namespaces_is_named() {
    let refused_by = |settings: Settings, errno| {
        let mut host = host();
        host.user_namespace = Err(errno);
        host.settings = settings;
        remedy(&host, "user_namespace")
    };
    let none = Settings::default();
    let max = refused_by(Settings { max_user_namespaces: Some(0), ..none.clone() }, Errno::ENOSPC);
    assert!(max.contains("user.max_user_namespaces"), "{max}");
    let debian = refused_by(Settings { unprivileged_clone: Some(0), ..none.clone() }, Errno::EPERM);
    assert!(debian.contains("kernel.unprivileged_userns_clone=1"), "{debian}");
    assert!(refused_by(none.clone(), Errno::EINVAL).contains("CONFIG_USER_NS"));
    assert!(refused_by(none, Errno::EPERM).contains("container"));
}

#[test]
fn whatever_the_default_policy_requires_stops_it_when_it_is_missing() {
    let refused = Err(Errno::ENOSYS);
    type Break = fn(&mut Observed, Result<(), Errno>);
    let breakages: [(&str, Break); 9] = [
        ("network_namespace", |host, outcome| host.loopback = outcome),
        ("mounts", |host, outcome| host.mount_attributes = outcome),
        ("proc", |host, outcome| host.proc = outcome),
        ("owner_remap", |host, outcome| host.owner_remap = Some(outcome)),
        ("seccomp", |host, outcome| host.seccomp = outcome),
        ("socket_supervision", |host, outcome| host.notification = outcome),
        ("socket_supervision", |host, outcome| host.sock_diag = outcome),
        ("descriptors", |host, outcome| host.close_range = outcome),
        ("landlock", |host, _| host.landlock = 0),
    ];
    for (name, break_it) in breakages {
        let mut host = host();
        break_it(&mut host, refused);
        assert_eq!(missing(&findings(&host)), [name]);
        assert!(!remedy(&host, name).is_empty());
    }
}

#[test]
fn what_takes_a_user_namespace_sends_to_its_remedy_instead_of_a_wrong_one() {
    let mut host = host();
    let refused = Err(Errno::ENOSPC);
    host.user_namespace = refused;
    host.rights = refused;
    host.namespaces.iter_mut().for_each(|(_, outcome)| *outcome = refused);
    host.proc = refused;
    host.owner_remap = Some(refused);
    for name in ["network_namespace", "pid_namespace", "mounts", "proc", "owner_remap"] {
        assert_eq!(about(&host, name).state, State::Missing, "{name}");
        assert_eq!(remedy(&host, name), "see user_namespace", "{name}");
    }
    assert!(remedy(&host, "user_namespace").contains("max_user_namespaces"));
    assert!(missing(&findings(&host)).contains(&"user_namespace"));
}

#[test]
fn what_only_weakens_is_told_and_does_not_stop() {
    let mut host = host();
    host.landlock = 3;
    host.cgroup = Cgroup::Foreign;
    host.settings.ptrace_scope = Some(0);
    host.settings.core_pattern = Some("|/usr/share/apport/apport %p".to_owned());
    let all = findings(&host);
    for name in ["landlock", "cgroup", "ptrace_scope", "core_dumps"] {
        assert_eq!(about(&host, name).state, State::Partial, "{name}");
    }
    assert!(remedy(&host, "landlock").contains("Linux 6.7 (ABI 4)"));
    assert!(missing(&all).is_empty());
}

#[test]
fn both_reports_hold_every_finding() {
    let mut host = host();
    host.sock_diag = Err(Errno::EIO);
    host.kernel = "6.1\x1b[2J".to_owned();
    let all = findings(&host);
    let (text, json) = (text(&host.kernel, &all), json(&host.kernel, &all));
    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["can_run"], false);
    for (finding, layer) in all.iter().zip(value["layers"].as_array().expect("a list")) {
        assert!(text.lines().any(|line| line.starts_with(finding.name)), "{text}");
        assert_eq!(layer["name"], finding.name);
        assert!(["ok", "partial", "missing"].iter().any(|state| layer["state"] == *state));
    }
    assert!(text.contains("cannot run here: it requires socket_supervision."), "{text}");
    assert!(!text.contains('\x1b'));
}
