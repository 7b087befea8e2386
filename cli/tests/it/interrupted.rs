//! Runs that are killed, and runs beside each other.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use crate::world::World;

/// The settings of a client.
const SETTINGS: &str = "home/.claude/settings.json";

/// What is in them before.
const BEFORE: &str = "{\n  \"mine\": [1, 2, 3]\n}\n";

#[test]
fn a_killed_installation_leaves_the_old_settings_or_the_new_ones_whole() {
    let world = World::new();
    world.write(SETTINGS, BEFORE);
    let start = Instant::now();
    world.expect(0, &["install", "claude-code"]);
    let whole = start.elapsed();
    let after = world.read(SETTINGS);
    world.expect(0, &["uninstall", "claude-code"]);
    let mut seen = BTreeSet::new();
    for step in 0..60_u32 {
        let mut child = world.start(&["install", "claude-code"]);
        thread::sleep(whole * step / 50);
        child.kill().unwrap();
        child.wait().unwrap();
        let now = world.read(SETTINGS);
        assert!(now == BEFORE || now == after, "{now}");
        seen.insert(now == BEFORE);
        // Whatever the moment, the next run works, and leads back to the beginning.
        if step % 6 == 0 {
            world.expect(0, &["install", "claude-code"]);
            assert_eq!(world.read(SETTINGS), after);
        }
        world.expect(0, &["uninstall", "claude-code"]);
        assert_eq!(world.read(SETTINGS), BEFORE);
    }
    assert!(seen.contains(&true), "no run was killed before its end");
}

#[test]
fn runs_beside_each_other_do_not_mix() {
    let world = World::new();
    world.write(SETTINGS, BEFORE);
    let children: Vec<_> = (0..6).map(|_| world.start(&["install", "claude-code"])).collect();
    let mut done = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => done += 1,
            Some(65) => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(said.contains("another run"), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(done >= 1);
    assert_eq!(world.read(SETTINGS).matches("/sandbox-exec-hook\"").count(), 1);
    world.expect(0, &["uninstall", "claude-code"]);
    assert_eq!(world.read(SETTINGS), BEFORE);
}
