//! Rules about hosts and ports.

mod block;
mod denied;
mod error;
mod pattern;
mod ports;
mod request;
mod sense;
mod unicode;

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::origin::Origin;

pub(crate) use denied::Denied;
pub use error::HostError;
pub(crate) use pattern::Asked;
use pattern::HostPattern;
pub use ports::Ports;
use request::{Mismatch, Requests};

/// The port meant when a rule that allows names none: HTTPS.
const DEFAULT_PORT: u16 = 443;

/// The hosts that a rule names, their ports, and what may be done there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostRule {
    /// Which hosts.
    host: HostPattern,
    /// Which ports.
    ports: Ports,
    /// Which requests of plain HTTP; `None` means whatever is said.
    requests: Option<Requests>,
    /// How much.
    bounds: Bounds,
    /// Why the rule is there.
    pub reason: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// How much may pass by one rule in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Bytes in both directions of all connections together; `None` means any number.
    pub max_bytes: Option<u64>,
    /// Bytes per second in both directions of all connections together; `None` means as fast as can be.
    pub rate: Option<u64>,
}

/// What a request of plain HTTP is to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestMismatch {
    /// Another method or path than the rule allows.
    Other,
    /// Servers could understand the path in different ways; the reason.
    Ambiguous(&'static str),
}

impl HostRule {
    /// Reads a rule that allows, such as `example.com`, `*.example.com:443`, `example.com:22,443`, `[2001:db8::1]:443`,
    /// `10.0.0.0/8:5432` or `example.com:*`.
    ///
    /// Without a port, port 443 is meant.
    ///
    /// # Errors
    /// When the text is not a host rule; the error says what is wrong and what to write instead.
    pub fn parse(text: &str, origin: Origin) -> Result<Self, HostError> {
        Self::parse_with(text, None, origin)
    }

    /// As [`parse`](Self::parse), with the ports given apart.
    ///
    /// # Errors
    /// When the text is not a host rule, or ports are given twice.
    pub(crate) fn parse_with(text: &str, ports: Option<Ports>, origin: Origin) -> Result<Self, HostError> {
        let (host, ports) = host_and_ports(text, ports)?;
        let ports = ports.map_or_else(|| Ports::listed([DEFAULT_PORT]), Ok)?;
        Self::new(host, ports, origin).sensible()
    }

    /// Reads a rule that denies. Without a port, every port is meant.
    ///
    /// # Errors
    /// When the text is not a host rule; the error says what is wrong and what to write instead.
    pub fn parse_deny(text: &str, origin: Origin) -> Result<Self, HostError> {
        Self::parse_deny_with(text, None, origin)
    }

    /// As [`parse_deny`](Self::parse_deny), with the ports given apart.
    ///
    /// # Errors
    /// When the text is not a host rule, or ports are given twice.
    pub(crate) fn parse_deny_with(text: &str, ports: Option<Ports>, origin: Origin) -> Result<Self, HostError> {
        let (host, ports) = host_and_ports(text, ports)?;
        Ok(Self::new(host, ports.unwrap_or(Ports::Any), origin))
    }

    /// The rule itself, if it allows something, and not more than anybody means.
    ///
    /// # Errors
    /// When it can never match, or allows a large part of all hosts.
    fn sensible(self) -> Result<Self, HostError> {
        let text = self.to_string();
        sense::check_reachable(&text, &self.host, &self.ports)?;
        sense::check_narrow(&text, &self.host)?;
        sense::check_requests(&text, &self.ports, self.requests.as_ref())?;
        Ok(self)
    }

    /// A rule for everything.
    pub(crate) fn every() -> Self {
        Self::new(HostPattern::Every, Ports::Any, Origin::flags())
    }

    /// A rule with nothing but hosts and ports.
    const fn new(host: HostPattern, ports: Ports, origin: Origin) -> Self {
        let bounds = Bounds { max_bytes: None, rate: None };
        Self { host, ports, requests: None, bounds, reason: None, origin }
    }

    /// The same rule for these methods and paths of plain HTTP only. An empty list means all of them.
    ///
    /// # Errors
    /// When a method or path is malformed, or when a port of the rule speaks TLS alone.
    pub fn with_requests(self, methods: &[String], paths: &[String]) -> Result<Self, HostError> {
        if methods.is_empty() && paths.is_empty() {
            return Ok(Self { requests: None, ..self });
        }
        let requests = Some(Requests::new(methods, paths)?);
        sense::check_requests(&self.to_string(), &self.ports, requests.as_ref())?;
        Ok(Self { requests, ..self })
    }

    /// The same rule with bounds.
    ///
    /// # Errors
    /// When a bound is 0.
    pub fn with_bounds(self, bounds: Bounds) -> Result<Self, HostError> {
        if bounds.max_bytes == Some(0) || bounds.rate == Some(0) {
            return Err(HostError::Nothing);
        }
        Ok(Self { bounds, ..self })
    }

