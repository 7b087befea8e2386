//! A configuration file: read with everything that must hold before it may be replaced, and replaced whole or not at all.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::libc::O_NOFOLLOW;
use sha2::{Digest, Sha256};

use crate::install::error::InstallError;
use crate::install::person::Person;
use crate::install::trust::{Workspaces, changeable, weak_folder};

/// The longest configuration that is edited.
const LONGEST: u64 = 4 * 1024 * 1024;

/// What stands before a backup's number.
pub(crate) const BACKUP: &str = ".lobsterpot-backup-";

/// How many backups are kept before the installer asks for some to be cleared away.
const BACKUPS: u32 = 999;

/// A file as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where it really is: every link followed.
    pub(crate) path: PathBuf,
    /// What is in it; `None` when it does not exist.
    pub(crate) text: Option<String>,
    /// The bits of its mode, for the file that takes its place.
    mode: u32,
    /// Its owner and group, likewise.
    owner: Option<(u32, u32)>,
}

/// Reads a file that is to be edited.
///
/// # Errors
/// When it may not be replaced: somebody else could have written it, it is no plain text file, or an agent can write there.
pub(crate) fn read(path: &Path, person: &Person, workspaces: &Workspaces) -> Result<Found, InstallError> {
    open(path, person, workspaces, replaceable)
}

/// Reads a file that is only to be looked at: it may be root's as well, and have further names.
///
/// # Errors
/// When somebody else could have written it, it is no plain text file, or an agent can write there.
pub(crate) fn look(path: &Path, person: &Person, workspaces: &Workspaces) -> Result<Found, InstallError> {
    open(path, person, workspaces, believable)
}

