//! What the policy says to a name, an address, a port and a request.
//!
//! Of all rules that match, the narrowest decides: a name before the domain above it, that before the next, listed ports before all
//! ports, and of two alike the one that was written last. What `deny` names is refused whatever else matches.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use super::verdict::ReasonCode;
use crate::host::{Asked, HostRule, Ports, RequestMismatch};
use crate::policy::{Network, NetworkMode};

/// Where a user adds to the policy.
const USER_FILE: &str = "~/.config/lobsterpot/policy.toml";
/// The port that a suggestion names when none was asked for.
const SUGGESTED_PORT: u16 = 443;
/// Ports below this one are served from the start of a run.
const FIRST_HIGH_PORT: u16 = 1024;

/// The rule that allows everything.
static EVERY: LazyLock<HostRule> = LazyLock::new(HostRule::every);

/// Why something is refused, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as a code.
    pub reason: ReasonCode,
    /// One sentence.
    pub message: String,
    /// What to do instead, with the line of policy that would allow it when there is one.
    pub instead: String,
}

impl Network {
    /// Judges a question for a name, or for an address written as text: whether any of its ports is allowed.
    ///
    /// # Errors
    /// When none is.
    pub fn judge_name(&self, name: &str) -> Result<&HostRule, Refusal> {
        let asked = asked(name)?;
        self.find(&asked, None)
    }

    /// Judges a connection to a port of the host called `name`, which may also be an address written as text.
    ///
    /// In mode [`NetworkMode::Learn`] every host is allowed that `deny` does not name; whether an address is public is for the
    /// caller to see.
    ///
    /// # Errors
    /// When it is not allowed.
    pub fn judge(&self, name: &str, port: u16) -> Result<&HostRule, Refusal> {
        let asked = asked(name)?;
        self.find(&asked, Some(port))
    }

    /// Whether a rule names this very address, itself or by its network, so that it may be reached although it is not public.
    #[must_use]
    pub fn names_address(&self, address: IpAddr, port: u16) -> bool {
        let asked = Asked::Address(address.to_canonical());
        self.uses_rules()
            && self.denied(&asked, Some(port)).is_none()
            && self.rules.iter().any(|rule| rule.ports().contains(port) && rule.names(&asked))
    }

    /// Whether `deny` names this address: a name that leads to it leads nowhere.
    #[must_use]
    pub fn denies_address(&self, address: IpAddr, port: u16) -> bool {
        self.denied(&Asked::Address(address.to_canonical()), Some(port)).is_some()
    }

    /// The ports below 1024 that a rule names.
    #[must_use]
    pub fn low_ports(&self) -> BTreeSet<u16> {
        let rules = if self.uses_rules() { self.rules.as_slice() } else { &[] };
        rules.iter().flat_map(|rule| rule.ports().each()).filter(|port| *port < FIRST_HIGH_PORT).collect()
    }

    /// Every port that a rule names; `None` when that is every port.
    #[must_use]
    pub fn all_ports(&self) -> Option<BTreeSet<u16>> {
        match self.mode {
            NetworkMode::None => return Some(BTreeSet::new()),
            NetworkMode::Host | NetworkMode::Learn => return None,
            NetworkMode::Allowlist => {}
        }
        let any = self.rules.iter().any(|rule| *rule.ports() == Ports::Any);
        (!any).then(|| self.rules.iter().flat_map(|rule| rule.ports().each()).collect())
    }

    /// Whether the rules decide, rather than the mode alone.
    const fn uses_rules(&self) -> bool {
        matches!(self.mode, NetworkMode::Allowlist | NetworkMode::Learn)
    }

    /// Finds the rule that decides, for one port or for any.
    ///
    /// # Errors
    /// When it is not allowed.
    fn find(&self, asked: &Asked, port: Option<u16>) -> Result<&HostRule, Refusal> {
        match self.mode {
            NetworkMode::Host => return Ok(&EVERY),
            NetworkMode::None => return Err(off(asked, port)),
            NetworkMode::Learn | NetworkMode::Allowlist => {}
        }
        if let Some(rule) = self.denied(asked, port) {
            return Err(denied(asked, port, rule));
        }
        let has_port = |rule: &&HostRule| match port {
            Some(port) => rule.ports().contains(port),
            None => self.leaves_a_port(asked, rule),
        };
        let open = |rule: &&HostRule| has_port(rule) && rule.suffix_between(asked).is_none();
        let named = || self.rules.iter().filter(|rule| rule.names(asked));
        let found = named().filter(open).max_by_key(|rule| rule.narrowness());
        match (found, self.mode) {
            (Some(rule), _) => Ok(rule),
            (None, NetworkMode::Learn) => Ok(&EVERY),
            (None, NetworkMode::Host | NetworkMode::Allowlist | NetworkMode::None) => {
                let near = named().max_by_key(|rule| rule.narrowness());
                Err(match self.in_the_way(asked, port, near) {
                    Some(rule) => denied(asked, port, rule),
                    None => unlisted(asked, port, near),
                })
            }
        }
    }

