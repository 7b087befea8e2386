//! Files that a shell, a desktop, a timer, an editor or a package manager of the person's runs at its next start.

use crate::harness::attempt::{escape_as_root, escape_prepared_by_root};
use crate::harness::{Attempt, Run, Scene, escape, host, require};
use std::ffi::OsString;

/// Appends to every one of these files of the home, of which none may say `evil` afterwards.
fn cannot_be_written_at_home(names: &'static [&'static str]) {
    escape(move |scene| {
        let places: Vec<_> = names.iter().map(|name| scene.at_home(name)).collect();
        let mut words: Vec<OsString> = vec!["append-each".into(), "evil".into()];
        words.extend(places.iter().map(|place| place.clone().into_os_string()));
        Attempt::attack(scene, &words).effect(move |_| {
            places.iter().any(|place| std::fs::read_to_string(place).is_ok_and(|content| content.contains("evil")))
        })
    });
}

#[test]
fn start_files_of_every_shell_cannot_be_written() {
    cannot_be_written_at_home(&[
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_logout",
        ".bash_aliases",
        ".profile",
        ".login",
        ".cshrc",
        ".kshrc",
        ".zshenv",
        ".zshrc",
        ".zprofile",
        ".zlogin",
        ".oh-my-zsh/custom/evil.zsh",
        ".config/fish/config.fish",
        ".config/fish/conf.d/evil.fish",
        ".config/fish/functions/ls.fish",
        ".config/nushell/config.nu",
        ".config/powershell/profile.ps1",
        ".config/starship.toml",
        ".config/direnv/direnvrc",
        ".inputrc",
        ".envrc",
        ".pam_environment",
        ".config/environment.d/evil.conf",
        ".ssh/rc",
        ".ssh/environment",
        ".ssh/config",
        ".ssh/authorized_keys2",
    ]);
}

#[test]
fn start_files_of_the_desktop_and_its_services_cannot_be_written() {
    cannot_be_written_at_home(&[
        ".xprofile",
        ".xinitrc",
        ".xsession",
        ".xsessionrc",
        ".Xresources",
        ".config/autostart/evil.desktop",
        ".config/plasma-workspace/env/evil.sh",
        ".config/autostart-scripts/evil.sh",
        ".config/sway/config",
        ".config/hypr/hyprland.conf",
        ".config/i3/config",
        ".config/awesome/rc.lua",
        ".config/systemd/user/evil.service",
        ".config/systemd/user/default.target.wants/evil.service",
        ".local/share/systemd/user/evil.service",
        ".local/share/dbus-1/services/org.freedesktop.evil.service",
        ".local/share/applications/evil.desktop",
        ".local/share/kio/servicemenus/evil.desktop",
        ".local/share/nautilus/scripts/evil",
        ".local/share/gnome-shell/extensions/evil/extension.js",
        ".config/mimeapps.list",
        ".config/user-dirs.dirs",
        ".config/containers/containers.conf",
        ".config/containers/systemd/evil.container",
        ".docker/cli-plugins/docker-evil",
        ".docker/config.json",
    ]);
}

#[test]
fn start_files_of_editors_and_tools_cannot_be_written() {
    cannot_be_written_at_home(&[
        ".vimrc",
        ".vim/plugin/evil.vim",
        ".vim/vimrc",
        ".config/nvim/init.lua",
        ".local/share/nvim/site/plugin/evil.lua",
        ".emacs",
        ".emacs.d/init.el",
        ".config/emacs/init.el",
        ".config/Code/User/settings.json",
        ".vscode/extensions/evil/package.json",
        ".vscode-server/extensions/evil/package.json",
        ".config/zed/settings.json",
        ".config/JetBrains/idea.vmoptions",
        ".tmux.conf",
        ".screenrc",
        ".gdbinit",
        ".lldbinit",
        ".config/gdb/gdbinit",
        ".lessfilter",
        ".nanorc",
        ".mailcap",
        ".config/git/config",
        ".config/git/hooks/pre-commit",
        ".config/git/attributes",
        ".hgrc",
        ".config/hg/hgrc",
        ".config/jj/config.toml",
        ".config/htop/htoprc",
        ".config/mise/config.toml",
        ".tool-versions",
        ".asdfrc",
        ".mozilla/firefox/abc.default/user.js",
    ]);
}

