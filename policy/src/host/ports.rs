//! Ports of a rule.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::HostError;

/// Which ports a rule means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ports {
    /// Every port.
    Any,
    /// These.
    Listed(BTreeSet<u16>),
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

    /// Reads `*`, `443` or `80,443`.
    ///
    /// # Errors
    /// When a port is not a number from 1 to 65535.
    pub(super) fn parse(text: &str) -> Result<Self, HostError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let port = |part: &str| match part.parse::<u16>() {
            Ok(port) if port > 0 && part.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
            _ => Err(HostError::Port { text: text.escape_debug().to_string() }),
        };
        text.split(',').map(port).collect::<Result<BTreeSet<u16>, _>>().map(Self::Listed)
    }

    /// Whether `port` is meant.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(ports) => ports.contains(&port),
        }
    }

    /// Whether every port that `others` mean is meant.
    pub(crate) fn covers(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::Any, _) => true,
            (Self::Listed(_), Self::Any) => false,
            (Self::Listed(own), Self::Listed(others)) => others.is_subset(own),
        }
    }

    /// The ports, when they are listed one by one.
    pub(crate) fn each(&self) -> impl Iterator<Item = u16> {
        match self {
            Self::Any => None,
            Self::Listed(ports) => Some(ports.iter().copied()),
        }
        .into_iter()
        .flatten()
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Listed(ports) => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                f.write_str(&ports.join(","))
            }
        }
    }
}
