//! `rekey`: encrypts the vault anew, for other recipients or with another identity.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::arguments::described;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Keys, Kind, Recipients};
use crate::renewal::Renewal;
use crate::session::Session;
use crate::store::Writer;

/// What everybody who takes a key away must know.
const OLD_COPIES: &str =
    "copies of earlier versions (backups, snapshots) still open with the old keys: rotate the secrets that matter";

/// The subcommand.
pub(crate) fn command() -> Command {
    let recipients = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("RECIPIENT").action(ArgAction::Append).help(help)
    };
    Command::new("rekey")
        .about("Encrypts the vault anew: for other recipients, or with a new identity")
        .long_about(format!(
            "Encrypts the vault anew, with a new file key, for other recipients or with a new identity. This changes who opens \
             the vault from now on; {OLD_COPIES}.",
        ))
        .arg(recipients("add", "Encrypt to this recipient, too"))
        .arg(recipients("remove", "Encrypt to this recipient no more; its text, or its fingerprint as `status` shows it"))
        .arg(
            Arg::new("new-identity")
                .long("new-identity")
                .action(ArgAction::SetTrue)
                .help("Make a new identity, and encrypt to it instead of the own one; the old one is kept beside it"),
        )
        .arg(
            Arg::new("new-passphrase-fd")
                .long("new-passphrase-fd")
                .value_name("N")
                .value_parser(value_parser!(u32))
                .conflicts_with_all(["add", "remove", "new-identity"])
                .help("The descriptor to read a new passphrase from"),
        )
        .arg(Arg::new("force").long("force").action(ArgAction::SetTrue).help("Even if you cannot open it afterwards"))
}

/// Carries it out.
///
/// # Errors
/// When the recipients cannot be used together, the caller would lose access, or the vault cannot be changed.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let new_passphrase = matches.get_one::<u32>("new-passphrase-fd").map(|number| keys::passphrase_from(*number));
    let new_passphrase = new_passphrase.transpose()?.map(Keys::of_passphrase);
    let writer = session.change()?;
    let before = Recipients::parse(&writer.document().recipients)?;
    if let Some(keys) = new_passphrase {
        if before.kind() != Kind::Passphrase {
            let hint = "`lobsterpot-vault rekey --add RECIPIENT` adds one";
            return Err(Failure::new(Exit::Usage, "the vault is for recipients, not for a passphrase", hint));
        }
        drop(writer.publish_for(&before, Some(&keys))?);
        session.tell(&format!("the vault has a new passphrase; {OLD_COPIES}"));
        return Ok(Exit::Done);
    }
    let texts = edited(&before, matches)?;
    let renewal = matches.get_flag("new-identity").then(|| Renewal::begin(&writer, before.kind(), session.now()));
    let renewal = renewal.transpose()?;
    let texts = renewal.as_ref().map_or(texts.clone(), |renewal| renewal.replace(&texts));
    let after = Recipients::parse(&texts)?;
    let keys = renewal.as_ref().map_or_else(|| writer.keys().clone(), |renewal| renewal.keys().clone());
    let proof = proof(&writer, &after, &keys, matches.get_flag("force"))?;
    let _lock = writer.publish_for(&after, proof.as_ref())?;
    let old = renewal.map(Renewal::finish).transpose()?;
    tell(&before, &after, session);
    if let Some(old) = old {
        session.tell(&format!("the old identity is kept in {}; keep a copy of the new one", old.display()));
    }
    Ok(Exit::Done)
}

/// The recipients as the options change them.
///
/// # Errors
/// When one that is to go is not there, or one that is to come is none.
fn edited(before: &Recipients, matches: &ArgMatches) -> Result<Vec<String>, Failure> {
    let mut texts = before.texts().to_vec();
    for unwanted in matches.get_many::<String>("remove").unwrap_or_default() {
        let unwanted = unwanted.trim();
        let is_it = |text: &String| text == unwanted || keys::fingerprint(text) == unwanted;
        // An SSH recipient may be written with its comment.
        let canonical = Recipients::parse(&[unwanted.to_owned()]).ok().and_then(|one| one.texts().first().cloned());
        let Some(place) = texts.iter().position(|text| is_it(text) || canonical.as_ref() == Some(text)) else {
            let hint = "`lobsterpot-vault status` lists them; nothing was changed";
            return Err(Failure::new(Exit::NotFound, "the vault is not encrypted to a recipient that is to go", hint));
        };
        texts.remove(place);
    }
    let added: Vec<String> = matches.get_many::<String>("add").unwrap_or_default().cloned().collect();
    if !added.is_empty() {
        // By themselves first: what is wrong with one is told by its place on the command line.
        drop(Recipients::parse(&added)?);
    }
    texts.extend(added);
    Ok(texts)
}

/// The keys that prove the new version before it is published; none when the caller cannot open it, and wants that.
///
/// # Errors
/// When the caller cannot open it, and does not say that this is meant.
fn proof(writer: &Writer, after: &Recipients, keys: &Keys, force: bool) -> Result<Option<Keys>, Failure> {
    let own = keys.recipients();
    let opens = own.is_empty() || after.texts().iter().any(|text| own.contains(text));
    if opens {
        return Ok(Some(keys.clone()));
    }
    if force {
        return Ok(None);
    }
    let reason = format!(
        "you could not open \"{}\" any more: {} would not be among its recipients",
        writer.path().display(),
        keys.source()
    );
    Err(Failure::new(Exit::Denied, reason, "leave your own recipient in, or give --force; nothing was changed"))
}

/// Says what changed.
fn tell(before: &Recipients, after: &Recipients, session: &Session) {
    let minus = |these: &Recipients, those: &Recipients| -> Vec<String> {
        these.texts().iter().filter(|text| !those.texts().contains(text)).map(|text| described(text)).collect()
    };
    let (added, removed) = (minus(after, before), minus(before, after));
    if !added.is_empty() {
        session.tell(&format!("added {}", added.join(", ")));
    }
    if !removed.is_empty() {
        session.tell(&format!("removed {}; {OLD_COPIES}", removed.join(", ")));
    }
    if added.is_empty() && removed.is_empty() {
        session.tell("encrypted anew for the same recipients");
    }
}
