//! What a client makes of a path before it opens it.

use lobsterpot_policy::{Access, ReasonCode};

use super::super::Request;
use super::world::{World, code};

/// What the guard says to a client that reads `spelled`.
fn read(world: &World, spelled: &str) -> ReasonCode {
    code(world.guard().resolve(spelled.as_ref(), &Request::new(Access::Read).as_client()))
}

#[test]
fn every_way_to_spell_a_key_is_refused() {
    let world = World::new();
    let home = world.path("home");
    for spelled in ["~/.ssh/id", "@~/.ssh/id", "~/work/../.ssh/id"] {
        assert_eq!(read(&world, spelled), ReasonCode::Masked, "{spelled}");
    }
    for spelled in ["file://", "@file://", "@", "file://localhost", "file:"] {
        assert_eq!(read(&world, &format!("{spelled}{}/.ssh/id", home.display())), ReasonCode::Masked, "{spelled}");
    }
    assert_eq!(read(&world, &format!("file://{}/%2essh/id", home.display())), ReasonCode::Masked);
    assert_eq!(read(&world, "file://elsewhere/x"), ReasonCode::BadPath);
    assert_eq!(read(&world, "~root/.ssh/id_ed25519"), ReasonCode::OutsideWorkspace);
}

#[test]
fn what_a_client_may_trim_is_refused_at_both_ends() {
    let world = World::new();
    world.write("home/work/x", "x");
    for odd in
        [" ", "\t", "\n", "\u{b}", "\u{85}", "\u{a0}", "\u{2028}", "\u{3000}", "\u{feff}", "\u{200b}", "\u{202e}"]
    {
        for spelled in [format!("{odd}~/.ssh/id"), format!("@{odd}~/.ssh/id"), format!("{odd}x"), format!("x{odd}")] {
            assert_eq!(read(&world, &spelled), ReasonCode::BadPath, "{spelled:?}");
        }
    }
    world.write("home/work/a b", "x");
    assert_eq!(read(&world, "a b"), ReasonCode::Allowed);
}

#[test]
fn a_spelling_with_two_readings_needs_both_allowed() {
    let world = World::new();
    world.write("home/work/@key", "x");
    assert_eq!(read(&world, "@key"), ReasonCode::Allowed);
    world.link("../.ssh/id", "home/work/key");
    assert_eq!(read(&world, "@key"), ReasonCode::Masked);
    // By name `out/../note` is a file of the workspace; through the link it would be another one.
    world.write("home/work/note", "x");
    world.link("../hidden", "home/work/out");
    assert_eq!(read(&world, "out/../note"), ReasonCode::OutsideWorkspace);
}

#[test]
fn a_name_whose_look_alikes_a_client_would_try_is_not_just_missing() {
    let world = World::new();
    world.link("../.ssh/id", "home/work/it\u{2019}s");
    assert_eq!(read(&world, "it's"), ReasonCode::BadPath);
    assert_eq!(read(&world, "none"), ReasonCode::NotFound);
}

#[test]
fn a_literal_spelling_is_not_expanded() {
    let world = World::new();
    world.write("home/work/~/x", "x");
    assert_eq!(world.reading("~/x"), ReasonCode::Allowed);
    assert_eq!(world.reading("~/.ssh/id"), ReasonCode::NotFound);
}
