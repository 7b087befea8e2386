//! `install-units` as people run it: what is written, what is refused, and that nothing changes then.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Home, Ran};

/// The drop-in of the gateway, below the root of the home's.
const DROP_IN: &str = "root/etc/systemd/system/openclaw-gateway.service.d/lobsterpot-vault.conf";

/// The unit.
const UNIT: &str = "root/etc/systemd/system/lobsterpot-vault.service";

/// Runs it for the system, below a root of its own.
fn install(home: &Home, arguments: &[&str]) -> Ran {
    let root = home.path("root");
    let mut words: Vec<&str> = vec!["install-units", "--root", root.to_str().unwrap()];
    words.extend(arguments);
    home.run(&words)
}

#[test]
fn units_are_written_once_and_removed_whole() {
    let home = Home::new();
    let first = install(&home, &[]).done().text();
    assert_eq!(first.matches("written: ").count(), 2, "{first}");
    let unit = fs::read_to_string(home.path(UNIT)).unwrap();
    assert!(unit.contains(&format!(" --vault {} ", home.vault().display())), "{unit}");
    assert_eq!(install(&home, &[]).done().text().matches("as before: ").count(), 2);
    assert_eq!(install(&home, &["--environment"]).done().text().matches("replaced: ").count(), 2);
    assert!(
        fs::read_to_string(home.path(DROP_IN)).unwrap().contains("\nEnvironmentFile=/run/lobsterpot/secrets/.env\n")
    );
    assert_eq!(install(&home, &["--remove"]).done().text().matches("removed: ").count(), 2);
    assert_eq!(fs::read_dir(home.path("root/etc/systemd/system")).unwrap().count(), 0);
    assert_eq!(install(&home, &["--remove"]).done().text(), "nothing to remove\n");
}

#[test]
fn what_is_shown_is_what_would_be_written() {
    let home = Home::new();
    let shown = install(&home, &["--dry-run", "--only", "A"]).done().text();
    assert!(!home.path("root").exists(), "a dry run writes nothing");
    install(&home, &["--only", "A"]).done();
    for file in [UNIT, DROP_IN] {
        assert!(shown.contains(&fs::read_to_string(home.path(file)).unwrap()), "{file}");
    }
}

#[test]
fn a_unit_that_somebody_changed_stays_as_it_is() {
    let home = Home::new();
    install(&home, &[]).done();
    for (place, other) in [(DROP_IN, UNIT), (UNIT, DROP_IN)].map(|(place, other)| (home.path(place), home.path(other)))
    {
        let changed = fs::read_to_string(&place).unwrap() + "[Service]\nNice=5\n";
        fs::write(&place, &changed).unwrap();
        let before = fs::read(&other).unwrap();
        install(&home, &["--environment"]).refused(73, "was changed since it was written", "--replace");
        install(&home, &["--remove"]).refused(73, "was changed since it was written", "--replace");
        assert_eq!(fs::read_to_string(&place).unwrap(), changed);
        assert_eq!(fs::read(&other).unwrap(), before, "none is written or removed when one cannot be");
        install(&home, &["--replace"]).done();
    }
    install(&home, &["--remove"]).done();
    assert!(!home.path(DROP_IN).exists());
}

#[test]
fn what_cannot_be_a_unit_is_refused_and_nothing_is_written() {
    let home = Home::new();
    let cases: [(&[&str], i32, &str, &str); 6] = [
        (&["--gateway", "a.socket"], 64, "is not the name of a service unit", "openclaw-gateway.service"),
        (&["--gateway", "../x.service"], 64, "is not the name of a service unit", "systemctl"),
        (&["--account", "nobody-of-this-name"], 66, "has no account", "runs as"),
        (&["--own-tmpfs", "--allow-swap"], 64, "never swapped", "--allow-swap"),
        (&["--vault", "/a b/vault.age"], 64, "cannot stand in a unit", "absolute path"),
        (&["--only", "A B"], 64, "", "lobsterpot-vault"),
    ];
    for (arguments, status, sentence, hint) in cases {
        install(&home, arguments).refused(status, sentence, hint);
        assert!(!home.path("root").exists(), "{arguments:?}");
    }
}

#[test]
fn a_program_that_others_could_replace_is_started_by_no_unit() {
    let home = Home::new();
    let folder = home.path("shared");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let program: PathBuf = folder.join("lobsterpot-vault");
    // Another process copies it: a file that is open for writing here while a test forks could not be run.
    assert!(
        std::process::Command::new("cp")
            .args([crate::harness::PROGRAM.as_ref(), program.as_path()])
            .status()
            .unwrap()
            .success()
    );
    let mut command = std::process::Command::new(&program);
    let output = command.args(["install-units", "--dry-run"]).env_clear().output().unwrap();
    Ran::from(output).refused(77, "could be replaced by somebody", "/usr/local/bin");
}
