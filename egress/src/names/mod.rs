//! Which name each synthetic address stands for.
//!
//! Every name that is asked for gets one IPv4 address of `198.18.0.0/15` and one IPv6 address of `2001:2::/48`, from
//! `198.18.0.16` and `2001:2::10` upwards. They stay the name's until the end of the run and are never given to another, so an
//! address that a program kept still means what it meant. The first sixteen are kept for this program itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use thiserror::Error;

use crate::target::Target;

/// The address at which this program answers, in IPv4.
pub(crate) const OWN_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The address at which this program answers, in IPv6.
pub(crate) const OWN_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 1);

/// The address of the first name, in IPv4.
const FIRST_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 16);
/// The address of the first name, in IPv6.
const FIRST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 16);
/// The most names of one run.
const MOST: usize = 65_536;
/// The most bytes that the names of one run may have together.
const MOST_BYTES: usize = 4 << 20;

/// Names and their addresses. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Whether names have an IPv6 address.
    have_v6: bool,
    /// What was given out.
    table: Rc<RefCell<Table>>,
}

/// What was given out.
#[derive(Debug, Default)]
struct Table {
    /// The number of each name.
    numbers: HashMap<Rc<str>, u32>,
    /// The name of each number.
    names: Vec<Rc<str>>,
    /// How many bytes the names have together.
    bytes: usize,
}

/// Every address has been given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{MOST} names were looked up in this run, and no address is left for another")]
pub(crate) struct Full;

impl Names {
    /// No names yet. Where the host has no IPv6, `have_v6` is false and names have no IPv6 address.
    pub(crate) fn new(have_v6: bool) -> Self {
        Self { have_v6, table: Rc::default() }
    }

    /// Whether names have an IPv6 address.
    pub(crate) const fn have_v6(&self) -> bool {
        self.have_v6
    }

    /// The addresses of `name` (in lower case, without a trailing dot): those that it has, or new ones.
    ///
    /// # Errors
    /// When every address has been given out.
    pub(crate) fn give(&self, name: &Rc<str>) -> Result<(Ipv4Addr, Option<Ipv6Addr>), Full> {
        let number = self.table.borrow_mut().number(name)?;
        let v4 = Ipv4Addr::from_bits(FIRST_V4.to_bits().saturating_add(number));
        let v6 = Ipv6Addr::from_bits(FIRST_V6.to_bits().saturating_add(number.into()));
        Ok((v4, self.have_v6.then_some(v6)))
    }

    /// The name that a synthetic address stands for, if it was given out. An IPv4 address in IPv6 form is one, too.
    pub(crate) fn lookup(&self, address: IpAddr) -> Option<Target> {
        let number = match address.to_canonical() {
            IpAddr::V4(address) => address.to_bits().checked_sub(FIRST_V4.to_bits())?,
            IpAddr::V6(address) if self.have_v6 => {
                u32::try_from(address.to_bits().checked_sub(FIRST_V6.to_bits())?).ok()?
            }
            IpAddr::V6(_) => return None,
        };
        let table = self.table.borrow();
        table.names.get(usize::try_from(number).ok()?).cloned().map(Target::Name)
    }

    /// Whether an address is of the kind that stands for a name, given out or not.
    pub(crate) fn is_synthetic(address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => matches!(address.octets(), [198, 18 | 19, ..]),
            IpAddr::V6(address) => matches!(address.segments(), [0x2001, 2, 0, ..]),
        }
    }
}

impl Table {
    /// The number of `name`.
    ///
    /// # Errors
    /// When there are too many.
    fn number(&mut self, name: &Rc<str>) -> Result<u32, Full> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        let bytes = self.bytes.saturating_add(name.len());
        if self.names.len() >= MOST || bytes > MOST_BYTES {
            return Err(Full);
        }
        let number = u32::try_from(self.names.len()).map_err(|_| Full)?;
        self.bytes = bytes;
        self.names.push(Rc::clone(name));
        self.numbers.insert(Rc::clone(name), number);
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, MOST, MOST_BYTES, Names, OWN_V4, OWN_V6};
    use crate::target::Target;
    use std::collections::HashSet;
    use std::net::IpAddr;
    use std::rc::Rc;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_name_keeps_its_addresses_and_they_lead_back_to_it() {
        let names = Names::new(true);
        let (v4, v6) = names.give(&"example.com".into()).expect("there is room");
        let other = names.give(&"example.org".into()).expect("there is room");
        assert_eq!((v4.to_string(), v6.map(|v6| v6.to_string())), ("198.18.0.16".into(), Some("2001:2::10".into())));
        assert_eq!(names.clone().give(&"example.com".into()), Ok((v4, v6)));
        assert_ne!(other.0, v4);
        for text in ["198.18.0.16", "2001:2::10", "::ffff:198.18.0.16"] {
            assert_eq!(names.lookup(address(text)), Some(Target::Name("example.com".into())), "{text}");
        }
    }

    #[test]
    fn an_address_that_was_never_given_out_stands_for_nothing() {
        let names = Names::new(true);
        names.give(&"example.com".into()).expect("there is room");
        let strange = [
            "198.18.0.17",
            "198.18.0.15",
            "198.18.0.1",
            "198.19.255.255",
            "2001:2::11",
            "2001:2::f",
            "2001:2:0:1::10",
            "2001:2::1:0:10",
            "1.2.3.4",
            "::10",
            "::198.18.0.16",
            "255.255.255.255",
            "ffff::",
            "0.0.0.0",
            "::",
        ];
        for text in strange {
            assert_eq!(names.lookup(address(text)), None, "{text}");
        }
    }

    #[test]
    fn without_ipv6_there_are_no_ipv6_addresses() {
        let names = Names::new(false);
        assert_eq!(names.give(&"example.com".into()).expect("there is room").1, None);
        assert_eq!(names.lookup(address("2001:2::10")), None);
    }

    #[test]
    fn every_name_of_a_full_pool_has_an_address_of_its_own_inside_the_range() {
        let names = Names::new(true);
        let mut seen = HashSet::new();
        for number in 0..MOST {
            let name: Rc<str> = format!("h{number}.example.com").into();
            let (v4, v6) = names.give(&name).expect("there is room");
            let v6 = v6.expect("there is IPv6");
            assert!(Names::is_synthetic(v4.into()) && Names::is_synthetic(v6.into()));
            assert!(seen.insert(IpAddr::V4(v4)) && seen.insert(IpAddr::V6(v6)));
            assert_eq!(names.lookup(v6.into()), Some(Target::Name(name)));
        }
        assert_eq!(names.give(&"one.more.example.com".into()), Err(Full));
        assert!(names.give(&"h0.example.com".into()).is_ok(), "old names stay");
    }

    #[test]
    fn a_flood_of_long_names_is_bounded_in_bytes() {
        let names = Names::new(true);
        let tail = "x".repeat(240);
        let given = (0..MOST).take_while(|number| names.give(&format!("{number}.{tail}").into()).is_ok()).count();
        assert!(given * 240 <= MOST_BYTES && given > 10_000, "{given}");
    }

    #[test]
    fn own_addresses_are_synthetic_and_known() {
        for text in ["198.18.0.1", "::ffff:198.18.0.1", "2001:2::1"] {
            assert!(Names::is_synthetic(address(text)), "{text}");
        }
        assert!(!Names::is_synthetic(address("198.17.255.255")) && !Names::is_synthetic(address("198.20.0.0")));
        assert!(!Names::is_synthetic(address("2001:2:1::")));
        assert_eq!((OWN_V4.to_string(), OWN_V6.to_string()), ("198.18.0.1".into(), "2001:2::1".into()));
    }
}
