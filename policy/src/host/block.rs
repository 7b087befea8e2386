//! Networks of addresses, written as `10.0.0.0/8` or `[2001:db8::/32]` (RFC 4632, RFC 4291).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::HostError;

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    /// Its first address.
    first: IpAddr,
    /// How many leading bits count.
    prefix: u8,
}

impl Block {
    /// Reads a network. Its address must be the first of it, so that nobody is mistaken about which network is meant.
    ///
    /// # Errors
    /// When the address or the prefix is none, or when bits behind the prefix are set.
    pub(super) fn parse(address: &str, prefix: &str) -> Result<Self, HostError> {
        let wrong = |advice: &str| HostError::Network {
            text: format!("{address}/{prefix}").escape_debug().to_string(),
            advice: advice.to_owned(),
        };
        let first: IpAddr = address.parse().map_err(|_| wrong("write `10.0.0.0/8` or `[2001:db8::/32]`"))?;
        if first != first.to_canonical() {
            return Err(wrong("write the IPv4 network instead, such as `10.0.0.0/8`"));
        }
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let plain = digits && (prefix == "0" || !prefix.starts_with('0'));
        let length: Option<u8> = prefix.parse().ok().filter(|length| plain && *length <= width(first));
        let length =
            length.ok_or_else(|| wrong("write a prefix of at most 32 bits for IPv4, of at most 128 for IPv6"))?;
        let cut = cut(first, length);
        if cut != first {
            return Err(wrong(&format!("write `{}`, or the address alone", Self { first: cut, prefix: length })));
        }
        Ok(Self { first, prefix: length })
    }

    /// Its first address.
    pub(super) const fn first(&self) -> IpAddr {
        self.first
    }

    /// How many leading bits count.
    pub(super) const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The networks that `address` is in, with fewer leading bits than `prefix`, or with any number of them.
    pub(super) fn around(address: IpAddr, prefix: Option<u8>) -> impl Iterator<Item = Self> {
        let end = prefix.unwrap_or(width(address) + 1);
        (0..end).map(move |prefix| Self { first: cut(address, prefix), prefix })
    }

    /// Whether `address` is in it.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && cut(address, self.prefix) == self.first
    }

    /// Whether every address of `other` is in it.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.first)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            IpAddr::V4(first) => write!(f, "{first}/{}", self.prefix),
            IpAddr::V6(first) => write!(f, "[{first}/{}]", self.prefix),
        }
    }
}

/// How many bits the address has.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with only its first `prefix` bits.
fn cut(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}
