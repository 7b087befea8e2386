//! Honest work under the default profile: it must end as it does bare, with the same files.

mod build;
mod git;
mod language;
mod programs;
pub(crate) mod toolchain;

use crate::harness::host;
use crate::harness::{Identity, Run, Scene, require};

/// Runs a script bare in one scene and sandboxed in another one; both must succeed and leave the same names behind.
#[track_caller]
fn works(tools: &[&str], prepare: impl Fn(&Scene), script: &str) {
    works_by(tools, prepare, |_| Run::shell(script));
}

/// The same for any command.
#[track_caller]
fn works_by(tools: &[&str], prepare: impl Fn(&Scene), run: impl Fn(&Scene) -> Run) {
    if !require(tools) {
        return;
    }
    for identity in Identity::all() {
        let [bare, inside] = [false, true].map(|inside| {
            let scene = Scene::new(identity);
            prepare(&scene);
            let outcome = if inside { scene.sandboxed(&run(&scene)) } else { scene.bare(&run(&scene)) };
            let place = if inside { "in the sandbox" } else { "bare" };
            assert_eq!(outcome.status, 0, "{place} as {}: {outcome}", identity.name());
            scene.names_at_work()
        });
        assert_eq!(inside, bare, "the same files as without a sandbox, as {}", identity.name());
    }
}

/// A tool of the system.
fn tool(name: &str) -> String {
    host::find(name).map(|place| place.to_string_lossy().into_owned()).unwrap_or_default()
}
