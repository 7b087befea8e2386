//! opencode: a plugin of ours in its folder of plugins, which starts both hooks for every tool.

use crate::install::agent::{Agent, Scope};
use crate::install::clients::{Context, Piece, assets};
use crate::install::error::InstallError;

/// What stands in the plugin in the place of the programs' folder, between double quotes.
const FOLDER: &str = "@LOBSTERPOT_BIN@";

/// The files of an installation.
///
/// # Errors
/// For everybody's sessions, and for a workspace, which the plugin does not hand on.
pub(crate) fn pieces(context: &Context<'_>) -> Result<Vec<Piece>, InstallError> {
    if context.scope == Scope::Managed {
        let problem = "the client reads plugins from home folders and repositories only";
        return Err(InstallError::Scope { agent: Agent::OpenCode.name(), scope: context.scope.name(), problem });
    }
    if context.wishes.workspace.is_some() {
        let problem = "the plugin hands on the folder that opencode was started in".to_owned();
        return Err(InstallError::Option { option: "--workspace", problem });
    }
    let folder = context.programs.folder().to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    let path = context.person.home.join(".config/opencode/plugin/lobsterpot.js");
    Ok(vec![Piece::Whole { path, text: assets::OPENCODE.replace(FOLDER, &folder) }])
}

/// What a person should know.
pub(crate) fn warnings() -> Vec<String> {
    vec![
        "opencode goes on without a plugin that it cannot load: after an update of it, look at `lobsterpot status`"
            .to_owned(),
    ]
}
