//! The head of one request (RFC 9112): read strictly, so that every server behind reads the same.
//!
//! `httparse` takes the head apart; what it is lenient about (line ends, blank lines in front) was refused before, and what two
//! servers could understand differently (where the body ends, which host is meant) is refused here.

use httparse::{EMPTY_HEADER, Header, Request, Status};
use lobsterpot_policy::Refusal;
use thiserror::Error;

use super::authority;
use crate::sniff::method;
use crate::sniff::subject::Subject;

/// The most header lines of one head.
pub(super) const MOST_HEADERS: usize = 128;
/// The headers that decide which host is meant and where the body ends.
const FRAMING: [&str; 3] = ["host", "content-length", "transfer-encoding"];
/// Methods whose requests have no body that means anything (RFC 9110, section 9.3), so that many servers leave it unread.
const BODILESS: [&str; 5] = ["DELETE", "GET", "HEAD", "OPTIONS", "TRACE"];
/// Headers by which some servers take another method than the request line's.
const OTHER_METHOD: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
/// Headers by which some servers take another path than the request line's.
const OTHER_PATH: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// What a head says about what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// This many bytes of a body, then another head.
    Body(u64),
    /// The same, of a method whose requests have none: some servers leave it unread and take it for the next request.
    Stray(u64),
    /// Chunks, then another head.
    Chunks,
    /// This many bytes of a body, and then nothing before the server has answered, who may agree to another protocol.
    Upgrade {
        /// The length of the body.
        body: u64,
        /// Whether the protocol is WebSocket, which alone is carried.
        websocket: bool,
    },
}

/// Why a request is not passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum HeadError {
    /// `httparse` does not take it.
    #[error("the request is not clean HTTP/1: {0}")]
    Syntax(httparse::Error),
    /// More than the head, or less.
    #[error("the request's head does not end where it seems to")]
    Length,
    /// A method that nobody knows.
    #[error("the request's method is not one of HTTP's")]
    Method,
    /// A request to be a proxy.
    #[error("CONNECT is not passed on: every program here already reaches the hosts that are allowed")]
    Connect,
    /// A target that is neither a path nor the web address of this host.
    #[error("the request's target is not a path")]
    Target,
    /// No `Host`, or several.
    #[error("the request does not have exactly one Host")]
    Hosts,
    /// Another host than the connection's.
    #[error("the request is for \"{0}\", and the connection is for another host")]
    OtherHost(String),
    /// A header that servers read in different ways.
    #[error("the request's {0} can be understood in more than one way")]
    Ambiguous(&'static str),
    /// A body that a server which does not expect it would take for a request.
    #[error("the request's body could be taken for another request, as its method has none")]
    Stray,
    /// A wish for another protocol where the answer could not be told from others.
    #[error("an upgrade to another protocol is not passed on later than with the first request, or with chunks")]
    Upgrade,
    /// The rule allows other requests.
    #[error("{}", .0.message.trim_end_matches('.'))]
    Request(Box<Refusal>),
}

/// What the header lines say.
#[derive(Debug, Default)]
struct Said<'a> {
    /// The values of `Host`.
    hosts: Vec<&'a [u8]>,
    /// The values of `Content-Length`.
    lengths: Vec<&'a [u8]>,
    /// The values of `Transfer-Encoding`.
    encodings: Vec<&'a [u8]>,
    /// The values of `Upgrade`.
    upgrades: Vec<&'a [u8]>,
    /// The values of `Expect`.
    expects: Vec<&'a [u8]>,
}

/// Judges one head, which is exactly `bytes`, and says what follows it. `may_upgrade` is whether it is the connection's first.
///
/// # Errors
/// When the request is not clean, or not for this host, or not one that the rule allows.
pub(super) fn judge(bytes: &[u8], subject: &Subject, may_upgrade: bool) -> Result<Next, HeadError> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes).map_err(HeadError::Syntax)? {
        Status::Complete(length) if length == bytes.len() => {}
        Status::Complete(_) | Status::Partial => return Err(HeadError::Length),
    }
    let (Some(verb), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(HeadError::Length);
    };
    let path = target_path(verb, target, subject)?;
    let said = headers_of(request.headers, subject)?;
    host(&said.hosts, subject)?;
    subject.judge_request(verb, path).map_err(|refusal| HeadError::Request(Box::new(refusal)))?;
    let next = body(&said, version)?;
    let next = if BODILESS.contains(&verb) { stray(next)? } else { next };
    match (next, said.upgrades.as_slice()) {
        (next, []) => Ok(next),
        (Next::Body(body), protocols) if may_upgrade => {
            let is_named = matches!(protocols, [protocol] if protocol.eq_ignore_ascii_case(b"websocket"));
            Ok(Next::Upgrade { body, websocket: is_named && verb == "GET" && version == 1 && body == 0 })
        }
        (Next::Body(_) | Next::Stray(_) | Next::Chunks | Next::Upgrade { .. }, _) => Err(HeadError::Upgrade),
    }
}

