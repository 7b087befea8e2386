//! Codex.

use super::Client;
use crate::model::{Model, Step, call};
use crate::world::{Start, World};
use serde_json::json;

/// How many milliseconds a call waits for a shell to end; the longest that there is.
pub(crate) const LONGEST: u32 = 30_000;

/// The client.
pub(crate) struct Codex;

impl Client for Codex {
    fn package(&self) -> &'static str {
        "codex"
    }

    fn name(&self) -> &'static str {
        "codex"
    }

    fn prepare(&self, world: &World, model: &Model) {
        let (url, workspace) = (model.url(), world.workspace.display());
        let config = format!(
            "# my own settings\nmodel = \"gpt-5.5\"\nmodel_provider = \"scripted\"\n\n\
             [model_providers.scripted]\nname = \"scripted\"\nbase_url = \"{url}/v1\"\nwire_api = \"responses\"\n\
             env_key = \"SCRIPTED_KEY\"\n\n[projects.\"{workspace}\"]\ntrust_level = \"trusted\"\n"
        );
        world.write(&world.at_home(".codex/config.toml"), &config);
    }

    fn session(&self, world: &World, _model: &Model) -> Start {
        let program = world.client("codex/node_modules/.bin/codex").into_os_string();
        Start::new(&[program])
            .args(&["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "go on"])
            .env("SCRIPTED_KEY", "scripted")
    }

    fn shell(&self, command: &str) -> Step {
        call("exec_command", json!({"cmd": command, "yield_time_ms": LONGEST}))
    }

    fn read(&self, _path: &str) -> Option<Step> {
        None
    }

    fn write(&self, path: &str, content: &str) -> Step {
        let patch = format!("*** Begin Patch\n*** Add File: {path}\n+{content}\n*** End Patch\n");
        call("apply_patch", json!({"input": patch}))
    }

    fn settings(&self) -> &'static [&'static str] {
        &[".codex/config.toml", ".codex/hooks.json"]
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        &[".codex/config.toml", ".codex/hooks.json"]
    }
}
