//! What one question is answered, by the policy.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, PTR};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use lobsterpot_policy::{Network, NetworkMode, Ports, ReasonCode};

use super::reverse;
use crate::gate::{Gate, Refusal};
use crate::names::Names;
use crate::report::printable;
use crate::target::Target;

/// The extended error of a name that this server's policy refuses ([RFC 8914, 4.16](https://www.rfc-editor.org/rfc/rfc8914)).
const BLOCKED: u16 = 15;
/// The longest explanation, in bytes.
const LONGEST_NOTE: usize = 240;
/// What to do about a name that is none.
const BAD_NAME: &str = "Ask for a complete host name of letters, digits, `-` and `_`.";

/// What is answered.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The response code.
    pub(super) code: ResponseCode,
    /// The one record, for the question's name.
    pub(super) data: Option<RData>,
    /// Why, for clients that read it.
    pub(super) note: Option<Note>,
}

/// An extended error.
#[derive(Debug)]
pub(super) struct Note {
    /// Its number.
    code: u16,
    /// Its text.
    text: String,
}

impl Outcome {
    /// Only a response code.
    pub(super) const fn code(code: ResponseCode) -> Self {
        Self { code, data: None, note: None }
    }

    /// There is such a name, and it has no record of this type.
    const fn empty() -> Self {
        Self::code(ResponseCode::NoError)
    }

    /// One record.
    const fn record(data: RData) -> Self {
        Self { code: ResponseCode::NoError, data: Some(data), note: None }
    }

    /// There is no such name, by the policy.
    fn refused(code: ResponseCode, refusal: &Refusal) -> Self {
        Self { code, data: None, note: Some(Note::blocked(&refusal.0.message, &refusal.0.instead)) }
    }
}

impl Note {
    /// A name that the policy refuses.
    pub(super) fn blocked(message: &str, instead: &str) -> Self {
        Self { code: BLOCKED, text: printable(&format!("{message} {instead}"), LONGEST_NOTE) }
    }

    /// As it is sent.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [&self.code.to_be_bytes(), self.text.as_bytes()].concat()
    }
}

/// What to answer to `question`. Refusals are reported.
pub(super) fn decide(gate: &Gate, names: &Names, question: &Query) -> Outcome {
    let kind = question.query_type();
    if question.query_class() != DNSClass::IN || is_transfer(kind) {
        return Outcome::code(ResponseCode::Refused);
    }
    if question.name().is_root() {
        return Outcome::empty();
    }
    match host(question.name()) {
        Ok(name) if is_below(&name, "localhost") => localhost(kind, names),
        Ok(name) if reverse::is_reverse(&name) => backwards(gate, names, &name, kind),
        Ok(name) => forwards(gate, names, &name.into(), kind),
        Err(shown) => {
            let message = format!("\"{shown}\" is not a host name, and was not looked up.");
            let target = Target::Name(shown.into());
            let refusal = gate.refuse(&target, 0, "dns", ReasonCode::BadHost, &message, BAD_NAME);
            Outcome::refused(ResponseCode::NXDomain, &refusal)
        }
    }
}

/// What a name that may be a host's is answered.
fn forwards(gate: &Gate, names: &Names, name: &Rc<str>, kind: RecordType) -> Outcome {
    let network = gate.network();
    let refusal = match network.judge_name(name) {
        Ok(_) if network.mode != NetworkMode::Learn || !is_private(name) || is_written(network, name) => {
            return allowed(gate, names, name, kind);
        }
        Ok(_) => {
            let message = format!("\"{name}\" is a name of some local network, and was not looked up.");
            gate.refuse(&target(name), 0, "dns", ReasonCode::HostNotAllowed, &message, "Name it in a rule.")
        }
        // `_http._tcp.example.com` belongs to `example.com` (RFC 8552): nothing is there, and nobody tried to get out.
        Err(_) if service_of(name).is_some_and(|host| network.judge_name(host).is_ok()) => return Outcome::empty(),
        Err(refusal) => gate.refuse(&target(name), 0, "dns", refusal.reason, &refusal.message, &refusal.instead),
    };
    Outcome::refused(ResponseCode::NXDomain, &refusal)
}

/// What an allowed name is answered: its addresses, and that it has nothing else.
fn allowed(gate: &Gate, names: &Names, name: &Rc<str>, kind: RecordType) -> Outcome {
    if !is_address(kind) {
        return Outcome::empty();
    }
    match names.give(name) {
        Ok((v4, v6)) => {
            gate.reporter().allowed(name, 0);
            address(kind, v4, v6)
        }
        Err(full) => {
            let refusal = gate.refuse(
                &target(name),
                0,
                "dns",
                ReasonCode::TooMuch,
                &format!("{full}."),
                "Start the command again for names that were not looked up yet.",
            );
            Outcome::refused(ResponseCode::ServFail, &refusal)
        }
    }
}

