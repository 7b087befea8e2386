//! The policy's answers, and the report of each refusal, in one place: whoever asks here cannot forget to tell.

use std::net::IpAddr;
use std::rc::Rc;

use lobsterpot_policy::orders::Refused;
use lobsterpot_policy::{HostRule, Network, ReasonCode};

use crate::report::Reporter;
use crate::target::Target;

/// Asks the policy. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// What may be reached.
    network: Rc<Network>,
    /// Where refusals go.
    reporter: Reporter,
}

/// A refusal has been reported; nothing more is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) Box<Refused>);

impl Gate {
    /// A gate for this policy.
    pub(crate) fn new(network: Network, reporter: Reporter) -> Self {
        Self { network: Rc::new(network), reporter }
    }

    /// What may be reached.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Where refusals go.
    pub(crate) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Judges a connection, and reports it when it is refused.
    ///
    /// # Errors
    /// When it is not allowed.
    pub(crate) fn judge(&self, target: &Target, port: u16, protocol: &str) -> Result<&HostRule, Refusal> {
        let host = target.to_string();
        match self.network.judge(&host, port) {
            Ok(rule) => Ok(rule),
            Err(refusal) => {
                let reason = match (refusal.reason, target) {
                    // No answer gave it out: it was typed in, kept from before, or guessed.
                    (ReasonCode::HostNotAllowed, Target::Address(_)) => ReasonCode::AddressNotNamed,
                    (reason, _) => reason,
                };
                Err(self.refuse(target, port, protocol, reason, &refusal.message, &refusal.instead))
            }
        }
    }

    /// Reports a refusal and returns it.
    pub(crate) fn refuse(
        &self,
        target: &Target,
        port: u16,
        protocol: &str,
        reason: ReasonCode,
        message: &str,
        instead: &str,
    ) -> Refusal {
        let refused = Refused {
            host: target.to_string(),
            port,
            protocol: protocol.to_owned(),
            reason,
            message: message.to_owned(),
            instead: instead.to_owned(),
        };
        self.reporter.refused(refused.clone());
        Refusal(Box::new(refused))
    }

    /// Whether a rule names this very address, which is needed for addresses that are not public.
    pub(crate) fn names_address(&self, address: IpAddr, port: u16) -> bool {
        self.network.names_address(address, port)
    }
}
