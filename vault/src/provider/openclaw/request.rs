//! What OpenClaw asks: `{"protocolVersion":1,"provider":"…","ids":["…"]}`, and nothing else.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;

use crate::exit::Exit;
use crate::failure::Explain;

/// The longest request that OpenClaw sends, in bytes (`maxBatchBytes`).
pub const LONGEST: usize = 256 << 10;

/// The most ids that OpenClaw puts into one request (`maxRefsPerProvider`).
const MOST_IDS: usize = 512;

/// The version of the protocol.
const VERSION: u64 = 1;

/// The longest name of a provider.
const LONGEST_PROVIDER: usize = 64;

/// Why bytes are not a request. What they are is not repeated: OpenClaw is not the only one who could call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// They are not the JSON of a request: no JSON at all, a member too many, twice or missing, or of another type.
    #[error("standard input is not a request of OpenClaw's, from line {line}, column {column}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The protocol is another one.
    #[error("the request has version {version} of the protocol; this release knows {VERSION}")]
    Version {
        /// The version that it has.
        version: u64,
    },
    /// The provider has a name that OpenClaw gives none.
    #[error("the provider's name in the request is not one of OpenClaw's")]
    Provider,
    /// There are more ids than OpenClaw sends.
    #[error("the request has more than {MOST_IDS} ids")]
    TooMany,
    /// An id is there twice.
    #[error("the request has an id twice")]
    Twice,
}

impl Explain for RequestError {
    fn exit(&self) -> Exit {
        Exit::Data
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Version { .. } => "use a release that knows this version of OpenClaw's protocol".to_owned(),
            Self::Malformed { .. } | Self::Provider | Self::TooMany | Self::Twice => {
                "send {\"protocolVersion\":1,\"provider\":\"lobsterpot\",\"ids\":[\"NAME\"]}, as OpenClaw does"
                    .to_owned()
            }
        })
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for; no id is there twice.
    pub(super) ids: Vec<String>,
}

/// A request as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireRequest {
    /// The version of the protocol.
    protocol_version: u64,
    /// What OpenClaw's configuration calls this program.
    provider: String,
    /// [`Request::ids`].
    ids: Vec<String>,
}

/// The version alone, to tell a later protocol from something else.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireVersion {
    /// The version of the protocol.
    protocol_version: u64,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// When it is none, or of another version of the protocol.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        // A derived reader would take the members in an array, too.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(RequestError::Malformed { line: 1, column: 1 });
        }
        let wire: WireRequest = serde_json::from_slice(bytes).map_err(|error| diagnose(bytes, &error))?;
        if wire.protocol_version != VERSION {
            return Err(RequestError::Version { version: wire.protocol_version });
        }
        if !is_provider(&wire.provider) {
            return Err(RequestError::Provider);
        }
        if wire.ids.len() > MOST_IDS {
            return Err(RequestError::TooMany);
        }
        if wire.ids.iter().collect::<BTreeSet<_>>().len() != wire.ids.len() {
            return Err(RequestError::Twice);
        }
        Ok(Self { ids: wire.ids })
    }
}

/// What is wrong with bytes that could not be read.
fn diagnose(bytes: &[u8], error: &serde_json::Error) -> RequestError {
    match serde_json::from_slice::<WireVersion>(bytes) {
        Ok(found) if found.protocol_version != VERSION => RequestError::Version { version: found.protocol_version },
        Ok(_) | Err(_) => RequestError::Malformed { line: error.line(), column: error.column() },
    }
}

/// Whether a text is a provider's name: `[a-z][a-z0-9_-]{0,63}`.
fn is_provider(text: &str) -> bool {
    text.len() <= LONGEST_PROVIDER
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}
