//! Reads the names that stand for addresses: `4.3.2.1.in-addr.arpa`, and `ip6.arpa` with one part for every four bits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that a name in lower case stands for. `None` for every other name, half an address included.
#[must_use]
pub(super) fn address(name: &str) -> Option<IpAddr> {
    if let Some(numbers) = name.strip_suffix(".in-addr.arpa") {
        return octets(numbers).map(IpAddr::V4);
    }
    name.strip_suffix(".ip6.arpa").and_then(nibbles).map(IpAddr::V6)
}

/// Whether a name is in one of the two domains that hold addresses.
#[must_use]
pub(super) fn is_reverse(name: &str) -> bool {
    ["in-addr.arpa", "ip6.arpa"]
        .iter()
        .any(|domain| name.strip_suffix(domain).is_some_and(|head| head.is_empty() || head.ends_with('.')))
}

/// Four decimal numbers, the last one first.
fn octets(text: &str) -> Option<Ipv4Addr> {
    let forwards: Vec<&str> = text.splitn(5, '.').collect();
    let [d, c, b, a] = forwards.as_slice() else { return None };
    // The standard library's parser refuses leading zeros and signs.
    format!("{a}.{b}.{c}.{d}").parse().ok()
}

/// Thirty-two hexadecimal digits, the last one first.
fn nibbles(text: &str) -> Option<Ipv6Addr> {
    let mut bits = 0_u128;
    let mut count = 0_u32;
    for part in text.split('.') {
        let mut characters = part.chars();
        let digit = characters.next()?.to_digit(16)?;
        if characters.next().is_some() || count == 32 {
            return None;
        }
        bits |= u128::from(digit) << (4 * count);
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from_bits(bits))
}

/// Whether a name of the tree has numbers only: a part of an address, which clients ask about while they look for zones.
pub(super) fn is_numbers(name: &str) -> bool {
    let labels = ["in-addr.arpa", "ip6.arpa"].iter().find_map(|tree| name.strip_suffix(tree)).unwrap_or(name);
    labels.split('.').all(|label| label.len() <= 3 && label.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::{address, is_reverse};
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use std::fmt::Write as _;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    #[test]
    fn half_and_strange_addresses_are_none() {
        let strange = [
            "in-addr.arpa",
            ".in-addr.arpa",
            "1.in-addr.arpa",
            "1.2.3.in-addr.arpa",
            "1.2.3.4.5.in-addr.arpa",
            "01.2.3.4.in-addr.arpa",
            "256.2.3.4.in-addr.arpa",
            "+1.2.3.4.in-addr.arpa",
            "1.2.3.4.in-addr.arpa.example",
            "1..3.4.in-addr.arpa",
            "ip6.arpa",
            "1.ip6.arpa",
            "g.ip6.arpa",
            "1.2.3.4.evil-in-addr.arpa",
        ];
        for name in strange {
            assert_eq!(address(name), None, "{name}");
        }
        assert!(is_reverse("in-addr.arpa") && is_reverse("1.ip6.arpa") && !is_reverse("evil-in-addr.arpa"));
    }

    proptest! {
        #[test]
        fn every_address_comes_back_from_its_name(v4 in any::<u32>(), v6 in any::<u128>()) {
            let [a, b, c, d] = Ipv4Addr::from_bits(v4).octets();
            prop_assert_eq!(address(&format!("{d}.{c}.{b}.{a}.in-addr.arpa")), Some(IpAddr::V4(Ipv4Addr::from_bits(v4))));
            let mut name = String::new();
            for shift in 0..32 {
                write!(name, "{:x}.", (v6 >> (4 * shift)) & 15).expect("writing to a string");
            }
            prop_assert_eq!(address(&format!("{name}ip6.arpa")), Some(IpAddr::V6(Ipv6Addr::from_bits(v6))));
        }
    }
}
