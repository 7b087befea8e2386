//! The host part of a rule: a name, everything below a domain, an address, or a network.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::HostError;
use super::block::Block;
use super::sense::public_suffix;

/// The longest name that DNS can carry (RFC 1035, section 2.3.4, as text without its last dot).
const MAX_NAME: usize = 253;

/// Which hosts a rule means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum HostPattern {
    /// Every host: only what learn mode and a host's own network are judged by.
    Every,
    /// Every address of this network.
    Network(Block),
    /// Every name below this domain, but not the domain itself.
    Below(String),
    /// This name, in lower case.
    Name(String),
    /// This address.
    Address(IpAddr),
}

/// What a program asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A name, in lower case, without a trailing dot.
    Name(String),
    /// An address; one in IPv6's form for IPv4 addresses has become the IPv4 address.
    Address(IpAddr),
}

impl Asked {
    /// Reads a name or an address. One trailing dot is dropped and letters become lower case; nothing else is changed.
    ///
    /// # Errors
    /// When the text is neither a name nor an address.
    pub(crate) fn parse(text: &str) -> Result<Self, HostError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.len() > MAX_NAME || !name.split('.').all(is_label) {
            return Err(HostError::NotAName { text: text.escape_debug().to_string() });
        }
        if name.rsplit('.').next().is_some_and(is_numeric) {
            return Err(HostError::HalfAddress { text: text.to_owned() });
        }
        Ok(Self::Name(name))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl HostPattern {
    /// Reads the host part of a rule.
    ///
    /// # Errors
    /// When the text is neither a name, a name behind `*.`, an address, nor a network.
    pub(super) fn parse(text: &str) -> Result<Self, HostError> {
        if let Some((address, prefix)) = text.split_once('/') {
            return Block::parse(address, prefix).map(Self::Network);
        }
        let Some(domain) = text.strip_prefix("*.") else {
            if text.contains('*') {
                return Err(HostError::Star { text: text.to_owned() });
            }
            return Ok(match Asked::parse(text)? {
                Asked::Name(name) => Self::Name(name),
                Asked::Address(address) => Self::Address(address),
            });
        };
        match Asked::parse(domain)? {
            Asked::Name(name) => Ok(Self::Below(name)),
            Asked::Address(_) => Err(HostError::Star { text: text.to_owned() }),
        }
    }

    /// Whether `asked` is meant.
    pub(super) fn contains(&self, asked: &Asked) -> bool {
        match (self, asked) {
            (Self::Every, _) => true,
            (Self::Name(own), Asked::Name(name)) => own == name,
            (Self::Below(domain), Asked::Name(name)) => is_below(name, domain),
            (Self::Address(own), Asked::Address(address)) => own == address,
            (Self::Network(block), Asked::Address(address)) => block.contains(*address),
            (Self::Name(_) | Self::Below(_), Asked::Address(_))
            | (Self::Address(_) | Self::Network(_), Asked::Name(_)) => false,
        }
    }

    /// The public suffix between the domain of a wildcard and a name below it, below which anybody can have a name, as
    /// `s3.amazonaws.com` is between `*.amazonaws.com` and a bucket: what is there is not the domain's.
    pub(super) fn suffix_between<'a>(&self, asked: &'a Asked) -> Option<&'a str> {
        let (Self::Below(domain), Asked::Name(name)) = (self, asked) else { return None };
        let suffix = public_suffix(name);
        (is_below(name, suffix) && is_below(suffix, domain)).then_some(suffix)
    }

    /// Whether everything that `other` means is meant.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Every, _) => true,
            (Self::Below(domain), Self::Below(other)) => domain == other || is_below(other, domain),
            (Self::Below(domain), Self::Name(name)) => is_below(name, domain),
            (Self::Network(block), Self::Network(other)) => block.covers(other),
            (Self::Network(block), Self::Address(address)) => block.contains(*address),
            (own, other) => own == other,
        }
    }

    /// Every pattern that [covers](Self::covers) this one, this one among them: as many as the name has labels, or the address bits.
    pub(super) fn wider(&self) -> Vec<Self> {
        let mut wider = vec![self.clone()];
        match self {
            Self::Every => return wider,
            Self::Name(name) | Self::Below(name) => {
                let above = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
                wider.extend(above.map(|domain| Self::Below(domain.to_owned())));
            }
            Self::Address(address) => wider.extend(Block::around(*address, None).map(Self::Network)),
            Self::Network(block) => wider.extend(Block::around(block.first(), Some(block.prefix())).map(Self::Network)),
        }
        wider.push(Self::Every);
        wider
    }

    /// How narrow the pattern is: of two that match the same host, the narrower has the greater number.
    pub(super) fn narrowness(&self) -> usize {
        match self {
            Self::Every => 0,
            Self::Network(block) => 1 + usize::from(block.prefix()),
            Self::Below(domain) => 1 + domain.len(),
            Self::Name(_) | Self::Address(_) => usize::MAX,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::Name(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*.{domain}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Network(block) => write!(f, "{block}"),
        }
    }
}

/// Whether `name` is below `domain`, by whole parts.
pub(super) fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|head| head.len() > 1 && head.ends_with('.'))
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
