//! Removing, moving and listing: what is taken along, and what is left out.

use std::path::Path;

use lobsterpot_policy::{Access, ReasonCode};
use nix::sys::stat::lstat;

use super::super::{Guard, Request, Target};
use super::world::{World, code};

/// What the guard says to removing or moving `name`.
fn removing(guard: &Guard, name: &str) -> ReasonCode {
    code(guard.resolve(name.as_ref(), &Request::new(Access::Write).about_name()))
}

/// `name`, to be moved or made.
fn named(guard: &Guard, name: &str) -> Target {
    guard.resolve(name.as_ref(), &Request::new(Access::Write).about_name()).unwrap()
}

#[test]
fn what_holds_protected_or_hidden_names_stays_where_it_is() {
    let world = World::with("[files]\nmask = [\"fixtures/private\", \"**/token.*\"]\n");
    for file in [".git/hooks/pre-commit", "fixtures/private/x", "a/b/token.txt", "plain/x", ".mcp.json", "secrets/x"] {
        world.write(&format!("home/work/{file}"), "x");
    }
    let guard = world.guard();
    for name in [".git", ".git/hooks", ".git/index", ".mcp.json", "fixtures", "a", "a/b", ""] {
        let name = if name.is_empty() { world.path("home/work") } else { world.path("home/work").join(name) };
        assert_eq!(removing(&guard, name.to_str().unwrap()), ReasonCode::Protected, "{}", name.display());
    }
    for name in ["secrets", "a/b/token.txt", "fixtures/private"] {
        assert_eq!(removing(&guard, name), ReasonCode::Masked, "{name}");
    }
    for name in ["plain", "src", "plain/x"] {
        assert_eq!(removing(&guard, name), ReasonCode::Allowed, "{name}");
    }
}

#[test]
fn a_nested_workspace_stays_where_it_is() {
    let world = World::new();
    world.write("home/work/inner/deeper/x", "x");
    let guard = world.guard_of(&["home/work", "home/work/inner/deeper"]);
    assert_eq!(removing(&guard, "inner"), ReasonCode::Protected);
    assert_eq!(removing(&guard, "inner/deeper"), ReasonCode::Protected);
}

#[test]
fn a_move_brings_no_protected_name_into_being() {
    let world = World::new();
    world.write("home/work/new/hooks/x", "x");
    world.write("home/work/harmless/x", "x");
    world.write("home/work/file", "x");
    let guard = world.guard();
    let to = named(&guard, ".github");
    for (from, allowed) in [("new", false), ("harmless", true), ("file", false)] {
        assert_eq!(guard.may_move(&named(&guard, from), &to).is_ok(), allowed, "{from}");
    }
    assert_eq!(removing(&guard, ".github/hooks"), ReasonCode::Protected);
    let other = named(&guard, "elsewhere");
    assert!(guard.may_move(&named(&guard, "new"), &other).is_ok());
}

#[test]
fn entries_of_a_folder_are_judged_one_by_one() {
    let world = World::with("[files]\nscratch = [\"~/work/build\"]\n");
    for file in [".env", "secrets/x", "src/deep/x", ".git/config", "build/x"] {
        world.write(&format!("home/work/{file}"), "x");
    }
    let guard = world.guard();
    let folder = guard.resolve(".".as_ref(), &Request::new(Access::Read)).unwrap();
    let within = guard.within(&folder);
    let judge = |name: &str, access| {
        let facts = lstat(&world.path("home/work").join(name)).unwrap();
        within.entry(Path::new(name), &facts, access).err().map(|refusal| refusal.verdict.reason)
    };
    assert_eq!(judge("src", Access::Read), None);
    assert_eq!(judge("src/deep/x", Access::Write), None);
    assert_eq!(judge(".env", Access::Read), Some(ReasonCode::Masked));
    assert_eq!(judge("secrets", Access::Write), Some(ReasonCode::Masked));
    assert_eq!(judge(".git", Access::Write), Some(ReasonCode::Protected));
    assert_eq!(judge(".git/config", Access::Read), None);
    assert_eq!(judge(".git/config", Access::Write), Some(ReasonCode::Protected));
    assert_eq!(judge("build", Access::Read), Some(ReasonCode::Scratch));
}

#[test]
fn roots_hold_all_that_may_be_read_or_written() {
    let world = World::with("[files]\nread = [\"~/reference\"]\nwrite = [\"~/out-*\"]\n");
    for folder in ["home/elsewhere", "home/out-1", "home/out-2"] {
        std::fs::create_dir_all(world.path(folder)).unwrap();
    }
    world.link("elsewhere", "home/reference");
    let guard = world.guard();
    let (read, write) = (guard.roots(Access::Read), guard.roots(Access::Write));
    for folder in ["home/work", "home/out-1", "home/out-2"] {
        assert!(read.contains(&world.path(folder)) && write.contains(&world.path(folder)), "{folder}");
    }
    assert!(read.contains(&world.path("home/elsewhere")) && !write.contains(&world.path("home/elsewhere")));
    assert!(!read.contains(&world.path("home")) && read.contains(&Path::new("/usr").to_owned()));
}
