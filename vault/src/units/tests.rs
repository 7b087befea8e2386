//! What the units say, and what happens to files that somebody changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::unistd::Uid;

use super::{Account, Credential, Found, Gateway, Options, Scope, UnitsError, Wanted, remove};

/// Pat's account.
fn pat() -> Account {
    Account { name: "pat".to_owned(), uid: Uid::from_raw(1000), home: "/home/pat".into() }
}

/// What a scope wants, with these options.
fn wanted(scope: Scope, credential: Credential, options: Options) -> Wanted {
    Wanted::new(scope, Gateway::default(), "/usr/local/bin/lobsterpot-vault".into(), credential, options).unwrap()
}

/// The system's scope for root's vault.
fn system() -> Scope {
    Scope::System { account: None }
}

/// A person's scope.
fn user(is_opened_by_system: bool) -> Scope {
    Scope::User { config: "/home/pat/.config".into(), is_opened_by_system }
}

/// The text of the file of this name.
fn text(wanted: &Wanted, name: &str) -> String {
    let files = wanted.files(Path::new("/"));
    files.iter().find(|file| file.path().ends_with(name)).map(|file| file.text().to_owned()).unwrap()
}

/// Every scope.
fn scopes() -> [Scope; 4] {
    [system(), Scope::System { account: Some(pat()) }, user(false), user(true)]
}

#[test]
fn no_blank_is_left_in_any_unit() {
    for scope in scopes() {
        for credential in [Credential::Sealed, Credential::Plain] {
            for in_environment in [false, true] {
                let options = Options { in_environment, ..Options::default() };
                for file in wanted(scope.clone(), credential, options).files(Path::new("/")) {
                    let is_blank = |word: &str| word.len() > 2 && word.starts_with('@') && word.ends_with('@');
                    let blank = file
                        .text()
                        .split(|c: char| c.is_whitespace() || "=:/-".contains(c))
                        .find(|word| is_blank(word));
                    assert_eq!(blank, None, "{}", file.text());
                }
            }
        }
    }
}

#[test]
fn a_gateway_without_its_vault_does_not_start() {
    for scope in scopes() {
        let wanted = wanted(scope.clone(), Credential::Sealed, Options { in_environment: true, ..Options::default() });
        let drop_in = text(&wanted, "openclaw-gateway.service.d/lobsterpot-vault.conf");
        if scope == user(true) {
            assert!(drop_in.contains("\nAssertPathExists=/run/lobsterpot/secrets\n"), "{drop_in}");
        } else {
            assert!(
                drop_in.contains("\nRequires=lobsterpot-vault.service\nAfter=lobsterpot-vault.service\n"),
                "{drop_in}"
            );
        }
        assert!(!drop_in.contains("EnvironmentFile=-"), "a file that is missing must not be passed over: {drop_in}");
    }
}

#[test]
fn the_vault_of_a_user_is_opened_before_their_manager_starts() {
    let unit = text(
        &wanted(Scope::System { account: Some(pat()) }, Credential::Sealed, Options::default()),
        "lobsterpot-vault.service",
    );
    assert!(unit.contains("\nBefore=openclaw-gateway.service user@1000.service\n"), "{unit}");
    assert!(unit.contains("\nUser=pat\n"), "{unit}");
    assert!(unit.contains("\nReadWritePaths=/home/pat/.local/state/lobsterpot\n"), "{unit}");
}

#[test]
fn the_identity_is_in_no_argument_and_no_variable() {
    for scope in [system(), user(false)] {
        for credential in [Credential::Sealed, Credential::Plain] {
            let unit = text(&wanted(scope.clone(), credential, Options::default()), "lobsterpot-vault.service");
            let commands = unit.lines().filter(|line| line.starts_with("Exec"));
            assert!(commands.clone().count() == 2 && commands.clone().all(|line| !line.contains("identity")), "{unit}");
            assert!(!unit.lines().any(|line| line.starts_with("Environment")), "{unit}");
        }
    }
}

#[test]
fn options_reach_the_command() {
    let options = Options {
        vault: Some("/srv/vault.age".into()),
        identity: Some("/srv/vault.key".into()),
        state: Some("/srv/state".into()),
        only: vec![crate::name::Name::parse("A").unwrap(), crate::name::Name::parse("b/c#d").unwrap()],
        in_environment: true,
        may_be_swapped: true,
        has_own_memory: false,
    };
    let sealed = wanted(system(), Credential::Sealed, options.clone());
    assert!(!text(&sealed, "lobsterpot-vault.service").contains("/srv/vault.key"));
    assert!(
        sealed.next_steps().contains(" /srv/vault.key /etc/credstore.encrypted/"),
        "what is sealed is what was named"
    );
    let unit = text(&wanted(system(), Credential::Plain, options), "lobsterpot-vault.service");
    assert!(unit.contains("\nReadWritePaths=/srv/state\n"), "{unit}");
    let expected = "\nExecStart=/usr/local/bin/lobsterpot-vault unlock --to /run/lobsterpot/secrets --vault /srv/vault.age \
                    --identity /srv/vault.key --state /srv/state --only A,b/c#d --env-file .env --allow-swap\n";
    assert!(unit.contains(expected), "{unit}");
}

