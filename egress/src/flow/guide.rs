//! What connections ask: the host behind an address, the policy, the real addresses.
//!
//! Addresses are judged after the name was looked up, and only those that passed are connected to, so that a name that changes
//! its mind (DNS rebinding) gains nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use lobsterpot_policy::special::{is_special, translated};
use lobsterpot_policy::{HostRule, ReasonCode};

use super::check::Check;
use super::connect::is_of_this_host;
use super::meter::Meter;
use super::{Errand, NoWay};
use crate::gate::{Gate, Refusal};
use crate::names::Names;
use crate::target::Target;

/// Knows hosts, the policy, and protocols.
pub(crate) trait Guide: fmt::Debug + 'static {
    /// What a program means that connects to this address.
    fn target(&self, address: IpAddr) -> Target;

    /// What the policy says to it.
    ///
    /// # Errors
    /// The refusal, which has been reported.
    fn judge(&self, target: &Target, port: u16) -> Result<Errand, Refusal>;

    /// The addresses to connect to, in the order in which they are to be tried. Each of them may be connected to.
    ///
    /// # Errors
    /// When there is none.
    async fn addresses(&self, errand: &Errand) -> Result<Vec<IpAddr>, NoWay>;
}

/// Looks names up.
pub(crate) trait Lookup: fmt::Debug + 'static {
    /// The addresses of a name, in the order in which they are to be tried.
    ///
    /// # Errors
    /// One sentence when there is none.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String>;
}

/// Makes what judges the bytes of a connection to this host and port, which this rule allows.
pub(crate) type MakeCheck = fn(&Target, u16, &HostRule, &Gate) -> Box<dyn Check>;

/// The guide that knows the policy.
#[derive(Debug)]
pub(crate) struct PolicyGuide<L> {
    /// The policy, and where refusals are reported.
    gate: Gate,
    /// The names behind synthetic addresses.
    names: Names,
    /// The real addresses of names.
    lookup: L,
    /// What judges bytes.
    make_check: MakeCheck,
    /// Whether an address is one of this host's own.
    is_of_this_host: fn(IpAddr) -> bool,
    /// The meters of the rules that have bounds, by the rules' own words.
    meters: RefCell<HashMap<String, Meter>>,
}

/// Why an address may not be connected to.
#[derive(Debug)]
struct Barred {
    /// The reason's code.
    reason: ReasonCode,
    /// One sentence.
    message: String,
    /// What to do instead.
    instead: String,
}

impl<L: Lookup> PolicyGuide<L> {
    /// A guide by the gate's policy.
    pub(crate) fn new(gate: Gate, names: Names, lookup: L, make_check: MakeCheck) -> Self {
        Self { gate, names, lookup, make_check, is_of_this_host, meters: RefCell::default() }
    }

    /// The meter that all connections of a rule share, if it has bounds.
    fn meter(&self, rule: &HostRule) -> Option<Meter> {
        let bounds = rule.bounds();
        if bounds.max_bytes.is_none() && bounds.rate.is_none() {
            return None;
        }
        // There are no more meters than rules.
        let mut meters = self.meters.borrow_mut();
        let meter = meters.entry(format!("{rule} {bounds:?}"));
        Some(meter.or_insert_with(|| Meter::new(bounds.max_bytes, bounds.rate)).clone())
    }

    /// Why an address may not be connected to, if so.
    fn bar(&self, target: &Target, address: IpAddr, port: u16) -> Option<Barred> {
        let network = self.gate.network();
        // Through a translator one address leads to another: what holds for that one holds for both.
        let either = |holds: &dyn Fn(IpAddr) -> bool| holds(address) || translated(address).is_some_and(holds);
        if either(&|address| network.denies_address(address, port)) {
            let message = format!("{target} leads to {address}, which the policy denies.");
            let instead = "Do without this host; what network.deny names stays refused.".to_owned();
            return Some(Barred { reason: ReasonCode::HostDenied, message, instead });
        }
        let what = if Names::is_synthetic(address) {
            // Even a rule that names it cannot mean an address that stands for another name here.
            return Some(special(target, address, port, "an address that stands for names in the sandbox"));
        } else if network.names_address(address, port) {
            return None;
        } else if let Some(why) = is_special(address) {
            why.to_string()
        } else if either(&|address| (self.is_of_this_host)(address)) {
            "an address of this host itself".to_owned()
        } else {
            return None;
        };
        Some(special(target, address, port, &what))
    }

    /// Reports that nobody says where an allowed host is: the program only sees its connection end.
    fn unresolved(&self, errand: &Errand, name: &str, reason: String) -> NoWay {
        let Errand { target, port, .. } = errand;
        let instead = "Check the spelling of the name, and that this machine's nameservers can be reached.";
        self.gate.refuse(target, *port, "tcp", ReasonCode::Unresolved, &format!("{reason}."), instead);
        NoWay::NotResolved { name: name.to_owned(), reason }
    }

    /// Reports that an address may not be connected to.
    fn refuse(&self, errand: &Errand, barred: &Barred) -> NoWay {
        let Errand { target, port, .. } = errand;
        NoWay::Refused(self.gate.refuse(target, *port, "tcp", barred.reason, &barred.message, &barred.instead))
    }
}

impl<L: Lookup> Guide for PolicyGuide<L> {
    fn target(&self, address: IpAddr) -> Target {
        self.names.lookup(address).unwrap_or_else(|| Target::Address(address.to_canonical()))
    }

    fn judge(&self, target: &Target, port: u16) -> Result<Errand, Refusal> {
        match self.gate.network().judge(&target.to_string(), port) {
            Ok(rule) => {
                let check = Some((self.make_check)(target, port, rule, &self.gate));
                Ok(Errand { target: target.clone(), port, check, meter: self.meter(rule) })
            }
            Err(refusal) => {
                let reason = match (target, refusal.reason) {
                    (Target::Address(_), ReasonCode::HostNotAllowed) => ReasonCode::AddressNotNamed,
                    (_, reason) => reason,
                };
                Err(self.gate.refuse(target, port, "tcp", reason, &refusal.message, &refusal.instead))
            }
        }
    }

    async fn addresses(&self, errand: &Errand) -> Result<Vec<IpAddr>, NoWay> {
        let found = match &errand.target {
            Target::Address(address) => vec![*address],
            Target::Name(name) => {
                self.lookup.addresses(name).await.map_err(|reason| self.unresolved(errand, name, reason))?
            }
        };
        let mut open = Vec::with_capacity(found.len());
        let mut first_bar = None;
        for address in found.into_iter().map(|address| address.to_canonical()) {
            match self.bar(&errand.target, address, errand.port) {
                None => open.push(address),
                Some(barred) => first_bar = first_bar.or(Some(barred)),
            }
        }
        match first_bar {
            Some(barred) if open.is_empty() => Err(self.refuse(errand, &barred)),
            Some(_) | None => {
                self.gate.reporter().allowed(&errand.target.to_string(), errand.port);
                Ok(open)
            }
        }
    }
}

/// An address that no name may lead to unless a rule names it.
fn special(target: &Target, address: IpAddr, port: u16, what: &str) -> Barred {
    let message = format!("{target} leads to {address}, which is not a public host: {what}.");
    let line = match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    };
    let instead = format!("Use a public host, or ask the user to add \"{line}\" to network.allow.");
    Barred { reason: ReasonCode::SpecialAddress, message, instead }
}

#[cfg(test)]
#[path = "guide_tests.rs"]
mod tests;
