//! How each client is started, told where its model is, and guarded.

pub(crate) mod claude;
pub(crate) mod claude_cli;
pub(crate) mod codex;
pub(crate) mod copilot;
pub(crate) mod gemini;
pub(crate) mod install;
pub(crate) mod openclaw;
pub(crate) mod opencode;
pub(crate) mod vault;

use crate::model::{Model, Step};
use crate::world::{Start, World};

/// One of the real clients.
pub(crate) trait Client {
    /// The folder of its package, below the folder of all clients.
    fn package(&self) -> &'static str;
    /// The name that the installer and the hooks know it by.
    fn name(&self) -> &'static str;
    /// Whether a session takes so long to start that not everybody shows what succeeds without guards.
    fn starts_slowly(&self) -> bool {
        self.package() == "openclaw"
    }
    /// The person's own settings, before ours: where the model is, and that no tool needs an approval.
    fn prepare(&self, world: &World, model: &Model);
    /// Runs the installer for it.
    fn install(&self, world: &World) {
        install::run(world, self.name());
    }
    /// One session without a person, which asks for no permission: what a hijacked agent would love best.
    fn session(&self, world: &World, model: &Model) -> Start;
    /// A call of its shell tool.
    fn shell(&self, command: &str) -> Step;
    /// A call of its tool that reads a file, if it has one.
    fn read(&self, path: &str) -> Option<Step>;
    /// A call of its tool that writes a new file.
    fn write(&self, path: &str, content: &str) -> Step;
    /// The settings, in the home, that keep the guards in place.
    fn settings(&self) -> &'static [&'static str];
    /// Settings, in a workspace, that the client would obey and that do not exist yet.
    fn repository_settings(&self) -> &'static [&'static str];
}
