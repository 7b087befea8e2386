//! Clients that take their key from the vault: it reaches the model's server and no file, and no hijacked agent reaches it.

use crate::client::Client;
use crate::client::openclaw::OpenClaw;
use crate::client::vault::{ID, Keyless, key, program};
use crate::harness::identity::Identity;
use crate::model::Step;
use crate::trial::{Attack, Session, attacks};
use crate::world::{self, World};
use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder whose content holds one of the texts.
fn holders(folder: &Path, texts: &[String]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = entry.file_type().expect("the kind of an entry");
        if kind.is_dir() {
            found.extend(holders(&entry.path(), texts));
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            let holds = |text: &String| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            found.extend(texts.iter().any(holds).then(|| entry.path()));
        }
    }
    found
}

/// A text in hexadecimal digits.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The client gets its key to the model, and keeps it out of every file.
#[track_caller]
fn the_key_reaches_the_model_alone(client: &Keyless, headers: impl Fn(&str) -> Vec<String>) {
    if !world::has(client.package()) {
        return;
    }
    for identity in Identity::all() {
        let steps = vec![client.shell("echo hello >made.txt")];
        let session = Session::run(client, World::new(identity), false, steps);
        let key = key(&session.world);
        assert!(session.world.at_work("made.txt").exists(), "the client works: {session}");
        assert_eq!(session.model.credentials(), headers(&key), "{session}");
        let forms = [key.clone(), hex(&key), key.chars().rev().collect()];
        assert_eq!(holders(&session.world.root, &forms), Vec::<PathBuf>::new(), "{session}");
        let probe = session.world.at_home("probe.txt");
        session.world.write(&probe, &key);
        assert_eq!(holders(&session.world.root, &forms), [probe], "the search finds what is there");
    }
}

/// What a hijacked agent's shell does to get at the key. It shows the key in other digits, for OpenClaw hides from its model
/// what it knows to be a secret.
fn shell_attacks(client: &dyn Client, world: &World) -> Vec<Attack> {
    let program = program(world).display().to_string();
    let request = format!(r#"{{"protocolVersion":1,"provider":"lobsterpot","ids":["{ID}"]}}"#);
    let folder = if world.identity.is_root() { "/etc/lobsterpot" } else { "~/.config/lobsterpot" };
    let files = format!("--vault {folder}/vault.age --identity {folder}/vault.key");
    let asking = |name: &str, command: &str| {
        let step = client.shell(&format!("{command} | od -An -v -tx1 | tr -d ' \\n'"));
        Attack::says(name, step, &hex(&key(world)))
    };
    vec![
        asking("asking the vault", &format!("{program} get SCRIPTED_API_KEY")),
        asking("asking as OpenClaw asks", &format!("echo '{request}' | env -i {program} provider openclaw")),
        asking("asking as Claude Code asks", &format!("{program} provider claude-api-key SCRIPTED_API_KEY")),
        asking("asking with the files named", &format!("{program} {files} get SCRIPTED_API_KEY")),
        asking("taking a copy of the program", &format!("cp {program} v; ./v get SCRIPTED_API_KEY")),
        Attack::says("reading the identity", client.shell(&format!("cat {folder}/vault.key")), "AGE-SECRET-KEY"),
        Attack::says(
            "reading the vault",
            client.shell(&format!("head -c 21 {folder}/vault.age")),
            "age-encryption.org",
        ),
        Attack::effect("removing the vault", client.shell(&format!("rm {folder}/vault.age")), |world| {
            !vault_stands(world)
        }),
    ]
}

/// Whether the vault is still where it was.
fn vault_stands(world: &World) -> bool {
    ["home/.config/lobsterpot/vault.age", "etc.all/lobsterpot/vault.age"]
        .iter()
        .any(|place| world.root.join(place).exists())
}

#[test]
fn openclaw_takes_its_key_from_the_vault_and_writes_it_nowhere() {
    the_key_reaches_the_model_alone(&Keyless::OpenClaw(OpenClaw::Local), |key| vec![format!("Bearer {key}")]);
}

#[test]
fn the_gateway_takes_its_key_from_the_vault_and_writes_it_nowhere() {
    the_key_reaches_the_model_alone(&Keyless::OpenClaw(OpenClaw::Gateway), |key| vec![format!("Bearer {key}")]);
}

#[test]
fn openclaw_takes_its_key_through_the_plugin() {
    let client = Keyless::Integration;
    if !world::has(client.package()) {
        return;
    }
    for identity in Identity::all() {
        let session = Session::run(&client, World::new(identity), false, vec![Step::Say("hello".to_owned())]);
        // OpenClaw starts a plugin's resolver with its own Node, if that belongs to its own user.
        let starts = session.world.owner_of_node() == identity.id;
        let expected: Vec<String> = starts.then(|| format!("Bearer {}", key(&session.world))).into_iter().collect();
        assert_eq!(session.model.credentials(), expected, "{session}");
    }
}

#[test]
fn claude_code_takes_its_key_from_the_vault_and_writes_it_nowhere() {
    the_key_reaches_the_model_alone(&Keyless::ClaudeCode, |key| vec![format!("Bearer {key}"), key.to_owned()]);
}

#[test]
fn a_hijacked_openclaw_gets_nothing_of_the_vault() {
    let client = Keyless::OpenClaw(OpenClaw::Gateway);
    attacks(&client, |world| shell_attacks(&client, world));
}

#[test]
fn a_hijacked_claude_code_gets_nothing_of_the_vault() {
    attacks(&Keyless::ClaudeCode, |world| shell_attacks(&Keyless::ClaudeCode, world));
}
