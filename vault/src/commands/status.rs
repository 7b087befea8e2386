//! `status`: how the vault is doing.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::status::Status;

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("status")
        .about("Says how the vault is doing; exits with 1 when something is not as it should be")
        .arg(
            Arg::new("recipients")
                .long("recipients")
                .action(ArgAction::SetTrue)
                .conflicts_with("json")
                .help("Print the recipients whole, one to a line, and nothing else"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
}

/// Carries it out.
///
/// # Errors
/// When it is not known where the vault would be, or nobody reads what is written.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    if matches.get_flag("recipients") {
        let vault = session.open()?;
        let lines: String = vault.document.recipients.iter().map(|recipient| format!("{recipient}\n")).collect();
        session.write(lines.as_bytes())?;
        return Ok(Exit::Done);
    }
    let mut status = Status { vault: session.vault()?.display().to_string(), ..Status::default() };
    status.protect(crate::protection());
    if let Err(failure) = look(&mut status, session) {
        status.problems.push(failure.into());
    }
    let text = if matches.get_flag("json") {
        let json = serde_json::to_string_pretty(&status);
        json.map_err(|_| Failure::new(Exit::Data, "the state has no JSON form", "report this"))? + "\n"
    } else {
        status.text()
    };
    session.write(text.as_bytes())?;
    Ok(if status.problems.is_empty() { Exit::Done } else { Exit::Lacking })
}

/// Looks at the vault, as far as that goes.
///
/// # Errors
/// When there is no identity, or the vault does not open: what was learned until then is in the status.
fn look(status: &mut Status, session: &Session) -> Result<(), Failure> {
    let site = session.site()?;
    status.vault = site.path().display().to_string();
    let keys = session.keys()?;
    status.identify(&keys);
    let look = site.look(&keys)?;
    status.describe(&look.document, &keys, session.now());
    status.compare(&site, look);
    Ok(())
}
