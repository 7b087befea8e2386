//! `init`: makes a vault, and an identity where there is none.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::arguments;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::{Failure, word};
use crate::keys::{self, Generated, Keys, KeysError, Kind, PASSPHRASE, Recipients};
use crate::session::{self, Session};
use crate::store::{PublishError, Site};

/// The subcommand.
pub(crate) fn command() -> Command {
    Command::new("init")
        .about("Makes an empty vault, and an identity that opens it where there is none")
        .arg(
            Arg::new("recipient")
                .long("recipient")
                .value_name("RECIPIENT")
                .action(ArgAction::Append)
                .conflicts_with_all(["passphrase", "keyring"])
                .help("Encrypt to this recipient instead of the own identity's; can be repeated"),
        )
        .arg(
            Arg::new("classic")
                .long("classic")
                .action(ArgAction::SetTrue)
                .conflicts_with("passphrase")
                .help("Use X25519 or SSH recipients, which every age opens, instead of post-quantum ones"),
        )
        .arg(
            Arg::new("passphrase")
                .long("passphrase")
                .action(ArgAction::SetTrue)
                .help("Encrypt with the passphrase from --passphrase-fd; opening takes about a second"),
        )
        .arg(
            Arg::new("keyring")
                .long("keyring")
                .action(ArgAction::SetTrue)
                .help("Put a new identity into the kernel's keyring, too, until the next boot"),
        )
}

/// What the new vault is encrypted to, and what opens it.
struct Choice {
    /// The recipients.
    recipients: Recipients,
    /// What opens it; none when nobody here can.
    keys: Option<Keys>,
    /// A new identity, with the file that it goes to.
    made: Option<(Generated, PathBuf)>,
}

/// Carries it out.
///
/// # Errors
/// When there is a vault, the recipients are not as asked for, or something cannot be written.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    make_folder(session)?;
    let site = session.site()?;
    if site.is_taken()? {
        return Err(PublishError::Exists { path: site.path() }.into());
    }
    let choice = choose(matches, session)?;
    if let Some((made, path)) = &choice.made {
        keys::write_identity(path, made, session.now())?;
        if matches.get_flag("keyring") {
            keys::put_in_keyring(&made.identity, None)?;
        }
    }
    create(site, &choice, session)?;
    session.write(report(&choice, session)?.as_bytes())?;
    Ok(Exit::Done)
}

/// Makes the vault's folder where it is missing, closed to others.
///
/// # Errors
/// When it cannot be made.
fn make_folder(session: &Session) -> Result<(), Failure> {
    let vault = session.vault()?;
    let Some(folder) = vault.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        let reason = format!("failed to make the folder \"{}\": {error}", folder.display());
        Failure::new(Exit::Exists, reason, format!("make it yourself: mkdir -p -m 700 {}", word(folder)))
    })
}

/// Decides whom the vault is for.
///
/// # Errors
/// When that cannot be known, or is not what was asked for.
fn choose(matches: &ArgMatches, session: &Session) -> Result<Choice, Failure> {
    if matches.get_flag("passphrase") {
        let number = session.passphrase_fd().ok_or_else(|| {
            let hint = "pass it on a descriptor: `lobsterpot-vault init --passphrase --passphrase-fd 3 3<FILE`";
            Failure::new(Exit::Usage, "there is no passphrase", hint)
        })?;
        let keys = Keys::of_passphrase(keys::passphrase_from(number)?);
        return Ok(Choice { recipients: Recipients::parse(&[PASSPHRASE.to_owned()])?, keys: Some(keys), made: None });
    }
    let kind = if matches.get_flag("classic") { Kind::Classic } else { Kind::PostQuantum };
    let named: Vec<String> = matches.get_many("recipient").unwrap_or_default().cloned().collect();
    let choice = match (session.find_keys(), named.is_empty()) {
        (Ok(keys), true) => own(keys)?,
        (Err(KeysError::Nowhere { .. } | KeysError::NoFile { .. }), true) => fresh(kind, session)?,
        (Ok(keys), false) => for_others(&named, Some(keys))?,
        (Err(KeysError::Nowhere { .. } | KeysError::NoFile { .. }), false) => for_others(&named, None)?,
        (Err(error), _) => return Err(error.into()),
    };
    match (choice.recipients.kind(), kind) {
        (Kind::PostQuantum, Kind::PostQuantum) | (Kind::Classic, Kind::Classic) => Ok(choice),
        (Kind::Classic, _) => Err(Failure::new(
            Exit::Denied,
            "the recipient is a classic one, and new vaults are post-quantum",
            "give --classic if that is what you want, or another identity with --identity",
        )),
        (Kind::PostQuantum, _) => Err(Failure::new(
            Exit::Denied,
            "the recipient is a post-quantum one, and --classic was asked for",
            "leave --classic out, or name another identity with --identity",
        )),
        (Kind::Passphrase, _) => Err(Failure::new(
            Exit::Usage,
            "a passphrase is no recipient here",
            "write: lobsterpot-vault init --passphrase --passphrase-fd 3 3<FILE",
        )),
    }
}

