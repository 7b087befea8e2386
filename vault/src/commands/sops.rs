//! What `import --sops` and `export --sops` have in common: the options, and SOPS files read and written with the vault's keys.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::document::Entry;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::import::Incoming;
use crate::keys::{self, Keys, Recipients, Wanted};
use crate::name::Name;
use crate::seal;
use crate::secret::Secret;
use crate::session::Session;
use crate::sops::{self, Format, Item, Kind, Layout, LeftOut, Shape, Unencrypted, Why};

/// How recipients begin that SOPS opens only when it was built with a recent age.
const HYBRID: &str = "age1pq1";

/// `--sops` and `--format`.
pub(super) fn options() -> [Arg; 2] {
    [
        Arg::new("sops")
            .long("sops")
            .action(ArgAction::SetTrue)
            .conflicts_with("dialect")
            .help("It is a SOPS file, encrypted to age recipients"),
        Arg::new("format")
            .long("format")
            .value_name("FORMAT")
            .requires("sops")
            .value_parser(PossibleValuesParser::new(["dotenv", "json", "yaml"]))
            .help("How the SOPS file is written down [default: what its name ends in]"),
    ]
}

/// What `import` has besides.
pub(super) fn import_options() -> [Arg; 2] {
    [
        Arg::new("sops-identity")
            .long("sops-identity")
            .value_name("FILE")
            .requires("sops")
            .value_parser(value_parser!(PathBuf))
            .help("The identity that opens the SOPS file, when it is not the vault's"),
        Arg::new("unencrypted")
            .long("unencrypted")
            .action(ArgAction::SetTrue)
            .requires("sops")
            .help("Take values that the SOPS file has in plain text, too"),
    ]
}

/// What `export` has besides.
pub(super) fn export_options() -> [Arg; 2] {
    [
        Arg::new("nested")
            .long("nested")
            .action(ArgAction::SetTrue)
            .requires("sops")
            .help("Make nested keys of names with dots"),
        Arg::new("recipient")
            .long("recipient")
            .value_name("RECIPIENT")
            .action(ArgAction::Append)
            .requires("sops")
            .help("Encrypt to this recipient [default: those of the vault]"),
    ]
}

/// The format that was asked for, or that a path speaks for.
///
/// # Errors
/// When nothing says so.
fn format(matches: &ArgMatches, path: &Path) -> Result<Format, Failure> {
    let asked = matches.get_one::<String>("format").and_then(|word| Format::parse(word));
    asked.or_else(|| Format::of_path(path)).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "the name of the file does not say how it is written down",
            "give --format dotenv, json or yaml",
        )
    })
}

/// What a SOPS file holds, for the vault.
pub(super) struct Opened {
    /// The values.
    pub(super) incoming: Vec<Incoming>,
    /// How many comments there are.
    pub(super) comments: usize,
    /// What was not taken, in sentences.
    pub(super) left_out: Vec<String>,
    /// The values that end at a `#`, with a comment behind it.
    pub(super) cut: Vec<Name>,
}

/// Reads a SOPS file with the identity that was named, or with the vault's.
///
/// # Errors
/// When it is not as SOPS wrote it, or these keys do not open it.
pub(super) fn read(matches: &ArgMatches, bytes: &[u8], path: &Path, vault: &Keys) -> Result<Opened, Failure> {
    let named = matches.get_one::<PathBuf>("sops-identity");
    let named = named.map(|path| keys::find(&Wanted::new(Some(path.clone()), None, None))).transpose()?;
    let keys = named.as_ref().unwrap_or(vault);
    let unencrypted = if matches.get_flag("unencrypted") { Unencrypted::Take } else { Unencrypted::LeaveOut };
    let mut open = |armored: &[u8]| seal::open(armored, keys).ok();
    let reading = sops::read(bytes, format(matches, path)?, unencrypted, &mut open).map_err(|error| {
        let hint = error.hint().map_or_else(String::new, |hint| format!("{hint}; "));
        Failure::new(error.exit(), format!("\"{}\": {error}", path.display()), format!("{hint}nothing was changed"))
    })?;
    let incoming =
        |item: Item| Incoming { note: item.kind.note().map(str::to_owned), name: item.name, value: item.value };
    Ok(Opened {
        incoming: reading.secrets.into_iter().map(incoming).collect(),
        comments: reading.comments.len(),
        left_out: reading.left_out.iter().map(sentence).collect(),
        cut: Vec::new(),
    })
}

/// What a person should know about a value that was not taken.
fn sentence(left: &LeftOut) -> String {
    let why = match left.why {
        Why::Unencrypted => "it is not encrypted; --unencrypted takes such values",
        Why::Unauthenticated => "it is not encrypted, and anybody could have written it",
        Why::Null => "it is null",
    };
    format!("{} was not taken: {why}", left.place)
}

/// Writes secrets as a SOPS file, to the recipients that were named or to those of the vault.
///
/// # Errors
/// When SOPS could not say it, or it cannot be encrypted to one of them.
pub(super) fn write(
    matches: &ArgMatches,
    path: &Path,
    chosen: &[(&Name, &Entry)],
    vault: (&[String], &Keys),
    session: &Session,
) -> Result<Secret, Failure> {
    let (recipients, keys) = vault;
    let named: Option<Vec<String>> = matches.get_many("recipient").map(|texts| texts.cloned().collect());
    let recipients = Recipients::parse(named.as_deref().unwrap_or(recipients))?;
    if recipients.texts().iter().any(|text| text.starts_with(HYBRID)) {
        session.tell(
            "a recipient is post-quantum: only releases of sops that are built with age 1.3 or later open the file",
        );
    }
    let layout = if matches.get_flag("nested") { Layout::Nested } else { Layout::Flat };
    let shape = Shape { format: format(matches, path)?, layout, now: session.now() };
    let item = |(name, entry): &(&Name, &Entry)| Item {
        name: (*name).clone(),
        value: entry.value.clone(),
        kind: Kind::of_note(entry.note.as_deref()),
    };
    let items: Vec<Item> = chosen.iter().map(item).collect();
    let mut seal_key = |text: &str, key: &Secret| {
        let recipient = Recipients::parse(&[text.to_owned()]).ok()?;
        seal::seal(key, &recipient, keys).ok()
    };
    Ok(Secret::from(sops::write(&items, &shape, recipients.texts(), &mut seal_key)?))
}
