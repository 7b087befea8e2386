//! Generated trees and paths: what is handed out is what the kernel finds, lies where it may, and both ways of opening agree.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use lobsterpot_policy::Access;
use proptest::prelude::*;

use super::super::{Request, Uses};
use super::world::World;

/// Names of which trees and paths are made.
const NAMES: [&str; 10] = ["a", "b", "l", ".env", "secrets", ".git", "hooks", "hidden", "work", ".ssh"];

/// A path of a few of them, with dots.
fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![8 => prop::sample::select(&NAMES[..]), 2 => Just(".."), 1 => Just(".")];
    let absolute = prop::bool::weighted(0.3);
    (absolute, prop::collection::vec(name, 1..6)).prop_map(|(absolute, names)| {
        let start = if absolute { "BASE/home/" } else { "" };
        format!("{start}{}", names.join("/"))
    })
}

/// What is put somewhere.
#[derive(Clone, Debug)]
enum Thing {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A link with this text.
    Link(String),
}

/// Things with their places.
fn things() -> impl Strategy<Value = Vec<(String, Thing)>> {
    let thing = prop_oneof![2 => Just(Thing::Folder), 2 => Just(Thing::File), 3 => path().prop_map(Thing::Link)];
    prop::collection::vec((path(), thing), 0..14)
}

/// Puts `things` in the workspace and the home of `world`.
fn build(world: &World, things: &[(String, Thing)]) {
    let (base, work) = (world.path(""), world.path("home/work"));
    let real = |text: &str| PathBuf::from(text.replace("BASE", base.to_str().unwrap().trim_end_matches('/')));
    for (place, thing) in things {
        let place = path_clean::clean(work.join(real(place)));
        let Some(parent) = place.parent().filter(|parent| parent.starts_with(&base)) else { continue };
        // Some do not fit: a file is where a folder would have to be.
        let _ = std::fs::create_dir_all(parent);
        let _ = match thing {
            Thing::Folder => std::fs::create_dir(&place),
            Thing::File if place.symlink_metadata().is_err() => std::fs::write(&place, "x"),
            Thing::File => Ok(()),
            Thing::Link(text) => std::os::unix::fs::symlink(real(text), &place),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_handed_out_is_what_the_kernel_finds_and_lies_in_the_workspace(
        things in things(),
        asked in prop::collection::vec(path(), 12),
    ) {
        let world = World::new();
        build(&world, &things);
        let (base, work) = (world.path(""), world.path("home/work"));
        let (guard, other) = (world.guard(), world.guard());
        other.step_by_step();
        let once = world.guard_for(&["home/work"], Uses::Once);
        for path in asked {
            let path = path.replace("BASE", base.to_str().unwrap().trim_end_matches('/'));
            for access in [Access::Read, Access::Write] {
                let answer = guard.resolve(path.as_ref(), &Request::new(access));
                let again = other.resolve(path.as_ref(), &Request::new(access));
                for again in [again, once.resolve(path.as_ref(), &Request::new(access))] {
                    match (&answer, &again) {
                        (Ok(one), Ok(two)) => prop_assert_eq!(&one.path, &two.path),
                        (Err(one), Err(two)) => prop_assert_eq!(one, two),
                        _ => prop_assert!(false, "{:?} against {:?}", answer, again),
                    }
                }
                let Ok(target) = answer else { continue };
                prop_assert!(target.path.starts_with(&work), "{path}: {:?}", target.path);
                let hidden = [".env", "secrets"].iter().any(|name| target.path.starts_with(work.join(name)));
                // What is not there yet is not hidden.
                prop_assert!(!hidden || target.file.is_none(), "{path}: {:?}", target.path);
                let hooks = access == Access::Write && target.path.starts_with(work.join(".git/hooks"));
                prop_assert!(!hooks, "{path}: {:?}", target.path);
                let git = access == Access::Write && target.path.iter().any(|name| name == ".git");
                prop_assert!(!git && !target.missing.iter().any(|name| name == ".git"), "{path}: {:?}", target.path);
                if let Some(file) = &target.file {
                    let opened = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
                    prop_assert_eq!(&opened, &target.path);
                    let found = std::fs::canonicalize(work.join(Path::new(&path)));
                    prop_assert_eq!(found.ok(), Some(opened), "{}", path);
                }
            }
        }
    }
}
