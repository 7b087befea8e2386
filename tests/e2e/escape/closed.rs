//! Folders that are closed (`chmod 000`) while the launcher looks, so that what is guarded in them seems not to be there.

use crate::harness::{Attempt, Run, Scene, each_scene, escape};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Closes a folder, as an earlier command may have left it.
fn close(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o000)).expect("its owner may");
}

/// A file that is masked, in a folder that an earlier command has closed: opened again it must still be masked.
fn masked_below_a_closed_folder(rule: &'static str) {
    escape(move |scene| {
        let secret = scene.at_work("fix/private");
        scene.write(&secret, scene.canary.text());
        scene.write(&scene.at_work(".lobsterpot.toml"), &format!("[files]\nmask = [\"{rule}\"]\n"));
        close(&scene.at_work("fix"));
        Attempt::shell("chmod 755 fix; cat fix/private")
    });
}

#[test]
fn masked_file_in_a_folder_that_an_earlier_command_closed_stays_masked() {
    masked_below_a_closed_folder("fix/private");
    masked_below_a_closed_folder("fix/*");
    masked_below_a_closed_folder("**/private");
}

#[test]
fn protected_file_in_a_folder_that_an_earlier_command_closed_stays_protected() {
    escape(|scene: &mut Scene| {
        scene.bare(&Run::shell("git init -q . && git add README.md && git commit -qm first")).ok();
        close(&scene.at_work(".git"));
        let place = scene.at_work(".git/config");
        // Without O_CREAT, which is refused for a name that was not there.
        let write = "import os; os.write(os.open('.git/config', os.O_WRONLY | os.O_APPEND), b'# evil')";
        Attempt::shell(&format!("chmod 755 .git; exec python3 -c \"{write}\"")).effect(move |_| {
            drop(fs::set_permissions(place.parent().expect("a folder"), Permissions::from_mode(0o755)));
            fs::read_to_string(&place).is_ok_and(|content| content.contains("evil"))
        })
    });
}

#[test]
fn folder_that_is_closed_and_opened_all_the_time_uncovers_no_masked_file() {
    each_scene(|scene| {
        scene.write(&scene.at_work("fix/private"), scene.canary.text());
        scene.write(&scene.at_work(".lobsterpot.toml"), "[files]\nmask = [\"fix/private\"]\n");
        let (folder, done) = (scene.at_work("fix"), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for mode in [0, 0o755] {
                        drop(fs::set_permissions(&folder, Permissions::from_mode(mode)));
                    }
                }
            });
            let outcomes: Vec<_> = (0..20)
                .map(|_| {
                    scene.sandboxed(&Run::shell("for i in 1 2 3 4 5 6; do cat fix/private 2>/dev/null; done; true"))
                })
                .collect();
            done.store(true, Ordering::Relaxed);
            let leaked = outcomes.iter().find(|outcome| scene.canary.is_in(&outcome.stdout));
            assert!(leaked.is_none(), "{}", leaked.map_or_else(String::new, ToString::to_string));
        });
        // Whatever the race has left, the scene can be removed.
        drop(fs::set_permissions(&folder, Permissions::from_mode(0o755)));
    });
}
