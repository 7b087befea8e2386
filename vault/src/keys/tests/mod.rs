//! Attacks on the places where an identity is kept, and on what is in them.

mod keyring;
mod texts;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chown, geteuid, mkfifo};
use tempfile::TempDir;

use super::file::{self, Closed};
use super::*;
use crate::failure::Explain;

/// A folder of our own with an identity in it.
struct Place {
    /// Removed at the end.
    folder: TempDir,
    /// What the identity is.
    made: Generated,
}

impl Place {
    /// Writes an identity, as `init` does.
    fn new() -> Self {
        let place = Self { folder: TempDir::new().unwrap(), made: generate(Kind::Classic).unwrap() };
        write_identity(&place.path(), &place.made, std::time::UNIX_EPOCH).unwrap();
        place
    }

    /// Where the identity is.
    fn path(&self) -> PathBuf {
        self.folder.path().join("private/vault.key")
    }

    /// What becomes of looking for it there by name.
    ///
    /// # Errors
    /// As the search says.
    fn find(&self) -> Result<Keys, KeysError> {
        find_at(&self.path())
    }

    /// That it is refused, and how.
    #[track_caller]
    fn refused(&self, sentence: &str, hint: &str) {
        let error = self.find().unwrap_err();
        let path = self.path().display().to_string();
        assert_eq!(error.to_string().replace(&path, "KEY"), sentence);
        let told =
            error.hint().unwrap().replace(&path, "KEY").replace(&self.folder.path().display().to_string(), "PLACE");
        assert_eq!(told, hint);
    }
}

/// Looks for an identity in a file and nowhere else.
///
/// # Errors
/// As the search says.
fn find_at(path: &Path) -> Result<Keys, KeysError> {
    find(&Wanted { identity: Some(path.into()), ..Wanted::default() })
}