#[test]
fn a_path_that_systemd_would_read_otherwise_is_refused() {
    for program in ["/a b/vault", "/%h/vault", "/a$b", "/a\"b", "/a\\x20b", "/a\nExecStart=/bin/sh", "vault", "/a;b"] {
        let found = Wanted::new(system(), Gateway::default(), program.into(), Credential::Sealed, Options::default());
        assert!(matches!(found, Err(UnitsError::Path { .. })), "{program:?}");
    }
}

#[test]
fn a_gateway_that_is_no_service_is_refused() {
    for name in
        ["", ".service", "a.socket", "../a", "a/b.service", "a b", "%i", "lobsterpot-vault", "-a", "a\n.service"]
    {
        assert!(Gateway::parse(name).is_err(), "{name:?}");
    }
    assert_eq!(Gateway::parse("openclaw-gateway-work").unwrap().as_str(), "openclaw-gateway-work.service");
}

#[test]
fn a_user_cannot_mount() {
    let options = Options { has_own_memory: true, ..Options::default() };
    let found = Wanted::new(user(false), Gateway::default(), "/bin/v".into(), Credential::Plain, options);
    assert!(matches!(found, Err(UnitsError::Contradiction { .. })));
}

#[test]
fn accounts_come_from_the_password_file() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let passwd = root.path().join("etc/passwd");
    assert!(matches!(Account::find("pat", root.path()), Err(UnitsError::Account { .. })));
    // A comment in another encoding hides nobody.
    fs::write(
        &passwd,
        b"broken\njo:x:9:9:J\xf6rg:/home/jo:/bin/sh\npat:x:1000:1000::/home/pat:/bin/sh\nbad:x:x::/:/\n",
    )
    .unwrap();
    assert_eq!(Account::find("pat", root.path()).unwrap(), pat());
    for name in ["", "bad", "broken", "sam"] {
        assert!(matches!(Account::find(name, root.path()), Err(UnitsError::Account { .. })), "{name}");
    }
    fs::remove_file(&passwd).unwrap();
    fs::create_dir(&passwd).unwrap();
    assert!(matches!(Account::find("pat", root.path()), Err(UnitsError::Io { .. })));
}

#[test]
fn a_file_that_somebody_changed_is_neither_replaced_nor_removed() {
    let root = tempfile::tempdir().unwrap();
    let first = wanted(system(), Credential::Sealed, Options::default()).files(root.path());
    let second = wanted(system(), Credential::Plain, Options::default()).files(root.path());
    assert_eq!(first[0].look().unwrap(), Found::Nothing);
    first[0].write().unwrap();
    assert_eq!(first[0].look().unwrap(), Found::Same);
    assert_eq!(second[0].look().unwrap(), Found::Ours);
    let path = first[0].path();
    let edited = first[0].text().replace("TasksMax=8", "TasksMax=9");
    fs::write(path, &edited).unwrap();
    assert_eq!(first[0].look().unwrap(), Found::Changed);
    assert!(matches!(remove(path, false), Err(UnitsError::Changed { .. })));
    assert_eq!(fs::read_to_string(path).unwrap(), edited);
    assert!(remove(path, true).unwrap());
    assert!(!remove(path, true).unwrap());
}

#[test]
fn a_masked_unit_is_not_written_through() {
    let root = tempfile::tempdir().unwrap();
    let file = &wanted(system(), Credential::Sealed, Options::default()).files(root.path())[0];
    fs::create_dir_all(file.path().parent().unwrap()).unwrap();
    symlink("/dev/null", file.path()).unwrap();
    assert!(matches!(file.look(), Err(UnitsError::Irregular { .. })));
    assert!(matches!(remove(file.path(), true), Err(UnitsError::Irregular { .. })));
}

#[test]
fn the_folder_of_a_drop_in_goes_with_its_last_file() {
    let root = tempfile::tempdir().unwrap();
    let wanted = wanted(user(false), Credential::Plain, Options::default());
    for file in wanted.files(root.path()) {
        file.write().unwrap();
    }
    let places = wanted.every_place(root.path());
    let folder = root.path().join("home/pat/.config/systemd/user");
    assert_eq!(places.iter().filter(|path| remove(path, false).unwrap()).count(), 2);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(places[0], folder.join("openclaw-gateway.service.d/lobsterpot-vault.conf"));
    assert!(places.contains(&folder.join("run-lobsterpot.mount")));
}
