//! The question that is sent to a nameserver, and what of its answer is believed.
//!
//! An answer must repeat the question. Of its records only those count that belong to the name: its own addresses, or those at the
//! end of a chain of aliases (CNAME) that begins at it. Everything else (other owners, the authority and additional sections) is
//! not even decoded, so that a nameserver that lies about one name cannot lie about another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Edns, Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError};

/// The most records of an answer that are looked at.
const MOST_RECORDS: u16 = 128;
/// The most addresses that a name can have.
const MOST_ADDRESSES: usize = 32;
/// The longest chain of aliases.
const MOST_ALIASES: usize = 8;
/// The largest datagram that is taken, in bytes: never cut into fragments
/// ([RFC 9715](https://www.rfc-editor.org/rfc/rfc9715)).
const PAYLOAD: u16 = 1232;

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Its number, which nobody else is to guess.
    id: u16,
    /// What is asked.
    query: Query,
}

/// What a nameserver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// The addresses, and for how many seconds they may be kept.
    Addresses(Vec<IpAddr>, u32),
    /// There is no such name, or it has no such addresses.
    Nothing,
    /// The answer did not fit: ask again over TCP.
    Truncated,
    /// It did not understand the question; perhaps it does without EDNS.
    NotUnderstood,
    /// It cannot or will not say, or what it said makes no sense.
    Useless,
}

/// One record of an answer that may belong to the chain.
#[derive(Debug)]
struct Found {
    /// Whose it is.
    owner: Name,
    /// For how many seconds it may be kept.
    ttl: u32,
    /// What it says.
    data: Data,
}

/// What a record says.
#[derive(Debug)]
enum Data {
    /// An address.
    Address(IpAddr),
    /// The owner is another name for this one.
    Alias(Name),
}

impl Question {
    /// A question for the addresses of `name`, or `None` when it cannot be a name.
    pub(super) fn new(id: u16, name: &str, kind: Kind) -> Option<Self> {
        let mut name = Name::from_ascii(name).ok()?;
        name.set_fqdn(true);
        Some(Self { id, query: Query::query(name, kind.record_type()) })
    }

    /// As it is sent.
    pub(super) fn bytes(&self, with_edns: bool) -> Option<Vec<u8>> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(self.query.clone());
        if with_edns {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            message.set_edns(edns);
        }
        message.to_vec().ok()
    }

    /// Reads an answer. `None` when it is none to this question, so that the real one may still come.
    pub(super) fn read(&self, packet: &[u8]) -> Option<Reply> {
        let mut decoder = BinDecoder::new(packet);
        let Header { metadata: header, counts } = Header::read(&mut decoder).ok()?;
        let is_ours =
            (header.id, header.message_type, header.op_code) == (self.id, MessageType::Response, OpCode::Query);
        if !is_ours {
            return None;
        }
        if counts.queries == 0 && header.response_code != ResponseCode::NoError {
            return Some(rejection(header.response_code));
        }
        // Names are compared without regard to case.
        if counts.queries != 1 || Query::read(&mut decoder).ok()? != self.query {
            return None;
        }
        if header.truncation {
            return Some(Reply::Truncated);
        }
        if header.response_code != ResponseCode::NoError {
            return Some(rejection(header.response_code));
        }
        let records = read_records(&mut decoder, counts.answers, self.query.query_type());
        Some(records.map_or(Reply::Useless, |records| follow(self.query.name(), records)))
    }
}

impl Kind {
    /// The type of a record with such an address.
    const fn record_type(self) -> RecordType {
        match self {
            Self::V4 => RecordType::A,
            Self::V6 => RecordType::AAAA,
        }
    }
}

/// What a response code means.
fn rejection(code: ResponseCode) -> Reply {
    if code == ResponseCode::NXDomain {
        Reply::Nothing
    } else if code == ResponseCode::FormErr || code == ResponseCode::NotImp {
        Reply::NotUnderstood
    } else {
        Reply::Useless
    }
}

/// Reads the answer's addresses of the wanted type and its aliases.
///
/// # Errors
/// When there are too many records, or one is cut off or is not what its type says.
fn read_records(decoder: &mut BinDecoder<'_>, count: u16, wanted: RecordType) -> Result<Vec<Found>, DecodeError> {
    if count > MOST_RECORDS {
        return Err(DecodeError::InsufficientBytes);
    }
    let mut found = Vec::new();
    for _ in 0..count {
        let owner = Name::read(decoder)?;
        let kind = RecordType::read(decoder)?;
        let class = DNSClass::read(decoder)?;
        let ttl = decoder.read_u32()?.unverified();
        let length = usize::from(decoder.read_u16()?.unverified());
        if class != DNSClass::IN || (kind != wanted && kind != RecordType::CNAME) {
            decoder.read_slice(length)?;
            continue;
        }
        let end = decoder.index().saturating_add(length);
        let data = if kind == RecordType::CNAME {
            Data::Alias(Name::read(decoder)?)
        } else {
            Data::Address(read_address(decoder.read_slice(length)?.unverified(), kind)?)
        };
        if decoder.index() != end {
            return Err(DecodeError::InsufficientBytes);
        }
        found.push(Found { owner, ttl, data });
    }
    Ok(found)
}

/// The address in a record of this type.
///
/// # Errors
/// When it does not have as many bytes as the type says.
fn read_address(bytes: &[u8], kind: RecordType) -> Result<IpAddr, DecodeError> {
    let address = if kind == RecordType::A {
        <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into())
    } else {
        <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into())
    };
    address.map_err(|_| DecodeError::InsufficientBytes)
}

/// Follows the aliases from `name` to addresses. Two aliases of one name, or too many in a row, make no sense.
fn follow(name: &Name, records: Vec<Found>) -> Reply {
    let mut current = name.clone();
    let mut ttl = u32::MAX;
    for _ in 0..=MOST_ALIASES {
        let mut addresses = Vec::new();
        let mut aliases = Vec::new();
        for record in records.iter().filter(|record| record.owner == current) {
            ttl = ttl.min(record.ttl);
            match &record.data {
                Data::Address(address) if addresses.contains(address) || addresses.len() >= MOST_ADDRESSES => {}
                Data::Address(address) => addresses.push(*address),
                Data::Alias(target) => aliases.push(target),
            }
        }
        match (aliases.as_slice(), addresses.is_empty()) {
            ([], false) => return Reply::Addresses(addresses, ttl),
            ([], true) => return Reply::Nothing,
            ([target], true) => current = (*target).clone(),
            _ => return Reply::Useless,
        }
    }
    Reply::Useless
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
