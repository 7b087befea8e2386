//! Device nodes: those that are there, and those an attacker would make.

use crate::harness::attempt::escape_as_root;
use crate::harness::{Attempt, escape};
use std::fs;

/// A block device of this machine: its name, major and minor number.
fn disk() -> Option<(String, String, String)> {
    fs::read_dir("/sys/class/block").ok()?.flatten().find_map(|entry| {
        let numbers = fs::read_to_string(entry.path().join("dev")).ok()?;
        let size = fs::read_to_string(entry.path().join("size")).ok()?;
        let (major, minor) = numbers.trim().split_once(':')?;
        let usable = size.trim() != "0" && std::path::Path::new("/dev").join(entry.file_name()).exists();
        usable.then(|| (entry.file_name().to_string_lossy().into_owned(), major.to_owned(), minor.to_owned()))
    })
}

#[test]
fn disk_cannot_be_opened() {
    let Some((name, ..)) = disk() else {
        return crate::harness::skip("this machine has no block device");
    };
    escape_as_root(|_| {
        Attempt::shell(&format!("head -c 16 /dev/{name} >/dev/null"))
            .status_zero()
            .bare_where_it_opens(&format!("/dev/{name}"))
    });
}

#[test]
fn device_node_of_the_disk_cannot_be_made() {
    let Some((_, major, minor)) = disk() else {
        return crate::harness::skip("this machine has no block device");
    };
    escape_as_root(|scene| Attempt::attack(scene, &["mknod", "disk", "b", &major, &minor]));
}

#[test]
fn character_device_node_cannot_be_made() {
    escape_as_root(|scene| Attempt::attack(scene, &["mknod", "memory", "c", "1", "1"]));
}

#[test]
fn device_node_planted_in_the_workspace_cannot_be_opened() {
    escape_as_root(|scene| {
        // A copy of /dev/zero under another name: harmless, and as good a node as any.
        let made = std::process::Command::new("mknod").arg(scene.at_work("node")).args(["c", "1", "5"]).status();
        assert!(made.is_ok_and(|status| status.success()), "mknod");
        Attempt::shell("head -c 4 node | od -An -tx1 | grep -q '00 00 00 00'").status_zero()
    });
}

#[test]
fn kernel_log_device_cannot_be_written() {
    escape_as_root(|scene| Attempt::attack(scene, &["open-to-write", "/dev/kmsg"]));
}

#[test]
fn only_harmless_devices_are_there() {
    escape(|_| {
        Attempt::shell(
            "for d in /dev/*; do [ -L $d ] && continue; case $d in \
             /dev/null|/dev/zero|/dev/full|/dev/random|/dev/urandom|/dev/tty|/dev/ptmx|/dev/console) ;; \
             *) { [ -b $d ] || [ -c $d ]; } && exit 0 ;; esac; done; exit 1",
        )
        .status_zero()
    });
}
