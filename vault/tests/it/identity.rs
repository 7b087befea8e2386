//! What the program says and does when the identity or the vault is not as it has to be.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::harness::Home;

/// A home with a secret, and the vault's file as it is.
fn home() -> (Home, Vec<u8>) {
    let home = Home::with_secrets(&[("A", "hunter2-hunter2")]);
    let vault = fs::read(home.vault()).unwrap();
    (home, vault)
}

/// That a command which reads and one which writes both refuse, and that nothing is changed.
#[track_caller]
fn refused(home: &Home, vault: &[u8], status: i32, sentence: &str, hint: &str) {
    for ran in [home.run(&["get", "A"]), home.feed(&["set", "B", "--raw"], b"hunter3-hunter3")] {
        let ran = ran.refused(status, sentence, hint);
        assert!(ran.stdout.is_empty(), "{ran:?}");
        let repeats_a_key = ran.stderr.split("AGE-SECRET-KEY-PQ-1").skip(1).any(|after| !after.starts_with('…'));
        assert!(!ran.stderr.contains("hunter") && !repeats_a_key, "{ran:?}");
    }
    assert_eq!(fs::read(home.vault()).unwrap(), vault);
}

#[test]
fn a_loose_identity_is_refused_and_nothing_is_changed() {
    let (home, vault) = home();
    let path = home.identity().display().to_string();
    fs::set_permissions(home.identity(), Permissions::from_mode(0o666)).unwrap();
    refused(&home, &vault, 77, &format!("{path} is open to others (mode 0666)"), &format!("`chmod 600 {path}`"));
}

#[test]
fn a_symlinked_identity_is_refused_and_nothing_is_changed() {
    let (home, vault) = home();
    fs::rename(home.identity(), home.path("real")).unwrap();
    symlink(home.path("real"), home.identity()).unwrap();
    refused(&home, &vault, 77, "is a symbolic link", "name the file that it points to");
}

#[test]
fn a_missing_identity_is_refused_and_nothing_is_changed() {
    let (home, vault) = home();
    fs::remove_file(home.identity()).unwrap();
    refused(&home, &vault, 66, "does not exist", "name its file with --identity FILE");
}

#[test]
fn the_identity_of_another_vault_is_refused_by_fingerprint() {
    let (home, vault) = home();
    let (other, _) = self::home();
    fs::copy(other.identity(), home.identity()).unwrap();
    refused(&home, &vault, 77, "the vault is not encrypted to post-quantum SHA256:", "--identity FILE");
}

#[test]
fn a_broken_credential_stops_though_the_usual_identity_is_there() {
    let (home, _) = home();
    let folder = home.path("credentials");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("lobsterpot-vault-identity"), "AGE-SECRET-KEY-1HUNTER2").unwrap();
    fs::set_permissions(folder.join("lobsterpot-vault-identity"), Permissions::from_mode(0o400)).unwrap();
    let options = home.options();
    let mut command = std::process::Command::new(crate::harness::PROGRAM);
    command.args(options.chunks(2).filter(|pair| pair[0] != "--identity").flatten()).args(["get", "A"]);
    command.env_clear().env("HOME", home.path("")).env("CREDENTIALS_DIRECTORY", &folder);
    let ran = crate::harness::Ran::from(command.output().unwrap());
    let ran = ran.refused(65, "line 1 is an identity that is damaged", "put the identity back from its copy");
    assert!(!ran.stderr.contains("HUNTER2"), "{ran:?}");
}

#[test]
fn vaults_that_are_none_are_refused_and_kept() {
    let (home, whole) = home();
    let flipped: Vec<u8> = whole.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == whole.len() - 1)).collect();
    let stanzas = ["age-encryption.org/v1\n".to_owned(), "-> X25519 aaaa\n\n".repeat(10_000)].concat();
    for (content, sentence) in [
        (whole[..500].to_vec(), "the vault is truncated: it ends before its header does"),
        (whole[..whole.len() - 5].to_vec(), "the vault's content is damaged or truncated"),
        (flipped, "the vault's content is damaged or truncated"),
        (b"A=hunter2-hunter2\n".to_vec(), "the file is not an age file"),
        (stanzas.into_bytes(), "the vault's header has more than 128 stanzas"),
    ] {
        fs::write(home.vault(), &content).unwrap();
        refused(&home, &content, 65, sentence, "");
    }
}
