//! Leaving something on the host that would run later, outside.

use crate::harness::attempt::escape_as_root;
use crate::harness::{Attempt, escape};
use std::path::Path;

/// Appending to a file of the home, which must stay as it was.
fn cannot_append(name: &'static str) {
    escape(move |scene| {
        let target = scene.at_home(name);
        let words = ["write".into(), target.clone().into_os_string(), "evil".into()];
        Attempt::attack(scene, &words)
            .effect(move |_| std::fs::read_to_string(&target).is_ok_and(|content| content.contains("evil")))
    });
}

#[test]
fn shell_start_files_cannot_be_changed() {
    cannot_append(".bashrc");
    cannot_append(".profile");
    cannot_append(".zshenv");
}

#[test]
fn authorized_keys_cannot_be_added() {
    cannot_append(".ssh/authorized_keys");
}

#[test]
fn user_services_cannot_be_changed_or_added() {
    cannot_append(".config/systemd/user/agent.service");
    cannot_append(".config/systemd/user/new.service");
}

#[test]
fn autostart_entries_cannot_be_added() {
    cannot_append(".config/autostart/x.desktop");
}

#[test]
fn global_git_configuration_cannot_be_changed() {
    cannot_append(".gitconfig");
}

#[test]
fn tools_on_the_users_path_cannot_be_replaced() {
    cannot_append(".local/bin/git");
    escape(|_| {
        Attempt::shell("echo evil >~/.local/bin/attack || mv ~/.local/bin ~/.local/gone")
            .status_zero()
            .bare_only_as_a_user("it is running")
    });
}

#[test]
fn agents_own_configuration_cannot_be_changed() {
    cannot_append(".claude/settings.json");
    cannot_append(".openclaw/openclaw.json");
    cannot_append(".codex/config.toml");
}

#[test]
fn launchers_own_policy_cannot_be_written() {
    escape(|scene| {
        scene.mkdir(&scene.at_home(".config/lobsterpot"));
        let target = scene.at_home(".config/lobsterpot/policy.toml");
        let words = ["write".into(), target.clone().into_os_string(), "evil".into()];
        Attempt::attack(scene, &words).effect(move |_| target.exists())
    });
}

#[test]
fn timed_jobs_cannot_be_added() {
    escape_as_root(|scene| {
        let place = Path::new("/etc/cron.d").join(format!("lobsterpot-e2e-{}", crate::harness::canary::random_name()));
        scene.goes_away(&place);
        scene.needs_folder(Path::new("/etc/cron.d"));
        Attempt::attack(scene, &["write".into(), place.into_os_string(), "# evil".into()])
    });
}
