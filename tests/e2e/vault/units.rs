//! What systemd itself says of the units: `systemd-analyze verify` and `systemd-analyze security`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Identity, binary, require, skip};

/// Runs a command.
///
/// # Errors
/// With what it said, when it failed or warned.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // `verify` only warns of some mistakes.
    if output.status.success() && !said.contains("Unknown") && !said.contains("ignoring") { Ok(()) } else { Err(said) }
}

/// Writes units below a folder, and asserts that systemd finds nothing wrong with them, and their exposure low enough.
fn must_be_sound(root: &Path, manager: &str, options: &[&str], folder: &str, exposure: u32) {
    let home = root.join("home/pat");
    let mut install = Command::new(binary("lobsterpot-vault"));
    install.arg("install-units").args(options).env_clear().env("HOME", "/home/pat").arg("--root").arg(root);
    if manager == "--user" {
        Identity::all().last().expect("somebody").apply(&mut install);
    }
    run(&mut install).expect("units are written");
    let folder = root.join(folder);
    let unit = folder.join("lobsterpot-vault.service");
    let gateway = folder.join("openclaw-gateway.service");
    fs::write(&gateway, "[Service]\nExecStart=/bin/true\n").expect("a gateway");
    let mut verify = Command::new("systemd-analyze");
    verify.args([manager, "verify"]).args([&unit, &gateway]);
    verify.env("XDG_RUNTIME_DIR", &home).env("HOME", &home);
    run(&mut verify).expect("systemd-analyze verify");
    let mut security = Command::new("systemd-analyze");
    security.args([manager, "security", "--offline=yes", "--no-pager", &format!("--threshold={exposure}")]).arg(&unit);
    security.env("XDG_RUNTIME_DIR", &home).env("HOME", &home);
    run(&mut security).expect("systemd-analyze security");
}

#[test]
fn work_systemd_finds_every_unit_sound_and_its_exposure_low() {
    if !require(&["systemd-analyze"]) {
        return;
    }
    let system = "etc/systemd/system";
    let user = "home/pat/.config/systemd/user";
    // The exposure of a person's unit is reckoned as if it were root's: a user's manager has no capabilities to take away.
    let cases: [(&str, &[&str], &str, u32); 6] = [
        ("--system", &[], system, 5),
        ("--system", &["--environment", "--only", "A,B", "--credential", "plain"], system, 5),
        ("--system", &["--own-tmpfs"], system, 5),
        ("--system", &["--account", "pat", "--allow-swap"], system, 3),
        ("--user", &["--user"], user, 62),
        ("--user", &["--user", "--credential", "sealed", "--environment"], user, 62),
    ];
    for (manager, options, folder, exposure) in cases {
        let root = tempfile::tempdir().expect("a folder");
        let ordinary = Identity::all().last().copied().expect("somebody");
        if manager == "--user" && ordinary.is_root() {
            skip("root alone has no unit of a person's");
            continue;
        }
        fs::create_dir_all(root.path().join("etc")).expect("a folder");
        fs::create_dir_all(root.path().join("home/pat")).expect("a folder");
        fs::write(root.path().join("etc/passwd"), "pat:x:61234:61234::/home/pat:/bin/sh\n").expect("a file");
        for place in [root.path().to_path_buf(), root.path().join("home"), root.path().join("home/pat")] {
            ordinary.own(&place);
        }
        must_be_sound(root.path(), manager, options, folder, exposure);
    }
}
