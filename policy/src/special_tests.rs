//! Every block at both of its ends and just outside, and every form that hides an IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::{BLOCKS4, BLOCKS6, is_special, is_special4};

/// Whether the text's address is special.
fn special(text: &str) -> bool {
    is_special(text.parse::<IpAddr>().expect("an address")).is_some()
}

/// Every IPv6 address that carries `address` in a form that some machine unpacks.
fn disguises(address: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b, c, d] = address.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    vec![
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, high, low & 0xff, low << 8, 0, 0),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 63, !high, !low),
        Ipv6Addr::new(0x2001, 0, high, low, 0x8000, 63, 0xf7f7, 0xf7f7),
        Ipv6Addr::new(0x2a00, 0x1450, 1, 2, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2a00, 0x1450, 1, 2, 0x200, 0x5efe, high, low),
    ]
}

#[test]
fn both_ends_of_every_block_are_special() {
    for block in BLOCKS4 {
        let last = block.first.to_bits() | u32::MAX.checked_shr(block.bits.into()).unwrap_or(0);
        assert_eq!(is_special(block.first.into()).map(|why| why.source.is_empty()), Some(false), "{block:?}");
        assert!(is_special(Ipv4Addr::from_bits(last).into()).is_some(), "{block:?}");
        assert!(block.first.to_bits() & u32::MAX.checked_shr(block.bits.into()).unwrap_or(0) == 0, "{block:?}");
    }
    for block in BLOCKS6 {
        let tail = u128::MAX.checked_shr(block.bits.into()).unwrap_or(0);
        assert!(is_special(block.first.into()).is_some(), "{block:?}");
        assert!(is_special(Ipv6Addr::from_bits(block.first.to_bits() | tail).into()).is_some(), "{block:?}");
        assert!(block.first.to_bits() & tail == 0, "{block:?}");
    }
}

#[test]
fn every_block_is_the_reason_for_some_address_of_its_own() {
    for block in BLOCKS4 {
        let middle = block.first.to_bits() | u32::MAX.checked_shr(u32::from(block.bits) + 1).unwrap_or(0);
        let ends = [block.first, Ipv4Addr::from_bits(middle)];
        let given = ends.map(|address| is_special(address.into()).map(|why| why.what));
        assert!(given.contains(&Some(block.what)), "{block:?} {given:?}");
    }
}

#[test]
fn addresses_just_outside_are_ordinary() {
    let ordinary = [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.31.195.255",
        "192.52.192.255",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "192.175.47.255",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "8.8.8.8",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2001:4860:4860::8888",
        "2003::",
        "2620:4f:7fff::",
        "2620:4f:8001::",
        "2a00:1450::1",
        "2606:4700::1111",
        "3ffd:ffff::",
        "64:ff9b::8.8.8.8",
        "2a00:1450:1:2:0:5efe:8.8.8.8",
    ];
    for text in ordinary {
        assert!(!special(text), "{text}");
    }
}

#[test]
fn metadata_addresses_are_special_by_every_spelling() {
    let metadata = [
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
        "fe80::a9fe:a9fe",
        "fd00:c1::a9fe:a9fe",
    ];
    for text in metadata {
        assert!(special(text), "{text}");
    }
}

#[test]
fn what_is_not_global_unicast_is_special() {
    for text in ["::2", "1::", "100::1", "1fff:ffff::", "4000::", "5f00::1", "7fff::", "8000::", "fbff::", "fe00::"] {
        assert!(special(text), "{text}");
    }
}

#[test]
fn the_reason_names_what_is_carried() {
    let why = is_special("64:ff9b::10.0.0.1".parse().expect("an address")).expect("it is special");
    assert_eq!(why.to_string(), "it carries 10.0.0.1: a private network (RFC 1918)");
}

proptest! {
    #[test]
    fn no_disguise_makes_a_special_address_ordinary(index in 0..BLOCKS4.len(), bits in any::<u32>()) {
        let block = BLOCKS4[index];
        let tail = u32::MAX.checked_shr(block.bits.into()).unwrap_or(0);
        let address = Ipv4Addr::from_bits(block.first.to_bits() | (bits & tail));
        prop_assert!(is_special(address.into()).is_some());
        for disguise in disguises(address) {
            prop_assert!(is_special(disguise.into()).is_some(), "{disguise} carries {address}");
        }
    }

    #[test]
    fn a_translated_address_is_judged_as_what_it_carries(bits in any::<u32>()) {
        let address = Ipv4Addr::from_bits(bits);
        let translated = disguises(address)[3];
        prop_assert_eq!(is_special(translated.into()).is_some(), is_special4(address).is_some());
    }

    #[test]
    fn the_standard_library_knows_no_special_address_that_is_missing_here(bits in any::<u32>()) {
        let address = Ipv4Addr::from_bits(bits);
        let known = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_broadcast()
            || address.is_documentation() || address.is_multicast() || address.is_unspecified();
        prop_assert!(!known || is_special(address.into()).is_some());
    }
}
