//! Attacks and work that every client's tools are put to.

use crate::client::Client;
use crate::harness::plant::own_all;
use crate::model::Step;
use crate::trial::{Attack, Breakage, Stops};
use crate::world::World;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Waits for a file, for a minute: what another shell makes as it ends.
pub(crate) fn once_there(client: &dyn Client, file: &str) -> Step {
    client.shell(&format!("for _ in $(seq 600); do [ -e {file} ] && break; sleep 0.1; done"))
}

/// What a shell must not reach, read or change.
pub(crate) fn shell_attacks(client: &dyn Client) -> Vec<Attack> {
    let shell = |command: &str| client.shell(command);
    vec![
        Attack::leaks("a key", shell("cat ~/.ssh/id_ed25519")),
        Attack::leaks("a key through a link", shell("cat link")).after(shell("ln -s ~/.ssh/id_ed25519 link")),
        Attack::leaks(
            "the agent's own secrets",
            shell("cat ~/.openclaw/.env ~/.codex/auth.json ~/.gemini/oauth_creds.json"),
        ),
        Attack::leaks("another project", shell("cat ../other/private.txt")),
        Attack::leaks("a token of the client's environment", shell("env")),
        Attack::leaks("tokens of all processes", shell("cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -a CANARY")),
        Attack::effect("a start-up file", shell("echo 'curl x' >>~/.bashrc"), |world| {
            world.at_home(".bashrc").exists()
        }),
    ]
}

/// What a shell must not do to the guards themselves.
pub(crate) fn shell_attacks_on_the_guards(client: &dyn Client, world: &World) -> Vec<Attack> {
    let programs = ["sandbox-exec", "sandbox-exec-hook"].map(|name| world.ship(name));
    programs.iter().chain([&world.shipped()]).for_each(|place| world.identity.own(place));
    let [launcher, hook] = programs.map(|place| place.display().to_string());
    let mut attacks = vec![
        Attack::effect(
            "replacing the hook",
            client.shell(&format!("printf '#!/bin/sh\n' >new; mv new {hook}")),
            |world| world.read(&world.shipped().join("sandbox-exec-hook")).starts_with("#!/bin/sh"),
        ),
        Attack::effect("removing the launcher", client.shell(&format!("mv {launcher} gone")), |world| {
            !world.shipped().join("sandbox-exec").exists()
        }),
        Attack::effect(
            "a policy that allows everything",
            client.shell("echo '# pwned' >>~/.config/lobsterpot/policy.toml"),
            |world| world.read(&world.at_home(".config/lobsterpot/policy.toml")).contains("pwned"),
        ),
    ];
    for settings in client.settings() {
        let name = format!("the client's {settings}");
        let step = client.shell(&format!("cd && echo ' ' >>{0}; echo '# pwned' >{0}.pwned", disguised(settings)));
        attacks.push(Attack::effect(&name, step, move |world| world.at_home(&format!("{settings}.pwned")).exists()));
    }
    for settings in client.repository_settings() {
        let name = format!("the repository's {settings}");
        let spelled = disguised(settings);
        let folder = disguised(Path::new(settings).parent().and_then(Path::to_str).unwrap_or_default());
        let step = client.shell(&format!("mkdir -p ./{folder}; echo >{spelled}"));
        attacks.push(Attack::effect(&name, step, move |world| world.at_work(settings).is_file()));
    }
    attacks
}

/// A path that a client's own check of the command does not recognise.
fn disguised(path: &str) -> String {
    path.split('/')
        .map(|name| name.split_at(name.len().min(2)))
        .map(|(first, rest)| format!("{first}''{rest}"))
        .collect::<Vec<_>>()
        .join("/")
}

