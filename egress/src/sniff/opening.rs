//! What a connection's first bytes are, before any of them could make a server act.
//!
//! Servers are lenient: some skip blank lines, some skip every control character, some take any white space for a space or any
//! word for a method. So a stream counts as HTTP when its first line could be a request to *any* of them, and as something else
//! only when none would read it so. Bytes that no server acts on alone (control characters in front, words that are no method)
//! pass while the line is still watched, so that protocols whose first message has no end of line are not held up; a server acts
//! on no request before its line is over, and that end is not passed when the line turns out to be a request: one that ends in a
//! version of HTTP, or the `GET /path` of HTTP/0.9.

use super::method;

/// The longest first line that is watched, in bytes; no server reads a longer request line.
const LONGEST_WATCHED: usize = 2 << 20;
/// The longest first line that is held back, in bytes.
const LONGEST_HELD: usize = 60 << 10;
/// What every request line of HTTP/1 has, in lower case.
const VERSION: &[u8; 5] = b"http/";

/// What the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// TLS records.
    Tls,
    /// HTTP/1, to be read strictly from the first byte.
    Http,
    /// Something that a lenient server would take for HTTP/1, but that is no clean request.
    AlmostHttp,
    /// None of these.
    Other,
}

/// Where in the first line the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte.
    Start,
    /// Behind control characters or white space.
    Blank,
    /// In the first word.
    Word,
    /// Behind the first word.
    Line,
}

/// Watches the first line, one byte after the other.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    /// Where.
    state: State,
    /// Whether something came before the first word.
    blank: bool,
    /// The first word, cut to the length of the longest method.
    word: Vec<u8>,
    /// Whether the first word is a method that servers know.
    known: bool,
    /// How much of the line was seen.
    seen: usize,
    /// How much of [`VERSION`] the word at hand begins with; `None` when it is another word, or none.
    matched: Option<usize>,
    /// Whether the last word so far is a version, for some server.
    versioned: bool,
    /// Whether a space that every server takes for one came behind the version.
    apart: bool,
    /// The first byte behind the first word and its white space.
    target: Option<u8>,
    /// Whether `://` was seen: its last three bytes so far.
    tail: [u8; 3],
    /// Whether the target may be a web address.
    absolute: bool,
}

impl Opening {
    /// Before the first byte.
    pub(super) fn new() -> Self {
        Self {
            state: State::Start,
            blank: false,
            word: Vec::new(),
            known: false,
            seen: 0,
            matched: None,
            versioned: false,
            apart: false,
            target: None,
            tail: [0; 3],
            absolute: false,
        }
    }

    /// Whether what was seen may pass though nothing is decided.
    pub(super) fn may_pass(&self) -> bool {
        match self.state {
            State::Start | State::Blank => true,
            State::Word => self.blank || !method::begins(&self.word),
            State::Line => self.blank || !self.known,
        }
    }

    /// Whether the first word was a method, so that the end of the stream may complete a request.
    pub(super) fn is_request(&self) -> bool {
        self.state == State::Line && self.known
    }

    /// Takes the next byte. `None` while nothing is decided.
    pub(super) fn take(&mut self, byte: u8) -> Option<Kind> {
        self.seen += 1;
        match self.state {
            State::Start if byte == super::hello::HANDSHAKE => Some(Kind::Tls),
            State::Start | State::Blank => self.blank(byte),
            State::Word => self.word(byte),
            State::Line => self.line(byte),
        }
    }

    /// Takes a byte in front of the first word.
    fn blank(&mut self, byte: u8) -> Option<Kind> {
        if is_skipped(byte) {
            (self.state, self.blank) = (State::Blank, true);
            None
        } else if method::is_token(byte) {
            self.state = State::Word;
            self.seen = 0;
            self.word(byte)
        } else {
            Some(Kind::Other)
        }
    }

    /// Takes a byte of the first word, or the one behind it.
    fn word(&mut self, byte: u8) -> Option<Kind> {
        if method::is_token(byte) {
            if self.word.len() <= method::LONGEST {
                self.word.push(byte);
            }
            None
        } else if byte != b'\n' && is_space(byte) {
            (self.state, self.matched) = (State::Line, Some(0));
            self.known = method::is_known(&self.word);
            None
        } else {
            Some(Kind::Other)
        }
    }