/// What `localhost` and the names below it are answered ([RFC 6761, 6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3)).
fn localhost(kind: RecordType, names: &Names) -> Outcome {
    address(kind, Ipv4Addr::LOCALHOST, names.have_v6().then_some(Ipv6Addr::LOCALHOST))
}

/// The address of the kind that was asked for.
fn address(kind: RecordType, v4: Ipv4Addr, v6: Option<Ipv6Addr>) -> Outcome {
    if kind == RecordType::A {
        return Outcome::record(RData::A(A(v4)));
    }
    match v6.filter(|_| kind == RecordType::AAAA) {
        Some(v6) => Outcome::record(RData::AAAA(AAAA(v6))),
        None => Outcome::empty(),
    }
}

/// What to do instead of asking which name an address has.
const ASK_FOR_NAMES: &str = "Ask for names; only addresses of this sandbox's own have one here.";

/// What a name that stands for an address is answered.
fn backwards(gate: &Gate, names: &Names, name: &str, kind: RecordType) -> Outcome {
    let Some(address) = reverse::address(name) else {
        if reverse::is_numbers(name) {
            return Outcome::code(ResponseCode::NXDomain);
        }
        let message = format!("\"{name}\" stands for no address, and was not looked up.");
        let refusal =
            gate.refuse(&Target::Name(name.into()), 0, "dns", ReasonCode::HostNotAllowed, &message, ASK_FOR_NAMES);
        return Outcome::refused(ResponseCode::NXDomain, &refusal);
    };
    let found = match names.lookup(address) {
        Some(Target::Name(found)) => found,
        Some(Target::Address(_)) | None if address.is_loopback() => "localhost".into(),
        Some(Target::Address(_)) | None if Names::is_synthetic(address) => {
            return Outcome::code(ResponseCode::NXDomain);
        }
        Some(Target::Address(_)) | None => {
            let message = format!("Which name {address} has was not looked up.");
            let refusal =
                gate.refuse(&Target::Address(address), 0, "dns", ReasonCode::AddressNotNamed, &message, ASK_FOR_NAMES);
            return Outcome::refused(ResponseCode::NXDomain, &refusal);
        }
    };
    match Name::from_ascii(format!("{found}.")) {
        Ok(found) if kind == RecordType::PTR => Outcome::record(RData::PTR(PTR(found))),
        Ok(_) => Outcome::empty(),
        Err(_) => Outcome::code(ResponseCode::ServFail),
    }
}

/// The name in lower case when every part of it is a host's and it could not be read as an address; else what to show of it.
///
/// # Errors
/// When it is no host's name.
fn host(name: &Name) -> Result<String, String> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let text = name.to_lowercase().to_ascii();
    let text = text.strip_suffix('.').unwrap_or(&text).to_owned();
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.strip_prefix("0x").map_or_else(
        || last.bytes().all(|byte| byte.is_ascii_digit()),
        |digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
    );
    if name.iter().all(|label| label.iter().all(is_plain)) && !is_number { Ok(text) } else { Err(text) }
}

/// Whether clients ask for a zone, or for a type that only servers and signatures use.
fn is_transfer(kind: RecordType) -> bool {
    matches!(u16::from(kind), 0 | 41 | 128..=254)
}

/// Whether a host's address is asked for.
fn is_address(kind: RecordType) -> bool {
    kind == RecordType::A || kind == RecordType::AAAA
}

/// Whether `name` is `domain` or below it.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// Whether a name means something on one local network only: it has a single part, or ends in `.local` ([RFC 6762]).
///
/// [RFC 6762]: https://www.rfc-editor.org/rfc/rfc6762
fn is_private(name: &str) -> bool {
    !name.contains('.') || is_below(name, "local")
}

/// Whether a rule that somebody wrote names this host.
fn is_written(network: &Network, name: &str) -> bool {
    network.rules.iter().any(|rule| match rule.ports() {
        Ports::Any => rule.matches(name, 443),
        Ports::Listed(ports) => ports.first().is_some_and(|port| rule.matches(name, *port)),
    })
}

/// The host that a name of a service belongs to: what is left without the parts in front that begin with `_`.
fn service_of(name: &str) -> Option<&str> {
    let mut host = name;
    while host.starts_with('_') {
        host = host.split_once('.')?.1;
    }
    (host.len() < name.len()).then_some(host)
}

/// A name as what a refusal is about.
fn target(name: &Rc<str>) -> Target {
    Target::Name(Rc::clone(name))
}
