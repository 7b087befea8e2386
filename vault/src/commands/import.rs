//! `import`: takes a plain `.env` file into the vault, and destroys it when that is asked for.

use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use zeroize::Zeroizing;

use super::{arguments, sops};
use crate::change::Outcome;
use crate::document::Document;
use crate::dotenv::{self, LARGEST_FILE, Meaning};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::import::{self, Incoming, Rules};
use crate::keys::Keys;
use crate::plain::{self, PlainFile, Purpose, leftovers};
use crate::session::Session;
use crate::sops::LONGEST_FILE;

/// The subcommand.
pub(crate) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("import")
        .about("Takes a .env or SOPS file into the vault: all of it, or nothing")
        .long_about(
            "Takes a .env or SOPS file into the vault: all of it, or nothing. Nothing in it is expanded or carried out. A file is \
             taken only when docker, systemd, bash, dotenv (npm), Node.js, python-dotenv and dotenvy would read every line of it \
             the same; --dialect says whose reading is meant instead. With --shred the file is overwritten and removed, but only \
             after the vault has been read again from its place and holds everything. Comments are not kept.",
        )
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The file; - reads standard input"),
        )
        .arg(dialect().help("Whose reading of the file is meant [default: strict, what all of them read alike]"))
        .args(sops::options())
        .args(sops::import_options())
        .arg(flag("shred", "Overwrite and remove the file once the vault holds what was in it"))
        .arg(flag("replace", "Give secrets that are there the values of the file"))
        .arg(flag(
            "allow-code",
            "Take names that, as variables, make programs load code (LD_PRELOAD, NODE_OPTIONS, …)",
        ))
        .args(arguments::details())
}

/// `--dialect`.
pub(super) fn dialect() -> Arg {
    Arg::new("dialect").long("dialect").value_name("DIALECT").value_parser(PossibleValuesParser::new(Meaning::WORDS))
}

/// What `--dialect` says.
pub(super) fn meaning(matches: &ArgMatches) -> Meaning {
    matches.get_one::<String>("dialect").and_then(|word| Meaning::parse(word)).unwrap_or(Meaning::Strict)
}

/// Where the values come from.
enum Source {
    /// A file.
    File(PlainFile),
    /// Standard input.
    Stream(Zeroizing<Vec<u8>>),
}

impl Source {
    /// Opens what was named, and reads it.
    ///
    /// # Errors
    /// When it cannot be read, or is to be destroyed and cannot be.
    fn open(path: &Path, purpose: Purpose, limit: usize) -> Result<Self, Failure> {
        if path != Path::new("-") {
            return Ok(Self::File(PlainFile::open(path, limit, purpose)?));
        }
        if purpose == Purpose::Shred {
            return Err(Failure::new(
                Exit::Usage,
                "standard input cannot be destroyed",
                "name the file, or leave out --shred",
            ));
        }
        Ok(Self::Stream(plain::read(io::stdin().lock(), Path::new("standard input"), limit)?))
    }

    /// What was in it.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::File(file) => file.bytes(),
            Self::Stream(bytes) => bytes,
        }
    }
}

