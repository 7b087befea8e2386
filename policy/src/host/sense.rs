//! Rules that make no sense: those that can never match, and those that allow far more than anybody means.

use std::net::{IpAddr, Ipv6Addr};

use public_suffix::DEFAULT_PROVIDER;

use super::block::Block;
use super::pattern::{HostPattern, is_below};
use super::{HostError, Ports, Requests};

/// The port of names: the sandbox's nameserver answers there at every address.
const NAMES: u16 = 53;
/// Ports on which servers speak TLS alone, where requests cannot be seen (IANA service names).
const ONLY_TLS: [u16; 12] = [443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5671];
/// A label that no list names, to see what is said about all labels.
const PROBE: &str = "0-lobsterpot-0";
/// The shortest prefix of an IPv4 network.
const SHORTEST_V4: u8 = 8;
/// The shortest prefix of an IPv6 network.
const SHORTEST_V6: u8 = 16;

/// Networks of which a shorter prefix than usual may be named, or which stand for IPv4's addresses so that a longer one is needed:
/// first address, its prefix, and the shortest prefix that a rule inside it may have.
const V6_EXCEPTIONS: [(Ipv6Addr, u8, u8); 4] = [
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 7), // unique local (RFC 4193)
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, 104), // NAT64 (RFC 6052)
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, 56), // local NAT64 (RFC 8215)
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 24), // 6to4 (RFC 3056)
];

/// Refuses a rule that allows what can never be reached.
///
/// # Errors
/// When it can never match, as a whole or at one of its ports.
pub(super) fn check_reachable(text: &str, host: &HostPattern, ports: &Ports) -> Result<(), HostError> {
    let never = |why, advice| Err(HostError::Never { text: text.to_owned(), why, advice });
    if ports.each().any(|port| port == NAMES) {
        return never(
            "the sandbox's own nameserver answers at port 53",
            "leave port 53 out: names are looked up for whatever host is allowed",
        );
    }
    match host {
        HostPattern::Name(name) | HostPattern::Below(name) => {
            if is_within(name, "localhost") {
                return never(
                    "`localhost` is the sandbox's own",
                    "remove it: servers in the sandbox can be reached anyway",
                );
            }
            if is_within(name, "invalid") {
                return never("no name ends in `.invalid` (RFC 6761)", "write the name that is meant");
            }
            if is_within(name, "onion") {
                return never("names in `.onion` are not looked up (RFC 7686)", "remove it");
            }
            Ok(())
        }
        HostPattern::Address(address) => check_address(text, *address),
        HostPattern::Network(block) if block.prefix() == 0 => Ok(()), // refused for its size
        HostPattern::Network(block) => check_address(text, block.first()),
        HostPattern::Every => Ok(()),
    }
}

/// Refuses addresses that lead nowhere, or to the sandbox itself.
///
/// # Errors
/// When the address is one of those.
fn check_address(text: &str, address: IpAddr) -> Result<(), HostError> {
    let never = |why, advice| Err(HostError::Never { text: text.to_owned(), why, advice });
    if address.is_loopback() {
        return never(
            "it is the sandbox's own loopback",
            "remove it: servers in the sandbox can be reached anyway; a server of the host needs an address of the host's own",
        );
    }
    if address.is_unspecified() {
        return never("nothing is at that address", "write the address that is meant");
    }
    if address.is_multicast() || address == IpAddr::from([255, 255, 255, 255]) {
        return never("it is an address of groups, and connections go to one host", "write the address of the host");
    }
    let own = match address {
        IpAddr::V4(address) => matches!(address.octets(), [198, 18 | 19, ..]),
        IpAddr::V6(address) => matches!(address.segments(), [0x2001, 2, 0, ..]),
    };
    if own {
        return never("such addresses stand for names in the sandbox", "write the name, or the real address");
    }
    Ok(())
}

/// Refuses a rule that allows a large part of all hosts.
///
/// # Errors
/// When it does.
pub(super) fn check_narrow(text: &str, host: &HostPattern) -> Result<(), HostError> {
    let wide = |what| Err(HostError::TooWide { text: text.to_owned(), what });
    match host {
        HostPattern::Below(domain) if !domain.contains('.') => wide("a whole top-level domain"),
        HostPattern::Below(domain) if anybody_is_below(domain) => {
            wide("a public suffix, below which anybody can have a name of their own")
        }
        HostPattern::Network(block) if block.prefix() < shortest(block) => wide("a large part of all addresses"),
        HostPattern::Below(_) | HostPattern::Network(_) | HostPattern::Name(_) | HostPattern::Address(_) => Ok(()),
        HostPattern::Every => wide("every host"),
    }
}

/// Whether the domain is a public suffix (publicsuffix.org, of registries or of companies), or all that is below it is one.
fn anybody_is_below(domain: &str) -> bool {
    DEFAULT_PROVIDER.is_effective_tld(domain) || DEFAULT_PROVIDER.is_effective_tld(&format!("{PROBE}.{domain}"))
}

/// The longest public suffix that the name is or is below: `publicsuffix.org`, those of companies included.
pub(super) fn public_suffix(name: &str) -> &str {
    DEFAULT_PROVIDER.public_suffix(name)
}

/// The shortest prefix that a rule may have where this network lies.
fn shortest(block: &Block) -> u8 {
    let IpAddr::V6(first) = block.first() else { return SHORTEST_V4 };
    let within = |(network, prefix, _): &&(Ipv6Addr, u8, u8)| {
        let shift = 128_u32.saturating_sub(u32::from((*prefix).min(block.prefix())));
        network.to_bits().checked_shr(shift) == first.to_bits().checked_shr(shift)
    };
    V6_EXCEPTIONS.iter().find(within).map_or(SHORTEST_V6, |(_, _, shortest)| *shortest)
}

/// Refuses methods and paths where requests cannot be seen.
///
/// # Errors
/// When a port is one on which servers speak TLS alone.
pub(super) fn check_requests(text: &str, ports: &Ports, requests: Option<&Requests>) -> Result<(), HostError> {
    if requests.is_some() && ports.each().any(|port| ONLY_TLS.contains(&port)) {
        return Err(HostError::Never {
            text: text.to_owned(),
            why: "methods and paths are seen in plain HTTP only, and a port of the rule speaks TLS",
            advice: "name the ports of plain HTTP, such as `ports = [80]`; what is inside TLS is not looked into",
        });
    }
    Ok(())
}

/// Whether `name` is `domain` or below it.
fn is_within(name: &str, domain: &str) -> bool {
    name == domain || is_below(name, domain)
}
