//! GitHub Copilot CLI, guarded in the user's own settings.

use crate::client::copilot::Copilot;
use crate::shared;
use crate::trial::{attacks, broken, work};

#[test]
fn shell_calls_cannot_reach_secrets() {
    attacks(&Copilot, |_| shared::shell_attacks(&Copilot));
}

#[test]
fn guards_cannot_be_switched_off_from_within() {
    attacks(&Copilot, |world| {
        let mut all = shared::shell_attacks_on_the_guards(&Copilot, world);
        all.extend(shared::attacks_on_repository_settings(&Copilot, world));
        all
    });
}

#[test]
fn file_tools_keep_to_the_workspace() {
    attacks(&Copilot, |world| shared::file_attacks(&Copilot, world));
}

#[test]
fn broken_guards_stop_the_tools() {
    broken(&Copilot, shared::BREAKAGES);
}

#[test]
fn work_goes_on_as_before() {
    work(&Copilot, |world| shared::work(&Copilot, world));
}
