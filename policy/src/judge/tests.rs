//! Attacks on the judgement.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::*;
use crate::compose::Composition;
use crate::origin::{SourceId, Tier};
use crate::policy::ToolDefault;

/// A judge of the given policy text, for a home with one workspace in it and one in a masked folder.
fn judge(text: &str) -> Judge {
    let source = SourceId { tier: Tier::User, file: Some(Arc::from(Path::new("/user.toml"))) };
    let mut composition = Composition::default();
    composition.apply(crate::wire::parse(text, &source).unwrap(), &source).unwrap();
    Judge::new(&composition.finish("agent"), &places())
}

/// The host.
fn places() -> Places {
    Places {
        home: "/home/me".into(),
        homes: vec!["/home/me".into(), "/var/home/me".into()],
        workspaces: vec!["/home/me/work".into(), "/home/me/.agent/workspace".into()],
        uid: 1000,
        ..Places::default()
    }
}

/// A policy that uses everything.
const POLICY: &str = r#"
    [workspace]
    roots = ["~/.agent/workspace*"]
    [files]
    read = ["/usr", "~/.cargo", "~/.ssh/config"]
    write = ["~/out", "~/.aws/cache"]
    scratch = ["/tmp"]
    mask = ["~/.agent", "~/.ssh", "~/.aws", "~/.cargo/credentials", ".env", "/run/docker.sock", "**/secrets"]
    protect = [".git/hooks", ".envrc", "secrets"]
    sockets = ["/run/resolver.sock", "/run/docker.sock"]
    [network]
    mode = "allowlist"
    allow = ["*.example.com"]
    [tools.claude-code]
    shell = ["Bash"]
    file = ["Read"]
    other = "ask"
"#;

/// The reason for one access.
fn reason(path: &str, access: Access) -> &'static str {
    judge(POLICY).path(Path::new(path), access).reason.as_str()
}

#[test]
fn secrets_are_masked_whatever_else_is_said_about_them() {
    for path in [
        "/home/me/.ssh/config",
        "/var/home/me/.ssh/id",
        "/home/me/.aws/cache/x",
        "/home/me/.cargo/credentials",
        "/home/me/work/.env",
    ] {
        for access in [Access::Read, Access::Write, Access::Execute, Access::Connect] {
            assert_eq!(reason(path, access), "fs.masked", "{path}");
        }
    }
}

#[test]
fn a_workspace_in_a_masked_folder_is_bound_back_but_nothing_beside_it() {
    assert_eq!(reason("/home/me/.agent/workspace/x", Access::Write), "allowed");
    assert_eq!(reason("/home/me/.agent/workspace", Access::Read), "allowed");
    assert_eq!(reason("/home/me/.agent/openclaw.json", Access::Read), "fs.masked");
    assert_eq!(reason("/home/me/.agent/workspace-other/x", Access::Read), "fs.masked");
    assert_eq!(reason("/home/me/.agent/workspace/.env", Access::Read), "fs.masked");
    assert_eq!(reason("/home/me/.agent/workspace/a/secrets/b", Access::Read), "fs.masked");
}

#[test]
fn a_protected_name_can_be_read_and_never_created() {
    assert_eq!(reason("/home/me/work/.envrc", Access::Write), "fs.protected");
    assert_eq!(reason("/home/me/work/.git/hooks/pre-commit", Access::Write), "fs.protected");
    assert_eq!(reason("/home/me/work/.git/hooks/pre-commit", Access::Read), "allowed");
    assert_eq!(reason("/home/me/work/.git/index", Access::Write), "allowed");
}

#[test]
fn protecting_a_masked_name_does_not_make_it_readable() {
    assert_eq!(reason("/home/me/work/secrets/x", Access::Read), "fs.masked");
    assert_eq!(reason("/home/me/work/secrets/x", Access::Write), "fs.masked");
}

#[test]
fn what_is_readable_is_not_writable_and_the_rest_does_not_exist() {
    assert_eq!(reason("/usr/bin/ls", Access::Execute), "allowed");
    assert_eq!(reason("/usr/bin/ls", Access::Write), "fs.read-only");
    assert_eq!(reason("/home/me/notes", Access::Read), "fs.outside-workspace");
    assert_eq!(reason("/home/me/notes", Access::Write), "fs.outside-workspace");
    assert_eq!(reason("/home/me/workx/a", Access::Read), "fs.outside-workspace");
    assert_eq!(reason("/home/me/out/a", Access::Write), "allowed");
    assert_eq!(reason("/", Access::Read), "fs.outside-workspace");
}