/// Changes a mode.
fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_identity_that_was_written_is_found() {
    let place = Place::new();
    let keys = place.find().unwrap();
    assert_eq!(keys.recipients(), std::slice::from_ref(&place.made.recipient));
    assert_eq!(keys.source(), &Source::File(place.path()));
    assert_eq!(keys.shown(), [format!("X25519 {}", fingerprint(&place.made.recipient))]);
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(place.path().parent().unwrap()).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_dir(place.path().parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn an_identity_that_exists_is_never_overwritten() {
    let place = Place::new();
    let before = fs::read(place.path()).unwrap();
    let other = generate(Kind::PostQuantum).unwrap();
    let error = write_identity(&place.path(), &other, std::time::UNIX_EPOCH).unwrap_err();
    assert!(matches!(error, MakeError::Exists { .. }), "{error}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn an_identity_that_others_may_read_is_refused() {
    for (mode, repaired) in [(0o666, "600"), (0o640, "600"), (0o604, "600"), (0o601, "600"), (0o710, "700")] {
        let place = Place::new();
        chmod(&place.path(), mode);
        place.refused(&format!("KEY is open to others (mode {mode:04o})"), &format!("`chmod {repaired} KEY`"));
    }
}

#[test]
fn the_command_that_a_refusal_names_repairs_it() {
    let place = Place::new();
    let folder = place.path().parent().unwrap().to_path_buf();
    chmod(&place.path(), 0o664);
    chmod(&folder, 0o777);
    for _ in 0..2 {
        let hint = place.find().unwrap_err().hint().unwrap();
        let words: Vec<&str> = hint.trim_matches('`').split(' ').collect();
        assert!(std::process::Command::new(words[0]).args(&words[1..]).status().unwrap().success(), "{hint}");
    }
    place.find().unwrap();
}

#[test]
fn a_symlinked_identity_is_refused() {
    let place = Place::new();
    let real = place.folder.path().join("real");
    fs::rename(place.path(), &real).unwrap();
    symlink(&real, place.path()).unwrap();
    place.refused(
        "KEY is a symbolic link",
        "name the file that it points to, or put it here: `cp --remove-destination \"$(readlink -f KEY)\" KEY && chmod 600 KEY`",
    );
}

#[test]
fn an_identity_with_a_second_name_is_refused() {
    let place = Place::new();
    fs::hard_link(place.path(), place.folder.path().join("other")).unwrap();
    place.refused(
        "KEY has 2 names (hard links)",
        "find the others with `find / -xdev -samefile KEY`, then `cp -p KEY KEY.new && mv KEY.new KEY`",
    );
}

#[test]
fn what_is_no_file_is_refused_and_a_fifo_is_not_waited_for() {
    let place = Place::new();
    for make in [
        |path: &Path| fs::create_dir(path).unwrap(),
        |path: &Path| mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap(),
        |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
    ] {
        fs::remove_file(place.path()).or_else(|_| fs::remove_dir(place.path())).unwrap();
        make(&place.path());
        place.refused("KEY is not a regular file", "name the file that holds the identity");
    }
}

#[test]
fn an_empty_identity_and_one_of_a_gibibyte_are_refused() {
    let place = Place::new();
    File::options().write(true).truncate(true).open(place.path()).unwrap();
    place.refused("KEY is empty", "put the identity back from its copy");
    File::options().write(true).open(place.path()).unwrap().set_len(1 << 30).unwrap();
    place
        .refused("KEY is longer than 262144 bytes", "name the file that holds the identity; it is a few lines of text");
}

#[test]
fn an_identity_below_a_folder_that_others_may_write_to_is_refused() {
    let place = Place::new();
    chmod(place.folder.path(), 0o770);
    let error = place.find().unwrap_err();
    let folder = place.folder.path().display().to_string();
    assert_eq!(error.to_string(), format!("{folder} can be written by others (mode 0770)"));
    assert_eq!(error.hint().unwrap(), format!("`chmod go-w {folder}`"));
    assert_eq!(error.exit(), crate::exit::Exit::Denied);
    // With the sticky bit, nobody else can rename or remove what is ours.
    chmod(place.folder.path(), 0o1777);
    place.find().unwrap();
}

#[test]
fn an_identity_or_a_link_on_the_way_that_somebody_else_made_is_refused() {
    if !geteuid().is_root() {
        eprintln!("SKIP: only root can give files away");
        return;
    }
    let place = Place::new();
    let stranger = Some(Uid::from_raw(61234));
    chown(&place.path(), stranger, None).unwrap();
    place.refused("KEY belongs to user 61234, who could read or replace it", "`chown 0 KEY`");
    chown(&place.path(), Some(Uid::from_raw(0)), None).unwrap();
    let link = place.folder.path().join("way");
    symlink("private", &link).unwrap();
    find_at(&link.join("vault.key")).unwrap();
    nix::unistd::fchownat(nix::fcntl::AT_FDCWD, &link, stranger, None::<Gid>, nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)
        .unwrap();
    let error = find_at(&link.join("vault.key")).unwrap_err();
    assert!(matches!(error, KeysError::File(FileError::Owner { owner: 61234, .. })), "{error}");
}

#[test]
fn links_on_the_way_that_never_end_are_refused() {
    let place = Place::new();
    let link = place.folder.path().join("round");
    symlink("round", &link).unwrap();
    let error = find_at(&link.join("vault.key")).unwrap_err();
    assert!(matches!(error, KeysError::File(FileError::Open { reason: nix::errno::Errno::ELOOP, .. })), "{error}");
}

#[test]
fn an_absent_identity_is_told_by_where_it_was_looked_for() {
    let place = Place::new();
    let error = find_at(&place.folder.path().join("none/vault.key")).unwrap_err();
    assert!(matches!(error, KeysError::NoFile { .. }), "{error}");
    let wanted = Wanted { usual: Some("/nowhere/vault.key".into()), ..Wanted::default() };
    assert_eq!(
        find(&wanted).unwrap_err().to_string(),
        "there is no identity: not as the credential lobsterpot-vault-identity, not in the kernel keyring as \
         lobsterpot-vault:identity, not in /nowhere/vault.key"
    );
}

/// A folder of credentials as systemd makes it, with this identity.
fn credentials(place: &Place, made: &Generated) -> PathBuf {
    let folder = place.folder.path().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(CREDENTIAL), made.identity.as_bytes()).unwrap();
    chmod(&folder.join(CREDENTIAL), 0o400);
    chmod(&folder, 0o500);
    folder
}

#[test]
fn a_credential_comes_before_the_file_and_a_broken_one_stops_the_search() {
    let place = Place::new();
    let other = generate(Kind::PostQuantum).unwrap();
    let folder = credentials(&place, &other);
    let wanted = Wanted { credentials: Some(folder.clone()), usual: Some(place.path()), ..Wanted::default() };
    assert_eq!(find(&wanted).unwrap().recipients(), std::slice::from_ref(&other.recipient));
    // An access control list's mask shows as the group's bits.
    chmod(&folder.join(CREDENTIAL), 0o440);
    find(&wanted).unwrap();
    for mode in [0o444, 0o460, 0o602] {
        chmod(&folder.join(CREDENTIAL), mode);
        let error = find(&wanted).unwrap_err();
        assert!(matches!(error, KeysError::File(FileError::Loose { .. })), "{error}");
    }
    chmod(&folder.join(CREDENTIAL), 0o600);
    fs::write(folder.join(CREDENTIAL), "AGE-SECRET-KEY-1BROKEN").unwrap();
    let error = find(&wanted).unwrap_err();
    assert!(matches!(error, KeysError::Text { reason: TextError::Damaged { line: 1 }, .. }), "{error}");
    assert!(!error.to_string().contains("BROKEN"), "{error}");
    // The file that is asked for by name replaces the search.
    let named = Wanted { identity: Some(place.path()), ..wanted.clone() };
    assert_eq!(find(&named).unwrap().recipients(), std::slice::from_ref(&place.made.recipient));
    chmod(&folder, 0o700);
    fs::remove_file(folder.join(CREDENTIAL)).unwrap();
    assert_eq!(find(&wanted).unwrap().recipients(), std::slice::from_ref(&place.made.recipient));
}

#[test]
fn a_folder_of_credentials_that_depends_on_where_we_stand_is_refused() {
    let wanted = Wanted { credentials: Some("credentials".into()), ..Wanted::default() };
    assert!(matches!(find(&wanted), Err(KeysError::Credentials)));
}

#[test]
fn a_key_file_is_read_to_its_end_and_no_further() {
    let place = Place::new();
    let text = file::read(&place.path(), Closed::ToAll).unwrap().unwrap();
    assert_eq!(text.as_bytes(), fs::read(place.path()).unwrap());
}

#[test]
fn paths_are_quoted_as_a_shell_reads_them() {
    for (path, quoted) in [("/a/b-c.d", "/a/b-c.d"), ("/a b", "'/a b'"), ("/it's", "'/it'\\''s'"), ("-x", "'-x'")] {
        assert_eq!(file::quoted(Path::new(path)), quoted);
    }
}