/// The path of the request's target, with its query.
///
/// # Errors
/// When the method is none, or the target is neither a path nor a web address of this host.
fn target_path<'a>(verb: &str, target: &'a str, subject: &Subject) -> Result<&'a str, HeadError> {
    if !method::is_known(verb.as_bytes()) || verb == "PRI" {
        return Err(HeadError::Method);
    }
    if verb == "CONNECT" {
        return Err(HeadError::Connect);
    }
    if target.contains('#') {
        return Err(HeadError::Target);
    }
    if target.starts_with('/') || (target == "*" && verb == "OPTIONS") {
        return Ok(target);
    }
    let is_web = target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let rest = target.get(7..).filter(|_| is_web).ok_or(HeadError::Target)?;
    // Browsers end the host at a backslash, too; to others it stands in a user's name before another host (RFC 3986, 3.2). What has one
    // there is the host's own name to nobody.
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).ok_or(HeadError::Target)?;
    if !authority::is_of(host, subject) {
        return Err(HeadError::OtherHost(host.to_owned()));
    }
    if path.is_empty() { Ok("/") } else { Ok(path) }
}

/// Sorts the header lines.
///
/// # Errors
/// When one of them is written so that some servers take it for another, or speaks of other headers that decide what is meant.
fn headers_of<'a>(headers: &[Header<'a>], subject: &Subject) -> Result<Said<'a>, HeadError> {
    let mut said = Said::default();
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        match name.as_str() {
            "host" => said.hosts.push(header.value),
            "content-length" => said.lengths.push(header.value),
            "transfer-encoding" => said.encodings.push(header.value),
            "upgrade" => said.upgrades.push(header.value),
            "expect" => said.expects.push(header.value),
            "connection" | "proxy-connection" => connection(header.value)?,
            other if FRAMING.contains(&other.replace('_', "-").as_str()) => {
                return Err(HeadError::Ambiguous("header with an underscore"));
            }
            other if subject.judges_requests() && replaces(other) => {
                return Err(HeadError::Ambiguous("method or path, which a header replaces,"));
            }
            _ => {}
        }
    }
    Ok(said)
}

/// Whether a header makes some servers take another method or path.
fn replaces(name: &str) -> bool {
    OTHER_METHOD.contains(&name) || OTHER_PATH.contains(&name)
}

/// Looks at the names that `Connection` takes out of the request.
///
/// # Errors
/// When a header that decides what is meant is among them.
fn connection(value: &[u8]) -> Result<(), HeadError> {
    let is_framing = |name: &[u8]| FRAMING.iter().any(|framing| framing.as_bytes().eq_ignore_ascii_case(name));
    if value.split(|byte| *byte == b',').any(|name| is_framing(name.trim_ascii())) {
        return Err(HeadError::Ambiguous("Connection"));
    }
    Ok(())
}

/// Checks the one `Host`.
///
/// # Errors
/// When there is not exactly one, or it is another host.
fn host(hosts: &[&[u8]], subject: &Subject) -> Result<(), HeadError> {
    let [host] = hosts else { return Err(HeadError::Hosts) };
    let text = String::from_utf8_lossy(host);
    if authority::is_of(&text, subject) { Ok(()) } else { Err(HeadError::OtherHost(text.into_owned())) }
}

/// Where the body ends (RFC 9112, section 6).
///
/// # Errors
/// When there is more than one way to understand it.
fn body(said: &Said<'_>, version: u8) -> Result<Next, HeadError> {
    let next = match (said.encodings.as_slice(), said.lengths.as_slice()) {
        ([], []) => Next::Body(0),
        ([], [length]) => Next::Body(plain_number(length).ok_or(HeadError::Ambiguous("Content-Length"))?),
        ([encoding], []) if version == 1 && encoding.eq_ignore_ascii_case(b"chunked") => Next::Chunks,
        ([], _) => return Err(HeadError::Ambiguous("Content-Length")),
        (_, []) => return Err(HeadError::Ambiguous("Transfer-Encoding")),
        (_, _) => return Err(HeadError::Ambiguous("length")),
    };
    match said.expects.as_slice() {
        [] => Ok(next),
        [expectation] if version == 1 && expectation.eq_ignore_ascii_case(b"100-continue") => Ok(next),
        _ => Err(HeadError::Ambiguous("Expect")),
    }
}

/// What follows a request whose method has no body.
///
/// # Errors
/// When there is one in chunks, whose contents are not looked at.
fn stray(next: Next) -> Result<Next, HeadError> {
    match next {
        Next::Body(0) | Next::Upgrade { .. } => Ok(next),
        Next::Body(length) | Next::Stray(length) => Ok(Next::Stray(length)),
        Next::Chunks => Err(HeadError::Stray),
    }
}

/// Whether a body that begins with this byte could be taken for a request: a method is made of such bytes, and blank lines may come
/// before it. JSON and XML, which search engines and WebDAV take with such methods, begin otherwise.
pub(super) fn may_begin_a_request(byte: u8) -> bool {
    method::is_token(byte) || byte.is_ascii_whitespace() || byte.is_ascii_control()
}

/// A decimal number of digits alone, which fits every server's counter.
fn plain_number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit) && !text.is_empty() && text.len() <= 18;
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}
