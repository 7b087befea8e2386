//! Symbolic links, hard links and `..`.

use std::os::unix::fs::MetadataExt;

use lobsterpot_policy::{Access, ReasonCode};

use super::super::{LastLink, Request};
use super::world::{World, code};

#[test]
fn a_file_of_the_workspace_is_handed_out_with_its_folder() {
    let world = World::new();
    let target = world.read("src/main.rs").unwrap();
    assert_eq!(target.path, world.path("home/work/src/main.rs"));
    assert_eq!((target.name.to_str(), target.missing.len()), (Some("main.rs"), 0));
    let facts = target.facts.unwrap();
    assert_eq!(facts.st_ino, std::fs::metadata(&target.path).unwrap().ino());
}

#[test]
fn a_link_out_of_the_workspace_is_refused_whatever_it_is() {
    let world = World::new();
    world.link(world.path("outside/secret"), "home/work/file");
    world.link(world.path("outside"), "home/work/folder");
    world.link("../hidden/note", "home/work/relative");
    world.link("file", "home/work/chain");
    world.link(world.path("outside/none"), "home/work/dangling");
    for name in ["file", "folder/secret", "relative", "chain", "dangling"] {
        assert_eq!(world.reading(name), ReasonCode::OutsideWorkspace, "{name}");
        assert_eq!(world.writing(name), ReasonCode::OutsideWorkspace, "{name}");
    }
}

#[test]
fn a_link_to_a_key_is_refused_as_the_key_is() {
    let world = World::new();
    world.link("../.ssh/id", "home/work/key");
    world.link("../.ssh", "home/work/keys");
    for name in ["key", "keys/id", "keys", "src/../../.ssh/id"] {
        assert_eq!(world.reading(name), ReasonCode::Masked, "{name}");
    }
}

#[test]
fn a_link_in_the_workspace_is_followed_as_the_kernel_does() {
    let world = World::new();
    world.link("src", "home/work/link");
    world.link(world.path("home/work/src/main.rs"), "home/work/absolute");
    for name in ["link/main.rs", "link/", "absolute", "./link/./main.rs", "src/../src/main.rs", "link/../src/main.rs"] {
        assert_eq!(world.reading(name), ReasonCode::Allowed, "{name}");
    }
}

#[test]
fn a_slash_behind_a_link_that_leads_to_nothing_makes_no_folder_there() {
    let world = World::new();
    world.link("new", "home/work/link");
    world.link("new/", "home/work/open");
    assert_eq!(world.writing("link"), ReasonCode::Allowed);
    for name in ["link/", "link/.", "open", "open/", "link/file"] {
        assert_eq!(world.writing(name), ReasonCode::NotFound, "{name}");
        assert!(std::fs::create_dir(world.path("home/work").join(name)).is_err(), "{name}: nor does the kernel");
    }
    assert_eq!(world.writing("new/"), ReasonCode::Allowed);
}

#[test]
fn dots_go_back_through_the_folder_that_a_link_led_to() {
    let world = World::new();
    world.write("home/work/a/b/file", "x");
    world.link("a/b", "home/work/link");
    world.write("home/work/a/here", "x");
    assert_eq!(world.reading("link/../here"), ReasonCode::Allowed);
    assert_eq!(world.reading("link/../src/main.rs"), ReasonCode::NotFound);
}

#[test]
fn what_is_hidden_cannot_be_passed_on_the_way_back_to_the_workspace() {
    let world = World::new();
    let base = world.path("");
    let base = base.to_str().unwrap().trim_end_matches('/');
    for way in ["home/hidden/../work/src/main.rs", "outside/../home/work/src/main.rs", "none/../home/work/src/main.rs"]
    {
        assert_eq!(world.reading(format!("{base}/{way}")), ReasonCode::OutsideWorkspace, "{way}");
    }
    // Of a masked folder in the home, the sandbox shows an empty one.
    for way in ["home/../home/work/src/main.rs", "home/.ssh/../work/src/main.rs"] {
        assert_eq!(world.reading(format!("{base}/{way}")), ReasonCode::Allowed, "{way}");
    }
}

