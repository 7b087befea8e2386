//! How each client is started, told where its model is, and guarded.

pub(crate) mod claude;
pub(crate) mod install;

use crate::model::{Model, Step};
use crate::world::{Start, World};

/// One of the real clients.
pub(crate) trait Client {
    /// The folder of its package, below the folder of all clients.
    fn package(&self) -> &'static str;
    /// The name that the installer and the hooks know it by.
    fn name(&self) -> &'static str;
    /// The person's own settings, before ours: where the model is, and that no tool needs an approval.
    fn prepare(&self, world: &World, model: &Model);
    /// One session without a person, which asks for no permission: what a hijacked agent would love best.
    fn session(&self, world: &World, model: &Model) -> Start;
    /// A call of its shell tool.
    fn shell(&self, command: &str) -> Step;
}
