//! docker's credential helper protocol (docker-credential-helpers): one word as argument, a server's address on standard input,
//! JSON or an error's text on standard output.
//!
//! A secret is for docker when its name says for which server: `docker/SERVER[#USER]`, where `https://` before the server and
//! slashes behind it count for nothing, in the name and in docker's question alike.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;
use thiserror::Error;

use super::login::{Login, LoginError};
use super::{Withheld, release};
use crate::document::{Consumer, Document};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;

/// The longest address that is read, in bytes.
pub const LONGEST: usize = 64 << 10;

/// What names of logins for docker begin with.
const PREFIX: &str = "docker/";

/// Why there is no answer. Docker reads the sentence, and knows the first two by their exact words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DockerError {
    /// No login is for the server: docker goes on without one.
    #[error("credentials not found in native keychain")]
    NotFound,
    /// No server was named.
    #[error("no credentials server URL")]
    NoServer,
    /// What was named is no server's address.
    #[error("the server's address on standard input is not one line of text")]
    BadServer,
    /// Two logins fit.
    #[error("both \"{first}\" and \"{second}\" are for this server")]
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
    /// Docker wants to write.
    #[error("docker may read this vault, not write it")]
    ReadOnly,
    /// The word is none of the protocol's.
    #[error("docker's helpers know get, list, store, erase and version, not what was asked for")]
    UnknownAction,
}

impl Explain for DockerError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotFound | Self::NoServer | Self::BadServer | Self::UnknownAction => Exit::Lacking,
            Self::Ambiguous { .. } => Exit::Data,
            Self::ReadOnly => Exit::Denied,
            Self::Withheld { source } => source.exit(),
            Self::Login { source } => source.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound => None,
            Self::NoServer | Self::BadServer => Some("send one server's address on standard input".to_owned()),
            Self::Ambiguous { .. } => Some("`lobsterpot-vault unset` one of the two".to_owned()),
            Self::Withheld { source } => source.hint(),
            Self::Login { source } => source.hint(),
            Self::ReadOnly => {
                Some("`printf %s USER:TOKEN | lobsterpot-vault set docker/SERVER` puts a login into it".to_owned())
            }
            Self::UnknownAction => Some("let docker call this helper".to_owned()),
        }
    }
}

/// The answer to `get`, with the names that docker has for its members.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireAnswer<'a> {
    /// The server, as docker named it.
    #[serde(rename = "ServerURL")]
    server: &'a str,
    /// [`Login::username`].
    username: &'a str,
    /// [`Login::password`].
    secret: &'a str,
}

/// The server and the user that a name speaks of; none when it is not that of a login for docker.
fn place(name: &Name) -> Option<(&str, Option<&str>)> {
    let text = name.as_str().strip_prefix(PREFIX)?;
    let (server, user) = match text.rsplit_once('#') {
        Some((server, user)) => (server, Some(user)),
        None => (text, None),
    };
    (!bare(server).is_empty() && user != Some("")).then_some((server, user))
}

/// A server without what counts for nothing.
fn bare(server: &str) -> &str {
    server.strip_prefix("https://").unwrap_or(server).trim_end_matches('/')
}

/// The answer to `get` for the server that the bytes of a request name.
///
/// # Errors
/// When none is named, no login or several are for it, or the login is not for docker, has expired or is none.
pub fn get(request: &[u8], document: &Document, now: SystemTime) -> Result<Secret, DockerError> {
    let server = std::str::from_utf8(request).map_err(|_| DockerError::BadServer)?.trim();
    if server.is_empty() {
        return Err(DockerError::NoServer);
    }
    if server.contains(|letter: char| letter.is_control()) {
        return Err(DockerError::BadServer);
    }
    let mut fitting = document.secrets.iter().filter_map(|(name, entry)| {
        place(name).filter(|(own, _)| bare(own) == bare(server)).map(|(_, user)| (name, user, entry))
    });
    let (name, user, entry) = fitting.next().ok_or(DockerError::NotFound)?;
    if let Some((second, ..)) = fitting.next() {
        return Err(DockerError::Ambiguous { first: name.clone(), second: second.clone() });
    }
    let entry = release(name, entry, &Consumer::Docker, now)?;
    let login = Login::read(name, user, &entry.value)?;
    let none = || LoginError { name: name.clone() };
    Ok(line(&WireAnswer {
        server,
        username: login.username.as_text().ok_or_else(none)?,
        secret: login.password.as_text().ok_or_else(none)?,
    }))
}

/// The answer to `list`: who may log in where, of the logins that are for docker.
///
/// # Errors
/// When one of them is no login.
pub fn list(document: &Document, now: SystemTime) -> Result<Secret, DockerError> {
    let mut users = BTreeMap::new();
    for (name, entry) in &document.secrets {
        let Some((server, user)) = place(name) else { continue };
        if release(name, entry, &Consumer::Docker, now).is_ok() {
            let login = Login::read(name, user, &entry.value)?;
            users.insert(server, login.username.as_text().unwrap_or_default().to_owned());
        }
    }
    Ok(line(&users))
}