/// Carries it out.
///
/// # Errors
/// When the file is not clear, the vault cannot be changed, or the file cannot be destroyed.
pub(crate) fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, Failure> {
    let path = matches.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    let purpose = if matches.get_flag("shred") { Purpose::Shred } else { Purpose::Read };
    let rules = Rules {
        replace: matches.get_flag("replace"),
        allow_code: matches.get_flag("allow-code"),
        details: arguments::details_of(matches, session)?,
    };
    let is_sops = matches.get_flag("sops");
    let source = Source::open(&path, purpose, if is_sops { LONGEST_FILE } else { LARGEST_FILE })?;
    let (mut writer, content) = if is_sops {
        // The vault's keys may be what opens it, and a passphrase for them is read only once.
        let writer = session.change()?;
        let content = sops::read(matches, source.bytes(), &path, writer.keys())?;
        (writer, content)
    } else {
        // Before the lock: whatever is wrong with the file is said without waiting for others.
        let content = values(source.bytes(), meaning(matches), &path)?;
        (session.change()?, content)
    };
    if purpose == Purpose::Shred && !content.left_out.is_empty() {
        let hint = "give --unencrypted, or leave out --shred; nothing was changed";
        return Err(Failure::new(Exit::Denied, "the file holds values that would not be in the vault", hint));
    }
    let sops::Opened { incoming, comments, left_out, cut } = content;
    let outcomes = import::take(writer.document_mut(), &incoming, &rules, session.now())?;
    let (keys, report) = (writer.keys().clone(), report(writer.document(), &incoming, &outcomes));
    writer.publish()?;
    session.write(report.as_bytes())?;
    left_out.iter().for_each(|sentence| session.tell(sentence));
    if comments > 0 {
        let noun = if comments == 1 { "comment is" } else { "comments are" };
        session.tell(&format!("{comments} {noun} not in the vault"));
    }
    for name in &cut {
        session.tell(&format!("{name} ends at a #: what follows it in the file is a comment, and not in the vault"));
    }
    if let Source::File(file) = source {
        if purpose == Purpose::Shred {
            shred(file, keys, &incoming, session)?;
        }
        tell_leftovers(&path, session);
    }
    Ok(Exit::Done)
}

/// What a plain file says.
///
/// # Errors
/// When it is not clear.
fn values(bytes: &[u8], meaning: Meaning, path: &Path) -> Result<sops::Opened, Failure> {
    let reading = dotenv::read(bytes, meaning).map_err(|error| {
        let hint = format!("{}; nothing was changed", error.hint().unwrap_or_default());
        Failure::new(error.exit(), format!("\"{}\": {error}", path.display()), hint)
    })?;
    let incoming = |found: dotenv::Assignment| Incoming { name: found.name, value: found.value, note: None };
    Ok(sops::Opened {
        incoming: reading.assignments.into_iter().map(incoming).collect(),
        comments: reading.comments,
        left_out: Vec::new(),
        cut: reading.cut,
    })
}

/// What became of each value, in lines for people and scripts.
fn report(document: &Document, incoming: &[Incoming], outcomes: &[Outcome]) -> String {
    let line = |(one, outcome): (&Incoming, &Outcome)| {
        let what = match outcome {
            Outcome::Added => "added",
            Outcome::Rotated => "replaced",
            Outcome::Kept => "unchanged",
        };
        format!("{what} {} ({})\n", one.name, arguments::masked(document, &one.value))
    };
    incoming.iter().zip(outcomes).map(line).collect()
}

/// Destroys the file, after the vault was read again from its place and holds everything that was in it.
///
/// # Errors
/// When the vault does not, or the file cannot be destroyed.
fn shred(file: PlainFile, keys: Keys, incoming: &[Incoming], session: &Session) -> Result<(), Failure> {
    let vault = session.site()?.read(keys)?;
    if let Some(name) = import::missing(&vault.document, incoming) {
        let hint = "find out who changed the vault meanwhile, then import the file again";
        return Err(Failure::new(
            Exit::Lacking,
            format!("the vault does not hold the value of {name}: the file was left alone"),
            hint,
        ));
    }
    let (path, ground) = (file.path().to_owned(), file.ground());
    file.shred()?;
    session.tell(&format!("\"{}\" was overwritten and removed; {}", path.display(), ground.sentence()));
    Ok(())
}

/// Names other copies of the file.
fn tell_leftovers(path: &Path, session: &Session) {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let found = leftovers(path, home.as_deref());
    for left in &found.files {
        session.tell(&format!("this may hold the same secrets: \"{}\"", left.display()));
    }
    for sentence in &found.git {
        session.tell(sentence);
    }
}
