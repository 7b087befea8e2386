//! Whether something of ours is in a scope, without asking whether it protects.

use crate::install::agent::{Agent, Scope};
use crate::install::clients::{self, Context, Piece, Values};
use crate::install::document::Document;
use crate::install::file;
use crate::install::record::Record;
use crate::install::trust::Workspaces;

/// What a person should know of the other scope when this one is taken back.
pub(crate) fn remaining(agent: Agent, context: &Context<'_>, workspaces: &Workspaces) -> Option<String> {
    let scope = match context.scope {
        Scope::User => Scope::Managed,
        Scope::Managed => Scope::User,
    };
    let name = scope.name();
    is_installed(agent, &Context { scope, ..*context }, workspaces).then(|| {
        format!("scope {name} is installed, and stays: `lobsterpot uninstall {agent} --scope {name}` takes it out")
    })
}

/// Whether the scope has a record, or hooks of ours in its files. What cannot be read or understood has none that anybody
/// could take out.
fn is_installed(agent: Agent, context: &Context<'_>, workspaces: &Workspaces) -> bool {
    if let Ok(Some(_)) = Record::load(agent, context.scope, context.person, workspaces) {
        return true;
    }
    let pieces = clients::pieces(agent, context).unwrap_or_default();
    pieces.iter().any(|piece| is_recognised(piece, context, workspaces).unwrap_or(false))
}

/// Whether a file holds something of ours; `None` when it cannot be read or understood.
fn is_recognised(piece: &Piece, context: &Context<'_>, workspaces: &Workspaces) -> Option<bool> {
    let text = file::look(piece.path(), context.person, workspaces).ok()?.text?;
    match piece {
        Piece::Whole { .. } => Some(true),
        Piece::Edited { dialect, changes, .. } => {
            let document = Document::parse(&text, *dialect).ok()?;
            let current = document.value().ok()?;
            let changes = changes(context, &Values { current: &current, before: &[] }).ok()?;
            Some(changes.iter().any(|change| change.is_recognised(&document)))
        }
    }
}
