//! Clients that have their key in the vault, and nowhere else.

use super::Client;
use super::claude::ClaudeCode;
use super::openclaw::{self, OpenClaw};
use crate::model::{Model, Step};
use crate::world::{Start, World};
use serde_json::json;
use std::path::PathBuf;

/// What the key is called in the vault.
const NAME: &str = "SCRIPTED_API_KEY";

/// What OpenClaw calls it: its ids have no underscore.
pub(crate) const ID: &str = "SCRIPTED-API-KEY";

/// A client whose key is in the vault.
pub(crate) enum Keyless {
    /// OpenClaw, whose secret provider is the vault's program.
    OpenClaw(OpenClaw),
    /// Claude Code, whose `apiKeyHelper` is.
    ClaudeCode,
}

impl Keyless {
    /// The client itself.
    fn inner(&self) -> &dyn Client {
        match self {
            Self::OpenClaw(client) => client,
            Self::ClaudeCode => &ClaudeCode,
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
        match self {
            Self::OpenClaw(_) => {
                let mut settings = openclaw::settings(world, model);
                let provider = json!({"source": "exec", "command": program, "args": ["provider", "openclaw"]});
                settings["secrets"] = json!({"providers": {"lobsterpot": provider}});
                settings["models"]["providers"]["scripted"]["apiKey"] =
                    json!({"source": "exec", "provider": "lobsterpot", "id": ID});
                world.write(&world.at_home(".openclaw/openclaw.json"), &format!("{settings:#}\n"));
            }
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
