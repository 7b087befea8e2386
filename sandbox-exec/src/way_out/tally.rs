//! What egress told of a run: counted, bounded, and put in an order for the report. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lobsterpot_policy::orders::{Event, Refused};
use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin, ReasonCode};

/// The most refusals, and the most permissions, that are kept apart.
const DISTINCT: usize = 512;
/// The longest host that is written down, in bytes.
const LONGEST_HOST: usize = 253;
/// The protocols that egress knows.
const PROTOCOLS: [&str; 7] = ["dns", "tcp", "udp", "icmp", "tls", "http", "socks"];
/// The longest sentence that is written down, in bytes.
const LONGEST_SENTENCE: usize = 300;
/// The port that a suggestion names when none was asked for.
const HTTPS: u16 = 443;
/// Where a person adds to the policy.
const USER_FILE: &str = "~/.config/lobsterpot/policy.toml";

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Refusals, in the order in which they came.
    refused: Vec<Asked>,
    /// Refusals beyond those, by their reasons.
    others: BTreeMap<&'static str, u64>,
    /// Hosts and ports that were allowed.
    allowed: BTreeSet<(String, u16)>,
    /// Packets that could not be understood.
    unreadable: u64,
    /// What egress said when it failed.
    failed: Option<String>,
    /// How egress ended before the command did.
    ended: Option<String>,
}

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The host: a name or an address.
    pub(crate) host: String,
    /// The port; 0 when only the name was asked for.
    pub(crate) port: u16,
    /// How: one of the protocols that egress knows.
    pub(crate) protocol: &'static str,
    /// Why.
    pub(crate) reason: ReasonCode,
    /// How often.
    pub(crate) times: u64,
}

/// What the report says about the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// What was refused, each with what would allow it, if anything would.
    pub(crate) refused: Vec<(Asked, Option<String>)>,
    /// What was allowed and could not be resolved.
    pub(crate) unresolved: Vec<Asked>,
    /// How many more refusals there were that were not kept apart.
    pub(crate) others: u64,
    /// Packets of egress that could not be understood.
    pub(crate) unreadable: u64,
    /// How egress ended before the command did.
    pub(crate) ended: Option<String>,
    /// In learn mode, the rules that would have allowed what was asked for, and names that were only looked up.
    pub(crate) learned: Option<Learned>,
}

/// What learn mode has learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    /// Rules as the policy writes them: names first, then addresses.
    pub(crate) rules: Vec<String>,
    /// Names that were looked up and never connected to.
    pub(crate) looked_up: Vec<String>,
}

impl std::fmt::Display for Asked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.port, self.host.parse()) {
            (0, _) => write!(formatter, "{}", self.host),
            (port, Ok(address)) => write!(formatter, "{}:{port}", bracketed(address)),
            (port, Err(_)) => write!(formatter, "{}:{port}", self.host),
        }
    }
}

impl Tally {
    /// Notes what egress told.
    pub(crate) fn note(&mut self, event: Event) {
        match event {
            Event::Started | Event::Ready { .. } => {}
            Event::Allowed { host, port } if is_plain(&host) => {
                if self.allowed.len() < DISTINCT {
                    self.allowed.insert((host, port));
                }
            }
            Event::Refused(refused) => match plain(refused) {
                Some(asked) => self.refuse(asked),
                None => self.note_unreadable(),
            },
            Event::Repeated { host, port, reason, times } => self.repeat(&host, port, reason, times),
            Event::Failed { message } => self.failed = Some(sentence(&message)),
            Event::Allowed { .. } => self.note_unreadable(),
        }
    }

    /// Notes a packet that is none of those that were agreed on.
    pub(crate) fn note_unreadable(&mut self) {
        self.unreadable = self.unreadable.saturating_add(1);
    }

    /// Notes that egress is gone before the command, and how it ended; returns both with what it said itself.
    pub(crate) fn end(&mut self, how: String) -> &str {
        let how = match &self.failed {
            Some(message) => format!("{how}: {message}"),
            None => how,
        };
        self.ended.insert(how)
    }

    /// What the report says, for a run under the rules of `network`.
    pub(crate) fn summary(&self, network: &Network) -> Summary {
        let with_hint = |asked: &Asked| (asked.clone(), hint(asked, network));
        // Egress tells both in the same way.
        let (unresolved, refused): (Vec<_>, Vec<_>) =
            self.refused.iter().partition(|asked| asked.reason == ReasonCode::Unresolved);
        Summary {
            refused: refused.into_iter().map(with_hint).collect(),
            unresolved: unresolved.into_iter().cloned().collect(),
            others: self.others.values().fold(0, |sum, times| sum.saturating_add(*times)),
            unreadable: self.unreadable,
            ended: self.ended.clone(),
            learned: (network.mode == NetworkMode::Learn).then(|| self.learned()),
        }
    }

    /// Notes a refusal.
    fn refuse(&mut self, asked: Asked) {
        let known =
            |other: &&mut Asked| (&other.host, other.port, other.reason) == (&asked.host, asked.port, asked.reason);
        let full = self.refused.len() >= DISTINCT;
        match self.refused.iter_mut().find(known) {
            Some(other) => other.times = other.times.saturating_add(1),
            None if full => {
                let others = self.others.entry(asked.reason.as_str()).or_default();
                *others = others.saturating_add(1);
            }
            None => self.refused.push(asked),
        }
    }

