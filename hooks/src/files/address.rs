//! Fields that hold an address or a path: what is fetched from this host instead of from the network.

/// What an address means for the files of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// It names a file, spelled like this.
    Path(String),
    /// It lies on the network, or carries its own data.
    Elsewhere,
    /// It must not be used, for this reason.
    Refused(&'static str),
}

/// Schemes of the network, and those that carry their own data.
const NETWORK: [&str; 4] = ["http", "https", "ws", "wss"];

/// Schemes that carry their own data or show nothing.
const HARMLESS: [&str; 2] = ["data", "about"];

/// Names that mean this host everywhere.
const LOCAL_NAMES: [&str; 4] = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];

/// Reads an address as a browser would: without the white space and control characters that it skips.
pub(super) fn read(text: &str) -> Address {
    let kept: String =
        text.trim_matches(|c: char| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let Some((scheme, rest)) = scheme(&kept) else { return Address::Path(text.to_owned()) };
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    if scheme.eq_ignore_ascii_case("file") {
        Address::Path(format!("file:{rest}"))
    } else if HARMLESS.into_iter().any(is) {
        Address::Elsewhere
    } else if NETWORK.into_iter().any(is) {
        if is_local(host(rest)) { Address::Refused("it is an address of this host itself") } else { Address::Elsewhere }
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

/// The host of what follows a scheme: without user, port and path.
fn host(rest: &str) -> &str {
    let rest = rest.trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

/// Whether a host is this one, as far as its name says so. Escapes in it are not decoded but refused.
fn is_local(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() || host.contains('%') || !host.is_ascii() {
        return true;
    }
    let name = LOCAL_NAMES.contains(&host.as_str()) || host.ends_with(".localhost");
    let v6 = host.parse::<std::net::Ipv6Addr>().ok().map(|address| {
        let mapped = address.to_ipv4_mapped().or_else(|| address.to_ipv4());
        address.is_loopback() || address.is_unspecified() || mapped.is_some_and(reaches_here)
    });
    name || v6.unwrap_or(false) || number(&host).is_some_and(reaches_here)
}

/// Whether an address is this host's, or the link's that clouds keep their credentials on.
fn reaches_here(address: std::net::Ipv4Addr) -> bool {
    address.is_loopback() || address.octets().first() == Some(&0) || address.is_link_local()
}

/// The IPv4 address that browsers see in one to four numbers, decimal, octal or hexadecimal.
fn number(host: &str) -> Option<std::net::Ipv4Addr> {
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
    u32::try_from(high + last).ok().map(std::net::Ipv4Addr::from)
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
            assert!(matches!(read(text), Address::Refused(_)), "{text}");
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
            "about:blank",
        ] {
            assert_eq!(read(text), Address::Elsewhere, "{text}");
        }
    }
}
