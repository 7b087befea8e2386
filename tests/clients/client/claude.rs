//! Claude Code, guarded in each of the ways in which our installer does it.

use super::Client;
use super::install;
use crate::model::{Model, Step, call};
use crate::world::{Start, World};
use serde_json::json;

/// The client, and how it is guarded.
#[derive(Clone, Copy)]
pub(crate) enum ClaudeCode {
    /// By the person's own settings.
    User,
    /// The same, and its own shell starts in the sandbox as well.
    Prefixed,
    /// By managed settings, in a repository whose own settings switch hooks off.
    Managed,
}

impl Client for ClaudeCode {
    fn package(&self) -> &'static str {
        "claude-code"
    }

    fn name(&self) -> &'static str {
        "claude-code"
    }

    fn prepare(&self, world: &World, _model: &Model) {
        world.write(&world.at_home(".claude.json"), "{\"hasCompletedOnboarding\": true}\n");
        world.write(&world.at_home(".claude/settings.json"), "{\n  \"cleanupPeriodDays\": 30\n}\n");
        if matches!(self, Self::Managed) {
            world.write(&world.at_work(".claude/settings.json"), "{\"disableAllHooks\": true}\n");
            world.own_etc();
        }
    }

    fn install(&self, world: &World) {
        match self {
            Self::User => install::run(world, self.name()),
            // The programs lie where a sandbox shows them, for the hook's launcher starts once more inside.
            Self::Prefixed => {
                let words = ["install", "claude-code", "--approve", "--shell-prefix"];
                world.run(&Start::new(&["/opt/lobsterpot/lobsterpot"]).args(&words)).ok();
            }
            Self::Managed => {
                let words = ["install", "claude-code", "--scope", "managed", "--approve"];
                world.run_as_the_test(&install::with_lobsterpot(world).args(&words)).ok();
            }
        }
    }

    fn session(&self, world: &World, model: &Model) -> Start {
        let program = world.client("claude-code/node_modules/.bin/claude").into_os_string();
        let tools = "Bash,Monitor,Read,Write,Edit,NotebookEdit,Glob,Grep,Agent,TaskStop,Skill";
        Start::new(&[program])
            .args(&["-p", "go on", "--dangerously-skip-permissions", "--tools", tools])
            .env("ANTHROPIC_BASE_URL", model.url())
            .env("ANTHROPIC_API_KEY", "sk-ant-scripted")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("IS_SANDBOX", "1")
    }

    fn shell(&self, command: &str) -> Step {
        call("Bash", json!({"command": command, "description": "a step"}))
    }

    fn read(&self, path: &str) -> Option<Step> {
        Some(call("Read", json!({"file_path": path})))
    }

    fn write(&self, path: &str, content: &str) -> Step {
        call("Write", json!({"file_path": path, "content": content}))
    }

    fn settings(&self) -> &'static [&'static str] {
        &[".claude/settings.json"]
    }

    fn repository_settings(&self) -> &'static [&'static str] {
        match self {
            Self::User | Self::Prefixed => &[".claude/settings.json", ".claude/settings.local.json", ".mcp.json"],
            Self::Managed => &[],
        }
    }
}