/// For the identity that there is.
///
/// # Errors
/// When it is one whose public part is not known here.
fn own(keys: Keys) -> Result<Choice, Failure> {
    let texts = keys.recipients();
    if texts.is_empty() {
        let reason = format!("the recipient of {} is not known here", keys.source());
        return Err(Failure::new(Exit::Usage, reason, "name it with --recipient"));
    }
    Ok(Choice { recipients: Recipients::parse(&texts)?, keys: Some(keys), made: None })
}

/// For a new identity.
///
/// # Errors
/// When none can be made, or there is no place for it.
fn fresh(kind: Kind, session: &Session) -> Result<Choice, Failure> {
    let path = match session.identity() {
        Some(path) => path.clone(),
        None => session.places()?.identity.clone(),
    };
    let made = keys::generate(kind)?;
    let keys = made.keys().map_err(|_| Failure::new(Exit::Data, "the new identity cannot be read", "report this"))?;
    let recipients = Recipients::parse(std::slice::from_ref(&made.recipient))?;
    Ok(Choice { recipients, keys: Some(keys), made: Some((made, path)) })
}

/// For recipients that were named; the own identity opens the vault if it is among them.
///
/// # Errors
/// When one of them is none.
fn for_others(named: &[String], keys: Option<Keys>) -> Result<Choice, Failure> {
    let recipients = Recipients::parse(named)?;
    let is_own = |keys: &Keys| {
        let own = keys.recipients();
        // A plugin's identity does not say whose it is: trying shows it.
        own.is_empty() || recipients.texts().iter().any(|text| own.contains(text))
    };
    Ok(Choice { keys: keys.filter(is_own), recipients, made: None })
}

/// Writes the vault.
///
/// # Errors
/// When the kernel gives no randomness, or it cannot be written.
fn create(site: Site, choice: &Choice, session: &Session) -> Result<(), Failure> {
    let document = Document::new(choice.recipients.texts().to_vec()).map_err(|_| keys::MakeError::Randomness)?;
    let nobody = Keys::of_passphrase(crate::secret::Secret::default());
    let keys = choice.keys.clone().unwrap_or(nobody);
    let writer = site.create(document, keys, session.patience(), session::notice)?;
    drop(writer.publish_for(&choice.recipients, choice.keys.as_ref())?);
    Ok(())
}

/// What a person has to know about the new vault.
///
/// # Errors
/// When the vault's place is not known.
fn report(choice: &Choice, session: &Session) -> Result<String, Failure> {
    let mut text = format!("vault:     {} ({})\n", session.vault()?.display(), choice.recipients.kind());
    match (&choice.made, &choice.keys) {
        (Some((_, path)), _) => text.push_str(&format!("identity:  {} (new)\n", path.display())),
        (None, Some(keys)) => text.push_str(&format!("identity:  {}\n", keys.source())),
        (None, None) => text.push_str("identity:  none here opens this vault\n"),
    }
    for recipient in choice.recipients.texts().iter().filter(|text| *text != PASSPHRASE) {
        text.push_str(&format!("recipient: {}\n", arguments::described(recipient)));
    }
    text.push_str(if choice.recipients.kind() == Kind::Passphrase {
        "Keep the passphrase safe: without it nobody can open the vault, and with it everybody can.\n"
    } else {
        "Keep a copy of the identity in a safe place: without it nobody can open the vault, and with it everybody can.\n"
    });
    Ok(text)
}
