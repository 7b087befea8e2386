//! Clients that have their key in the vault, and nowhere else.

use super::Client;
use super::claude::ClaudeCode;
use super::openclaw::{self, OpenClaw};
use crate::harness::host;
use crate::harness::plant::own_all;
use crate::harness::scene::put;
use crate::model::{Model, Step};
use crate::world::{Start, World};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// OpenClaw's settings, in the home.
const SETTINGS: &str = ".openclaw/openclaw.json";

/// What the key is called in the vault.
const NAME: &str = "SCRIPTED_API_KEY";

/// What OpenClaw calls it: its ids have no underscore.
pub(crate) const ID: &str = "SCRIPTED-API-KEY";

/// A client whose key is in the vault.
pub(crate) enum Keyless {
    /// OpenClaw, whose secret provider is the vault's program.
    OpenClaw(OpenClaw),
    /// OpenClaw, whose secret provider is declared by our plugin.
    Integration,
    /// Claude Code, whose `apiKeyHelper` is.
    ClaudeCode,
}

impl Keyless {
    /// The client itself.
    fn inner(&self) -> &dyn Client {
        match self {
            Self::OpenClaw(client) => client,
            Self::Integration => &OpenClaw::Local,
            Self::ClaudeCode => &ClaudeCode::User,
        }
    }
}

/// The key: it holds the world's canary, and is in no file that the world was made with.
pub(crate) fn key(world: &World) -> String {
    format!("{}-in-the-vault", world.canary.text())
}

/// The vault's program, as this world's user has it: OpenClaw starts none that belongs to another.
pub(crate) fn program(world: &World) -> PathBuf {
    let program = world.ship("lobsterpot-vault");
    world.identity.own(&program);
    program
}

/// Makes a vault with the key in it, as its user would.
#[track_caller]
fn keep(world: &World) {
    let program = program(world).into_os_string();
    world.own_etc();
    world.run(&Start::new(&[program.clone(), "init".into()])).ok();
    let set = r#"printf %s "$KEY" | "$0" set "$1""#;
    let start = Start::new(&["/bin/sh", "-c", set]).args(&[program, NAME.into()]).env("KEY", key(world));
    world.run(&start).ok();
}

/// Writes OpenClaw's settings, with its key at a secret provider.
fn point(world: &World, mut settings: Value, provider: &Value) {
    settings["secrets"] = json!({"providers": {"lobsterpot": provider}});
    settings["models"]["providers"]["scripted"]["apiKey"] =
        json!({"source": "exec", "provider": "lobsterpot", "id": ID});
    world.write(&world.at_home(SETTINGS), &format!("{settings:#}\n"));
}

/// Has OpenClaw install our plugin, whose resolver looks for the vault's program in `~/.local/bin`; the settings after that.
#[track_caller]
fn with_plugin(world: &World, model: &Model) -> Value {
    let place = world.at_home(".local/bin/lobsterpot-vault");
    put(&host::binary("lobsterpot-vault"), &place);
    world.identity.own(&place);
    let mut settings = openclaw::settings(world, model);
    settings["plugins"] = json!({"entries": {"lobsterpot": {"enabled": true, "config": {"bin": world.shipped()}}}});
    world.write(&world.at_home(SETTINGS), &format!("{settings:#}\n"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../hooks/openclaw-plugin");
    let copied = Command::new("cp").args(["-r", "--no-preserve=all", source]).arg(world.at_home("plugin")).status();
    assert!(copied.is_ok_and(|status| status.success()), "the plugin can be copied");
    own_all(&world.at_home("plugin"), world.identity);
    let program = world.client("openclaw/node_modules/.bin/openclaw").into_os_string();
    let words = ["plugins", "install", "../../plugin", "--force", "--accept-capabilities"];
    world.run(&Start::new(&[program]).args(&words)).ok();
    serde_json::from_str(&world.read(&world.at_home(SETTINGS))).expect("OpenClaw writes JSON")
}

impl Client for Keyless {
    fn package(&self) -> &'static str {
        self.inner().package()
    }

    fn name(&self) -> &'static str {
        self.inner().name()
    }

    fn prepare(&self, world: &World, model: &Model) {
        keep(world);
        self.inner().prepare(world, model);
        let program = program(world);
        let named = json!({"source": "exec", "command": program, "args": ["provider", "openclaw"]});
        let declared = json!({
            "source": "exec", "pluginIntegration": {"pluginId": "lobsterpot", "integrationId": "vault"},
        });
        match self {
            Self::OpenClaw(_) => point(world, openclaw::settings(world, model), &named),
            Self::Integration => point(world, with_plugin(world, model), &declared),
            Self::ClaudeCode => {
                let helper = format!("{} provider claude-api-key {NAME}", program.display());
                let settings = json!({"apiKeyHelper": helper});
                world.write(&world.at_home(".claude/settings.json"), &format!("{settings:#}\n"));
            }
        }
    }

    fn session(&self, world: &World, model: &Model) -> Start {
        let mut start = self.inner().session(world, model);
        start.environment.retain(|(name, _)| name != "ANTHROPIC_API_KEY");
        start
    }

    fn shell(&self, command: &str) -> Step {
        self.inner().shell(command)
    }

    fn read(&self, path: &str) -> Option<Step> {
        self.inner().read(path)
    }

    fn write(&self, path: &str, content: &str) -> Step {
        self.inner().write(path, content)
    }

    fn settings(&self) -> &'static [&'static str] {
        self.inner().settings()
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        self.inner().repository_settings()
    }
}
