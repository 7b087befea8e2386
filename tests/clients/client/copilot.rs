//! GitHub Copilot CLI, with a model of one's own.

use super::Client;
use crate::model::{Model, Step, call};
use crate::world::{Start, World};
use serde_json::json;

/// The client.
pub(crate) struct Copilot;

impl Client for Copilot {
    fn package(&self) -> &'static str {
        "copilot"
    }

    fn name(&self) -> &'static str {
        "copilot"
    }

    fn prepare(&self, world: &World, _model: &Model) {
        let settings = json!({"trusted_folders": [world.workspace], "banner": "never"});
        world.write(&world.at_home(".copilot/config.json"), &format!("{settings:#}\n"));
    }

    fn session(&self, world: &World, model: &Model) -> Start {
        let program = world.client("copilot/node_modules/.bin/copilot").into_os_string();
        Start::new(&[program])
            .args(&["--allow-all-tools", "--allow-all-paths", "--no-auto-update", "-p", "go on"])
            .env("COPILOT_PROVIDER_BASE_URL", format!("{}/v1", model.url()))
            .env("COPILOT_PROVIDER_TYPE", "openai")
            .env("COPILOT_PROVIDER_API_KEY", "scripted")
            .env("COPILOT_MODEL", "scripted")
            .env("COPILOT_OFFLINE", "true")
    }

    fn shell(&self, command: &str) -> Step {
        call("bash", json!({"command": command, "description": "a step"}))
    }

    fn read(&self, path: &str) -> Option<Step> {
        Some(call("view", json!({"path": path})))
    }

    fn write(&self, path: &str, content: &str) -> Step {
        call("create", json!({"path": path, "file_text": content}))
    }

    fn settings(&self) -> &'static [&'static str] {
        &[".copilot/config.json"]
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        &[".github/hooks/other.json", ".claude/settings.json"]
    }
}
