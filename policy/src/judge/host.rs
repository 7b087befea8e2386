//! Verdicts about hosts and ports.

use super::Judge;
use super::network::Refusal;
use super::verdict::Verdict;
use crate::policy::NetworkMode;

impl Judge {
    /// Judges a connection to a port of the host called `name`, which may also be an address.
    pub fn host(&self, name: &str, port: u16) -> Verdict {
        let network = &self.policy().network;
        match (network.judge(name, port), network.mode) {
            (Ok(_), NetworkMode::Host) => {
                Verdict::allow(None, "The policy lets the host's network be used.".to_owned())
            }
            (Ok(rule), NetworkMode::Learn | NetworkMode::Allowlist | NetworkMode::None) => {
                Verdict::allow(Some(format!("{rule} ({})", rule.origin)), format!("{name}:{port} is listed."))
            }
            (Err(Refusal { reason, message, instead }), _) => Verdict::deny(reason, None, message, &instead),
        }
    }
}
