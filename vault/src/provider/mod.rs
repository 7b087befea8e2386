//! Secrets handed to programs that ask for them by a protocol of their own: OpenClaw, Claude Code, git and docker.
//!
//! Each protocol is a pure function of a request's bytes and an open [`Document`](crate::document::Document); [`stream`] reads
//! and writes, within bounds of size and time. Nothing here writes to a vault.

pub mod claude;
pub mod docker;
pub mod git;
mod login;
pub mod openclaw;
pub mod stream;

use std::time::SystemTime;

use thiserror::Error;

use crate::document::{Consumer, Entry};
use crate::exit::Exit;
use crate::failure::Explain;
use crate::name::Name;

pub use login::LoginError;

/// Why a secret that exists is not handed out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Withheld {
    /// This consumer is not among those that may have it.
    #[error("the secret \"{name}\" is not for {consumer}")]
    NotAllowed {
        /// The secret's name.
        name: Name,
        /// Who asked.
        consumer: Consumer,
    },
    /// Its time is over.
    #[error("the secret \"{name}\" has expired")]
    Expired {
        /// The secret's name.
        name: Name,
    },
}

impl Explain for Withheld {
    fn exit(&self) -> Exit {
        Exit::Denied
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAllowed { name, consumer } => {
                format!("allow it with `lobsterpot-vault set {name} --keep-value --consumer {consumer} …`")
            }
            Self::Expired { name } => format!("replace it with `lobsterpot-vault rotate {name}`"),
        })
    }
}

/// The entry, when `consumer` may have it now.
///
/// # Errors
/// When the consumer is not named, or the secret has expired.
fn release<'a>(name: &Name, entry: &'a Entry, consumer: &Consumer, now: SystemTime) -> Result<&'a Entry, Withheld> {
    if !entry.consumers.allow(consumer) {
        return Err(Withheld::NotAllowed { name: name.clone(), consumer: consumer.clone() });
    }
    if entry.is_expired(now) {
        return Err(Withheld::Expired { name: name.clone() });
    }
    Ok(entry)
}
