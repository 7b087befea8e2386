//! Open files that the caller had: nothing but the three streams may come through.

use crate::harness::service::Service;
use crate::harness::{Attempt, Run, each_scene, escape};

#[test]
fn inherited_descriptor_of_a_secret_is_closed() {
    escape(|scene| {
        let key = scene.at_home(".ssh/id_ed25519");
        Attempt::attack(scene, &["read-fd", "9"]).leaks().with(|run| run.fd(9, &key))
    });
}

#[test]
fn inherited_descriptor_with_a_high_number_is_closed() {
    escape(|scene| {
        let key = scene.at_home(".ssh/id_ed25519");
        Attempt::attack(scene, &["read-fd", "777"]).leaks().with(|run| run.fd(777, &key))
    });
}

#[test]
fn inherited_folder_is_no_way_out() {
    escape(|scene| {
        let home = scene.home.clone();
        Attempt::attack(scene, &["read-at", "9", ".ssh/id_ed25519"]).leaks().with(|run| run.fd(9, &home))
    });
}

#[test]
fn standard_input_that_is_a_folder_is_no_way_out() {
    escape(|scene| {
        let home = scene.home.clone();
        Attempt::attack(scene, &["read-at", "0", ".ssh/id_ed25519"])
            .leaks()
            .or_is_refused(64)
            .with(|run| run.fd(0, &home))
    });
}

#[test]
fn standard_input_that_is_the_workspace_is_no_way_up() {
    escape(|scene| {
        let workspace = scene.workspace.clone();
        Attempt::attack(scene, &["read-at", "0", "../.env"]).leaks().or_is_refused(64).with(|run| run.fd(0, &workspace))
    });
}

/// Runs with a socket to this port of the loopback as standard input.
fn with_socket(protocol: &str, port: u16) -> impl Fn(Run) -> Run + use<'_> {
    move |mut run: Run| {
        let script = format!("exec 0<>/dev/{protocol}/127.0.0.1/{port}; exec \"$@\"");
        run.outer.extend(["/bin/bash", "-c", &script, "bash"].map(Into::into));
        run
    }
}

#[test]
fn standard_input_that_is_a_connection_leads_nowhere_else() {
    for flags in [&["--net", "none"][..], &["--net", "allowlist", "--allow-host", "example.com"]] {
        escape(|scene| {
            let [peer, victim] = ["", scene.canary.text()].map(|text| Service::tcp("127.0.0.1", text));
            let (peer, victim) = (peer.expect("a listener"), victim.expect("a listener"));
            let (own, port) = (peer.port, victim.port.to_string());
            scene.services.extend([peer, victim]);
            let attempt = Attempt::attack(scene, &["reconnect".to_owned(), "0".to_owned(), port]).leaks();
            attempt.with(|run| with_socket("tcp", own)(run.flags(flags)))
        });
    }
}

#[test]
fn standard_input_that_sends_anywhere_is_refused() {
    escape(|scene| {
        let service = Service::udp("");
        let port = service.port;
        scene.services.push(service);
        let attempt = Attempt::attack(scene, &["send-on".to_owned(), "0".to_owned(), port.to_string()]);
        attempt.or_is_refused(64).with(|run| with_socket("udp", port)(run))
    });
}

#[test]
fn standard_error_that_is_a_folder_is_no_way_out() {
    each_scene(|scene| {
        let attack = scene.attack().into_os_string();
        let run = Run::new(&[attack, "read-at".into(), "2".into(), ".ssh/id_ed25519".into()]).fd(2, &scene.home);
        let (bare, inside) = (scene.bare(&run), scene.sandboxed(&run));
        assert!(scene.canary.is_in(&bare.stdout), "must succeed bare, or it shows nothing: {bare}");
        assert!(!scene.canary.is_in(&inside.stdout), "a secret came out: {inside}");
    });
}

#[test]
fn folder_kept_open_on_purpose_is_no_way_up() {
    escape(|scene| {
        let workspace = scene.workspace.clone();
        Attempt::attack(scene, &["read-at", "9", "../.env"])
            .leaks()
            .or_is_refused(64)
            .with(|run: Run| run.fd(9, &workspace).flags(&["--fd", "9"]))
    });
}

#[test]
fn launcher_leaves_no_descriptor_of_its_own_open() {
    escape(|_| {
        Attempt::shell(
            "for f in /proc/self/fd/*; do n=${f##*/}; [ $n -gt 2 ] && [ -e /proc/$$/fd/$n ] && exit 0; done; exit 1",
        )
        .status_zero()
        .with(|run| run.fd(9, std::path::Path::new("/")))
    });
}
