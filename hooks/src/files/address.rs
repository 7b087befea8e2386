//! Fields that hold an address or a path: what is fetched from this host, or from the network around it, instead of from the
//! public network.

use std::net::{Ipv4Addr, Ipv6Addr};

use lobsterpot_policy::special::is_special;

use super::patch::is_edge;
use super::remote::Remote;

/// What an address means for the files of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// It names a file, spelled like this.
    Path(String),
    /// It carries its own data, or shows nothing.
    Harmless,
    /// It lies on the network.
    Network(Remote),
    /// It must not be used, for this reason.
    Refused(&'static str),
}

/// Schemes of the network.
pub(super) const NETWORK: [&str; 4] = ["http", "https", "ws", "wss"];

/// Schemes that carry their own data or show nothing.
const HARMLESS: [&str; 2] = ["data", "about"];

/// Names that mean this host everywhere, or the service that clouds keep a host's credentials on.
const LOCAL_NAMES: [&str; 6] =
    ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "metadata", "instance-data"];

/// What the names of this host and of the network around it end in.
const LOCAL_ENDINGS: [&str; 2] = [".localhost", ".internal"];

/// Reads an address as a browser would: without the white space and control characters that it skips.
pub(super) fn read(text: &str) -> Address {
    let kept: String =
        text.trim_matches(|c: char| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    if kept != kept.trim_matches(is_edge) {
        return Address::Refused("it begins or ends with a character that some programs skip and others do not");
    }
    let Some((scheme, rest)) = scheme(&kept) else { return Address::Path(text.to_owned()) };
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    if scheme.eq_ignore_ascii_case("file") {
        Address::Path(format!("file:{rest}"))
    } else if HARMLESS.into_iter().any(is) {
        Address::Harmless
    } else if NETWORK.into_iter().any(is) {
        if kept.len() != text.trim_matches(|c: char| c <= ' ').len() {
            return Address::Refused("a tab or line break stands in it");
        }
        Remote::parse(scheme, rest).map_or_else(Address::Refused, Address::Network)
    } else {
        Address::Refused("it has a scheme that is not known to stay away from this host's files")
    }
}

/// The scheme and what follows its colon; `None` for what is a path.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut letters = scheme.chars();
    let plain = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    plain.then_some((scheme, rest))
}

/// Whether a host is this one or beside it, as far as its name says so, or an address of no ordinary host. Escapes in it are not
/// decoded but refused.
pub(super) fn is_local(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() || host.contains('%') || !host.is_ascii() {
        return true;
    }
    if host.contains(':') {
        return host.parse::<Ipv6Addr>().map_or(true, |address| is_special(address.to_canonical()).is_some());
    }
    let name = LOCAL_NAMES.contains(&host.as_str()) || LOCAL_ENDINGS.iter().any(|ending| host.ends_with(ending));
    name || number(&host).is_some_and(|address| is_special(address.into()).is_some())
}

/// The IPv4 address that browsers see in one to four numbers, decimal, octal or hexadecimal.
fn number(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = host.split('.').map(part).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|part| *part > 255) {
        return None;
    }
    let bits = u32::try_from(8 * (4 - leading.len())).ok()?;
    if *last >= 1_u64.checked_shl(bits)? {
        return None;
    }
    let high = leading.iter().enumerate().map(|(index, part)| part << (8 * (3 - index))).sum::<u64>();
    u32::try_from(high + last).ok().map(Ipv4Addr::from)
}

/// One number of an address.
fn part(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some("") => Some(0),
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_address_is_a_path_however_it_is_written() {
        for text in ["file:///etc/passwd", "FILE:///etc/passwd", " file:///etc/passwd", "fi\nle:/etc/passwd", "file:x"]
        {
            assert!(matches!(read(text), Address::Path(path) if path.starts_with("file:")), "{text:?}");
        }
        for text in ["/etc/passwd", "../x", "~/x", "notes.md", "a b:c", "", "1x:y", ":x"] {
            assert_eq!(read(text), Address::Path(text.to_owned()));
        }
    }

    /// Whether an address is refused, or leads to this host or the network around it.
    fn is_stopped(text: &str) -> bool {
        match read(text) {
            Address::Refused(_) => true,
            Address::Network(remote) => is_local(&remote.host),
            Address::Path(_) | Address::Harmless => false,
        }
    }

    #[test]
    fn this_hosts_own_addresses_are_refused_in_every_notation() {
        for text in [
            "http://127.0.0.1:18789/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0/",
            "http://0.0.0.0:80",
            "http://localhost",
            "HTTP://LOCALHOST./",
            "http://x.localhost/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[::]/",
            "http://a@127.0.0.1/",
            "http://a:b@127.0.0.1:80/",
            "http:127.0.0.1",
            "http:\\\\127.0.0.1\\",
            "ws://127.0.0.1:18789",
            "http://169.254.169.254/latest/meta-data",
            "http://%31%32%37.0.0.1/",
            "http://①②⑦.0.0.1/",
            "http:///",
        ] {
            assert!(is_stopped(text), "{text}");
        }
    }

    #[test]
    fn the_network_around_this_host_is_refused() {
        for text in [
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.168.1.1/",
            "http://0xc0a80101/",
            "http://100.100.100.200/latest/meta-data",
            "http://100.64.0.1/",
            "http://100.127.255.255/",
            "http://192.0.0.192/",
            "http://198.19.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[fd00:ec2::254]/",
            "http://[fc00::1]/",
            "http://[fe80::1]/",
            "http://[fe80::1%25eth0]/",
            "http://[fec0::1]/",
            "http://[ff02::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[64:ff9b:1::1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:7f00:1::]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[::ffff:0:127.0.0.1]/",
            "http://[::1.2.3.4:x]/",
            "http://[v1.x:y]/",
            "http://168.63.129.16/machine",
            "http://[2001:db8::1]/",
            "http://[2a00:1450:1:2:0:5efe:a00:1]/",
            "http://metadata/",
            "http://metadata.google.internal/",
        ] {
            assert!(is_stopped(text), "{text}");
        }
    }

    #[test]
    fn an_address_behind_a_character_that_some_skip_is_refused() {
        for edge in ["\u{a0}", "\u{feff}", "\u{200b}", "\u{2060}", "\u{85}", "\u{7f}", "\u{3000}", "\n\u{feff}\t"] {
            for text in ["http://127.0.0.1/", "https://example.com/", "file:///etc/passwd", "/etc/passwd"] {
                for text in [format!("{edge}{text}"), format!("{text}{edge}")] {
                    assert!(matches!(read(&text), Address::Refused(_)), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn unknown_schemes_are_refused() {
        for text in [
            "view-source:file:///etc/passwd",
            "chrome://settings",
            "jar:file:///x",
            "javascript:1",
            "ftp://x",
            "blob:x",
        ] {
            assert!(matches!(read(text), Address::Refused(_)), "{text}");
        }
    }

    #[test]
    fn the_network_passes() {
        for text in [
            "https://example.com/a?b=file:///x",
            "http://10.1.2.3.example.com",
            "data:text/plain,x",
            "http://8.8.8.8",
            "http://100.63.255.255",
            "http://100.128.0.1",
            "http://172.32.0.1",
            "http://192.0.1.1",
            "http://[2606:4700::1111]/",
            "http://[64:ff9b::808:808]/",
            "http://[::ffff:8.8.8.8]/",
            "https://internal.example.com/",
            "about:blank",
        ] {
            assert!(matches!(read(text), Address::Network(_) | Address::Harmless) && !is_stopped(text), "{text}");
        }
    }
}
