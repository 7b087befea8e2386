//! Reads a question as far as it can be understood. Nothing of it is trusted, and nothing but the question is decoded.

use hickory_proto::op::{Header, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError};

use super::LONGEST_REQUEST;

/// The most additional records that are skipped in search of EDNS: one, and a signature, is what clients send.
const MOST_ADDITIONAL: u16 = 4;
/// The length of a message's header, in bytes.
const HEADER: usize = 12;
/// The length of a question behind the last part of its name, in bytes.
const END_TYPE_AND_CLASS: usize = 5;

/// What was understood of a message.
#[derive(Debug)]
pub(super) struct Request {
    /// The header's fields.
    pub(super) header: Metadata,
    /// The one question.
    pub(super) question: Option<Query>,
    /// What the client says about itself.
    pub(super) edns: Option<ClientEdns>,
    /// Why there is nothing to decide.
    pub(super) fault: Option<ResponseCode>,
}

/// What the client says about itself by EDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientEdns {
    /// The largest datagram that it takes, in bytes.
    pub(super) payload: u16,
    /// Whether it wants signatures; repeated, and otherwise without a meaning here.
    pub(super) dnssec: bool,
    /// The version of EDNS that it speaks.
    version: u8,
}

/// What is behind the name of a record that is not looked into.
#[derive(Debug)]
struct Skipped {
    /// Whether its name is the root.
    is_root: bool,
    /// Its type.
    kind: RecordType,
    /// Its class, which EDNS uses for a size.
    class: u16,
    /// Its time to live, which EDNS uses for a version and flags.
    ttl: u32,
}

impl Request {
    /// Reads `packet`, or returns `None` when it is too short for a header or is itself an answer: two servers that answered each
    /// other's answers would never end.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let mut decoder = BinDecoder::new(packet);
        let Header { metadata: header, counts } = Header::read(&mut decoder).ok()?;
        if header.message_type == MessageType::Response {
            return None;
        }
        let mut request = Self { header, question: None, edns: None, fault: None };
        if header.op_code != OpCode::Query {
            request.fault = Some(ResponseCode::NotImp);
        } else if packet.len() > LONGEST_REQUEST
            || header.truncation
            || (counts.queries, counts.answers, counts.authorities) != (1, 0, 0)
            || counts.additionals > MOST_ADDITIONAL
            || request.read_body(&mut decoder, counts.additionals).is_err()
            || !decoder.is_empty()
        {
            request.fault = Some(ResponseCode::FormErr);
        } else if request.edns.is_some_and(|edns| edns.version > 0) {
            request.fault = Some(ResponseCode::BADVERS);
        }
        Some(request)
    }

    /// Reads the question and what the client says about itself.
    ///
    /// # Errors
    /// When it cannot be understood, or the question's name is compressed: there is nothing before it that it could repeat.
    fn read_body(&mut self, decoder: &mut BinDecoder<'_>, additionals: u16) -> Result<(), DecodeError> {
        let question = Query::read(decoder)?;
        let name: usize = question.name().iter().map(|label| label.len().saturating_add(1)).sum();
        if decoder.index() != HEADER.saturating_add(name).saturating_add(END_TYPE_AND_CLASS) {
            return Err(DecodeError::InsufficientBytes);
        }
        self.question = Some(question);
        for _ in 0..additionals {
            let record = Skipped::read(decoder)?;
            if record.kind != RecordType::OPT {
                continue;
            }
            if self.edns.is_some() || !record.is_root {
                return Err(DecodeError::DuplicateEdns);
            }
            self.edns = Some(ClientEdns::from(&record));
        }
        Ok(())
    }
}

impl Skipped {
    /// Reads over one record.
    ///
    /// # Errors
    /// When it is cut off or its name is none.
    fn read(decoder: &mut BinDecoder<'_>) -> Result<Self, DecodeError> {
        let is_root = Name::read(decoder)?.is_root();
        let kind = RecordType::read(decoder)?;
        let class = decoder.read_u16()?.unverified();
        let ttl = decoder.read_u32()?.unverified();
        let length = decoder.read_u16()?.unverified();
        decoder.read_slice(length.into())?;
        Ok(Self { is_root, kind, class, ttl })
    }
}

impl From<&Skipped> for ClientEdns {
    fn from(record: &Skipped) -> Self {
        let [_, version, flags, _] = record.ttl.to_be_bytes();
        Self { payload: record.class, dnssec: flags & 0x80 != 0, version }
    }
}
