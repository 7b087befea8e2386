//! Addresses that are no ordinary host of the internet: what a name leads to is compared with this before a connection is made, and
//! what an agent's own web tool is given before it runs.
//!
//! The two tables are IANA's registries of special-purpose addresses ([RFC 6890], [IPv4], [IPv6]), with multicast, reserved and
//! deprecated blocks added, and the addresses at which clouds keep their metadata. IPv6 addresses that carry an IPv4 address are
//! special when that one is. Outside `2000::/3` there is no global unicast address at all ([RFC 4291]), but for those that a
//! translator makes of a public IPv4 address.
//!
//! Not known here: an address of this very host, which the connecting side compares by asking the kernel, and a translator's
//! prefix of an operator's own ([RFC 6052]), which looks like any other address.
//!
//! [RFC 6890]: https://www.rfc-editor.org/rfc/rfc6890
//! [RFC 6052]: https://www.rfc-editor.org/rfc/rfc6052
//! [RFC 4291]: https://www.rfc-editor.org/rfc/rfc4291
//! [IPv4]: https://www.iana.org/assignments/iana-ipv4-special-registry
//! [IPv6]: https://www.iana.org/assignments/iana-ipv6-special-registry

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Why {
    /// What the block is for.
    pub what: &'static str,
    /// Where that is written.
    pub source: &'static str,
    /// The IPv4 address that the address carries, when that is what is special.
    pub carried: Option<Ipv4Addr>,
}

/// A block of IPv4 addresses.
#[derive(Debug, Clone, Copy)]
struct Block4 {
    /// The first address.
    first: Ipv4Addr,
    /// How many leading bits are the block's.
    bits: u8,
    /// What it is for.
    what: &'static str,
    /// Where that is written.
    source: &'static str,
}

/// A block of IPv6 addresses.
#[derive(Debug, Clone, Copy)]
struct Block6 {
    /// The first address.
    first: Ipv6Addr,
    /// How many leading bits are the block's.
    bits: u8,
    /// What it is for.
    what: &'static str,
    /// Where that is written.
    source: &'static str,
}

/// One line of the IPv4 table.
const fn v4(first: [u8; 4], bits: u8, what: &'static str, source: &'static str) -> Block4 {
    let [a, b, c, d] = first;
    Block4 { first: Ipv4Addr::new(a, b, c, d), bits, what, source }
}

/// One line of the IPv6 table.
const fn v6(first: [u16; 8], bits: u8, what: &'static str, source: &'static str) -> Block6 {
    let [a, b, c, d, e, f, g, h] = first;
    Block6 { first: Ipv6Addr::new(a, b, c, d, e, f, g, h), bits, what, source }
}

/// Narrow blocks before the wider ones that hold them: the first match is the reason that is given.
const BLOCKS4: [Block4; 26] = [
    v4([0, 0, 0, 0], 32, "the unspecified address", "RFC 1122"),
    v4([0, 0, 0, 0], 8, "this network", "RFC 791"),
    v4([10, 0, 0, 0], 8, "a private network", "RFC 1918"),
    v4([100, 100, 100, 200], 32, "cloud metadata", "Alibaba Cloud's documentation"),
    v4([100, 64, 0, 0], 10, "a provider's shared address space", "RFC 6598"),
    v4([127, 0, 0, 0], 8, "loopback", "RFC 1122"),
    v4([168, 63, 129, 16], 32, "cloud metadata", "Azure's documentation"),
    v4([169, 254, 169, 254], 32, "cloud metadata", "RFC 3927, documentation of most clouds"),
    v4([169, 254, 0, 0], 16, "link-local", "RFC 3927"),
    v4([172, 16, 0, 0], 12, "a private network", "RFC 1918"),
    v4([192, 0, 0, 192], 32, "cloud metadata", "Oracle Cloud's documentation"),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments", "RFC 6890"),
    v4([192, 0, 2, 0], 24, "documentation (TEST-NET-1)", "RFC 5737"),
    v4([192, 31, 196, 0], 24, "AS112", "RFC 7535"),
    v4([192, 52, 193, 0], 24, "automatic multicast tunnelling", "RFC 7450"),
    v4([192, 88, 99, 0], 24, "6to4 relays", "RFC 7526"),
    v4([192, 168, 0, 0], 16, "a private network", "RFC 1918"),
    v4([192, 175, 48, 0], 24, "AS112", "RFC 7534"),
    v4([198, 18, 0, 0], 15, "benchmarking, and this sandbox's own addresses", "RFC 2544"),
    v4([198, 51, 100, 0], 24, "documentation (TEST-NET-2)", "RFC 5737"),
    v4([203, 0, 113, 0], 24, "documentation (TEST-NET-3)", "RFC 5737"),
    v4([224, 0, 0, 0], 24, "multicast on the link", "RFC 5771"),
    v4([239, 0, 0, 0], 8, "multicast of one site", "RFC 2365"),
    v4([224, 0, 0, 0], 4, "multicast", "RFC 5771"),
    v4([255, 255, 255, 255], 32, "broadcast", "RFC 919"),
    v4([240, 0, 0, 0], 4, "reserved", "RFC 1112"),
];

