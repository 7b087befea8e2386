//! Puts the guards into a client's settings with the installer.

use super::Client;
use crate::world::{Start, World};

/// Every program that is shipped.
pub(crate) const PROGRAMS: &[&str] = &[
    "lobsterpot",
    "sandbox-exec",
    "lobsterpot-egress",
    "sandbox-exec-hook",
    "fs-guard",
    "fs-guard-hook",
    "lobsterpot-vault",
];

/// The person's policy, below the home.
pub(crate) const POLICY_FILE: &str = ".config/lobsterpot/policy.toml";

/// What it says: which folder is the workspace.
pub(crate) const POLICY: &str = "[workspace]\nroots = [\"~/code/project\"]\n";

/// Ships the programs, lets the user name the workspace, and installs for a client; the settings that are there stay.
#[track_caller]
pub(crate) fn install(world: &World, client: &dyn Client) {
    PROGRAMS.iter().for_each(|name| drop(world.ship(name)));
    world.write(&world.at_home(POLICY_FILE), POLICY);
    client.install(world);
}

/// Runs the installer for the client of this name, as its user would.
#[track_caller]
pub(crate) fn run(world: &World, name: &str) {
    let start = with_lobsterpot(world).args(&["install", name]);
    let start = match name {
        "claude-code" | "copilot" => start.args(&["--approve"]),
        _ => start,
    };
    world.run(&start).ok();
}

/// The front door, without its arguments.
pub(crate) fn with_lobsterpot(world: &World) -> Start {
    Start::new(&[world.shipped().join("lobsterpot").into_os_string()])
}
