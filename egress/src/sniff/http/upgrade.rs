//! The server's answer to a request for another protocol (RFC 9110, section 7.8; RFC 6455, section 4.1): whether it agrees.

use httparse::{EMPTY_HEADER, Response, Status};

use super::head::MOST_HEADERS;
use super::scan::Scan;

/// The longest head of an answer, in bytes.
const LONGEST: usize = 60 << 10;
/// The most interim answers before the final one.
const MOST_INTERIM: u8 = 16;

/// Reads answers until the final one.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// Whether WebSocket was asked for, as it has to be.
    websocket: bool,
    /// How far the head was looked at.
    scan: Scan,
    /// How many interim answers there were.
    interim: u8,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is not whole.
    More,
    /// This many bytes are an interim answer (100, 103), and another answer follows.
    Interim(u64),
    /// The connection speaks WebSocket from here on.
    WebSocket,
    /// The connection speaks another protocol from here on.
    Agreed,
    /// It goes on with HTTP.
    Declined,
    /// It cannot be told.
    Unclear,
}

impl Upgrade {
    /// Nothing was answered.
    pub(super) fn new(websocket: bool) -> Self {
        Self { websocket, scan: Scan::default(), interim: 0 }
    }

    /// Looks at what the server said and what has not passed.
    pub(super) fn take(&mut self, held: &[u8]) -> Answer {
        let end = match self.scan.head(held) {
            Ok(Some(end)) => end,
            Ok(None) if held.len() < LONGEST => return Answer::More,
            Ok(None) | Err(_) => return Answer::Unclear,
        };
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut response = Response::new(&mut headers);
        let head = held.get(..end).unwrap_or_default();
        if response.parse(head) != Ok(Status::Complete(end)) {
            return Answer::Unclear;
        }
        match response.code {
            Some(101) if self.websocket && agrees(response.headers) => Answer::WebSocket,
            Some(101) => Answer::Agreed,
            Some(100 | 102..=199) if self.interim < MOST_INTERIM => {
                *self = Self { scan: Scan::default(), interim: self.interim + 1, ..*self };
                u64::try_from(end).map_or(Answer::Unclear, Answer::Interim)
            }
            Some(200..) => Answer::Declined,
            Some(_) | None => Answer::Unclear,
        }
    }
}

/// Whether the one protocol that the server names is WebSocket.
fn agrees(headers: &[httparse::Header<'_>]) -> bool {
    let mut protocols = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("upgrade"));
    let first = protocols.next().is_some_and(|header| header.value.eq_ignore_ascii_case(b"websocket"));
    first && protocols.next().is_none()
}
