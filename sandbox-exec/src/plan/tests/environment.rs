//! Attacks by way of the environment and the starting folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::world::{HOME, WORK, World, home};
use crate::plan::Plan;

/// The value of `name` inside.
fn value<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.environment.iter().find(|(other, _)| other == name).map(|(_, value)| value.to_str().expect("text"))
}

/// A world whose caller has these variables.
fn with_variables(variables: &[(&str, &str)]) -> World {
    let mut world = World::new();
    world.environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    world
}

#[test]
fn environment_holds_nothing_that_was_not_listed() {
    let tokens = [
        ("GITHUB_TOKEN", "t"),
        ("AWS_SECRET_ACCESS_KEY", "t"),
        ("SSH_AUTH_SOCK", "/s"),
        ("MY_OWN", "t"),
        ("lang", "t"),
    ];
    let world = with_variables(&tokens);
    let plan = world.plan();
    let known = |name: &OsString| {
        ["HOME", "USER", "LOGNAME", "PATH", "PWD", "SANDBOX"].iter().any(|own| name == own)
            || world.policy.environment.set.keys().any(|set| name == set.as_str())
    };
    let others: Vec<_> = plan.environment.iter().filter(|(name, _)| !known(name)).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn ld_preload_is_never_passed() {
    for name in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "BASH_ENV",
        "ENV",
        "NODE_OPTIONS",
        "PYTHONSTARTUP",
        "GIT_SSH_COMMAND",
    ] {
        assert_eq!(value(&with_variables(&[(name, "/tmp/evil.so")]).plan(), name), None, "{name}");
    }
}

#[test]
fn what_is_listed_is_passed_and_what_the_policy_sets_wins() {
    let plan =
        with_variables(&[("LANG", "de_DE.UTF-8"), ("SHELL", "/usr/bin/guard-shell"), ("TMPDIR", "/home/ann/tmp")])
            .plan();
    assert_eq!(value(&plan, "LANG"), Some("de_DE.UTF-8"));
    assert_eq!(value(&plan, "SHELL"), Some("/bin/sh"));
    assert_eq!(value(&plan, "TMPDIR"), Some("/tmp"));
}

#[test]
fn a_false_home_or_user_of_the_caller_does_not_get_in() {
    let plan = with_variables(&[("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("PWD", "/root")]).plan();
    assert_eq!(value(&plan, "HOME"), Some(HOME));
    assert_eq!(value(&plan, "USER"), Some("ann"));
    assert_eq!(value(&plan, "LOGNAME"), Some("ann"));
    assert_eq!(value(&plan, "PWD"), Some(WORK));
}

#[test]
fn path_keeps_only_absolute_folders_that_can_be_seen() {
    let plan = with_variables(&[("PATH", ".:/usr/bin::bin:/home/ann/.hidden/bin:/usr/local/bin")]).plan();
    assert_eq!(value(&plan, "PATH"), Some("/usr/bin:/usr/local/bin"));
}

#[test]
fn a_path_with_nothing_left_is_replaced_and_never_empty() {
    let plan = with_variables(&[("PATH", "/home/ann/.hidden:.")]).plan();
    assert!(value(&plan, "PATH").is_some_and(|path| path.contains("/usr/bin") && !path.contains("hidden")));
}

#[test]
fn a_variable_of_the_command_line_is_passed_or_set_as_asked() {
    let mut world = with_variables(&[("MY_OWN", "given"), ("OTHER", "given")]);
    world.invocation.environment = vec!["MY_OWN".into(), "FRESH=a=b".into()];
    let plan = world.plan();
    assert_eq!(value(&plan, "MY_OWN"), Some("given"));
    assert_eq!(value(&plan, "FRESH"), Some("a=b"));
    assert_eq!(value(&plan, "OTHER"), None);
}

#[test]
fn command_starts_in_the_workspace_when_the_current_folder_is_hidden() {
    let mut world = World::new();
    world.folder(home("private"));
    world.cwd = home("private");
    assert_eq!(world.plan().cwd, PathBuf::from(WORK));
    world.cwd = PathBuf::from("/usr/bin");
    assert_eq!(world.plan().cwd, PathBuf::from("/usr/bin"));
    world.invocation.chdir = Some(PathBuf::from("../lib"));
    assert_eq!(world.plan().cwd, PathBuf::from("/usr/lib"));
}

#[test]
fn a_cache_that_cannot_be_made_below_a_shown_folder_is_moved_to_the_private_one() {
    let mut world = World::new();
    let shown = world.plan();
    assert_eq!(value(&shown, "XDG_CACHE_HOME"), None);
    assert_eq!(value(&shown, "npm_config_cache"), home(".cache/npm").to_str());
    world.flags(|flags| flags.read(Path::new("/home")).expect("a path"));
    let plan = world.plan();
    let target = home(".cache");
    assert!(!plan.sealed.iter().chain(&plan.open).any(|mount| mount.target == target), "nothing to mount on");
    assert_eq!(value(&plan, "XDG_CACHE_HOME"), Some("/tmp/.cache"));
    assert_eq!(value(&plan, "npm_config_cache"), Some("/tmp/.cache/npm"));
    world.folder(&target);
    let plan = world.plan();
    assert!(plan.sealed.iter().chain(&plan.open).any(|mount| mount.target == target), "it is covered");
    assert_eq!((value(&plan, "XDG_CACHE_HOME"), value(&plan, "npm_config_cache")), (None, home(".cache/npm").to_str()));
}
