//! What a connection is for, and what its rule says: the side of the checks that knows the policy.

use std::fmt;
use std::net::IpAddr;

use lobsterpot_policy::{HostRule, ReasonCode};

use crate::gate::{Gate, Refusal};
use crate::target::Target;

/// One connection's host, port and rule.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The host.
    pub(super) target: Target,
    /// The port.
    pub(super) port: u16,
    /// The rule that allows it.
    rule: HostRule,
    /// Who is told of refusals.
    gate: Gate,
}

impl Subject {
    /// A connection to this host, allowed by this rule.
    pub(super) fn new(target: &Target, port: u16, rule: &HostRule, gate: &Gate) -> Self {
        Self { target: target.clone(), port, rule: rule.clone(), gate: gate.clone() }
    }

    /// Whether this text is the connection's host: its name in any case, with or without the dot at the end; or its address. A
    /// connection to an address may also be for a name that the policy allows on that port.
    pub(super) fn is_host(&self, text: &str) -> bool {
        match &self.target {
            Target::Name(name) => text.strip_suffix('.').unwrap_or(text).eq_ignore_ascii_case(name),
            Target::Address(address) => match bare_address(text) {
                Some(written) => written == *address,
                None => self.gate.network().judge(text, self.port).is_ok(),
            },
        }
    }

    /// Whether the rule allows certain requests only, so that nothing but plain HTTP/1 can be judged.
    pub(super) fn judges_requests(&self) -> bool {
        self.rule.restricts_requests()
    }

    /// Judges a request's method and path.
    ///
    /// # Errors
    /// When the rule allows others only.
    pub(super) fn judge_request(&self, method: &str, path: &str) -> Result<(), lobsterpot_policy::Refusal> {
        self.rule.judge_request(method, path)
    }

    /// Reports a refusal.
    pub(super) fn refuse(&self, protocol: &str, reason: ReasonCode, why: &impl fmt::Display, instead: &str) -> Refusal {
        let message = format!("{}:{}: {why}.", self.target, self.port);
        self.gate.refuse(&self.target, self.port, protocol, reason, &message, instead)
    }
}

/// An address as a URI writes it: an IPv6 one has brackets around it, an IPv4 one does not.
fn bare_address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
}
