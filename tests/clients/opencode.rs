//! opencode, guarded in the user's own settings.

use crate::client::opencode::OpenCode;
use crate::shared;
use crate::trial::{attacks, broken, work};

#[test]
fn shell_calls_cannot_reach_secrets() {
    attacks(&OpenCode, |_| shared::shell_attacks(&OpenCode));
}

#[test]
fn guards_cannot_be_switched_off_from_within() {
    attacks(&OpenCode, |world| {
        let mut all = shared::shell_attacks_on_the_guards(&OpenCode, world);
        all.extend(shared::attacks_on_repository_settings(&OpenCode, world));
        all
    });
}

#[test]
fn file_tools_keep_to_the_workspace() {
    attacks(&OpenCode, |world| shared::file_attacks(&OpenCode, world));
}

#[test]
fn broken_guards_stop_the_tools() {
    broken(&OpenCode, shared::BREAKAGES);
}

#[test]
fn work_goes_on_as_before() {
    work(&OpenCode, |world| shared::work(&OpenCode, world));
}
