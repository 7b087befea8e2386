//! The name in a TLS `ClientHello` (RFC 8446, section 4.1.2; RFC 6066, section 3): reads as little as is needed, and refuses
//! whatever two readers could understand differently.
//!
//! Servers differ in what they do with two names, with messages spread over empty records, or with bytes behind the message. None
//! of that is sent by a client that means well, so none of it gets through here.

use std::collections::HashSet;

use thiserror::Error;

/// The longest handshake message that is read, in bytes.
pub(super) const LONGEST: usize = 60 << 10;
/// The longest record without protection (RFC 8446, section 5.1), in bytes.
const LONGEST_RECORD: usize = 1 << 14;
/// The most records that one message is spread over. Clients that spread it at all use two or three.
const MOST_RECORDS: usize = 128;
/// The content type of handshake records.
pub(super) const HANDSHAKE: u8 = 22;
/// The handshake message that a client begins with.
const CLIENT_HELLO: u8 = 1;
/// The extension with the name (RFC 6066).
const SERVER_NAME: u16 = 0;
/// The extension that hid the name in drafts before ECH; a server that knows it would ignore the visible name.
const ENCRYPTED_NAME: u16 = 0xffce;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hello {
    /// Not enough yet: nothing changes before this many bytes are there.
    Incomplete(usize),
    /// The whole message.
    Whole {
        /// The name, as it was written.
        name: Option<String>,
        /// The length of its records, in bytes.
        length: usize,
    },
}

/// Why a `ClientHello` is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum HelloError {
    /// A record that is not TLS, has another type, is empty or is too long.
    #[error("a TLS record is not what a client begins with")]
    Record,
    /// Another message, or more than one.
    #[error("the first TLS message is not a ClientHello alone")]
    Message,
    /// The message is longer, or spread over more records, than is read.
    #[error("the ClientHello is too long, or in too many pieces")]
    TooLong,
    /// The lengths inside do not fit.
    #[error("the ClientHello is damaged")]
    Damaged,
    /// An extension comes twice.
    #[error("an extension of the ClientHello comes twice")]
    Twice,
    /// None or several names, or one that is not a host name.
    #[error("the ClientHello's server name is not one host name")]
    Name,
    /// The name is hidden in the way of an abandoned draft.
    #[error("the ClientHello hides its name")]
    Hidden,
}

/// Reads a `ClientHello` from the records at the start of `bytes`.
///
/// # Errors
/// When the records are not exactly one well-formed message.
pub(super) fn read(bytes: &[u8]) -> Result<Hello, HelloError> {
    match message(bytes)? {
        Message::Incomplete(needed) => Ok(Hello::Incomplete(needed)),
        Message::Whole { body, length } => Ok(Hello::Whole { name: name(&body)?, length }),
    }
}

/// A handshake message taken out of its records.
enum Message {
    /// This many bytes are needed at least.
    Incomplete(usize),
    /// The message without its header, and the length of its records.
    Whole {
        /// The message.
        body: Vec<u8>,
        /// The length of all its records.
        length: usize,
    },
}

/// Takes the records apart until the message is whole.
///
/// # Errors
/// When a record is not a handshake record, or when the message is not a `ClientHello` that ends with its record.
fn message(bytes: &[u8]) -> Result<Message, HelloError> {
    let mut rest = bytes;
    let mut body = Vec::new();
    for _ in 0..MOST_RECORDS {
        let Some((fragment, after)) = record(rest)? else {
            return Ok(Message::Incomplete(bytes.len() - rest.len() + wanted(rest)));
        };
        body.extend_from_slice(fragment);
        rest = after;
        if body.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(HelloError::Message);
        }
        let Some(stated) = body.get(1..4).map(number) else { continue };
        if stated > LONGEST {
            return Err(HelloError::TooLong);
        }
        match body.len().cmp(&(stated + 4)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Greater => return Err(HelloError::Message),
            std::cmp::Ordering::Equal => {
                body.drain(..4);
                return Ok(Message::Whole { body, length: bytes.len() - rest.len() });
            }
        }
    }
    Err(HelloError::TooLong)
}

/// The content of a record, and what follows it.
type Split<'a> = (&'a [u8], &'a [u8]);

