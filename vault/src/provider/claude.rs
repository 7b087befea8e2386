//! Claude Code's `apiKeyHelper`: a command whose standard output is the API key.

use std::time::SystemTime;

use thiserror::Error;

use super::{Withheld, release};
use crate::document::{Consumer, Document};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;
use crate::secret::Secret;

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No secret has the name.
    #[error("the vault has no secret \"{name}\"")]
    Missing {
        /// The name that was asked for.
        name: Name,
    },
    /// It is not handed out.
    #[error(transparent)]
    Withheld {
        /// Why.
        #[from]
        source: Withheld,
    },
    /// The value cannot stand in a header.
    #[error(
        "the value of \"{name}\" cannot be an API key: it is empty, or has something other than visible ASCII characters"
    )]
    NotAKey {
        /// The secret's name.
        name: Name,
    },
}

impl Explain for KeyError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::NotFound,
            Self::Withheld { source } => source.exit(),
            Self::NotAKey { .. } => Exit::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("`lobsterpot-vault list` shows the names".to_owned()),
            Self::Withheld { source } => source.hint(),
            Self::NotAKey { name } => {
                Some(format!("set it again without a line's end: `printf %s KEY | lobsterpot-vault set {name}`"))
            }
        }
    }
}

/// The key called `name`, and a line's end.
///
/// # Errors
/// When there is none, it is not for Claude Code or has expired, or it would end or split the header that it goes into.
pub fn answer(name: &Name, document: &Document, now: SystemTime) -> Result<Secret, KeyError> {
    let entry = document.secrets.get(name).ok_or_else(|| KeyError::Missing { name: name.clone() })?;
    let entry = release(name, entry, &Consumer::ClaudeApiKey, now)?;
    let value = entry.value.as_bytes();
    if value.is_empty() || !value.iter().all(u8::is_ascii_graphic) {
        return Err(KeyError::NotAKey { name: name.clone() });
    }
    let mut line = Vec::with_capacity(value.len() + 1);
    line.extend_from_slice(value);
    line.push(b'\n');
    Ok(Secret::from(line))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{KeyError, answer};
    use crate::document::{Consumer, Consumers, Document, Entry};
    use crate::name::Name;
    use crate::secret::Secret;

    /// A vault with one secret.
    fn vault(value: &[u8], change: impl FnOnce(&mut Entry)) -> Document {
        let mut document = Document::new(vec![]).unwrap();
        let mut entry = Entry::new(Secret::from(value), UNIX_EPOCH);
        change(&mut entry);
        document.secrets.insert(Name::parse("KEY").unwrap(), entry);
        document
    }

    /// The answer for `KEY` in the year's first second.
    ///
    /// # Errors
    /// As the answer's.
    fn asked(document: &Document) -> Result<Vec<u8>, KeyError> {
        let answer = answer(&Name::parse("KEY").unwrap(), document, UNIX_EPOCH + Duration::from_secs(1));
        answer.map(|line| line.as_bytes().to_vec())
    }

    #[test]
    fn the_key_alone_is_printed() {
        assert_eq!(asked(&vault(b"sk-1_x", |_| ())).unwrap(), b"sk-1_x\n");
    }

    #[test]
    fn a_key_that_would_split_a_header_is_refused() {
        for value in [&b""[..], b"a\r\nx-admin: 1", b"a\n", b"a b", b"\xff", "ä".as_bytes(), b"a\0"] {
            let refused = asked(&vault(value, |_| ())).unwrap_err();
            assert!(matches!(refused, KeyError::NotAKey { .. }), "{value:?}");
            assert!(!refused.to_string().contains("admin"));
        }
    }

    #[test]
    fn a_key_for_others_or_past_its_time_stays() {
        let others = vault(b"k", |entry| entry.consumers = Consumers::only([Consumer::OpenClaw, Consumer::Get]));
        assert_eq!(asked(&others).unwrap_err().to_string(), "the secret \"KEY\" is not for claude-api-key");
        let old = vault(b"k", |entry| entry.expires = Some(UNIX_EPOCH + Duration::from_secs(1)));
        assert_eq!(asked(&old).unwrap_err().to_string(), "the secret \"KEY\" has expired");
    }

    #[test]
    fn a_missing_key_is_named() {
        let found = answer(&Name::parse("OTHER").unwrap(), &vault(b"k", |_| ()), UNIX_EPOCH);
        assert_eq!(found.unwrap_err().to_string(), "the vault has no secret \"OTHER\"");
    }
}
