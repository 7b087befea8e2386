//! Attacks through policy files that somebody else can write, and the order of layers.

use std::path::Path;

use lobsterpot_policy::{
    FileFacts, Folder, HomeView, LoadRequest, NetworkMode, Overlay, Permission, PolicyError, ProfileName, Tier, load,
};

use crate::world::{SYSTEM, USER, WORKSPACE, World, request};

/// The error for a user's file that was changed in one way.
fn refuse(change: impl FnOnce(&mut FileFacts)) -> (String, String) {
    let error = World::default().and_changed(USER, "", change).load().expect_err("it should not be trusted");
    assert!(matches!(error, PolicyError::Untrusted { .. }), "{error}");
    (error.to_string(), error.hint())
}

/// Sets the mode of one folder above the file.
fn folder<'a>(facts: &'a mut FileFacts, path: &str) -> &'a mut Folder {
    facts.parents.iter_mut().find(|folder| folder.path == Path::new(path)).unwrap()
}

#[test]
fn a_file_that_group_or_world_can_write_is_refused_with_the_command_that_repairs_it() {
    for mode in [0o664, 0o646, 0o666, 0o777] {
        let (message, hint) = refuse(|facts| facts.mode = mode);
        assert!(message.contains(USER) && message.contains(&format!("{mode:04o}")), "{message}");
        assert_eq!(hint, format!("run: chmod go-w '{USER}'"));
    }
}

#[test]
fn a_file_of_another_user_is_refused_but_not_one_of_root() {
    let (message, hint) = refuse(|facts| facts.uid = 1001);
    assert!(message.contains("belongs to user 1001"), "{message}");
    assert!(hint.contains("chown 1000"), "{hint}");
    assert!(World::default().and_changed(USER, "", |facts| facts.uid = 0).load().is_ok());
}

#[test]
fn a_file_of_an_ordinary_user_is_refused_when_root_is_the_caller() {
    let mut request = request();
    request.places.uid = 0;
    assert!(load(&request, &World::with(USER, "")).is_err());
}

#[test]
fn a_file_in_a_folder_that_others_can_write_is_refused() {
    let (message, hint) = refuse(|facts| folder(facts, "/home/me/.config").mode = 0o775);
    assert!(message.contains("\"/home/me/.config\""), "{message}");
    assert_eq!(hint, "run: chmod go-w '/home/me/.config'");
    refuse(|facts| folder(facts, "/home").uid = 1001);
}

#[test]
fn a_sticky_folder_is_passed_on_the_way_but_must_not_hold_the_file() {
    let sticky = |facts: &mut FileFacts, path: &str| {
        *folder(facts, path) = Folder { path: path.into(), mode: 0o1777, uid: 0 };
    };
    assert!(World::default().and_changed(USER, "", |facts| sticky(facts, "/home")).load().is_ok());
    let (_, hint) = refuse(|facts| sticky(facts, "/home/me/.config/lobsterpot"));
    assert!(hint.starts_with("move the file"), "{hint}");
}

#[test]
fn a_file_in_a_workspace_is_refused_even_when_the_caller_owns_it() {
    let explicit = LoadRequest { explicit: vec!["/home/me/work/p.toml".into()], ..request() };
    let error = load(&explicit, &World::with("/home/me/work/p.toml", "")).unwrap_err();
    assert!(error.to_string().contains("confined programs can write"), "{error}");
    let roots = LoadRequest { writable_roots: vec!["/home/me/.config".into()], ..request() };
    assert!(load(&roots, &World::with(USER, "")).is_err());
}

#[test]
fn a_file_symlinked_into_a_workspace_is_refused() {
    let (message, _) = refuse(|facts| {
        facts.resolved_path = "/home/me/work/p.toml".into();
        facts.symlink = true;
    });
    assert!(message.contains("leads to"), "{message}");
    refuse(|facts| facts.parents.push(Folder { path: "/home/me/work/links".into(), mode: 0o755, uid: 1000 }));
}

#[test]
fn a_policy_that_makes_its_own_file_writable_is_refused() {
    for rule in ["~/.config", "~", USER, "~/.c*"] {
        let error = World::with(USER, &format!("[files]\nwrite = [\"{rule}\"]\n")).load().expect_err(rule);
        assert!(error.to_string().contains("confined programs can write"), "{error}");
    }
    let split = World::with(SYSTEM, "[files]\nwrite = [\"~/.config/lobsterpot\"]\n").and(USER, "");
    assert!(split.load().is_err());
}

#[test]
fn a_missing_file_is_an_error_only_when_it_was_asked_for() {
    assert!(World::default().load().is_ok());
    let explicit = LoadRequest { explicit: vec!["/nowhere.toml".into()], ..request() };
    let error = load(&explicit, &World::default()).unwrap_err();
    assert_eq!(error.to_string(), "policy file \"/nowhere.toml\" does not exist");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let world = World::default().and_changed(USER, "", |facts| facts.bytes = b"# a\n# \xff\n".to_vec());
    assert_eq!(world.load().unwrap_err().to_string(), format!("{USER}:2: the file is not UTF-8 text"));
}

#[test]
fn a_workspace_file_that_is_a_link_is_refused_without_quoting_its_target() {
    let world = World::default().and_changed(WORKSPACE, "token = \"abc\"\n", |facts| {
        facts.symlink = true;
        facts.resolved_path = "/home/me/.ssh/id".into();
    });
    let message = world.load().unwrap_err().to_string();
    assert!(message.contains("symbolic link") && !message.contains("token"), "{message}");
}

#[test]
fn later_layers_win_and_a_flag_names_the_profile_last() {
    let system = "profile = \"dev\"\n[files]\nhome = \"read-only\"\n[limits]\nprocesses = 10\n";
    let world = World::with(SYSTEM, system).and(USER, "profile = \"strict\"\n[limits]\nprocesses = 20\n");
    let policy = world.load().unwrap();
    assert_eq!((policy.profile.as_str(), policy.limits.processes), ("strict", Some(20)));
    assert_eq!(policy.files.home, HomeView::ReadOnly);
    let mut flags = Overlay::default();
    flags.network(NetworkMode::Host);
    flags.limit("processes", "30").unwrap();
    let request = LoadRequest { profile: Some(ProfileName::Dev), flags, ..request() };
    let policy = load(&request, &world).unwrap();
    assert_eq!((policy.profile.as_str(), policy.limits.processes), ("dev", Some(30)));
    assert_eq!(policy.syscalls.ptrace, Permission::Allow);
    assert_eq!(policy.network.mode, NetworkMode::Host);
    let tiers: Vec<Tier> = policy.sources.iter().map(|source| source.tier).collect();
    let built_in = [Tier::BuiltIn(ProfileName::Agent), Tier::BuiltIn(ProfileName::Dev)];
    assert_eq!(tiers, [built_in.as_slice(), &[Tier::System, Tier::User, Tier::Flags]].concat());
}