/// Narrow blocks before the wider ones that hold them. The last three are all that lies outside `2000::/3`.
const BLOCKS6: [Block6; 36] = [
    v6([0; 8], 128, "the unspecified address", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "an IPv4 address in IPv6 form", "RFC 4291"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "a translated IPv4 address", "RFC 2765"),
    v6([0; 8], 96, "an IPv4-compatible address", "RFC 4291"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "a translator's local prefix", "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discarded", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "the dummy prefix", "RFC 9780"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo", "RFC 4380"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, "port control protocol", "RFC 7723"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, "TURN", "RFC 8155"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, "DNS-SD service registration", "RFC 9665"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking, and this sandbox's own addresses", "RFC 5180"),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, "automatic multicast tunnelling", "RFC 7450"),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, "AS112", "RFC 7535"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID", "RFC 4843"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2", "RFC 7343"),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, "drone remote identification", "RFC 9374"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments", "RFC 2928"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation", "RFC 3849"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4", "RFC 3056"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112", "RFC 7534"),
    v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, "the former 6bone", "RFC 3701"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment identifiers", "RFC 9602"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, "cloud metadata", "AWS's documentation"),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, "cloud metadata", "Google Cloud's documentation"),
    v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, "cloud metadata", "Oracle Cloud's documentation"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "a private network", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local", "RFC 4291"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast", "RFC 4291"),
    v6([0x200, 0, 0, 0, 0, 0, 0, 0], 7, "OSI addresses in IPv6 form", "RFC 4048"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 3, NOT_UNICAST, "RFC 4291"),
    v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 2, NOT_UNICAST, "RFC 4291"),
    v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 1, NOT_UNICAST, "RFC 4291"),
];

/// What is said of addresses that nobody has been given.
const NOT_UNICAST: &str = "not a global unicast address";

/// Why `address` is no ordinary public host, or `None` when it is one.
#[must_use]
pub fn is_special(address: IpAddr) -> Option<Why> {
    match address {
        IpAddr::V4(address) => is_special4(address),
        IpAddr::V6(address) => is_special6(address),
    }
}

/// The IPv4 half.
fn is_special4(address: Ipv4Addr) -> Option<Why> {
    let block = BLOCKS4.iter().find(|block| block.contains(address))?;
    Some(Why { what: block.what, source: block.source, carried: None })
}

/// The IPv6 half. What an address carries is the better reason, so it comes first; a NAT64 address is what it carries and no more.
fn is_special6(address: Ipv6Addr) -> Option<Why> {
    for carried in carried(address).into_iter().flatten() {
        if let Some(why) = is_special4(carried) {
            return Some(Why { carried: Some(carried), ..why });
        }
    }
    if is_nat64(address) {
        return None;
    }
    let block = BLOCKS6.iter().find(|block| block.contains(address))?;
    Some(Why { what: block.what, source: block.source, carried: None })
}

/// The IPv4 address that is reached at `address` through a translator with the well-known prefix.
#[must_use]
pub fn translated(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V6(address) if is_nat64(address) => {
            let [.., high, low] = address.segments();
            Some(v4_of(high, low).into())
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// Whether a translator with the well-known prefix `64:ff9b::/96` is meant ([RFC 6052](https://www.rfc-editor.org/rfc/rfc6052)).
fn is_nat64(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x64, 0xff9b, 0, 0, 0, 0, _, _])
}

/// The IPv4 addresses that an IPv6 address carries, by the forms of RFC 4291, 2765, 6052, 8215, 3056, 4380 and 5214.
fn carried(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = v4_of(g, h);
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0) if (g, h) == (0, 0) || (g, h) == (0, 1) => [None, None],
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, ..) => [Some(last), None],
        (0x2001, 0, ..) => [Some(v4_of(!g, !h)), Some(v4_of(c, d))],
        (0x2002, ..) => [Some(v4_of(b, c)), isatap(e, f, last)],
        _ => [isatap(e, f, last), None],
    }
}

/// The address in an ISATAP interface identifier, `0000:5efe` or `0200:5efe` and the address.
fn isatap(e: u16, f: u16, last: Ipv4Addr) -> Option<Ipv4Addr> {
    (f == 0x5efe && matches!(e, 0 | 0x200)).then_some(last)
}

/// Two parts of an IPv6 address as an IPv4 address.
fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
    Ipv4Addr::new(a, b, c, d)
}

impl Block4 {
    /// Whether `address` is in it.
    fn contains(self, address: Ipv4Addr) -> bool {
        let differing = self.first.to_bits() ^ address.to_bits();
        differing.leading_zeros() >= u32::from(self.bits)
    }
}

impl Block6 {
    /// Whether `address` is in it.
    fn contains(self, address: Ipv6Addr) -> bool {
        let differing = self.first.to_bits() ^ address.to_bits();
        differing.leading_zeros() >= u32::from(self.bits)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(carried) = self.carried {
            write!(f, "it carries {carried}: ")?;
        }
        write!(f, "{} ({})", self.what, self.source)
    }
}

#[cfg(test)]
#[path = "special_tests.rs"]
mod tests;
