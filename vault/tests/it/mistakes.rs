//! What people type who have never seen the program: each mistake ends with the next step, and shows nothing that was typed.

use std::fs;

use crate::harness::Home;

/// A value in the wrong place.
const HUNTER: &str = "hunter2-hunter2";

#[test]
fn a_value_on_the_command_line_is_told_where_it_belongs_and_not_repeated() {
    let home = Home::with_vault();
    let before = fs::read(home.vault()).unwrap();
    let pair = format!("A={HUNTER}");
    for (arguments, sentence) in [
        (&["set", "A", HUNTER][..], "unexpected argument"),
        (&["set", "A", "--value", HUNTER], "unexpected argument"),
        (&["rotate", "A", HUNTER], "unexpected argument"),
        (&["set", &pair], "no = in it"),
    ] {
        let ran = home.feed(arguments, b"x").refused(64, sentence, "`lobsterpot-vault set NAME <FILE`");
        assert!(!ran.stderr.contains(HUNTER), "{}", ran.stderr);
    }
    assert_eq!(fs::read(home.vault()).unwrap(), before);
}

#[test]
fn a_mistyped_command_or_option_is_told_the_nearest_one() {
    let home = Home::with_vault();
    home.run(&["inti"]).refused(64, "unrecognized subcommand", "`init` is the nearest");
    home.run(&["get", "A", "--revael"]).refused(64, "unexpected argument", "`--reveal` is the nearest");
    home.run(&["set", "A", "--expire", "1d"]).refused(64, "unexpected argument", "`--expires` is the nearest");
    home.run(&["xyz"]).refused(64, "unrecognized subcommand", "`lobsterpot-vault help` lists the commands");
    let hint = "`lobsterpot-vault provider help` lists the commands";
    home.run(&["provider", "xyz"]).refused(64, "unrecognized subcommand", hint);
    home.run(&["run", "true"]).refused(64, "unexpected argument", "write `lobsterpot-vault run [OPTIONS] -- <CMD>...`");
}

#[test]
fn an_option_of_every_command_counts_before_the_command_too() {
    let home = Home::new();
    home.run(&["init", "--passphrase"]).refused(64, "there is no passphrase", "--passphrase-fd 3 3<FILE");
    let vault = home.path("p.age");
    let vault = vault.to_str().unwrap();
    let init = ["--vault", vault, "--passphrase-fd", "0", "init", "--passphrase"];
    let mut command = std::process::Command::new(crate::harness::PROGRAM);
    command.env("HOME", home.path("")).env_remove("XDG_CONFIG_HOME").env_remove("XDG_STATE_HOME");
    command.arg("--state").arg(home.path("state")).args(init);
    crate::harness::feed(command, b"correct horse\n").done();
}

#[test]
fn a_recipient_that_is_none_is_told_by_its_place_on_the_command_line() {
    let home = Home::with_vault();
    home.run(&["rekey", "--add", "pat.txt"]).refused(
        65,
        "recipient 1 is not one",
        "`lobsterpot-vault status --recipients`",
    );
    let key = fs::read_to_string(home.identity()).unwrap();
    let key = key.lines().last().unwrap();
    let ran = home.run(&["rekey", "--add", key]).refused(65, "recipient 1 is an identity", "its public part");
    assert!(!ran.stderr.contains(key), "{}", ran.stderr);
}

#[test]
fn a_vault_without_its_identity_is_not_sent_to_make_another_one() {
    let home = Home::with_vault();
    fs::rename(home.identity(), home.path("key")).unwrap();
    home.run(&["list"]).refused(66, "does not exist", "put its copy back");
    fs::copy(home.vault(), home.identity()).unwrap();
    home.run(&["list"]).refused(65, "it is a vault", "AGE-SECRET-KEY-");
}