    /// Notes how often a refusal was repeated in all.
    fn repeat(&mut self, host: &str, port: u16, reason: ReasonCode, times: u64) {
        let known = |other: &&mut Asked| other.host == host && other.port == port && other.reason == reason;
        match self.refused.iter_mut().find(known) {
            Some(other) => other.times = other.times.max(times),
            None => {
                let others = self.others.entry(reason.as_str()).or_default();
                *others = times.max(*others);
            }
        }
    }

    /// What was allowed, as rules.
    fn learned(&self) -> Learned {
        let mut names: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
        let mut addresses: BTreeMap<IpAddr, BTreeSet<u16>> = BTreeMap::new();
        for (host, port) in &self.allowed {
            match host.parse::<IpAddr>() {
                Ok(address) => addresses.entry(address).or_default().insert(*port),
                Err(_) => names.entry(host).or_default().insert(*port),
            };
        }
        let mut learned = Learned::default();
        let named = names.into_iter().map(|(host, ports)| (host.to_owned(), ports));
        for (host, mut ports) in named.chain(addresses.into_iter().map(|(address, ports)| (bracketed(address), ports)))
        {
            ports.remove(&0);
            let list: Vec<String> = ports.iter().map(ToString::to_string).collect();
            match rule(&host, &list.join(",")) {
                Some(rule) => learned.rules.push(rule),
                None => learned.looked_up.push(host),
            }
        }
        learned
    }
}

/// What would allow `asked`, if anything would: in the launcher's own words, for those of egress are not to be trusted.
fn hint(asked: &Asked, network: &Network) -> Option<String> {
    let port = if asked.port == 0 { HTTPS } else { asked.port };
    let host = asked.host.parse().map_or_else(|_| asked.host.clone(), bracketed);
    let is_denied = || network.judge(&asked.host, port).is_err_and(|refusal| refusal.reason == ReasonCode::HostDenied);
    if matches!(asked.reason, ReasonCode::HostNotAllowed | ReasonCode::AddressNotNamed) && !is_denied() {
        return rule(&host, &port.to_string()).map(|rule| format!("add \"{rule}\" to network.allow in {USER_FILE}"));
    }
    if asked.reason == ReasonCode::SpecialAddress && !is_denied() {
        return Some(special(asked, &host, port));
    }
    if asked.reason == ReasonCode::Protocol && WITHOUT_STREAM.contains(&asked.protocol) {
        return Some("nothing but TCP is carried, and names over UDP".to_owned());
    }
    let known = EXPLAINED.iter().find(|(reason, _)| *reason == asked.reason);
    known.map(|(_, words)| (*words).to_owned())
}

/// What would allow a host whose address is not public: a rule for that very address, which egress does not tell when a name led there.
fn special(asked: &Asked, host: &str, port: u16) -> String {
    match asked.host.parse::<IpAddr>() {
        Ok(_) => match rule(host, &port.to_string()) {
            Some(rule) => {
                format!("its address is not public: if it is meant, add \"{rule}\" to network.allow in {USER_FILE}")
            }
            None => "no rule can allow this address".to_owned(),
        },
        Err(_) => format!(
            "its address is not public: if it is meant, add that address with its port, as in \"10.1.2.3:{port}\", to \
             network.allow in {USER_FILE}"
        ),
    }
}

/// What `refused` says, when it may be written down.
fn plain(refused: Refused) -> Option<Asked> {
    let Refused { host, port, protocol, reason, message: _, instead: _ } = refused;
    let protocol = PROTOCOLS.into_iter().find(|known| *known == protocol)?;
    (is_plain(&host) && is_network(reason)).then_some(Asked { host, port, protocol, reason, times: 1 })
}

/// Protocols that are not carried at all, but for names.
const WITHOUT_STREAM: [&str; 3] = ["dns", "udp", "icmp"];

/// What to know about refusals that no line of policy would simply allow.
const EXPLAINED: [(ReasonCode, &str); 4] = [
    (ReasonCode::HostDenied, "network.deny names it, and what is denied stays refused"),
    (ReasonCode::Protocol, "port 80 carries HTTP/1 alone: use HTTPS, and ask for no upgrade but WebSocket's"),
    (ReasonCode::NameMismatch, "the connection was for one name, and what was said on it named another"),
    (ReasonCode::TooMuch, "a bound on bytes, connections or time was reached"),
];

/// The rule for one host and these ports, when the policy takes it. Whoever took egress over must not be able to have a block of
/// addresses, a wildcard or a group suggested.
fn rule(host: &str, ports: &str) -> Option<String> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let rule = format!("{host}:{ports}");
    let is_one = is_name || bare.parse::<IpAddr>().is_ok();
    (is_one && HostRule::parse(&rule, Origin::flags()).is_ok()).then_some(rule)
}

/// An address as rules write it before a port.
fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Whether `host` may be written down: some printable ASCII on one line, without what would end a word.
fn is_plain(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= LONGEST_HOST
        && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`".contains(&byte))
}

/// Whether `reason` is one of the network's.
fn is_network(reason: ReasonCode) -> bool {
    reason.as_str().starts_with("net.")
}

/// The beginning of `text`, printable ASCII only.
fn sentence(text: &str) -> String {
    text.chars().filter(|character| matches!(character, ' '..='~')).take(LONGEST_SENTENCE).collect()
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
