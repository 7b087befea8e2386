//! Whether a host in a request, with or without a port, is the connection's own.

use crate::sniff::subject::Subject;

/// Whether `text` is `host` or `host:port` of this connection. A port that is written has to be the connection's, in its usual
/// digits; user names, empty ports and white space are never right.
pub(super) fn is_of(text: &str, subject: &Subject) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(at) if !text.ends_with(']') => text.split_at(at),
        _ => (text, ""),
    };
    let is_port = port.is_empty() || port.strip_prefix(':') == Some(subject.port.to_string().as_str());
    is_port && subject.is_host(host)
}
