//! What an agent's client makes of a path before it opens it: `~`, `~user`, `file://`, a leading `@`, and look-alikes of names.
//!
//! A refusal must be about what the client will really open, and clients differ. So a spelling has several readings, and it is
//! allowed only when every reading is. The first one is what is handed out.
//!
//! As seen in OpenClaw: one leading `@` is dropped unless a file of that name exists, then `file://…` is decoded as Node does it, then
//! `~` and `~/…` are expanded; a relative result is joined to the current folder *lexically*, so that `link/../x` means `x`.
//! When a file to read is missing, names that differ in kinds of spaces and quotes or in Unicode's composition are tried.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::caller::home_by_name;

/// Why a spelling has no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obscure {
    /// A file address of another host.
    Host,
    /// A file address with an encoded slash or NUL byte, or a broken encoding.
    Encoding,
    /// White space or something invisible at the beginning or the end, which some clients take away and others do not.
    Edges,
    /// The home folder of a user, and who the users are cannot be looked at.
    User,
}

impl Obscure {
    /// What is wrong.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Host => "it is a file address of another host",
            Self::Encoding => "it is a file address that is not encoded as clients decode it",
            Self::Edges => "it begins or ends with white space or an invisible character",
            Self::User => "whose home folder it begins with cannot be looked up now",
        }
    }
}

/// The readings of `spelled`, the most likely one first.
///
/// # Errors
/// When it is an address that names no file of this host, begins or ends with what a client may take away, or begins with the
/// home folder of a user who cannot be looked up.
pub(super) fn readings(spelled: &OsStr, homes: &[PathBuf]) -> Result<Vec<OsString>, Obscure> {
    let mut readings = Vec::new();
    for form in [without_at(spelled), spelled.to_owned()] {
        if has_odd_edges(&form) {
            return Err(Obscure::Edges);
        }
        if let Some(address) = form.as_bytes().strip_prefix(b"file:") {
            add(&mut readings, decode(address)?);
        }
        expand_home(&form, homes, &mut readings)?;
        add(&mut readings, form);
    }
    // Also what remains when `..` takes the name before it away, as clients that join paths have it.
    for reading in readings.clone() {
        if reading.as_bytes().split(|&byte| byte == b'/').any(|name| name == b"..") {
            add(&mut readings, path_clean::clean(Path::new(&reading)).into_os_string());
        }
    }
    Ok(readings)
}

/// Whether `text` begins or ends with something that a client may trim. JavaScript's `trim` takes more away than Rust's: U+FEFF.
fn has_odd_edges(text: &OsStr) -> bool {
    let text = text.to_string_lossy();
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c);
    text.starts_with(is_odd) || text.ends_with(is_odd)
}

/// Characters without a shape: the byte order mark, joiners, marks of direction.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether a client may open another file of a like name when the one called `name` is missing.
pub(super) fn has_look_alikes(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let before_noon =
        bytes.windows(3).any(|part| part.eq_ignore_ascii_case(b" am") || part.eq_ignore_ascii_case(b" pm"));
    before_noon || !bytes.is_ascii() || bytes.contains(&b'\'')
}

/// Adds a reading that is not there yet.
fn add(readings: &mut Vec<OsString>, reading: OsString) {
    if !readings.contains(&reading) {
        readings.push(reading);
    }
}

/// `spelled` without one leading `@`; what another one begins stays a name.
fn without_at(spelled: &OsStr) -> OsString {
    match spelled.as_bytes().strip_prefix(b"@") {
        None => spelled.to_owned(),
        Some(rest) if rest.starts_with(b"@") => OsString::from_vec([b"./", rest].concat()),
        Some(rest) => OsStr::from_bytes(rest).to_owned(),
    }
}

/// Adds what `~` and `~user` at the beginning of `form` mean.
///
/// # Errors
/// When the user cannot be looked up.
fn expand_home(form: &OsStr, homes: &[PathBuf], readings: &mut Vec<OsString>) -> Result<(), Obscure> {
    let Some(rest) = form.as_bytes().strip_prefix(b"~") else { return Ok(()) };
    let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    let (user, rest) = rest.split_at(end);
    let in_home = |home: &Path| OsString::from_vec([home.as_os_str().as_bytes(), rest].concat());
    if user.is_empty() {
        homes.iter().for_each(|home| add(readings, in_home(home)));
    } else if let Some(home) = home_by_name(OsStr::from_bytes(user)).map_err(|_| Obscure::User)? {
        add(readings, in_home(&home));
    }
    Ok(())
}

