//! The launcher started inside its own sandbox.

use crate::harness::scene::put;
use crate::harness::{Run, Scene, each_scene, host};

/// The launcher as a tool of the scene's user, so that it is visible inside.
fn inner(scene: &Scene) -> String {
    let place = scene.at_home(".local/bin/sandbox-exec");
    put(&host::binary("sandbox-exec"), &place);
    put(&host::binary("lobsterpot-egress"), &scene.at_home(".local/bin/lobsterpot-egress"));
    place.to_string_lossy().into_owned()
}

#[test]
fn launcher_inside_its_own_sandbox_runs_the_command() {
    each_scene(|scene| {
        let launcher = inner(scene);
        let outcome = scene
            .sandboxed(&Run::new(&[&launcher, "--", "sh", "-c", "echo inner; exit 6"].map(|word| word.to_owned())));
        assert_eq!((outcome.status, outcome.out().as_str()), (6, "inner\n"), "{outcome}");
    });
}

#[test]
fn launcher_inside_its_own_sandbox_opens_nothing() {
    each_scene(|scene| {
        let launcher = inner(scene);
        let script = format!(
            "{launcher} --rw ~/.ssh --net host -- cat ~/.ssh/id_ed25519; {launcher} --profile dev -- unshare -U true && echo UNSHARED"
        );
        let outcome = scene.sandboxed(&Run::shell(&script));
        assert!(!scene.canary.is_in(&outcome.stdout) && !outcome.out().contains("UNSHARED"), "{outcome}");
    });
}

#[test]
fn forged_environment_does_not_feign_a_sandbox() {
    each_scene(|scene| {
        let key = scene.at_home(".ssh/id_ed25519").into_os_string();
        let run = Run::new(&["cat".into(), key])
            .env("LOBSTERPOT", "1")
            .env("LOBSTERPOT_SANDBOX", "1")
            .env("IS_SANDBOX", "1")
            .env("container", "lobsterpot");
        let outcome = scene.sandboxed(&run);
        assert!(!scene.canary.is_in(&outcome.stdout), "{outcome}");
        assert_ne!(outcome.status, 0);
    });
}
