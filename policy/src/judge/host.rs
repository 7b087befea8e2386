//! Verdicts about hosts and ports.

use super::Judge;
use super::verdict::{ReasonCode, Verdict};
use crate::host::is_host;
use crate::policy::NetworkMode;

impl Judge {
    /// Judges a connection to a port of the host called `name`, which may also be an address.
    pub fn host(&self, name: &str, port: u16) -> Verdict {
        let shown = name.escape_debug();
        if !is_host(name) {
            let message = format!("\"{shown}\" is not a host name.");
            return Verdict::deny(ReasonCode::BadHost, None, message, "Give a complete host name or address.");
        }
        match self.policy().network.mode {
            NetworkMode::Host => Verdict::allow(None, "The policy lets the host's network be used.".to_owned()),
            NetworkMode::None => Verdict::deny(
                ReasonCode::NetworkOff,
                None,
                format!("{shown}:{port} cannot be reached: the network is off."),
                "Work offline, or ask the user to fetch what is needed.",
            ),
            NetworkMode::Allowlist => self.listed(name, port),
        }
    }

    /// Looks for a rule about the host.
    fn listed(&self, name: &str, port: u16) -> Verdict {
        if let Some(rule) = self.policy().network.rules.iter().find(|rule| rule.matches(name, port)) {
            return Verdict::allow(Some(format!("{rule} ({})", rule.origin)), format!("{name}:{port} is listed."));
        }
        Verdict::deny(
            ReasonCode::HostNotAllowed,
            None,
            format!("{}:{port} is not among the hosts that the policy lists.", name.escape_debug()),
            "Use a host that is listed, or ask the user to add this one to network.allow of their policy.",
        )
    }
}