/// Reads a file whose metadata is `acceptable`.
///
/// # Errors
/// As [`read`] and [`look`] say.
fn open(
    path: &Path,
    person: &Person,
    workspaces: &Workspaces,
    acceptable: fn(&Metadata, &Person) -> Result<(), String>,
) -> Result<Found, InstallError> {
    let place = resolved(path)?;
    if let Some(workspace) = workspaces.around(&place) {
        let problem = format!("it lies in the workspace \"{}\", where agents write", workspace.display());
        return Err(InstallError::place(&place, problem));
    }
    if let Some((folder, problem)) = weak_folder(&place, person.uid) {
        return Err(InstallError::place(&folder, problem));
    }
    let file = match OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | nix::libc::O_NONBLOCK).open(&place) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Found { path: place, text: None, mode: 0o600, owner: None });
        }
        Err(error) => return Err(InstallError::io("open", &place, error)),
    };
    let facts = file.metadata().map_err(|error| InstallError::io("look at", &place, error))?;
    acceptable(&facts, person).map_err(|problem| InstallError::place(&place, problem))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| InstallError::io("read", &place, error))?;
    let problem = |problem: &str| InstallError::Parse { path: place.clone(), problem: problem.to_owned() };
    if u64::try_from(bytes.len()).map_or(true, |length| length > LONGEST) {
        return Err(problem("it is longer than 4 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| problem("it is not UTF-8"))?;
    let owner = Some((facts.uid(), facts.gid()));
    Ok(Found { path: place, text: Some(text), mode: facts.mode() & 0o7777, owner })
}

/// Whether a file is the user's own or root's alone, by its metadata.
///
/// # Errors
/// Says what is wrong.
fn believable(facts: &Metadata, person: &Person) -> Result<(), String> {
    if !facts.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    changeable(facts, person.uid).map_or(Ok(()), Err)
}

/// Whether a file may be replaced, by its metadata.
///
/// # Errors
/// Says what is wrong.
fn replaceable(facts: &Metadata, person: &Person) -> Result<(), String> {
    believable(facts, person)?;
    if facts.uid() != person.uid {
        return Err(format!("it belongs to the user id {}", facts.uid()));
    }
    if facts.nlink() > 1 {
        return Err("it has further names (hard links), which an atomic replacement would cut off".to_owned());
    }
    Ok(())
}

/// Where a path leads; the file itself, and folders on the way, need not exist.
///
/// # Errors
/// When a link leads nowhere, or a folder cannot be searched.
fn resolved(path: &Path) -> Result<PathBuf, InstallError> {
    match path.symlink_metadata() {
        Ok(_) => path.canonicalize().map_err(|error| InstallError::io("follow", path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(resolved(parent)?.join(name)),
            _ => Err(InstallError::io("follow", path, error)),
        },
        Err(error) => Err(InstallError::io("look at", path, error)),
    }
}

impl Found {
    /// A file that exists in a test only.
    #[cfg(test)]
    pub(crate) fn imagined(path: PathBuf, text: Option<&str>) -> Self {
        Self { path, text: text.map(str::to_owned), mode: 0o600, owner: None }
    }

    /// The digest of what is in it.
    pub(crate) fn digest(&self) -> Option<String> {
        self.text.as_ref().map(|text| digest(text.as_bytes()))
    }

    /// Says what the file is to be when it does not exist yet: readable by everybody, as configuration of the whole host is.
    pub(crate) fn public(mut self) -> Self {
        if self.text.is_none() {
            self.mode = 0o644;
        }
        self
    }

    /// Copies the old text beside the file, under a name that was free. Nothing is copied when there was none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn back_up(&self) -> Result<Option<PathBuf>, InstallError> {
        let Some(text) = &self.text else { return Ok(None) };
        for number in 1..=BACKUPS {
            let mut name = self.path.clone().into_os_string();
            name.push(format!("{BACKUP}{number}"));
            let path = PathBuf::from(name);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(O_NOFOLLOW).open(&path);
            match file {
                Ok(file) => {
                    self.fill(&file, text.as_bytes()).map_err(|error| InstallError::io("write", &path, error))?;
                    return Ok(Some(path));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(InstallError::io("create", &path, error)),
            }
        }
        Err(InstallError::place(&self.path, format!("{BACKUPS} backups lie beside it; remove some")))
    }

    /// Puts `bytes` in the file's place at once. The file must still be as it was found.
    ///
    /// # Errors
    /// When it was changed in the meantime, or cannot be written; the old file is there in both cases.
    pub(crate) fn replace(&self, bytes: &[u8]) -> Result<(), InstallError> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let wrong = |action: &'static str| move |error: io::Error| InstallError::io(action, &self.path, error);
        let mut builder = tempfile::Builder::new();
        let temporary = builder
            .prefix(".lobsterpot-")
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(folder)
            .map_err(wrong("create a file beside"))?;
        self.fill(temporary.as_file(), bytes).map_err(wrong("write a file beside"))?;
        self.unchanged()?;
        temporary.persist(&self.path).map_err(|error| wrong("replace")(error.error))?;
        sync(folder).map_err(wrong("flush the folder of"))
    }

    /// Takes the file away. It must still be as it was found.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub(crate) fn delete(&self) -> Result<(), InstallError> {
        self.unchanged()?;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(InstallError::io("remove", &self.path, error)),
            _ => Ok(()),
        }
    }

    /// Writes a file that is like this one.
    ///
    /// # Errors
    /// As the system says.
    fn fill(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)?;
        if let Some((uid, gid)) = self.owner {
            let facts = file.metadata()?;
            if (facts.uid(), facts.gid()) != (uid, gid) {
                std::os::unix::fs::fchown(file, Some(uid), Some(gid))?;
            }
        }
        file.set_permissions(Permissions::from_mode(self.mode))?;
        file.sync_all()
    }

    /// Whether the file is still as it was found.
    ///
    /// # Errors
    /// When it is not.
    fn unchanged(&self) -> Result<(), InstallError> {
        let now = match fs::read(&self.path) {
            Ok(bytes) => Some(digest(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(InstallError::io("read", &self.path, error)),
        };
        if now == self.digest() { Ok(()) } else { Err(InstallError::Changed { path: self.path.clone() }) }
    }
}

/// Makes a folder and those above it that are missing, and returns the ones that were made, outermost first.
///
/// # Errors
/// When one cannot be made.
pub(crate) fn make_folders(folder: &Path, mode: u32, person: &Person) -> Result<Vec<PathBuf>, InstallError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    let mut made = Vec::new();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => {}
            // Another run was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(InstallError::io("create", folder, error)),
        }
        let wrong = |error| InstallError::io("set up", folder, error);
        fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(wrong)?;
        chown(folder, Some(person.uid), Some(person.gid)).map_err(wrong)?;
        made.push(folder.to_path_buf());
    }
    Ok(made)
}

/// Writes a folder's entries to the disk.
///
/// # Errors
/// As the system says.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The digest by which a text is known again.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