/// The first record's content, and what follows it; `None` while it is incomplete.
///
/// # Errors
/// When it is not a handshake record of TLS with 1 to 2^14 bytes.
pub(super) fn record(bytes: &[u8]) -> Result<Option<Split<'_>>, HelloError> {
    let wrong = |at: usize, is_right: fn(u8) -> bool| bytes.get(at).is_some_and(|byte| !is_right(*byte));
    if wrong(0, |kind| kind == HANDSHAKE) || wrong(1, |major| major == 3) || wrong(2, |minor| minor <= 4) {
        return Err(HelloError::Record);
    }
    let Some(length) = bytes.get(3..5).map(number) else { return Ok(None) };
    if length == 0 || length > LONGEST_RECORD {
        return Err(HelloError::Record);
    }
    let rest = bytes.get(5..).unwrap_or_default();
    Ok(rest.split_at_checked(length))
}

/// How much there has to be of the incomplete record at the start of `bytes` before anything changes: its header is looked at byte
/// by byte, so that what is no record is known as early as can be.
fn wanted(bytes: &[u8]) -> usize {
    bytes.get(3..5).map_or(bytes.len() + 1, |length| 5 + number(length))
}

/// A big-endian number of at most three bytes.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
}

/// The name in a `ClientHello` without its header.
///
/// # Errors
/// When the message is damaged, or its name is not exactly one host name.
fn name(body: &[u8]) -> Result<Option<String>, HelloError> {
    let mut body = Cursor(body);
    if body.take(2)?.first() != Some(&3) {
        return Err(HelloError::Damaged);
    }
    body.take(32)?;
    let session = body.vector(1)?;
    let suites = body.vector(2)?;
    let compressions = body.vector(1)?;
    if session.0.len() > 32 || suites.0.is_empty() || suites.0.len() % 2 != 0 || compressions.0.is_empty() {
        return Err(HelloError::Damaged);
    }
    if body.0.is_empty() {
        return Ok(None);
    }
    let mut extensions = body.vector(2)?;
    body.end()?;
    let (mut seen, mut found) = (HashSet::new(), None);
    while !extensions.0.is_empty() {
        let kind = extensions.short()?;
        let content = extensions.vector(2)?;
        if !seen.insert(kind) {
            return Err(HelloError::Twice);
        }
        match kind {
            SERVER_NAME => found = Some(server_name(content)?),
            ENCRYPTED_NAME => return Err(HelloError::Hidden),
            _ => {}
        }
    }
    Ok(found)
}

/// The one name of a `server_name` extension.
///
/// # Errors
/// When there is not exactly one, when it is of another type, or when it has characters that no host name has.
fn server_name(mut content: Cursor<'_>) -> Result<String, HelloError> {
    let mut list = content.vector(2)?;
    content.end()?;
    if list.take(1)? != [0] {
        return Err(HelloError::Name);
    }
    let name = list.vector(2)?.0;
    if !list.0.is_empty() || name.is_empty() || name.len() > 254 {
        return Err(HelloError::Name);
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    if !name.iter().all(is_plain) {
        return Err(HelloError::Name);
    }
    std::str::from_utf8(name).map(str::to_owned).map_err(|_| HelloError::Name)
}

/// Bytes of which the front is taken off.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `count` bytes.
    ///
    /// # Errors
    /// When there are fewer.
    fn take(&mut self, count: usize) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(HelloError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next two bytes as a number.
    ///
    /// # Errors
    /// When there are fewer.
    fn short(&mut self) -> Result<u16, HelloError> {
        let bytes: [u8; 2] = self.take(2)?.try_into().map_err(|_| HelloError::Damaged)?;
        Ok(u16::from_be_bytes(bytes))
    }

    /// The next bytes, whose number is written before them in `width` bytes.
    ///
    /// # Errors
    /// When there are fewer.
    fn vector(&mut self, width: usize) -> Result<Self, HelloError> {
        let length = number(self.take(width)?);
        self.take(length).map(Self)
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// When something does.
    fn end(&self) -> Result<(), HelloError> {
        if self.0.is_empty() { Ok(()) } else { Err(HelloError::Damaged) }
    }
}
