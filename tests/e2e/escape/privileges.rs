//! Gaining or keeping privilege.

use crate::harness::attempt::{escape_as_root, escape_prepared_by_root, read};
use crate::harness::canary::random_name;
use crate::harness::scene::put;
use crate::harness::{Attempt, escape};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn no_capability_is_held() {
    escape(|scene| Attempt::attack(scene, &["own-capabilities"]).bare_only_as_root());
}

#[test]
fn no_capability_is_left_in_the_bounding_set() {
    escape(|scene| Attempt::attack(scene, &["bounding-set"]));
}

#[test]
fn exec_cannot_grant_privileges() {
    escape(|scene| Attempt::attack(scene, &["new-privileges"]));
}

#[test]
fn set_user_id_program_does_not_become_root() {
    escape_prepared_by_root(|scene| {
        let place = scene.at_work("helper");
        put(&scene.attack(), &place);
        fs::set_permissions(&place, Permissions::from_mode(0o4755)).expect("its mode");
        Attempt::attack(scene, &["be-root"]).with(|mut run| {
            run.argv[0] = place.into_os_string();
            run
        })
    });
}

#[test]
fn program_with_file_capabilities_gets_none() {
    if !crate::harness::require(&["setcap"]) {
        return;
    }
    escape_prepared_by_root(|scene| {
        let place = scene.at_work("helper");
        put(&scene.attack(), &place);
        let set = std::process::Command::new("setcap").arg("cap_dac_read_search+ep").arg(&place).status();
        assert!(set.is_ok_and(|status| status.success()), "setcap");
        Attempt::attack(scene, &["own-capabilities"]).or_is_refused(126).with(|mut run| {
            run.argv[0] = place.into_os_string();
            run
        })
    });
}

#[test]
fn root_inside_cannot_become_another_user() {
    escape_as_root(|scene| Attempt::attack(scene, &["setuid", "61235"]));
}

#[test]
fn root_inside_cannot_take_a_group() {
    escape_as_root(|scene| Attempt::attack(scene, &["setgroups", "61235"]));
}

#[test]
fn root_inside_cannot_give_files_away() {
    escape_as_root(|scene| Attempt::attack(scene, &["chown", "README.md", "61235"]));
}

#[test]
fn root_inside_cannot_read_other_users_private_files_in_the_workspace() {
    escape_as_root(|scene| {
        let place = scene.at_work("theirs.txt");
        scene.write(&place, &format!("secret={}\n", scene.canary));
        std::os::unix::fs::chown(&place, Some(61235), Some(61235)).expect("root can change owners");
        fs::set_permissions(&place, Permissions::from_mode(0o600)).expect("its mode");
        read(scene, &place)
    });
}

#[test]
fn group_of_the_caller_does_not_open_system_files_inside() {
    if !crate::harness::require(&["setpriv"]) {
        return;
    }
    escape_prepared_by_root(|scene| {
        let place = Path::new("/run").join(format!("lobsterpot-e2e-{}", random_name()));
        scene.plant_outside(&place);
        std::os::unix::fs::chown(&place, Some(0), Some(61299)).expect("root can change owners");
        fs::set_permissions(&place, Permissions::from_mode(0o640)).expect("its mode");
        scene.act_with_group(61299);
        read(scene, &place)
    });
}
