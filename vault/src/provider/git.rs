//! git's credential helper (gitcredentials(7), git-credential(1)): asks with `key=value` lines, is answered in the same form.
//!
//! A secret is for git when its name says where it belongs: `git/PROTOCOL/HOST[:PORT][/PATH][#USER]`. Every part is compared as it
//! is, byte for byte: a login for `https` is never given for `http`, one for a host never for another port of it, one for a
//! path for that path alone.

use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

use super::login::{Login, LoginError};
use super::{Withheld, release};
use crate::document::{Consumer, Document, Entry};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;

/// The longest request that is read, in bytes.
pub const LONGEST: usize = 64 << 10;

/// What names of logins for git begin with.
const PREFIX: &str = "git/";

/// What cannot stand in a line of this protocol, on either side of it: a client that ends lines at carriage returns too would
/// read what follows as another attribute (CVE-2020-5260, CVE-2024-52006).
const LINE_ENDS: [u8; 3] = [b'\n', b'\r', b'\0'];

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GitError {
    /// The request breaks the rules of the protocol.
    #[error("line {line} of git's request is not an attribute, or says one again")]
    Malformed {
        /// The line, from 1.
        line: usize,
    },
    /// Two logins fit.
    #[error("both \"{first}\" and \"{second}\" fit what git asks for")]
    Ambiguous {
        /// One of them.
        first: Name,
        /// Another one.
        second: Name,
    },
    /// A login exists, and is not handed out.
    #[error(transparent)]
    Withheld {
        /// Why.
        #[from]
        source: Withheld,
    },
    /// It is no login.
    #[error(transparent)]
    Login {
        /// Why.
        #[from]
        source: LoginError,
    },
    /// It would be read as more than a login.
    #[error("the login \"{name}\" has a line's end or a NUL in it, which git's protocol cannot carry")]
    LineEnd {
        /// The secret's name.
        name: Name,
    },
}

impl Explain for GitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Malformed { .. } | Self::Ambiguous { .. } | Self::LineEnd { .. } => Exit::Data,
            Self::Withheld { source } => source.exit(),
            Self::Login { source } => source.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => Some("let git call this helper; git-credential(1) says what it sends".to_owned()),
            Self::Ambiguous { .. } => {
                Some("name the user in git's address, https://USER@HOST/, or remove one of the two".to_owned())
            }
            Self::Withheld { source } => source.hint(),
            Self::Login { source } => source.hint(),
            Self::LineEnd { name } => {
                Some(format!("set it again without a line's end: `printf %s USER:TOKEN | lobsterpot-vault set {name}`"))
            }
        }
    }
}

/// What git asks for. Only what names the place is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request<'a> {
    /// `https`, mostly.
    protocol: Option<&'a str>,
    /// The host, with its port where one was written.
    host: Option<&'a str>,
    /// The path on the host; git sends it when `credential.useHttpPath` says so.
    path: Option<&'a str>,
    /// The user, when the address names one.
    username: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Reads a request. What it does not know is left out, as the protocol demands.
    ///
    /// # Errors
    /// When a line is no attribute, has a carriage return or a NUL, is not UTF-8, or says again what an earlier one has said.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GitError> {
        let mut request = Self::default();
        for (index, bytes) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if bytes.is_empty() {
                break;
            }
            request.take(bytes).ok_or(GitError::Malformed { line: index + 1 })?;
        }
        Ok(request)
    }

    /// Takes one line; none when it breaks a rule.
    fn take(&mut self, line: &'a [u8]) -> Option<()> {
        if line.iter().any(|byte| LINE_ENDS.contains(byte)) {
            return None;
        }
        let at = line.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
        let (key, value) = (line.get(..at)?, line.get(at + 1..)?);
        let place = match key {
            b"protocol" => &mut self.protocol,
            b"host" => &mut self.host,
            b"path" => &mut self.path,
            b"username" => &mut self.username,
            _ => return Some(()),
        };
        let value = std::str::from_utf8(value).ok()?;
        place.replace(value).is_none().then_some(())
    }
}

/// Where a login belongs, as its name says it.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    /// The protocol.
    protocol: &'a str,
    /// The host, with its port.
    host: &'a str,
    /// The path.
    path: Option<&'a str>,
    /// The user.
    user: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Reads a name; none when it is not that of a login for git.
    fn of(name: &'a Name) -> Option<Self> {
        let text = name.as_str().strip_prefix(PREFIX)?;
        let (text, user) = match text.rsplit_once('#') {
            Some((text, user)) => (text, Some(user)),
            None => (text, None),
        };
        let (protocol, rest) = text.split_once('/')?;
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (rest, None),
        };
        let is_whole = !protocol.is_empty() && !host.is_empty() && path != Some("") && user != Some("");
        is_whole.then_some(Self { protocol, host, path, user })
    }

    /// Whether git asks for exactly this place.
    fn is_asked(&self, request: &Request<'_>) -> bool {
        request.protocol == Some(self.protocol)
            && request.host == Some(self.host)
            && request.path == self.path
            && (request.username.is_none() || self.user.is_none() || request.username == self.user)
    }
}

/// The answer to `get`: the lines that name the user and the password. None when the vault has no login for the place, which git
/// takes as leave to ask elsewhere.
///
/// # Errors
/// When several logins fit, or the one that fits is not for git, has expired, is no login, or cannot be said in lines.
pub fn answer(request: &Request<'_>, document: &Document, now: SystemTime) -> Result<Option<Secret>, GitError> {
    let mut found: Option<(&Name, &Entry, Login)> = None;
    let mut withheld = None;
    for (name, entry) in &document.secrets {
        let Some(place) = Place::of(name).filter(|place| place.is_asked(request)) else { continue };
        if let Err(reason) = release(name, entry, &Consumer::Git, now) {
            withheld = Some(reason);
            continue;
        }
        let login = Login::read(name, place.user, &entry.value)?;
        if request.username.is_some_and(|user| user.as_bytes() != login.username.as_bytes()) {
            continue;
        }
        if let Some((first, ..)) = found {
            return Err(GitError::Ambiguous { first: first.clone(), second: name.clone() });
        }
        found = Some((name, entry, login));
    }
    match (found, withheld) {
        (Some((name, entry, login)), _) => lines(name, entry, &login).map(Some),
        (None, Some(reason)) => Err(reason.into()),
        (None, None) => Ok(None),
    }
}

/// A login in lines.
///
/// # Errors
/// When it has a line's end in it.
fn lines(name: &Name, entry: &Entry, login: &Login) -> Result<Secret, GitError> {
    let mut lines = Vec::with_capacity(login.username.len() + login.password.len() + 64);
    for (key, value) in [("username", &login.username), ("password", &login.password)] {
        if value.as_bytes().iter().any(|byte| LINE_ENDS.contains(byte)) {
            return Err(GitError::LineEnd { name: name.clone() });
        }
        lines.extend_from_slice(key.as_bytes());
        lines.push(b'=');
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    if let Some(end) = entry.expires.and_then(|end| end.duration_since(UNIX_EPOCH).ok()) {
        lines.extend_from_slice(format!("password_expiry_utc={}\n", end.as_secs()).as_bytes());
    }
    Ok(Secret::from(lines))
}

#[cfg(test)]
mod tests;