#[test]
fn settings_of_package_managers_and_their_programs_cannot_be_written() {
    cannot_be_written_at_home(&[
        ".npmrc",
        ".yarnrc",
        ".yarnrc.yml",
        ".pnpmfile.cjs",
        ".bunfig.toml",
        ".node_modules/evil/index.js",
        ".config/pip/pip.conf",
        ".pip/pip.conf",
        ".pydistutils.cfg",
        ".config/uv/uv.toml",
        ".local/lib/python3.11/site-packages/evil.pth",
        ".local/lib/python3.11/site-packages/usercustomize.py",
        ".pythonrc.py",
        ".cargo/config.toml",
        ".cargo/env",
        ".cargo/bin/cargo-evil",
        ".rustup/settings.toml",
        ".rustup/toolchains/evil/bin/rustc",
        ".m2/settings.xml",
        ".mavenrc",
        ".gradle/init.gradle",
        ".gradle/init.d/evil.gradle",
        ".sbt/1.0/plugins/evil.sbt",
        ".gemrc",
        ".irbrc",
        ".pryrc",
        ".bundle/config",
        ".Rprofile",
        ".ghci",
        ".perldb",
        ".config/go/env",
        "go/bin/gopls",
        ".nvm/nvm.sh",
        ".pyenv/shims/python",
        ".asdf/asdf.sh",
        ".sdkman/bin/sdkman-init.sh",
        ".local/bin/evil",
        ".local/share/mise/shims/node",
        "bin/evil",
    ]);
}

/// Gives a command system folders of the test's own, and tells by the secret when it has written to one.
const REHEARSED: &str = r#"
set -e
attack=$1 secret=$2 user=$3; shift 3
folders=(/etc/profile.d /etc/cron.d /etc/systemd /etc/xdg /etc/pam.d /etc/security /etc/sudoers.d /etc/ssh /etc/apt /etc/udev /etc/init.d
  /etc/ld.so.conf.d /etc/update-motd.d /etc/NetworkManager /etc/dbus-1 /var/spool /var/lib/systemd /usr/lib/systemd /usr/local /usr/share /run)
for folder in "${folders[@]}"; do
  [ ! -d "$folder" ] || mount -t tmpfs -o mode=755,uid="$user" none "$folder"
done
set +e
setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
status=$?
for folder in "${folders[@]}"; do ! grep -rqs evil "$folder" || echo "$secret"; done
exit $status"#;

#[test]
fn start_files_of_the_whole_system_cannot_be_written_by_whoever_owns_them() {
    if !require(&["unshare", "setpriv"]) {
        return;
    }
    let attempt = |scene: &mut Scene| {
        let mut outer = host::words(&["unshare", "--mount", "--propagation", "private", "/bin/bash", "-c", REHEARSED]);
        outer.extend(["bash".into(), scene.attack().into_os_string(), scene.canary.text().into()]);
        outer.push(scene.identity.id.to_string().into());
        let words = [
            "append-each",
            "evil",
            "/etc/profile.d/evil.sh",
            "/etc/cron.d/evil",
            "/etc/systemd/system/evil.service",
            "/etc/xdg/autostart/evil.desktop",
            "/etc/pam.d/common-auth",
            "/etc/security/pam_env.conf",
            "/etc/sudoers.d/evil",
            "/etc/ssh/sshrc",
            "/etc/apt/apt.conf.d/99evil",
            "/etc/udev/rules.d/99-evil.rules",
            "/etc/init.d/evil",
            "/etc/ld.so.conf.d/evil.conf",
            "/etc/update-motd.d/99-evil",
            "/etc/NetworkManager/dispatcher.d/evil",
            "/etc/dbus-1/system.d/evil.conf",
            "/var/spool/cron/crontabs/pat",
            "/var/spool/cron/atjobs/a0000101a2b3c4",
            "/var/spool/anacron/cron.daily",
            "/var/lib/systemd/linger/pat",
            "/usr/lib/systemd/system-generators/evil",
            "/usr/local/bin/git",
            "/usr/local/lib/python3.11/dist-packages/evil.pth",
            "/usr/share/bash-completion/completions/git",
            "/run/systemd/system/evil.service",
        ];
        Attempt::attack(scene, &words).leaks().with(|mut run| {
            (run.outer, run.outer_changes_user) = (outer, true);
            run
        })
    };
    escape_as_root(attempt);
    escape_prepared_by_root(attempt);
}

#[test]
fn repository_of_jujutsu_cannot_be_redirected() {
    for (before, script) in [
        (
            "mkdir -p .jj/repo/store",
            "rm -rf .jj/repo; mv .jj/repo x; mv .jj y; mkdir -p .jj; echo evil >.jj/repo; echo evil >z; mv z .jj/repo",
        ),
        (
            "true",
            "mkdir .jj; echo evil >.jj/repo; rm -rf .jj/repo; /usr/bin/python3 -c \"import os; os.mknod('.jj/repo', 0o100644)\"; echo evil >.jj/repo",
        ),
        ("true", "mkdir .jj; echo evil >x; ln x .jj/repo"),
        (
            "mkdir .jj; echo ../../other/.jj/repo >.jj/repo",
            "echo evil >.jj/repo; echo evil >x; mv x .jj/repo; truncate -s 0 .jj/repo; echo evil >>.jj/repo",
        ),
    ] {
        escape(move |scene| {
            scene.bare(&Run::shell(before)).ok();
            let place = scene.at_work(".jj/repo");
            Attempt::shell(script)
                .effect(move |_| std::fs::read_to_string(&place).is_ok_and(|content| content.contains("evil")))
        });
    }
}