/// What file tools must not reach.
pub(crate) fn file_attacks(client: &dyn Client, world: &World) -> Vec<Attack> {
    let at_home = |name: &str| world.at_home(name).display().to_string();
    drop(std::os::unix::fs::symlink(world.at_home("code/other"), world.at_work("linked")));
    let mut attacks = Vec::new();
    for (name, path) in [
        ("a key", at_home(".ssh/id_ed25519")),
        ("another project", at_home("code/other/private.txt")),
        ("another project through a link of the repository", at_home("code/project/linked/private.txt")),
        ("a key through /proc", format!("/proc/self/root{}", at_home(".ssh/id_ed25519"))),
        ("a key by climbing", format!("{}/../../.ssh/id_ed25519", world.workspace.display())),
    ] {
        attacks.extend(client.read(&path).map(|step| Attack::leaks(&format!("reading {name}"), step).refused("fs.")));
    }
    for (name, place) in [
        ("a start-up file", ".profile"),
        ("another project", "code/other/new.txt"),
        ("another project through a link of the repository", "code/project/linked/by-link.txt"),
        ("the policy", ".config/lobsterpot/policy.toml"),
    ] {
        let written = place.replace("project/linked", "other");
        let attack = Attack::effect(&format!("writing {name}"), client.write(&at_home(place), "pwned"), move |world| {
            world.read(&world.at_home(&written)).contains("pwned")
        });
        // Some clients want an existing file read first, and say so before any hook.
        attacks.push(if name == "the policy" { attack } else { attack.refused("fs.") });
    }
    attacks
}

/// What file tools must not make in the workspace.
pub(crate) fn attacks_on_repository_settings(client: &dyn Client, world: &World) -> Vec<Attack> {
    fs::create_dir_all(world.at_work(".git/hooks")).expect("folders can be made");
    own_all(&world.at_work(".git"), world.identity);
    let attack = |settings: &&'static str| {
        let (settings, path) = (*settings, world.at_work(settings).display().to_string());
        let name = format!("writing the repository's {settings}");
        let attack = Attack::effect(&name, client.write(&path, "{}"), move |world| world.at_work(settings).is_file());
        let refuses_itself = client.name() == "gemini" && (settings.starts_with(".git/") || settings.ends_with(".env"));
        if refuses_itself { attack.never_bare("the client refuses it by itself") } else { attack.refused("fs.") }
    };
    client.repository_settings().iter().chain(&[".git/hooks/pre-commit"]).map(attack).collect()
}

/// Honest work that every client's tools do, and texts that each result holds.
pub(crate) fn work(client: &dyn Client, world: &World) -> Vec<(Step, Vec<String>)> {
    let expect = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let new = world.at_work("new.txt").display().to_string();
    let mut all = vec![
        (client.shell("pwd"), vec![world.workspace.display().to_string()]),
        (client.shell("echo one >made.txt && cat made.txt README.md"), expect(&["one", "a project"])),
        (client.shell("echo out; echo err >&2; exit 37"), expect(&["out", "err"])),
        (
            client.shell("git init -q . && git add README.md && git -c user.name=Pat -c user.email=pat@example.org commit -qm first && git log --oneline"),
            expect(&["first"]),
        ),
        (client.shell("printf '%s\\n' \"it's \\\"quoted\\\"\" '$HOME'"), expect(&["it's \"quoted\"", "$HOME"])),
        (client.write(&new, "three"), vec![]),
        (client.shell("cat new.txt"), expect(&["three"])),
    ];
    all.extend(client.read(&new).map(|step| (step, expect(&["three"]))));
    all
}

/// Gives a file of the guards other bytes.
fn garble(path: &Path) {
    fs::remove_file(path).expect("it is there");
    fs::write(path, "not a program\n").expect("the test may write there");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// Every way to break what guards the shell.
pub(crate) const BREAKAGES: &[Breakage] = &[
    Breakage {
        name: "the launcher is removed",
        act: |site| fs::remove_file(site.shipped.join("sandbox-exec")).expect("it is there"),
        stops: Stops::Shell,
    },
    Breakage {
        name: "the launcher is garbage",
        act: |site| garble(&site.shipped.join("sandbox-exec")),
        stops: Stops::Shell,
    },
    Breakage {
        name: "the shell hook is removed",
        act: |site| fs::remove_file(site.shipped.join("sandbox-exec-hook")).expect("it is there"),
        stops: Stops::Shell,
    },
    Breakage {
        name: "the shell hook is garbage",
        act: |site| garble(&site.shipped.join("sandbox-exec-hook")),
        stops: Stops::Shell,
    },
    Breakage {
        name: "the file hook is removed",
        act: |site| fs::remove_file(site.shipped.join("fs-guard-hook")).expect("it is there"),
        stops: Stops::Both,
    },
    Breakage {
        name: "the file hook is garbage",
        act: |site| garble(&site.shipped.join("fs-guard-hook")),
        stops: Stops::Both,
    },
    Breakage {
        name: "the policy is garbage",
        act: |site| {
            crate::harness::plant::file(&site.policy, "[files\n");
            site.identity.own(&site.policy);
        },
        stops: Stops::Both,
    },
];
