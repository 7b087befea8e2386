//! `lock`: removes what `unlock` and `run --file` have put on a tmpfs.

use clap::{ArgMatches, Command};

use super::unlock;
use crate::deliver::target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("lock")
        .about("Wipes and removes the files that `unlock` or `run --file` have made")
        .long_about(
            "Wipes and removes the files that `unlock` or `run --file` have made, and the folder when nothing else is in it. Needs \
             neither the vault nor an identity; where there is nothing, nothing is done.",
        )
        .arg(unlock::folder())
}

/// Carries it out.
///
/// # Errors
/// When the folder is not the caller's own, or not one of this program's.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
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
