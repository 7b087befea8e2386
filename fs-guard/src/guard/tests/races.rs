//! Things that change while a path is resolved and used.

use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use lobsterpot_policy::Access;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::Mode;

use super::super::{Request, Target};
use super::world::{CANARY, World};

/// How many paths are resolved and read.
const ROUNDS: usize = 100_000;

/// What the target holds, read through the descriptor that was handed out.
fn content(target: &Target) -> Option<String> {
    let file = target.file.as_ref()?;
    let again: OwnedFd = nix::fcntl::open(
        format!("/proc/self/fd/{}", file.as_raw_fd()).as_str(),
        OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
    .ok()?;
    let mut text = String::new();
    std::fs::File::from(again).read_to_string(&mut text).ok()?;
    Some(text)
}

/// What the folder and the name that were handed out lead to by now, links refused.
fn by_name(target: &Target) -> Option<String> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(&target.parent, target.name.as_os_str(), flags, Mode::empty()).ok()?;
    let mut text = String::new();
    std::fs::File::from(file).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A workspace in which files and folders have evil twins: links that lead to the canary under the same names.
fn twins() -> World {
    let world = World::new();
    world.write("home/work/d/a/b/secret", "harmless");
    world.write("home/work/d/file", "harmless");
    world.link(world.path("outside/secret"), "home/work/d/file-twin");
    world.link(world.path("outside"), "home/work/d/a/b-twin");
    world.write("outside/b/secret", CANARY);
    world.link("../../../outside", "home/work/d/a-twin");
    world.write("home/work/d/up/x/secret", "harmless");
    world.link("../../hidden", "home/work/d/up-twin");
    world
}

/// Says that it is over as it goes away.
struct Told<'a>(&'a AtomicBool);

impl Drop for Told<'_> {
    /// Says so.
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn nothing_is_read_outside_however_links_and_folders_are_swapped() {
    let world = twins();
    let guard = world.guard();
    // Once the rules' own folders have settled, only what is swapped changes.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let stop = AtomicBool::new(false);
    let (mut read, mut refused) = (0_usize, 0_usize);
    std::thread::scope(|scope| {
        // An assertion that fails must end the swapping too, for which this waits.
        let told = Told(&stop);
        let swap = || {
            let names = [("file", "file-twin"), ("a/b", "a/b-twin"), ("a", "a-twin"), ("up", "up-twin")];
            for (one, other) in names.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (one, other) = (world.path("home/work/d").join(one), world.path("home/work/d").join(other));
                let here = nix::fcntl::AT_FDCWD;
                let _ = renameat2(here, &one, here, &other, RenameFlags::RENAME_EXCHANGE);
            }
        };
        scope.spawn(swap);
        let paths = [
            "d/file",
            "d/a/b/secret",
            "d/a/../a/b/secret",
            "d/up/x/../x/secret",
            "d/up/../file",
            "d/file-twin",
            "d/up/note",
        ];
        for path in paths.iter().cycle().take(ROUNDS) {
            match guard.resolve(path.as_ref(), &Request::new(Access::Read)) {
                Ok(target) => {
                    let texts = [content(&target), by_name(&target)];
                    assert!(texts.iter().flatten().all(|text| !text.contains(CANARY)), "{path}: {target:?}");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
        drop(told);
    });
    assert!(read > ROUNDS / 100 && refused > ROUNDS / 100, "{read} read, {refused} refused");
}
