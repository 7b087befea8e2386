//! Patterns of search tools.

use std::ffi::OsStr;

use lobsterpot_policy::{Access, ReasonCode};

use super::super::{LastLink, Request};
use super::world::World;

/// What is said to a search for names.
fn names(world: &World, pattern: &str, base: Option<&str>) -> ReasonCode {
    let request = Request::new(Access::Read).of_any_kind().as_client();
    answer(world, pattern, base, &request)
}

/// What is said to a search that reads what it finds, whatever the request says of links.
fn contents(world: &World, pattern: &str, base: Option<&str>) -> ReasonCode {
    let request = Request::new(Access::Read).as_client();
    let said = answer(world, pattern, base, &request);
    assert_eq!(answer(world, pattern, base, &Request { last: LastLink::Keep, ..request }), said, "{pattern}");
    said
}

/// The code of an answer.
fn answer(world: &World, pattern: &str, base: Option<&str>, request: &Request) -> ReasonCode {
    let answer = world.guard().pattern(OsStr::new(pattern), base.map(OsStr::new), request);
    answer.map_or_else(|refusal| refusal.verdict.reason, |()| ReasonCode::Allowed)
}

#[test]
fn a_pattern_that_climbs_out_is_refused_however_it_is_written() {
    let world = World::new();
    let outside = world.path("outside");
    for pattern in [
        "../hidden/*",
        "src/../../hidden/*",
        "{src,../hidden}/*",
        "{src/main.rs,../hidden/note}",
        "~/hidden/*",
        "*/../../hidden/note",
        "*/\\.\\./../hidden/*",
        &format!("{}/*", outside.display()),
        &format!("file://{}/*", outside.display()),
        "/*",
        "/**/id_rsa",
    ] {
        assert_ne!(names(&world, pattern, None), ReasonCode::Allowed, "{pattern}");
    }
    for pattern in ["../../hidden/*", "../{,../}hidden/*", "~/hidden/*", &format!("{}/*", outside.display())] {
        assert_ne!(names(&world, pattern, Some("src")), ReasonCode::Allowed, "{pattern} in src");
    }
    assert_eq!(names(&world, "~/.ssh/*", None), ReasonCode::Masked);
    assert_eq!(names(&world, "*", Some("../.ssh")), ReasonCode::Masked);
}

#[test]
fn a_pattern_through_a_link_is_judged_where_that_leads() {
    let world = World::new();
    world.link("../hidden", "home/work/link");
    assert_eq!(names(&world, "link/*", None), ReasonCode::OutsideWorkspace);
    assert_eq!(names(&world, "*", Some("link")), ReasonCode::OutsideWorkspace);
}

#[test]
fn honest_patterns_pass() {
    let world = World::new();
    let work = world.path("home/work");
    for pattern in
        ["**/*.rs", "*", "src/*.{rs,toml}", "src/main.rs", "none/*", "{src,tests}/**", "!(x)", "../work/src/*"]
    {
        assert_eq!(names(&world, pattern, None), ReasonCode::Allowed, "{pattern}");
        assert_eq!(contents(&world, pattern, None), ReasonCode::Allowed, "{pattern}");
    }
    assert_eq!(names(&world, &format!("{}/**", work.display()), None), ReasonCode::Allowed);
    assert_eq!(names(&world, "/usr/lib/*", None), ReasonCode::Allowed);
    assert_eq!(contents(&world, "*", Some("src/main.rs")), ReasonCode::Allowed);
    assert_eq!(names(&world, "*", Some("none")), ReasonCode::NotFound);
}

#[test]
fn a_search_that_would_read_hidden_files_is_refused_by_name() {
    let world = World::with("[files]\nmask = [\"**/*.key\", \"deep/private\"]\n");
    world.write("home/work/.env", "x");
    let request = Request::new(Access::Read);
    let refusal = world.guard().pattern(OsStr::new("**"), None, &request).unwrap_err();
    assert_eq!(refusal.verdict.reason, ReasonCode::SearchTooWide);
    assert!(refusal.verdict.message.contains(".env"), "{}", refusal.verdict.message);
    for (pattern, base) in [("**/*", None), ("*", None), (".env*", None), ("**", Some("."))] {
        assert_eq!(contents(&world, pattern, base), ReasonCode::SearchTooWide, "{pattern}");
    }
    // Neither the names alone, nor a search that cannot mean the hidden file, nor one elsewhere.
    assert_eq!(names(&world, "**", None), ReasonCode::Allowed);
    assert_eq!(contents(&world, "**/*.rs", None), ReasonCode::Allowed);
    assert_eq!(contents(&world, "**", Some("src")), ReasonCode::Allowed);
    assert_eq!(contents(&world, ".env", None), ReasonCode::Masked);
    world.write("home/work/src/a/b/x.key", "x");
    assert_eq!(contents(&world, "**", Some("src")), ReasonCode::SearchTooWide);
    assert_eq!(contents(&world, "*", Some("src")), ReasonCode::Allowed);
    world.write("home/work/deep/private/x.rs", "x");
    assert_eq!(contents(&world, "**/*.rs", None), ReasonCode::SearchTooWide);
}

#[test]
fn a_link_that_a_search_finds_is_not_followed_and_one_that_it_names_is() {
    let world = World::new();
    world.link("../../.ssh/id", "home/work/src/innocent.txt");
    assert_eq!(contents(&world, "**", None), ReasonCode::Allowed);
    assert_eq!(contents(&world, "src/innocent.txt", None), ReasonCode::Masked);
    assert_eq!(contents(&world, "*", Some("src/innocent.txt")), ReasonCode::Masked);
}

#[test]
fn a_search_is_not_led_by_a_link_to_a_second_name_of_what_is_hidden() {
    let world = World::new();
    world.write("home/work/.env", "x");
    std::fs::hard_link(world.path("home/work/.env"), world.path("home/work/second")).unwrap();
    world.link("second", "home/work/link");
    for name in ["second", "link"] {
        assert_eq!(contents(&world, name, None), ReasonCode::HardLink, "{name}");
        assert_eq!(contents(&world, "*", Some(name)), ReasonCode::HardLink, "{name}");
    }
}
