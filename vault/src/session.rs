//! What one run of the program works with: which vault, which identity, where output goes.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Keys, KeysError, Wanted};
use crate::places::Places;
use crate::store::{PlaceError, Site, Vault, Writer};

/// The options that every subcommand has, below its own in the help.
pub(crate) fn options(command: Command) -> Command {
    let path = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(value_parser!(PathBuf)).help(help)
    };
    let options = [
        path(
            "vault",
            "FILE",
            "The vault [default: /etc/lobsterpot/vault.age for root, ~/.config/lobsterpot/vault.age]",
        ),
        path("identity", "FILE", "The file with the identity, instead of looking for one"),
        Arg::new("passphrase-fd")
            .long("passphrase-fd")
            .value_name("N")
            .value_parser(value_parser!(u32).range(0..))
            .help("The descriptor to read a passphrase from, to its first line's end"),
        path(
            "state",
            "FOLDER",
            "The folder for records of what was seen last [default: /var/lib/lobsterpot/vault, ~/.local/state/lobsterpot/vault]",
        ),
        Arg::new("wait")
            .long("wait")
            .value_name("SECONDS")
            .value_parser(value_parser!(u16))
            .default_value("30")
            .help("How long to wait for another writer of the vault"),
        Arg::new("debug")
            .long("debug")
            .action(ArgAction::SetTrue)
            .help("Tell on standard error what is done; never a value or a key"),
    ];
    command.args(options.map(|option| option.global(true).help_heading("Options of every command")))
}

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Session {
    /// The caller's places; none when their home is unknown.
    places: Option<Places>,
    /// `--vault`.
    vault: Option<PathBuf>,
    /// `--identity`.
    identity: Option<PathBuf>,
    /// `--passphrase-fd`.
    passphrase_fd: Option<u32>,
    /// `--state`.
    state: Option<PathBuf>,
    /// `--wait`.
    patience: Duration,
}

impl Session {
    /// What the options of `matches` say.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        Self {
            places: Places::of_caller(),
            vault: matches.get_one("vault").cloned(),
            identity: matches.get_one("identity").cloned(),
            passphrase_fd: matches.get_one("passphrase-fd").copied(),
            state: matches.get_one("state").cloned(),
            patience: Duration::from_secs(matches.get_one("wait").copied().map_or(30, u16::into)),
        }
    }

    /// The caller's places.
    ///
    /// # Errors
    /// When their home is unknown.
    pub(crate) fn places(&self) -> Result<&Places, Failure> {
        self.places.as_ref().ok_or_else(|| {
            Failure::new(Exit::NotFound, "your home folder is not known", "set HOME, or add the account to /etc/passwd")
        })
    }

    /// Where the vault is.
    ///
    /// # Errors
    /// When neither an option nor a home says so.
    pub(crate) fn vault(&self) -> Result<PathBuf, Failure> {
        self.vault.clone().map_or_else(|| Ok(self.places()?.vault.clone()), Ok)
    }

    /// The file with the identity that was asked for by name.
    pub(crate) fn identity(&self) -> Option<&PathBuf> {
        self.identity.as_ref()
    }

    /// The descriptor that a passphrase is to be read from.
    pub(crate) const fn passphrase_fd(&self) -> Option<u32> {
        self.passphrase_fd
    }

    /// What opens vaults: the identity, found in the fixed order, and the passphrase if one is given.
    ///
    /// # Errors
    /// When there is none, or one that is not kept safely.
    pub(crate) fn keys(&self) -> Result<Keys, Failure> {
        Ok(self.find_keys()?)
    }

    /// The same, with its own error, which says whether there is nothing.
    ///
    /// # Errors
    /// As [`Self::keys`].
    pub(crate) fn find_keys(&self) -> Result<Keys, KeysError> {
        keys::find(&Wanted::new(self.identity.clone(), self.passphrase_fd, self.places.as_ref()))
    }

    /// The place of the vault, whether or not there is one.
    ///
    /// # Errors
    /// When its folder is not there, or not safe.
    pub(crate) fn site(&self) -> Result<Site, Failure> {
        let usual = self.places.as_ref().map(|places| &places.state);
        Ok(Site::open(&self.vault()?, self.state.as_ref().or(usual).map(PathBuf::as_path))?)
    }

    /// Looks that there is a vault, before a person is asked for what is to go into it.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn expect_vault(&self) -> Result<(), Failure> {
        let site = self.site()?;
        if site.is_taken()? { Ok(()) } else { Err(PlaceError::Missing { path: site.path() }.into()) }
    }

    /// Opens the vault to read it.
    ///
    /// # Errors
    /// When it is not there, does not open, or is not the vault that was seen last or a later version of it.
    pub(crate) fn open(&self) -> Result<Vault, Failure> {
        let site = self.site()?;
        Ok(site.read(self.keys()?)?)
    }

    /// Opens the vault to change it; others wait until the writer is dropped.
    ///
    /// # Errors
    /// As [`Self::open`], and when others write all the time.
    pub(crate) fn change(&self) -> Result<Writer, Failure> {
        let site = self.site()?;
        // Before the lock: a passphrase may be long in coming.
        let keys = self.keys()?;
        Ok(site.change(keys, self.patience, notice)?)
    }

    /// Opens the vault to change it, with the keys that have opened it before: a passphrase is read only once.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub(crate) fn change_with(&self, keys: Keys) -> Result<Writer, Failure> {
        Ok(self.site()?.change(keys, self.patience, notice)?)
    }

    /// How long to wait for another writer.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// The present, in whole seconds.
    #[expect(clippy::unused_self, reason = "the clock belongs to the run, and commands take it from nowhere else")]
    pub(crate) fn now(&self) -> SystemTime {
        let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH + Duration::from_secs(passed.as_secs())
    }

    /// Whether a person would see what is written to standard output.
    #[expect(clippy::unused_self, reason = "as for the clock")]
    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Writes to standard output at once: data, or what a person asked to see.
    ///
    /// # Errors
    /// When nobody reads there.
    #[expect(clippy::unused_self, reason = "as for the clock")]
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| {
            let reason = format!("failed to write to standard output: {error}");
            let is_closed = error.kind() == io::ErrorKind::BrokenPipe;
            let closed = "keep the reader of this program's output running";
            Failure::new(Exit::Io, reason, if is_closed { closed } else { "check where it goes, and the room there" })
        })
    }

    /// Says something to a person, on standard error.
    #[expect(clippy::unused_self, reason = "as for the clock")]
    pub(crate) fn tell(&self, text: &str) {
        notice(text);
    }
}

/// Says something to a person, on standard error.
pub(crate) fn notice(text: &str) {
    // A person who has closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "lobsterpot-vault: {}", shown(text));
}

/// Whether a terminal would act on `character`, or show the text around it in another order.
pub(crate) fn acts_on_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text with everything escaped that acts on a terminal: names of files and of repositories are in it, and others may have chosen them.
pub(crate) fn shown(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, character| {
        if acts_on_terminal(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        shown
    })
}
