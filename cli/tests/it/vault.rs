//! `lobsterpot vault`: the other program, its arguments and its status.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::world::{World, copy_program, write_program};

/// Says what it was started with.
const STAND_IN: &str =
    "#!/bin/sh\nprintf '<%s>' \"$@\"\nprintf ' %s %s' \"$HOME\" \"$(cat)\"\necho words >&2\nexit 37\n";

/// A folder with the front door and a stand-in for the vault.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_program(env!("CARGO_BIN_EXE_lobsterpot").as_ref(), &folder.path().join("lobsterpot"));
    write_program(&folder.path().join("lobsterpot-vault"), STAND_IN);
    folder
}

/// Runs the front door, with an attacker's folder first in the search path.
fn run(program: &Path, arguments: &[&str]) -> Output {
    let hostile = tempfile::tempdir().unwrap();
    write_program(&hostile.path().join("lobsterpot-vault"), "#!/bin/sh\necho hostile\n");
    let path = format!("{}:/usr/bin:/bin", hostile.path().display());
    Command::new(program).args(arguments).env("PATH", path).env("HOME", "/h").current_dir(&hostile).output().unwrap()
}

#[test]
fn the_vault_beside_it_gets_everything_untouched() {
    let folder = folder();
    for arguments in [
        &["get", "NAME"][..],
        &["--help"],
        &["--", "run", "--", "sh", "-c", "a b"],
        &["run", "--only", "A", "--", "-x", "--", ""],
        &[],
    ] {
        let output = run(&folder.path().join("lobsterpot"), &[&["vault"], arguments].concat());
        let said: String = if arguments.is_empty() {
            "<>".to_owned()
        } else {
            arguments.iter().map(|word| format!("<{word}>")).collect()
        };
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{said} /h "));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "words\n");
        assert_eq!(output.status.code(), Some(37));
    }
}

#[test]
fn a_link_to_the_front_door_finds_the_real_one() {
    let (folder, other) = (folder(), tempfile::tempdir().unwrap());
    symlink(folder.path().join("lobsterpot"), other.path().join("lobsterpot")).unwrap();
    write_program(&other.path().join("lobsterpot-vault"), "#!/bin/sh\necho hostile\n");
    assert_eq!(run(&other.path().join("lobsterpot"), &["vault", "x"]).stdout, b"<x> /h ");
}

#[test]
fn a_vault_that_is_not_there_is_not_looked_for_elsewhere() {
    let folder = folder();
    let vault = folder.path().join("lobsterpot-vault");
    fs::remove_file(&vault).unwrap();
    let output = run(&folder.path().join("lobsterpot"), &["vault", "get", "A"]);
    let expected = format!(
        "lobsterpot: failed to start \"{}\": No such file or directory (os error 2)\nhint: put lobsterpot-vault into the folder that lobsterpot itself lies in, executable\n",
        vault.display()
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    assert_eq!((output.status.code(), output.stdout), (Some(69), vec![]));
}

#[test]
fn the_help_names_it() {
    let output = run(Path::new(env!("CARGO_BIN_EXE_lobsterpot")), &["help"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("vault"));
}

#[test]
fn openclaws_owner_learns_how_its_keys_come_from_the_vault() {
    for world in World::all() {
        world.write("home/.openclaw/openclaw.json", "{}");
        assert!(!world.expect(0, &["install", "openclaw"]).contains("from the vault"), "there is no vault");
        world.program("lobsterpot-vault", "#!/bin/sh\nexit 1\n");
        let said = world.expect(0, &["install", "openclaw"]);
        let path = said.split("\"command\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        assert!(path.ends_with("/lobsterpot-vault") && path.starts_with('/'), "{said}");
        let named =
            format!("{{\"secrets\": {{\"providers\": {{\"x\": {{\"source\": \"exec\", \"command\": \"{path}\"}}}}}}}}");
        world.expect(0, &["uninstall", "openclaw"]);
        world.write("home/.openclaw/openclaw.json", &named);
        assert!(!world.expect(0, &["install", "openclaw"]).contains("from the vault"), "it is there already");
    }
}