/// The path that a file address means, `address` being what follows `file:`: <https://url.spec.whatwg.org/>, and what Node's
/// `fileURLToPath` makes of it.
///
/// # Errors
/// When it names no file of this host.
fn decode(address: &[u8]) -> Result<OsString, Obscure> {
    let kept = address.iter().filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r'));
    let address: Vec<u8> = kept.map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect();
    let end = address.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(address.len());
    let address = address.get(..end).unwrap_or_default();
    let path = match address.strip_prefix(b"//") {
        None => address,
        Some(rest) => {
            let slash = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            let (host, path) = rest.split_at(slash);
            if !host.is_empty() && !host.eq_ignore_ascii_case(b"localhost") {
                return Err(Obscure::Host);
            }
            path
        }
    };
    let mut names: Vec<Vec<u8>> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match percent_decoded(name)? {
            name if name == b".." => drop(names.pop()),
            name if name.is_empty() || name == b"." => {}
            name => names.push(name),
        }
    }
    let is_folder = path.ends_with(b"/");
    let mut decoded = names.iter().flat_map(|name| [b"/", name.as_slice()].concat()).collect::<Vec<u8>>();
    if is_folder || decoded.is_empty() {
        decoded.push(b'/');
    }
    Ok(OsString::from_vec(decoded))
}

/// One component without its percent signs.
///
/// # Errors
/// When a slash or a NUL byte is encoded, or an encoding is broken.
fn percent_decoded(name: &[u8]) -> Result<Vec<u8>, Obscure> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut left = name;
    while let Some((&first, rest)) = left.split_first() {
        left = rest;
        if first != b'%' {
            decoded.push(first);
            continue;
        }
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let Some([high, low]) = rest.first_chunk::<2>() else { return Err(Obscure::Encoding) };
        let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(Obscure::Encoding) };
        match high << 4 | low {
            0 | b'/' => return Err(Obscure::Encoding),
            byte => decoded.push(byte),
        }
        left = rest.get(2..).unwrap_or_default();
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The readings of `spelled` for a home of `/home/ann`.
    fn read(spelled: &str) -> Vec<String> {
        let readings = readings(OsStr::new(spelled), &[PathBuf::from("/home/ann")]).unwrap();
        readings.into_iter().map(|reading| reading.into_string().unwrap()).collect()
    }

    #[test]
    fn what_openclaw_expands_is_read_as_it_does() {
        assert_eq!(read("~/x")[0], "/home/ann/x");
        assert_eq!(read("~")[0], "/home/ann");
        assert_eq!(read("file:///etc/passwd")[0], "/etc/passwd");
        assert_eq!(read("@/etc/passwd")[0], "/etc/passwd");
        assert_eq!(read("@~/x")[0], "/home/ann/x");
        assert_eq!(read("@file:///x")[0], "/x");
        assert_eq!(read("@notes.md")[0], "notes.md");
        assert_eq!(read("@@notes.md")[0], "./@notes.md");
    }

    #[test]
    fn every_other_reading_is_kept_too() {
        assert!(read("@notes.md").contains(&"@notes.md".to_owned()));
        assert!(read("~root/x").contains(&"~root/x".to_owned()));
        assert!(read("~root/x").contains(&"/root/x".to_owned()));
        assert!(read("link/../x").contains(&"x".to_owned()) && read("link/../x").contains(&"link/../x".to_owned()));
        assert_eq!(read("src/main.rs"), ["src/main.rs"]);
    }

    #[test]
    fn a_file_address_is_decoded_as_node_does() {
        for (address, path) in [
            ("file:///a%20b", "/a b"),
            ("file://localhost/a", "/a"),
            ("file://LOCALHOST/a", "/a"),
            ("file:///a/../b", "/b"),
            ("file:///a/%2e%2E/b", "/b"),
            ("file:///../../etc/passwd", "/etc/passwd"),
            ("file:///a?query#part", "/a"),
            ("file:///e\ntc\\passwd", "/etc/passwd"),
            ("file:/etc/passwd", "/etc/passwd"),
            ("file:///", "/"),
        ] {
            assert_eq!(read(address)[0], path, "{address}");
        }
    }

    #[test]
    fn an_address_that_clients_disagree_about_is_refused() {
        for address in ["file://host/x", "file:///a%2Fb", "file:///a%00", "file:///a%2", "file:///a%zz"] {
            assert!(readings(OsStr::new(address), &[]).is_err(), "{address}");
        }
    }

    #[test]
    fn names_that_a_client_replaces_by_look_alikes_are_known() {
        for name in ["it's", "Screenshot at 1.00 PM.png", "caf\u{e9}", "a\u{a0}b"] {
            assert!(has_look_alikes(OsStr::new(name)), "{name}");
        }
        for name in ["main.rs", "spam.txt", "a b.md"] {
            assert!(!has_look_alikes(OsStr::new(name)), "{name}");
        }
    }
}
