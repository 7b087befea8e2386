//! `edit`: changes secrets in a text editor.

use std::path::Path;

use clap::{Arg, ArgMatches, Command};

use super::{arguments, unlock};
use crate::change::ChangeError;
use crate::deliver::folder::Swap;
use crate::document::{Document, LONGEST_VALUE};
use crate::edit::difference::{Count, Difference};
use crate::edit::editor::{Editor, Kind};
use crate::edit::{self, desk::Desk, text};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::name::Name;
use crate::secret::Secret;
use crate::session::Session;
use crate::store::Vault;

/// The file of the whole vault; editors know its format by the name.
const WHOLE: &str = "vault.toml";

/// The file of one value.
const ONE: &str = "value";

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("edit")
        .about("Changes secrets in a text editor")
        .long_about(
            "Opens the vault's secrets as TOML, or one value as it is, in the editor that VISUAL or EDITOR name. The text lies in memory, \
             in a folder of its own that is wiped afterwards; backups, swap and undo files are switched off for vim, nano, emacs, \
             VS Code and micro. A text with a mistake is opened again. Leaving it as it was, or with an error of the editor, changes \
             nothing. What is not plain text, or not for `get`, is not shown and stays.",
        )
        .arg(Arg::new("name").value_name("NAME").help("Edit the value of this secret alone"))
        .arg(unlock::allow_swap())
}

/// What is edited, where and with what.
struct Work<'a> {
    /// The editor.
    editor: Editor,
    /// A folder that may be on a tmpfs, to have the text near it.
    near: Option<&'a Path>,
    /// Whether that may be swapped.
    swap: Swap,
    /// The run.
    session: &'a Session,
}

/// Carries it out.
///
/// # Errors
/// When nothing can be edited, the editor fails, or the vault cannot be changed; it has not changed then.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let name = matches.get_one::<String>("name").map(|text| arguments::parse_name(text)).transpose()?;
    let target = session.places().ok().and_then(|places| places.target.as_deref());
    let near = target.and_then(Path::parent);
    let work = Work { editor: Editor::of_caller()?, near, swap: unlock::swap_of(matches), session };
    if work.editor.kind == Kind::Unknown {
        session.tell("this editor is not known here: see to it that it keeps no copies elsewhere");
    }
    let vault = session.open()?;
    let (edited, difference) = match &name {
        Some(name) => one(&work, &vault.document, name)?,
        None => whole(&work, &vault.document)?,
    };
    if difference.is_empty() {
        session.tell("nothing changed");
        return Ok(Exit::Done);
    }
    match publish(&work, vault, difference) {
        Ok(Count { added, changed, removed }) => {
            session.tell(&format!("added {added}, changed {changed}, removed {removed}"));
            Ok(Exit::Done)
        }
        Err(failure) => Err(keep(&work, if name.is_some() { ONE } else { WHOLE }, &edited, failure)),
    }
}

/// Edits one value.
///
/// # Errors
/// When it is not there, cannot be edited, or the editor fails.
fn one(work: &Work<'_>, document: &Document, name: &Name) -> Result<(Secret, Difference), Failure> {
    let entry = document.secrets.get(name).ok_or_else(|| ChangeError::Missing { name: name.clone() })?;
    let value = text::editable(entry).ok_or_else(|| {
        let reason = format!("{name} is not plain text, or not for `get`");
        Failure::new(Exit::Denied, reason, format!("put in a new value with `lobsterpot-vault set {name}`"))
    })?;
    let edited = edit::round(&work.editor, work.near, ONE, &entry.value, work.swap)?;
    // Editors end a text with a line's end.
    let bytes = edited.as_bytes();
    let ended = bytes.strip_suffix(b"\n").filter(|_| !value.ends_with('\n'));
    let value = Secret::from(ended.unwrap_or(bytes));
    if value.is_empty() || value.len() > LONGEST_VALUE {
        let reason = format!("the value is empty, or longer than {LONGEST_VALUE} bytes");
        return Err(Failure::new(Exit::Data, reason, "nothing was changed"));
    }
    let difference = Difference::one(document, name, value);
    Ok((edited, difference))
}

/// Edits the whole vault, until the text can be understood or is left as it was refused.
///
/// # Errors
/// When the editor fails, or the text was left with a mistake.
fn whole(work: &Work<'_>, document: &Document) -> Result<(Secret, Difference), Failure> {
    let original = text::write(document);
    let mut shown = original.clone();
    let mut refused = None;
    loop {
        let edited = edit::round(&work.editor, work.near, WHOLE, &shown, work.swap)?;
        let edited = text::without_mistake(&edited);
        if edited == original {
            return Ok((edited, Difference::default()));
        }
        if edited.as_bytes().trim_ascii().is_empty() {
            let hint = "nothing was changed; remove secrets by removing their lines, or with `unset`";
            return Err(Failure::new(Exit::Data, "the text is empty", hint));
        }
        let error = match text::read(edited.as_bytes(), document) {
            Ok(secrets) => return Ok((edited, Difference::of(document, &secrets))),
            Err(error) => error,
        };
        if refused.as_ref() == Some(&edited) {
            return Err(Failure::new(Exit::Data, error.to_string(), "nothing was changed"));
        }
        work.session.tell(&format!("{error}; it is opened again"));
        shown = text::with_mistake(&edited, error);
        refused = Some(edited);
    }
}

/// Puts what changed into the vault, as it is now.
///
/// # Errors
/// When somebody else has changed the same secret, or the vault cannot be changed.
fn publish(work: &Work<'_>, vault: Vault, difference: Difference) -> Result<Count, Failure> {
    let before = vault.document;
    let mut writer = work.session.change_with(vault.keys)?;
    if let Some(name) = difference.conflict(&before, writer.document()) {
        let reason = format!("{name} was changed by somebody else while it was edited");
        return Err(Failure::new(Exit::Busy, reason, "edit again, and put in what you wrote"));
    }
    let count = difference.apply(writer.document_mut(), work.session.now());
    writer.publish()?;
    Ok(count)
}

/// Keeps a text that could not be published where a person finds it, and says so.
fn keep(work: &Work<'_>, name: &str, edited: &Secret, failure: Failure) -> Failure {
    match Desk::keep(work.near, name, edited) {
        Ok(path) => {
            let hint = failure.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            let hint = format!("what you wrote is in {} until you remove it{hint}", path.display());
            Failure::new(failure.exit(), failure.to_string(), hint)
        }
        Err(_) => failure,
    }
}