#[test]
fn a_visible_home_is_read_only_and_keeps_its_masks() {
    let judge = judge("[files]\nhome = \"read-only\"\nmask = [\"~/.ssh\"]\n");
    let reason = |path: &str, access| judge.path(Path::new(path), access).reason.as_str();
    assert_eq!(reason("/home/me/notes", Access::Read), "allowed");
    assert_eq!(reason("/home/me/notes", Access::Write), "fs.read-only");
    assert_eq!(reason("/home/me/.ssh/id", Access::Read), "fs.masked");
    assert_eq!(reason("/home/other/notes", Access::Read), "fs.outside-workspace");
    assert_eq!(reason("/home/me2/notes", Access::Read), "fs.outside-workspace");
}

#[test]
fn paths_that_are_not_plain_are_refused() {
    for path in ["", "relative", "/home/me/work/../.ssh/id", "/home/me/work/\0"] {
        assert_eq!(reason(path, Access::Read), "fs.bad-path", "{path:?}");
    }
    let odd = Path::new(OsStr::from_bytes(b"/home/me/work/\xff"));
    assert_eq!(judge(POLICY).path(odd, Access::Write).decision, Decision::Allow);
}

#[test]
fn sockets_of_the_host_are_closed_unless_listed_and_a_mask_still_wins() {
    assert_eq!(reason("/run/resolver.sock", Access::Connect), "allowed");
    assert_eq!(reason("/run/docker.sock", Access::Connect), "fs.masked");
    assert_eq!(reason("/home/me/work/agent.sock", Access::Connect), "fs.socket-not-allowed");
    assert_eq!(reason("/tmp/x.sock", Access::Connect), "fs.socket-not-allowed");
}

#[test]
fn scratch_is_told_from_places_of_the_host() {
    let judge = judge(POLICY);
    assert!(judge.is_scratch(Path::new("/tmp/x")));
    assert!(!judge.is_scratch(Path::new("/home/me/work/x")));
    assert!(!judge.is_scratch(Path::new("/home/me/out/x")));
}

#[test]
fn hosts_follow_the_mode_and_bad_names_are_refused_in_every_mode() {
    let judge_of = |mode: &str| judge(&format!("[network]\nmode = \"{mode}\"\nallow = [\"*.example.com\"]\n"));
    let reason = |mode: &str, name: &str| judge_of(mode).host(name, 443).reason.as_str();
    assert_eq!(reason("none", "a.example.com"), "net.off");
    assert_eq!(reason("allowlist", "a.example.com"), "allowed");
    assert_eq!(reason("allowlist", "evil.net"), "net.host-not-allowed");
    assert_eq!(reason("host", "evil.net"), "allowed");
    assert_eq!(reason("host", "evil\0.example.com"), "net.bad-host");
}

#[test]
fn tools_are_known_by_exact_name_and_unknown_clients_are_refused() {
    let judge = judge(POLICY);
    assert_eq!(judge.tool("claude-code", "Bash"), ToolKind::Shell);
    assert_eq!(judge.tool("claude-code", "Read"), ToolKind::File);
    assert_eq!(judge.tool("claude-code", "bash"), ToolKind::Other(ToolDefault::Deny));
    assert_eq!(judge.tool("claude-code", "bashful"), ToolKind::Other(ToolDefault::Ask));
    assert_eq!(judge.tool("unheard-of", "Bash"), ToolKind::Other(ToolDefault::Deny));
}

#[test]
fn every_denial_says_what_to_do_instead_and_which_rule_decided() {
    let verdict = judge(POLICY).path(Path::new("/home/me/.ssh/id"), Access::Read);
    assert_eq!(verdict.decision, Decision::Deny);
    assert_eq!(verdict.rule.as_deref(), Some("~/.ssh (/user.toml:8)"));
    assert!(verdict.message.ends_with('.') && !verdict.instead.is_empty());
    assert!(Decision::Allow < Decision::Ask && Decision::Ask < Decision::Deny);
}

#[test]
fn a_workspace_that_nobody_listed_needs_a_person() {
    let judge = judge(POLICY);
    let decision = |path: &str| judge.workspace(Path::new(path)).decision;
    assert_eq!(decision("/home/me/.agent/workspace"), Decision::Allow);
    assert_eq!(decision("/home/me/.agent/other"), Decision::Ask);
    assert_eq!(decision("/home/me/project"), Decision::Ask);
    for path in ["/", "/home", "/home/me", "/var", "/var/home/me", "relative", "/home/me/../you"] {
        assert_eq!(decision(path), Decision::Deny, "{path}");
    }
}

#[test]
fn a_workspace_that_is_itself_masked_stays_hidden() {
    let judge = judge("[files]\nmask = [\"~/work\"]\n");
    assert_eq!(judge.path(Path::new("/home/me/work/x"), Access::Read).reason, ReasonCode::Masked);
}
