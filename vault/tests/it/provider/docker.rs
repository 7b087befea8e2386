//! docker's credential helper, asked as docker asks: a word, an address on standard input, an answer on standard output.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::{Home, PROGRAM, feed};

#[test]
fn a_login_is_given_listed_and_never_written() {
    let home =
        Home::with_secrets(&[("docker/https://index.docker.io/v1/", "pat:t0k"), ("docker/ghcr.io#sam", "t0k:2")]);
    let before = std::fs::read(home.vault()).unwrap();
    let hub = "{\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"pat\",\"Secret\":\"t0k\"}\n";
    let store = b"{\"ServerURL\":\"ghcr.io\",\"Username\":\"mallory\",\"Secret\":\"x\"}";
    let read_only = "docker may read this vault, not write it\n";
    for (action, input, status, answer) in [
        ("get", &b"https://index.docker.io/v1/"[..], 0, hub),
        ("get", b"ghcr.io\n", 0, "{\"ServerURL\":\"ghcr.io\",\"Username\":\"sam\",\"Secret\":\"t0k:2\"}\n"),
        ("get", b"http://ghcr.io", 1, "credentials not found in native keychain\n"),
        ("get", b"", 1, "no credentials server URL\n"),
        ("list", b"unused", 0, "{\"ghcr.io\":\"sam\",\"https://index.docker.io/v1/\":\"pat\"}\n"),
        ("version", b"", 0, concat!("docker-credential-lobsterpot ", env!("CARGO_PKG_VERSION"), "\n")),
        ("store", store, 77, read_only),
        ("erase", b"ghcr.io", 77, read_only),
        ("x", b"", 1, "docker's helpers know get, list, store, erase and version, not what was asked for\n"),
    ] {
        let ran = home.feed(&["provider", "docker", action], input);
        assert_eq!((ran.text().as_str(), ran.status), (answer, status), "{action}: {ran:?}");
        // Docker passes standard error on to people: a missing login is nothing to them.
        assert_eq!(ran.stderr.is_empty(), status < 2, "{action}: {ran:?}");
    }
    assert_eq!(std::fs::read(home.vault()).unwrap(), before);
}

#[test]
fn a_vault_that_does_not_open_is_told_where_docker_reads() {
    let home = Home::with_vault();
    std::fs::remove_file(home.vault()).unwrap();
    let ran = home.feed(&["provider", "docker", "get"], b"ghcr.io");
    assert_eq!(ran.status, 66, "{ran:?}");
    let heard = ran.stderr.lines().next().unwrap();
    assert_eq!(format!("lobsterpot-vault: {}", ran.text().trim_end()), heard);
}

#[test]
fn under_the_helpers_name_the_program_is_the_helper() {
    let home = Home::with_secrets(&[("docker/ghcr.io", "pat:t0k")]);
    let helper = home.path("docker-credential-lobsterpot");
    symlink(PROGRAM, &helper).unwrap();
    let mut command = Command::new(&helper);
    command.args(home.options()).arg("get").env_clear();
    let expected = "{\"ServerURL\":\"ghcr.io\",\"Username\":\"pat\",\"Secret\":\"t0k\"}\n";
    assert_eq!(feed(command, b"ghcr.io").done().text(), expected);
}
