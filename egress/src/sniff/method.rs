//! The methods of HTTP, by which a request is told from other protocols (IANA's registry of methods, and a few that are in use).

/// The length of the longest method, in bytes.
pub(super) const LONGEST: usize = 17;

/// Every method that is passed on.
const KNOWN: &[&str] = &[
    "ACL",
    "BAN",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LIST",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// Whether this is a method, in exactly this spelling.
pub(super) fn is_known(word: &[u8]) -> bool {
    KNOWN.iter().any(|known| known.as_bytes() == word)
}

/// Whether a method begins with this.
pub(super) fn begins(word: &[u8]) -> bool {
    KNOWN.iter().any(|known| known.as_bytes().starts_with(word))
}

/// Whether a word of HTTP may have this byte (RFC 9110, section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