#[test]
fn links_in_a_circle_and_long_chains_end() {
    let world = World::new();
    world.link("b", "home/work/a");
    world.link("a", "home/work/b");
    world.link("src/main.rs", "home/work/l0");
    (1..45).for_each(|number| world.link(format!("l{}", number - 1), &format!("home/work/l{number}")));
    assert_eq!(world.reading("a"), ReasonCode::TooManyLinks);
    assert_eq!(world.reading("l39"), ReasonCode::Allowed);
    assert_eq!(world.reading("l40"), ReasonCode::TooManyLinks);
}

#[test]
fn a_link_is_meant_itself_when_it_is_to_be_removed() {
    let world = World::new();
    world.link(world.path("outside/secret"), "home/work/link");
    let guard = world.guard();
    let request = Request::new(Access::Write).about_name();
    let target = guard.resolve("link".as_ref(), &request).unwrap();
    assert_eq!(target.path, world.path("home/work/link"));
    assert_eq!(request.last, LastLink::Keep);
    // A slash behind it means what it leads to.
    assert_eq!(code(guard.resolve("link/".as_ref(), &request)), ReasonCode::OutsideWorkspace);
}

#[test]
fn a_second_name_of_a_hidden_or_protected_file_is_refused() {
    let world = World::new();
    world.write("home/work/.git/hooks/pre-commit", "#!/bin/sh");
    std::fs::hard_link(world.path("home/.ssh/id"), world.path("home/work/innocent")).unwrap();
    std::fs::hard_link(world.path("home/work/.git/hooks/pre-commit"), world.path("home/work/script")).unwrap();
    std::fs::hard_link(world.path("home/work/src/main.rs"), world.path("home/work/copy.rs")).unwrap();
    assert_eq!(world.reading("innocent"), ReasonCode::HardLink);
    assert_eq!(world.writing("script"), ReasonCode::HardLink);
    assert_eq!(world.reading("copy.rs"), ReasonCode::Allowed);
}

#[test]
fn a_second_name_of_a_file_of_git_is_not_written() {
    let world = World::new();
    world.write("home/work/.git/worktrees/w/rebase-merge/git-rebase-todo", "pick x");
    world.write("home/work/.git/objects/00/11", "x");
    let steps = world.path("home/work/.git/worktrees/w/rebase-merge/git-rebase-todo");
    std::fs::hard_link(steps, world.path("home/work/steps")).unwrap();
    std::fs::hard_link(world.path("home/work/src/main.rs"), world.path("home/work/copy.rs")).unwrap();
    assert_eq!(world.writing("steps"), ReasonCode::Protected);
    assert_eq!(world.reading("steps"), ReasonCode::Allowed);
    assert_eq!(world.writing("copy.rs"), ReasonCode::Allowed);
}

#[test]
fn where_a_masked_link_leads_is_masked_too() {
    let world = World::new();
    world.write("home/work/data/values", "x");
    world.link("data/values", "home/work/.env");
    world.link("work/data/keys", "home/.aws");
    world.write("home/work/data/keys/credentials", "x");
    for name in [".env", "data/values", "data/keys/credentials", "src/../data/values"] {
        assert_eq!(world.reading(name), ReasonCode::Masked, "{name}");
    }
    assert_eq!(world.writing("data/values"), ReasonCode::Masked);
}

#[test]
fn facts_do_not_go_stale_between_two_requests() {
    let world = World::new();
    world.write("home/work/data/values", "x");
    let guard = world.guard();
    let read = || code(guard.resolve("data/values".as_ref(), &Request::new(Access::Read)));
    assert_eq!(read(), ReasonCode::Allowed);
    world.link("data/values", "home/work/.env");
    assert_eq!(read(), ReasonCode::Masked);
    std::fs::remove_file(world.path("home/work/.env")).unwrap();
    assert_eq!(read(), ReasonCode::Allowed);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(read(), ReasonCode::Allowed);
    world.link("values", "home/work/data/again");
    world.link("data/again", "home/work/.env");
    assert_eq!(read(), ReasonCode::Masked);
    std::fs::remove_file(world.path("home/work/data/again")).unwrap();
    world.link("nothing", "home/work/data/again");
    assert_eq!(read(), ReasonCode::Allowed);
}
