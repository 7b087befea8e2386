//! Rules about hosts and ports.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::origin::Origin;

/// The port meant when a rule names none: HTTPS.
const DEFAULT_PORT: u16 = 443;

/// The longest name that DNS can carry.
const MAX_NAME: usize = 253;

/// One host, or all hosts below a domain, and the ports that may be reached there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRule {
    /// Which hosts.
    host: HostPattern,
    /// Which ports.
    ports: Ports,
    /// Why the rule is there.
    pub reason: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// Which hosts a rule means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum HostPattern {
    /// This name, in lower case.
    Name(String),
    /// Every name below this domain, but not the domain itself.
    Below(String),
    /// This address.
    Address(IpAddr),
}

/// Which ports a rule means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ports {
    /// Every port.
    Any,
    /// These.
    Listed(BTreeSet<u16>),
}

/// Why a text is not a host rule, or not a host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// It has a character that no host name has, or an empty or overlong part.
    #[error("\"{text}\" is not a host name")]
    NotAName {
        /// The text, escaped.
        text: String,
    },
    /// Its last part is a number, so that some programs would read it as an address.
    #[error("\"{text}\" looks like an address but is not a complete one")]
    HalfAddress {
        /// The text.
        text: String,
    },
    /// A star that is not the whole first part.
    #[error("the `*` in \"{text}\" is not the whole first part of the name")]
    Star {
        /// The text.
        text: String,
    },
    /// A star in front of a top-level domain.
    #[error("\"{text}\" stands for a whole top-level domain")]
    TooWide {
        /// The text.
        text: String,
    },
    /// A port that is none.
    #[error("\"{text}\" is not a port")]
    Port {
        /// The text.
        text: String,
    },
    /// A web address instead of a host.
    #[error("\"{text}\" is a web address, not a host")]
    Url {
        /// The text.
        text: String,
    },
}

impl HostError {
    /// What to write instead.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotAName { .. } => "write a name in ASCII, such as `api.example.com` or `xn--bcher-kva.example`",
            Self::HalfAddress { .. } => "write all four numbers of an IPv4 address, or `[…]` around an IPv6 address",
            Self::Star { .. } => "write `*.example.com`: the star stands for one or more whole parts in front",
            Self::TooWide { .. } => {
                "name the domain, as in `*.example.com`; for no limits at all set `mode = \"host\"`"
            }
            Self::Port { .. } => "write `example.com:443`, `example.com:80,443` or `example.com:*`",
            Self::Url { .. } => "write only the host and the port: `example.com:443`",
        }
    }
}

impl HostRule {
    /// Reads a rule such as `example.com`, `*.example.com:443`, `example.com:22,443`, `[2001:db8::1]:443` or `example.com:*`.
    ///
    /// Without a port, port 443 is meant.
    ///
    /// # Errors
    /// When the text is not a host rule; the error says what is wrong and what to write instead.
    pub fn parse(text: &str, origin: Origin) -> Result<Self, HostError> {
        let (host, ports) = split_ports(text)?;
        let ports = ports.map_or_else(|| Ok(Ports::Listed(BTreeSet::from([DEFAULT_PORT]))), parse_ports)?;
        Ok(Self { host: HostPattern::parse(host)?, ports, reason: None, origin })
    }

    /// The same rule for other ports.
    #[must_use]
    pub fn with_ports(self, ports: Ports) -> Self {
        Self { ports, ..self }
    }

    /// The ports that may be reached.
    #[must_use]
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Whether `port` at the host called `name` is meant. A name that is not a host name is never meant.
    #[must_use]
    pub fn matches(&self, name: &str, port: u16) -> bool {
        let named = match (&self.host, parse_host(name)) {
            (HostPattern::Name(own), Ok(HostPattern::Name(other))) => *own == other,
            (HostPattern::Below(domain), Ok(HostPattern::Name(other))) => {
                other.strip_suffix(domain.as_str()).is_some_and(|head| head.len() > 1 && head.ends_with('.'))
            }
            (HostPattern::Address(own), Ok(HostPattern::Address(other))) => *own == other,
            _ => false,
        };
        named && self.ports.contains(port)
    }

    /// The one name and port that the rule means, when it means only one.
    pub(crate) fn single(&self) -> Option<(String, u16)> {
        let Ports::Listed(ports) = &self.ports else { return None };
        let port = ports.first().copied().filter(|_| ports.len() == 1)?;
        match &self.host {
            HostPattern::Name(name) => Some((name.clone(), port)),
            HostPattern::Address(address) => Some((address.to_string(), port)),
            HostPattern::Below(_) => None,
        }
    }