    /// Takes a byte behind the first word. A carriage return alone ends a line for some servers.
    fn line(&mut self, byte: u8) -> Option<Kind> {
        if byte == b'\n' || (byte == b'\r' && self.versioned) {
            return Some(self.ended());
        }
        if self.target.is_none() && !is_space(byte) {
            self.target = Some(byte);
        }
        self.tail = [self.tail[1], self.tail[2], byte];
        self.absolute |= &self.tail == b"://";
        self.version(byte);
        let (longest, kind) =
            if self.may_pass() { (LONGEST_WATCHED, Kind::Other) } else { (LONGEST_HELD, Kind::AlmostHttp) };
        (self.seen > longest).then_some(kind)
    }

    /// Looks for a version. What follows it behind white space that only some servers know is still a part of it for the others,
    /// of which some do not read on behind `HTTP/`.
    fn version(&mut self, byte: u8) {
        self.apart |= byte == b' ';
        if is_space(byte) {
            self.matched = Some(0);
            return;
        }
        let Some(matched) = self.matched else { return };
        let Some(expected) = VERSION.get(matched) else { return };
        self.versioned &= !self.apart;
        if byte.to_ascii_lowercase() != *expected {
            self.matched = None;
            return;
        }
        self.matched = Some(matched + 1);
        if matched + 1 == VERSION.len() {
            (self.versioned, self.apart) = (true, false);
        }
    }

    /// The line is over.
    fn ended(&self) -> Kind {
        let simple = self.word == b"GET" && (self.target == Some(b'/') || self.absolute);
        match (self.versioned, self.blank) {
            (true, false) if self.known => Kind::Http,
            (true, _) => Kind::AlmostHttp,
            (false, _) if simple => Kind::AlmostHttp,
            (false, _) => Kind::Other,
        }
    }
}

/// Whether some server skips this byte in front of a request: every control character, and white space.
fn is_skipped(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 0x7f..=0xa0)
}

/// Whether some server takes this byte for a space within a request line.
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | 0x1c..=b' ' | 0x85 | 0xa0)
}

/// Whether the stream begins in the way of SSL 2 (RFC 5246, appendix E.2), which has no place for a name; `None` while it may.
pub(super) fn is_ssl2(bytes: &[u8]) -> Option<bool> {
    let expected: [fn(u8) -> bool; 5] = [
        |high| matches!(high, 0x80..=0xbf),
        |_| true,
        |kind| kind == 1,
        |major| matches!(major, 0 | 3),
        |minor| minor <= 4,
    ];
    if bytes.iter().zip(expected).any(|(byte, is_expected)| !is_expected(*byte)) {
        return Some(false);
    }
    (bytes.len() >= expected.len()).then_some(true)
}

/// Whether the stream begins with a TLS record that servers skip before they read a hello: an alert (Go, BoringSSL and GnuTLS go on
/// after a warning) or a `change_cipher_spec`. `None` while it may. No client begins so; a name behind it would not be seen.
///
/// An alert of SSL 3 whose first bytes are zero is none that anybody skips, but may be the length of a data base's message.
pub(super) fn is_skipped_tls(bytes: &[u8]) -> Option<bool> {
    let begins = |expected: &[fn(u8) -> bool]| {
        if bytes.iter().zip(expected).any(|(byte, is_expected)| !is_expected(*byte)) {
            return Some(false);
        }
        (bytes.len() >= expected.len()).then_some(true)
    };
    match (bytes.first(), bytes.get(2)) {
        (Some(20), _) => begins(&[
            |kind| kind == 20,
            |major| major == 3,
            |minor| minor <= 4,
            |high| high == 0,
            |low| low == 1,
            |one| one == 1,
        ]),
        (Some(21), Some(0)) => match begins(&[|kind| kind == 21, |major| major == 3]) {
            Some(true) => bytes.get(5..7).map(|alert| alert != [0, 0]),
            other => other,
        },
        (Some(21), _) => begins(&[|kind| kind == 21, |major| major == 3, |minor| minor <= 4]),
        (None, _) => None,
        (Some(_), _) => Some(false),
    }
}

/// Whether the stream begins with the preface of HTTP/2 (RFC 9113, section 3.4), without TLS and without asking; `None` while it
/// may.
pub(super) fn is_http2(bytes: &[u8]) -> Option<bool> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if bytes.iter().zip(PREFACE).any(|(byte, expected)| byte != expected) {
        return Some(false);
    }
    (bytes.len() >= PREFACE.len()).then_some(true)
}
