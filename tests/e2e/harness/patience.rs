//! Waiting for an event, on a machine with much else to do.

use super::scene::Scene;
use std::time::{Duration, Instant};

/// How long anything that must happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `found` finds something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Waits until there is a file of this name in the workspace.
#[track_caller]
pub(crate) fn wait_for_file(scene: &Scene, name: &str) {
    wait_for(name, || scene.at_work(name).exists().then_some(()));
}