    /// The ports that are meant.
    #[must_use]
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// How much may pass.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether only some requests of plain HTTP are meant, so that nothing else than plain HTTP may be said.
    #[must_use]
    pub const fn restricts_requests(&self) -> bool {
        self.requests.is_some()
    }

    /// The methods and paths that are meant, for people.
    #[must_use]
    pub fn requests(&self) -> Option<String> {
        self.requests.as_ref().map(Requests::describe)
    }

    /// Whether `port` at the host called `name` is meant. A name that is not a host name is never meant.
    #[must_use]
    pub fn matches(&self, name: &str, port: u16) -> bool {
        Asked::parse(name).is_ok_and(|asked| self.names(&asked)) && self.ports.contains(port)
    }

    /// Whether the host is meant, at whatever port.
    pub(crate) fn names(&self, asked: &Asked) -> bool {
        self.host.contains(asked)
    }

    /// The public suffix because of which a rule that names the host does not allow it: anybody can have a name below that.
    pub(crate) fn suffix_between<'a>(&self, asked: &'a Asked) -> Option<&'a str> {
        self.host.suffix_between(asked)
    }

    /// Whether a request is meant.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn request(&self, method: &str, path: &str) -> Result<(), RequestMismatch> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.judge(method, path).map_err(|mismatch| match mismatch {
            Mismatch::Method | Mismatch::Path => RequestMismatch::Other,
            Mismatch::Ambiguous(why) => RequestMismatch::Ambiguous(why),
        })
    }

    /// How narrow the rule is: of all that match, the greatest decides.
    pub(crate) fn narrowness(&self) -> (usize, bool, bool) {
        (self.host.narrowness(), self.ports != Ports::Any, self.requests.is_some())
    }

    /// Whether every host and port that `other` means is meant.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.host.covers(&other.host) && self.ports.covers(&other.ports)
    }

    /// The one name and port that the rule means, when it means only one.
    pub(crate) fn single(&self) -> Option<(String, u16)> {
        let Ports::Listed(ports) = &self.ports else { return None };
        let port = ports.first().copied().filter(|_| ports.len() == 1)?;
        match &self.host {
            HostPattern::Name(name) => Some((name.clone(), port)),
            HostPattern::Address(address) => Some((address.to_string(), port)),
            HostPattern::Below(_) | HostPattern::Network(_) | HostPattern::Every => None,
        }
    }

    /// A rule for the same hosts and ports, whatever is said there.
    pub(crate) fn target(&self) -> Self {
        let Self { host, ports, requests: _, bounds: _, reason, origin } = self.clone();
        Self { reason, ..Self::new(host, ports, origin) }
    }

    /// Compares rules by their hosts and ports alone.
    pub(crate) fn compare_targets(&self, other: &Self) -> Ordering {
        self.host.cmp(&other.host).then_with(|| self.ports.cmp(&other.ports))
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.ports)
    }
}

/// Reads a rule's host and its ports, which may be given in the text or apart.
///
/// # Errors
/// When either is malformed, or ports are given twice.
fn host_and_ports(text: &str, apart: Option<Ports>) -> Result<(HostPattern, Option<Ports>), HostError> {
    let (host, ports) = split_ports(text)?;
    let host = HostPattern::parse(&unicode::to_ascii(host)?)?;
    match (ports, apart) {
        (Some(_), Some(_)) => Err(HostError::TwicePorts { text: text.escape_debug().to_string() }),
        (Some(ports), None) => Ok((host, Some(Ports::parse(ports)?))),
        (None, apart) => Ok((host, apart)),
    }
}

/// Splits a rule into its host and, if it has one, its list of ports.
///
/// # Errors
/// When the text is a web address, or an address without brackets.
fn split_ports(text: &str) -> Result<(&str, Option<&str>), HostError> {
    if text.contains("//") || text.contains('@') {
        return Err(HostError::Url { text: text.escape_debug().to_string() });
    }
    if let Some(inner) = text.strip_prefix('[') {
        let wrong = || HostError::NotAName { text: text.escape_debug().to_string() };
        let (host, rest) = inner.split_once(']').ok_or_else(wrong)?;
        return match rest.strip_prefix(':') {
            Some(ports) => Ok((host, Some(ports))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(wrong()),
        };
    }
    let (host, ports) = match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            return Err(HostError::Brackets { text: text.escape_debug().to_string() });
        }
        Some((host, ports)) => (host, Some(ports)),
        None => (text, None),
    };
    match host.split_once('/') {
        Some((address, _)) if address.parse::<IpAddr>().is_err() => {
            Err(HostError::Url { text: text.escape_debug().to_string() })
        }
        _ => Ok((host, ports)),
    }
}

#[cfg(test)]
mod tests;