/// A JSON document in one line.
fn line(value: &impl Serialize) -> Secret {
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            Secret::from(bytes)
        }
        Err(_) => unreachable!("text has a JSON form, and memory takes every byte"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{DockerError, get, list};
    use crate::document::{Consumer, Consumers, Document, Entry};
    use crate::name::Name;
    use crate::secret::Secret;

    /// A vault of logins.
    fn vault(logins: &[(&str, &str)]) -> Document {
        let mut document = Document::new(vec![]).unwrap();
        for (name, value) in logins {
            document.secrets.insert(Name::parse(name).unwrap(), Entry::new(Secret::from(*value), UNIX_EPOCH));
        }
        document
    }

    /// The answer to `get` as text.
    ///
    /// # Errors
    /// As the answer's.
    fn asked(document: &Document, server: &str) -> Result<String, DockerError> {
        get(server.as_bytes(), document, UNIX_EPOCH + Duration::from_secs(9))
            .map(|answer| answer.as_text().unwrap().to_owned())
    }

    #[test]
    fn a_login_is_given_to_its_registry() {
        let hub = "{\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"pat\",\"Secret\":\"t0:k\"}\n";
        for login in [
            ("docker/https://index.docker.io/v1/", "pat:t0:k"),
            ("docker/index.docker.io/v1", r#"{"username":"pat","password":"t0:k"}"#),
            ("docker/index.docker.io/v1#pat", "t0:k"),
        ] {
            assert_eq!(asked(&vault(&[login]), "https://index.docker.io/v1/\n").unwrap(), hub);
        }
        let port = vault(&[("docker/registry.example:5000", "<token>:t0k")]);
        let expected = "{\"ServerURL\":\"registry.example:5000\",\"Username\":\"<token>\",\"Secret\":\"t0k\"}\n";
        assert_eq!(asked(&port, "registry.example:5000").unwrap(), expected);
    }

    #[test]
    fn a_key_file_of_many_lines_is_a_password() {
        let document = vault(&[("docker/gcr.io", "_json_key:{\n  \"type\": \"x\"\n}\n")]);
        let answer: serde_json::Value = serde_json::from_str(&asked(&document, "gcr.io").unwrap()).unwrap();
        assert_eq!(answer["Secret"], "{\n  \"type\": \"x\"\n}\n");
    }

    #[test]
    fn a_login_is_given_to_no_other_registry() {
        let document = vault(&[("docker/registry.example", "pat:t0k"), ("registry.example", "pat:never")]);
        for server in [
            "http://registry.example",
            "registry.example:80",
            "registry.example.evil.example",
            "registry.example/v2",
            "Registry.example",
            "https://https://registry.example",
            "registry.example#pat",
        ] {
            assert_eq!(asked(&document, server), Err(DockerError::NotFound), "{server}");
        }
        assert_eq!(DockerError::NotFound.to_string(), "credentials not found in native keychain");
        assert_eq!(
            asked(&vault(&[("docker/https://", "pat:a"), ("docker/x#", "pat:a")]), "x"),
            Err(DockerError::NotFound)
        );
    }

    #[test]
    fn a_request_without_a_server_is_refused() {
        let document = vault(&[("docker/registry.example", "pat:t0k")]);
        for (server, error) in [
            ("", DockerError::NoServer),
            (" \n", DockerError::NoServer),
            ("registry.example\nother", DockerError::BadServer),
            ("registry.example\0", DockerError::BadServer),
        ] {
            assert_eq!(asked(&document, server), Err(error), "{server:?}");
        }
        assert_eq!(get(b"\xff", &document, UNIX_EPOCH), Err(DockerError::BadServer));
    }

    #[test]
    fn two_logins_for_a_registry_are_refused() {
        let document = vault(&[("docker/https://r.example/", "pat:a"), ("docker/r.example", "pat:b")]);
        assert!(matches!(asked(&document, "r.example"), Err(DockerError::Ambiguous { .. })));
    }

    #[test]
    fn a_login_for_others_or_past_its_time_stays_and_is_not_listed() {
        let mut document =
            vault(&[("docker/a.example", "pat:a"), ("docker/b.example", "pat:b"), ("docker/c.example", "sam:c")]);
        document.secrets.get_mut("docker/a.example").unwrap().consumers = Consumers::only([Consumer::Git]);
        document.secrets.get_mut("docker/b.example").unwrap().expires = Some(UNIX_EPOCH + Duration::from_secs(1));
        assert!(matches!(asked(&document, "a.example"), Err(DockerError::Withheld { .. })));
        assert!(matches!(asked(&document, "b.example"), Err(DockerError::Withheld { .. })));
        let listed = list(&document, UNIX_EPOCH + Duration::from_secs(9)).unwrap();
        assert_eq!(listed.as_text(), Some("{\"c.example\":\"sam\"}\n"));
    }
}
