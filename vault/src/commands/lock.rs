//! `lock`: removes what `unlock` and `run --file` have put on a tmpfs.

use std::path::Path;

use clap::{ArgMatches, Command};

use super::unlock;
use crate::deliver::target;
use crate::edit::desk::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("lock")
        .about("Wipes and removes the files that `unlock` or `run --file` have made")
        .long_about(
            "Wipes and removes the files that `unlock` or `run --file` have made, and the folder when nothing else is in it. Needs \
             neither the vault nor an identity; where there is nothing, nothing is done. What an `edit` that was killed has left in \
             memory is wiped, too.",
        )
        .arg(unlock::folder())
}

/// Carries it out.
///
/// # Errors
/// When the folder is not the caller's own, or not one of this program's.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let near = session.places().ok().and_then(|places| places.target.as_deref()).and_then(Path::parent);
    match Desk::clear(near) {
        0 => {}
        1 => session.tell("wiped what an `edit` that was killed had left"),
        many => session.tell(&format!("wiped what {many} calls of `edit` that were killed had left")),
    }
    let folder = unlock::folder_of(matches, session)?;
    let locked = target::lock(&folder)?;
    let shown = folder.display();
    let what = match locked.removed {
        0 => format!("there is nothing of ours in {shown}"),
        1 => format!("removed 1 file from {shown}"),
        many => format!("removed {many} files from {shown}"),
    };
    session.tell(&what);
    if !locked.left.is_empty() {
        session.tell(&format!("left in {shown}, for it is not ours: {}", locked.left.join(", ")));
    }
    Ok(Exit::Done)
}
