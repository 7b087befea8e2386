//! Claude Code as a backend of OpenClaw, which starts it with the user's settings only.

use super::Client;
use super::claude::ClaudeCode;
use super::openclaw::{OpenClaw, settings};
use crate::model::{Model, Step};
use crate::world::{Start, World};
use serde_json::json;

/// The client.
pub(crate) struct ClaudeCli;

impl Client for ClaudeCli {
    fn package(&self) -> &'static str {
        "openclaw"
    }

    fn name(&self) -> &'static str {
        "openclaw"
    }

    fn prepare(&self, world: &World, model: &Model) {
        let mut settings = settings(world, model);
        settings["agents"]["defaults"]["model"]["primary"] = json!("claude-cli/claude-sonnet-5");
        world.write(&world.at_home(".openclaw/openclaw.json"), &format!("// my own settings\n{settings:#}\n"));
        let claude = json!({"env": {"ANTHROPIC_BASE_URL": model.url(), "ANTHROPIC_API_KEY": "sk-ant-scripted"}});
        world.write(&world.at_home(".claude.json"), "{\"hasCompletedOnboarding\": true}\n");
        world.write(&world.at_home(".claude/settings.json"), &format!("{claude:#}\n"));
    }

    /// Only the guards of Claude Code: with the plugin in place, OpenClaw itself refuses the backend's shell. The shell
    /// prefix is needed: of OpenClaw's own hook and ours, the one that ends last decides what the command is.
    fn install(&self, world: &World) {
        let words = ["install", "claude-code", "--approve"];
        world.run(&Start::new(&["/opt/lobsterpot/lobsterpot"]).args(&words)).ok();
    }

    fn session(&self, world: &World, model: &Model) -> Start {
        let claude = world.client("claude-code/node_modules/.bin");
        std::os::unix::fs::symlink(claude.join("claude"), world.at_home(".local/bin/claude")).expect("a link");
        OpenClaw::Local
            .session(world, model)
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("IS_SANDBOX", "1")
    }

    fn shell(&self, command: &str) -> Step {
        ClaudeCode::User.shell(command)
    }

    fn read(&self, path: &str) -> Option<Step> {
        ClaudeCode::User.read(path)
    }

    fn write(&self, path: &str, content: &str) -> Step {
        ClaudeCode::User.write(path, content)
    }

    fn settings(&self) -> &'static [&'static str] {
        ClaudeCode::User.settings()
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        ClaudeCode::User.repository_settings()
    }
}