    /// Whether two rules mean the same hosts and ports.
    pub(crate) fn same_target(&self, other: &Self) -> bool {
        self.host == other.host && self.ports == other.ports
    }
}

impl Ports {
    /// These ports.
    ///
    /// # Errors
    /// When one of them is 0.
    pub fn listed(ports: impl IntoIterator<Item = u16>) -> Result<Self, HostError> {
        let ports: BTreeSet<u16> = ports.into_iter().collect();
        if ports.contains(&0) {
            return Err(HostError::Port { text: "0".to_owned() });
        }
        Ok(Self::Listed(ports))
    }

    /// Whether `port` is meant.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(ports) => ports.contains(&port),
        }
    }
}

impl HostPattern {
    /// Reads the host part of a rule.
    ///
    /// # Errors
    /// When the text is neither a name, a name behind `*.`, nor an address.
    fn parse(text: &str) -> Result<Self, HostError> {
        let Some(domain) = text.strip_prefix("*.") else {
            if text.contains('*') {
                return Err(HostError::Star { text: text.to_owned() });
            }
            return parse_host(text);
        };
        match parse_host(domain)? {
            Self::Name(name) if name.contains('.') => Ok(Self::Below(name)),
            Self::Name(_) => Err(HostError::TooWide { text: text.to_owned() }),
            Self::Below(_) | Self::Address(_) => Err(HostError::Star { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostPattern::Name(name) => f.write_str(name)?,
            HostPattern::Below(domain) => write!(f, "*.{domain}")?,
            HostPattern::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            HostPattern::Address(address) => write!(f, "{address}")?,
        }
        match &self.ports {
            Ports::Any => f.write_str(":*"),
            Ports::Listed(ports) => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                write!(f, ":{}", ports.join(","))
            }
        }
    }
}

/// Whether `name` can be a host at all.
pub(crate) fn is_host(name: &str) -> bool {
    parse_host(name).is_ok()
}

/// Reads a name or an address. One trailing dot is dropped and letters become lower case; nothing else is changed.
///
/// # Errors
/// When the text is neither a name nor an address.
fn parse_host(text: &str) -> Result<HostPattern, HostError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(HostPattern::Address(address));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.len() > MAX_NAME || !name.split('.').all(is_label) {
        return Err(HostError::NotAName { text: text.escape_debug().to_string() });
    }
    if name.rsplit('.').next().is_some_and(is_numeric) {
        return Err(HostError::HalfAddress { text: text.to_owned() });
    }
    Ok(HostPattern::Name(name))
}

/// Whether a part of a name has only characters that names have.
fn is_label(label: &str) -> bool {
    let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    plain && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
}

/// Whether resolvers might read a name that ends in this part as an address: `1`, `0x7f`.
fn is_numeric(label: &str) -> bool {
    let hex = label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || label.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits a rule into its host and, if it has one, its list of ports.
///
/// # Errors
/// When the text is a web address, or an address without brackets.
fn split_ports(text: &str) -> Result<(&str, Option<&str>), HostError> {
    if text.contains("//") || text.contains('/') || text.contains('@') {
        return Err(HostError::Url { text: text.escape_debug().to_string() });
    }
    if text.starts_with('[') {
        let (host, rest) = text.split_once(']').ok_or_else(|| HostError::NotAName { text: text.to_owned() })?;
        let host = host.trim_start_matches('[');
        return match rest.strip_prefix(':') {
            Some(ports) => Ok((host, Some(ports))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(HostError::NotAName { text: text.to_owned() }),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Err(HostError::HalfAddress { text: text.to_owned() }),
        Some((host, ports)) => Ok((host, Some(ports))),
        None => Ok((text, None)),
    }
}

/// Reads `*`, `443` or `80,443`.
///
/// # Errors
/// When a port is not a number from 1 to 65535.
fn parse_ports(text: &str) -> Result<Ports, HostError> {
    if text == "*" {
        return Ok(Ports::Any);
    }
    let port = |part: &str| match part.parse::<u16>() {
        Ok(port) if port > 0 && part.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(HostError::Port { text: text.escape_debug().to_string() }),
    };
    text.split(',').map(port).collect::<Result<BTreeSet<u16>, _>>().map(Ports::Listed)
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
