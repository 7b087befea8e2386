//! Recipients and identities that a plugin holds: it is used, asked nothing in return, and started only where nobody else could
//! have put it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::{Home, Ran, has, write_program};

/// The plugin. It asks for a secret first, and goes on only when nobody answers.
const PLUGIN: &str = include_str!("age-plugin-test.py");

/// Its recipient, and its identity.
const RECIPIENT: &str = "age1test1dzqdan";
const IDENTITY: &str = "AGE-PLUGIN-TEST-1M7420Z\n";

/// A home with the plugin, its identity, and a vault for its recipient. None without Python, which the plugin is written in.
fn home() -> Option<Home> {
    if !has("python3") {
        return None;
    }
    let home = Home::new();
    for folder in ["bin", "v"] {
        fs::create_dir(home.path(folder)).unwrap();
        chmod(&home, folder, 0o700);
    }
    write_program(&home.path("bin/age-plugin-test"), PLUGIN.as_bytes());
    fs::write(home.identity(), IDENTITY).unwrap();
    chmod(&home, "v/vault.key", 0o600);
    run(&home, &["init", "--classic", "--recipient", RECIPIENT], |_| {}).done();
    Some(home)
}

/// Changes a mode.
fn chmod(home: &Home, name: &str, mode: u32) {
    fs::set_permissions(home.path(name), Permissions::from_mode(mode)).unwrap();
}

/// Runs the vault with the plugin's folder first on `PATH`, in an environment that is changed before.
fn run(home: &Home, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Ran {
    let mut command = home.command(arguments);
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", home.path("bin").display()));
    change(&mut command);
    command.output().unwrap().into()
}

#[test]
fn a_plugin_encrypts_and_decrypts_and_is_never_answered() {
    let Some(home) = home() else { return };
    run(&home, &["list"], |_| {}).done();
}

#[test]
fn a_plugin_that_others_could_replace_is_not_started() {
    let Some(home) = home() else { return };
    let folder = home.path("bin").display().to_string();
    for (name, mode) in [("bin", 0o770), ("bin/age-plugin-test", 0o775)] {
        chmod(&home, name, mode);
        let path = home.path(name).display().to_string();
        run(&home, &["list"], |_| {}).refused(
            77,
            &format!("the plugin age-plugin-test is not started: {path} can be written by others (mode {mode:04o})"),
            &format!("`chmod go-w {path}`"),
        );
        chmod(&home, name, 0o755);
    }
    run(&home, &["list"], |command| {
        command.env("PATH", format!("bin:{folder}"));
    })
    .refused(
        77,
        "the plugin age-plugin-test is not looked for: PATH has an entry that is not absolute",
        "remove empty and relative entries from PATH",
    );
}

#[test]
fn a_plugin_is_not_started_where_the_library_would_print_keys() {
    let Some(home) = home() else { return };
    run(&home, &["list"], |command| {
        command.env("AGEDEBUG", "plugin");
    })
    .refused(
        77,
        "the plugin age-plugin-test is not started: AGEDEBUG would print the file's key",
        "`unset AGEDEBUG`",
    );
}

#[test]
fn a_plugin_that_is_missing_is_named() {
    let Some(home) = home() else { return };
    fs::remove_file(home.path("bin/age-plugin-test")).unwrap();
    run(&home, &["list"], |_| {}).refused(
        69,
        "the plugin age-plugin-test is not on PATH",
        "install age-plugin-test, or add its folder to PATH",
    );
}
