//! Sandboxes inside of the sandbox: our own, somebody else's, and one that is built by hand from user namespaces.

use crate::harness::canary::random_name;
use crate::harness::scene::put;
use crate::harness::{Attempt, Scene, escape, host, require};

/// Plants a secret that is hidden, and that a policy may show.
fn hidden(scene: &Scene) -> String {
    let place = scene.at_home("other/notes");
    scene.write(&place, &format!("secret={}\n", scene.canary));
    place.to_string_lossy().into_owned()
}

#[test]
fn launcher_inside_shows_nothing_that_is_hidden_outside() {
    escape(|scene| {
        let secret = hidden(scene);
        for name in ["sandbox-exec", "lobsterpot-egress"] {
            put(&host::binary(name), &scene.at_home(".local/bin").join(name));
        }
        Attempt::shell(&format!("sandbox-exec --ro ~/other --net none -- cat {secret}"))
    });
}

#[test]
fn sandbox_of_somebody_else_shows_nothing_that_is_hidden_outside() {
    if !require(&["bwrap"]) {
        return;
    }
    escape(|scene| {
        let secret = hidden(scene);
        Attempt::shell(&format!(
            "bwrap --dev-bind / / --unshare-user --tmpfs /mnt --bind ~/other /mnt cat {secret} /mnt/notes"
        ))
    });
}

#[test]
fn sandbox_built_by_hand_shows_nothing_that_is_hidden_outside() {
    escape(|scene| {
        let secret = hidden(scene);
        scene.mkdir(&scene.at_work("m"));
        Attempt::shell(&format!(
            "unshare --user --map-root-user --mount --pid --fork --mount-proc sh -c 'mount --bind ~/other m; cat {secret} m/notes'"
        ))
    });
}

#[test]
fn user_namespace_that_a_profile_allows_uncovers_no_mask() {
    for way in ["umount", "bind"] {
        escape(move |scene| {
            scene.write(&scene.at_work("vault/key"), &format!("secret={}\n", scene.canary));
            scene.mkdir(&scene.at_work("m"));
            let mask = scene.at_work("vault");
            let words: &[&str] = if way == "umount" { &[way, "vault", "key"] } else { &[way, ".", "m", "vault/key"] };
            Attempt::attack(scene, words)
                .leaks()
                .with(|run| run.flags(&["--profile".into(), "dev".into(), "--mask".into(), mask.into_os_string()]))
        });
    }
}

#[test]
fn capabilities_of_a_user_namespace_that_a_profile_allows_reach_nothing_outside() {
    escape(|scene| {
        let name = random_name();
        scene.services.push(crate::harness::service::Service::at_abstract_name(&name, scene.canary.text()));
        let secret = hidden(scene);
        let script = format!(
            "unshare --user --map-root-user --net sh -c 'cat {secret}; ~/.local/bin/attack connect-unix @{name}; \
             nsenter -t 1 -m cat {secret}'; ~/.local/bin/attack connect-unix @{name}; cat {secret}"
        );
        Attempt::shell(&script).with(|run| run.flags(&["--profile", "dev"]))
    });
}
