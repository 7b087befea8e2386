//! opencode.

use super::Client;
use crate::model::{Model, Step, call};
use crate::world::{Start, World};
use serde_json::json;

/// The client.
pub(crate) struct OpenCode;

impl Client for OpenCode {
    fn package(&self) -> &'static str {
        "opencode"
    }

    fn name(&self) -> &'static str {
        "opencode"
    }

    fn prepare(&self, world: &World, model: &Model) {
        let settings = json!({
            "model": "scripted/scripted", "small_model": "scripted/scripted", "autoupdate": false, "share": "disabled",
            "provider": {"scripted": {
                "npm": "@ai-sdk/openai-compatible", "name": "scripted",
                "options": {"baseURL": format!("{}/v1", model.url()), "apiKey": "scripted"},
                "models": {"scripted": {"name": "scripted"}},
            }},
            "permission": {"edit": "allow", "bash": "allow", "webfetch": "allow", "external_directory": "allow"},
        });
        world.write(&world.at_home(".config/opencode/opencode.json"), &format!("{settings:#}\n"));
    }

    fn session(&self, world: &World, _model: &Model) -> Start {
        let program = world.client("opencode/node_modules/opencode-linux-x64/bin/opencode").into_os_string();
        Start::new(&[program])
            .args(&["run", "go on"])
            .env("OPENCODE_DISABLE_AUTOUPDATE", "1")
            .env("OPENCODE_DISABLE_MODELS_FETCH", "1")
            .env("OPENCODE_DISABLE_LSP_DOWNLOAD", "1")
            .env("npm_config_fetch_retries", "0")
    }

    fn shell(&self, command: &str) -> Step {
        call("bash", json!({"command": command, "description": "a step"}))
    }

    fn read(&self, path: &str) -> Option<Step> {
        Some(call("read", json!({"filePath": path})))
    }

    fn write(&self, path: &str, content: &str) -> Step {
        call("write", json!({"filePath": path, "content": content}))
    }

    fn settings(&self) -> &'static [&'static str] {
        &[".config/opencode/opencode.json"]
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        &[".opencode/plugin/other.js"]
    }
}
