//! Servers of the sandbox that the host's loopback can reach.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One port of the host's loopback, and the server in the sandbox that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The port of the host's loopback.
    pub host: u16,
    /// The server's port in the sandbox.
    pub port: u16,
}

/// Why a text does not publish a port.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Not one or two ports.
    #[error("\"{text}\" is neither a port nor two ports with a colon between them")]
    Malformed {
        /// The text, escaped.
        text: String,
    },
    /// One port of the host would lead to two servers.
    #[error("port {port} of the host would lead to two servers")]
    Taken {
        /// The port.
        port: u16,
    },
}

impl PublishError {
    /// What to write instead.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => {
                "write \"8080:3000\": port 8080 of the host's loopback leads to port 3000 in the sandbox"
            }
            Self::Taken { .. } => "choose another port of the host for one of them",
        }
    }
}

impl Publish {
    /// Reads `8080:3000`, or `3000` for the same port on both sides.
    ///
    /// # Errors
    /// When the text is not that.
    pub fn parse(text: &str) -> Result<Self, PublishError> {
        let wrong = || PublishError::Malformed { text: text.escape_debug().to_string() };
        let port = |part: &str| match part.parse::<u16>() {
            Ok(port) if port > 0 && part.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
            _ => Err(wrong()),
        };
        let (host, inside) = text.split_once(':').unwrap_or((text, text));
        Ok(Self { host: port(host)?, port: port(inside)? })
    }
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::Publish;

    #[test]
    fn one_port_or_two_are_read_and_nothing_else_is() {
        assert_eq!(Publish::parse("8080:80"), Ok(Publish { host: 8080, port: 80 }));
        assert_eq!(Publish::parse("3000"), Ok(Publish { host: 3000, port: 3000 }));
        for text in ["", ":", "0", "1:0", "0:1", "65536", "+1", "1:2:3", "0.0.0.0:1:2", "1-2", " 1", "*:1", "8080:"] {
            assert!(Publish::parse(text).is_err(), "{text}");
        }
    }
}
