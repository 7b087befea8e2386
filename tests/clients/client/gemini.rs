//! Gemini CLI.

use super::Client;
use crate::model::{Model, Step, call};
use crate::world::{Start, World};
use serde_json::json;

/// The client.
pub(crate) struct Gemini;

impl Client for Gemini {
    fn package(&self) -> &'static str {
        "gemini-cli"
    }

    fn name(&self) -> &'static str {
        "gemini"
    }

    fn prepare(&self, world: &World, _model: &Model) {
        let settings = json!({
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"disableAutoUpdate": true, "disableUpdateNag": true},
            "privacy": {"usageStatisticsEnabled": false},
        });
        world.write(&world.at_home(".gemini/settings.json"), &format!("{settings:#}\n"));
    }

    fn session(&self, world: &World, model: &Model) -> Start {
        let program = world.client("gemini-cli/node_modules/.bin/gemini").into_os_string();
        Start::new(&[program])
            .args(&["--model", "gemini-2.5-flash", "--yolo", "--skip-trust", "--prompt", "go on"])
            .args(&["--include-directories".into(), world.home.clone().into_os_string()])
            .env("GEMINI_API_KEY", "scripted")
            .env("GOOGLE_GEMINI_BASE_URL", model.url())
    }

    fn shell(&self, command: &str) -> Step {
        call("run_shell_command", json!({"command": command, "description": "a step"}))
    }

    fn read(&self, path: &str) -> Option<Step> {
        Some(call("read_file", json!({"file_path": path})))
    }

    fn write(&self, path: &str, content: &str) -> Step {
        call("write_file", json!({"file_path": path, "content": content}))
    }

    fn settings(&self) -> &'static [&'static str] {
        &[".gemini/settings.json"]
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        &[".gemini/settings.json", ".gemini/.env"]
    }
}
