//! Runs that must not begin.

use std::path::PathBuf;

use super::world::{WORK, World, home, work};
use crate::error::Error;
use crate::exit::Exit;

/// The reason why `folder` cannot be the workspace.
fn objection(folder: &str, prepare: impl FnOnce(&mut World)) -> String {
    let mut world = World::new();
    if folder != "/missing" {
        world.folder(folder);
    }
    prepare(&mut world);
    world.work_in(folder);
    let error = world.refusal();
    assert_eq!(error.exit(), Exit::Workspace, "{folder}: {error}");
    assert!(!error.hint().is_empty());
    error.to_string()
}

#[test]
fn the_system_is_no_workspace() {
    for folder in [
        "/",
        "/etc",
        "/etc/apt",
        "/usr",
        "/usr/lib/python3",
        "/home",
        "/proc/self",
        "/sys/fs",
        "/dev",
        "/run/user",
        "/tmp",
        "/var/tmp",
    ] {
        assert!(objection(folder, |_| {}).contains("belongs to the system"), "{folder}");
    }
}

#[test]
fn a_home_folder_is_no_workspace() {
    assert!(objection("/home/ann", |_| {}).contains("home folder"));
}

#[test]
fn a_folder_of_secrets_is_no_workspace() {
    assert!(objection("/home/ann/.ssh", |_| {}).contains("lies in a masked folder"));
    assert!(
        objection("/home/ann/.aws/project", |world| world.folder(home(".aws"))).contains("lies in a masked folder")
    );
}

#[test]
fn a_folder_that_holds_secrets_is_no_workspace() {
    let reason = objection("/home/ann/.config", |world| world.folder(home(".config/gh")));
    assert!(reason.contains("holds a folder of secrets"), "{reason}");
}

#[test]
fn a_missing_workspace_and_a_file_are_refused_by_name() {
    assert!(objection("/missing", |_| {}).contains("\"/missing\" cannot be a workspace: it does not exist"));
    assert!(objection("/home/ann/file", |world| world.file(home("file"))).contains("not a folder"));
}

#[test]
fn an_ordinary_project_folder_is_accepted_wherever_it_lies() {
    for folder in ["/home/ann/work/deep/er", "/tmp/job", "/srv/app", "/opt/app", "/mnt/disk/project", "/var/tmp/x"] {
        let mut world = World::new();
        world.folder(folder);
        world.work_in(folder);
        assert!(world.try_plan().is_ok(), "{folder}: {:?}", world.try_plan().err());
    }
}

#[test]
fn a_hard_link_to_a_masked_file_stops_the_run() {
    let mut world = World::new();
    world.folder(home(".ssh"));
    world.hard_links.insert(home(".ssh"), work("harmless.txt"));
    let error = world.refusal();
    assert!(matches!(error, Error::HardLink { .. }), "{error}");
    assert!(error.hint().contains("rm '/home/ann/work/harmless.txt'"), "{}", error.hint());
}

#[test]
fn a_protected_name_that_leads_to_the_workspace_stops_the_run() {
    for target in [WORK, "/home/ann/other"] {
        let mut world = World::new();
        world.folder("/home/ann/other");
        world.workspaces = vec![PathBuf::from(WORK), PathBuf::from("/home/ann/other")];
        world.link(work(".vscode"), "anywhere", target);
        let error = world.refusal();
        assert!(matches!(error, Error::LinkToRoot { .. }), "{error}");
        assert!(error.hint().contains("rm '/home/ann/work/.vscode'"), "{}", error.hint());
    }
}

#[test]
fn one_bad_workspace_among_good_ones_stops_the_run() {
    let mut world = World::new();
    world.workspaces = vec![PathBuf::from(WORK), PathBuf::from("/etc")];
    assert_eq!(world.refusal().exit(), Exit::Workspace);
}
