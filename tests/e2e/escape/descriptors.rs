//! Open files that the caller had: nothing but the three streams may come through.

use crate::harness::{Attempt, Run, escape};

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
        Attempt::attack(scene, &["read-at", "0", ".ssh/id_ed25519"]).leaks().with(|run| run.fd(0, &home))
    });
}

#[test]
fn standard_input_that_is_the_workspace_is_no_way_up() {
    escape(|scene| {
        let workspace = scene.workspace.clone();
        Attempt::attack(scene, &["read-at", "0", "../.env"]).leaks().with(|run| run.fd(0, &workspace))
    });
}

#[test]
fn folder_kept_open_on_purpose_is_no_way_up() {
    escape(|scene| {
        let workspace = scene.workspace.clone();
        Attempt::attack(scene, &["read-at", "9", "../.env"])
            .leaks()
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