    /// The entry of `deny` that names the host at this port, or at every port when none is asked for.
    fn denied(&self, asked: &Asked, port: Option<u16>) -> Option<&HostRule> {
        let meant = |rule: &&HostRule| match port {
            Some(port) => rule.ports().contains(port),
            None => *rule.ports() == Ports::Any,
        };
        self.deny.iter().filter(|rule| rule.names(asked)).find(meant)
    }

    /// The entry of `deny` because of which a name cannot be allowed by one more line, when no port is asked for: each port of `near` is
    /// denied, or the port that would be suggested.
    fn in_the_way(&self, asked: &Asked, port: Option<u16>, near: Option<&HostRule>) -> Option<&HostRule> {
        let about = || self.deny.iter().filter(|rule| port.is_none() && rule.names(asked));
        let suggested = about().find(|rule| rule.ports().contains(SUGGESTED_PORT));
        suggested.or_else(|| near.and_then(|_| about().next()))
    }

    /// Whether some port of a rule about this host is not denied.
    fn leaves_a_port(&self, asked: &Asked, rule: &HostRule) -> bool {
        let denied: Vec<&Ports> = self.deny.iter().filter(|rule| rule.names(asked)).map(|rule| rule.ports()).collect();
        match rule.ports() {
            Ports::Any => !denied.contains(&&Ports::Any),
            Ports::Listed(own) => own.iter().any(|port| !denied.iter().any(|denied| denied.contains(*port))),
        }
    }
}

impl HostRule {
    /// Judges a request of plain HTTP by its method and the path of its target; a query may follow the path.
    ///
    /// # Errors
    /// When the rule allows other methods or paths, or when servers could understand the path in different ways.
    pub fn judge_request(&self, method: &str, path: &str) -> Result<(), Refusal> {
        let refuse = |reason, message| {
            let wanted = self.requests().unwrap_or_default();
            let instead =
                format!("Make only such requests as {self} allows ({wanted}), or ask the user to widen that rule.");
            Err(Refusal { reason, message, instead })
        };
        let shown: String = format!("{method} {path}").escape_debug().take(200).collect();
        match self.request(method, path) {
            Ok(()) => Ok(()),
            Err(RequestMismatch::Other) => {
                refuse(ReasonCode::Request, format!("The rule {self} does not allow \"{shown}\"."))
            }
            Err(RequestMismatch::Ambiguous(why)) => {
                refuse(ReasonCode::Malformed, format!("The path of \"{shown}\" cannot be judged: {why}."))
            }
        }
    }
}

/// Reads what is asked for.
///
/// # Errors
/// When it is neither a name nor an address.
fn asked(name: &str) -> Result<Asked, Refusal> {
    Asked::parse(name).map_err(|_| Refusal {
        reason: ReasonCode::BadHost,
        message: format!("\"{}\" is not a host name.", name.escape_debug().take(300).collect::<String>()),
        instead: "Give a complete host name or address.".to_owned(),
    })
}

/// The host, and the port if one was asked for.
fn shown(asked: &Asked, port: Option<u16>) -> String {
    port.map_or_else(|| asked.to_string(), |port| format!("{asked}:{port}"))
}

/// The refusal when there is no network.
fn off(asked: &Asked, port: Option<u16>) -> Refusal {
    Refusal {
        reason: ReasonCode::NetworkOff,
        message: format!("{} cannot be reached: the network is off.", shown(asked, port)),
        instead: "Work offline, or ask the user to fetch what is needed.".to_owned(),
    }
}

/// The refusal of what `rule` of `deny` names.
fn denied(asked: &Asked, port: Option<u16>, rule: &HostRule) -> Refusal {
    let reason = rule.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
    Refusal {
        reason: ReasonCode::HostDenied,
        message: format!("{} is denied by \"{rule}\" ({}){reason}.", shown(asked, port), rule.origin),
        instead: "Do without this host; what network.deny names stays refused whatever else is allowed.".to_owned(),
    }
}

/// The refusal of what no rule names, or what a rule names at other ports only.
fn unlisted(asked: &Asked, port: Option<u16>, near: Option<&HostRule>) -> Refusal {
    let what = shown(asked, port);
    let message = match near.map(|near| (near, near.suffix_between(asked))) {
        Some((near, None)) => format!("{what} is not allowed; \"{near}\" is."),
        Some((near, Some(suffix))) => {
            format!("{what} is not allowed: anybody can have a name below {suffix}, so \"{near}\" ends there.")
        }
        None => format!("{what} is not among the hosts that the policy allows."),
    };
    let line = format!("{asked}:{}", port.unwrap_or(SUGGESTED_PORT));
    let instead = match HostRule::parse(&line, crate::origin::Origin::flags()) {
        Ok(_) => format!("Use an allowed host, or ask the user to add \"{line}\" to network.allow in {USER_FILE}."),
        Err(error) => format!("Use an allowed host; no rule can allow this one: {error}."),
    };
    Refusal { reason: ReasonCode::HostNotAllowed, message, instead }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
