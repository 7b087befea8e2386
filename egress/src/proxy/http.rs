//! A proxy of HTTP (RFC 9110, section 9.3.6; RFC 9112, section 3.2.2): `CONNECT`, and plain requests with a whole web address.
//!
//! A plain request is handed on as a server expects it: with its path alone, without what was meant for the proxy, and as the last
//! of its connection, so that the next one, which may be for another host, comes on a connection of its own. What is passed on is
//! then judged as every request is.

use httparse::{EMPTY_HEADER, Header, Request, Status};

use super::handshake::{Asked, Failure, Host, LONGEST, Wish};
use crate::sniff::http::{Scan, forbidden};

/// The most header lines.
const MOST_HEADERS: usize = 128;
/// The port of plain HTTP.
const PORT: u16 = 80;
/// Header lines that are between client and proxy alone.
const HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "te",
    "upgrade",
    "http2-settings",
];

/// A handshake.
#[derive(Debug)]
pub(super) struct Http {
    /// How far the head was looked at.
    scan: Scan,
    /// Whether the client asked for a tunnel.
    tunnel: bool,
}

impl Http {
    /// Before the first byte.
    pub(super) fn new() -> Self {
        Self { scan: Scan::default(), tunnel: false }
    }

    /// What the client has said.
    pub(super) fn client(&mut self, held: &[u8]) -> Asked {
        match self.scan.head(held) {
            Ok(Some(end)) => self.head(held.get(..end).unwrap_or_default()).unwrap_or_else(refuse),
            Ok(None) if held.len() < LONGEST => Asked::More,
            Ok(None) => refuse("a request with a head longer than 64 KiB"),
            Err(_) => refuse("a request that is not clean HTTP/1"),
        }
    }

    /// Reads a head.
    ///
    /// # Errors
    /// When it is not a request to a proxy.
    fn head(&mut self, head: &[u8]) -> Result<Asked, &'static str> {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut request = Request::new(&mut headers);
        if request.parse(head) != Ok(Status::Complete(head.len())) {
            return Err("a request that is not clean HTTP/1");
        }
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err("a request that is not clean HTTP/1");
        };
        self.tunnel = method == "CONNECT";
        let wish = if self.tunnel {
            tunnel(target, request.headers)?
        } else {
            plain(method, target, request.version.unwrap_or_default(), request.headers)?
        };
        Ok(Asked::Connect { take: head.len(), wish })
    }

    /// What the client is told once it is connected.
    pub(super) fn connected(&self) -> Vec<u8> {
        if self.tunnel { b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec() } else { Vec::new() }
    }

    /// What the client is told when it cannot be connected.
    pub(super) fn failed(failure: &Failure<'_>) -> Vec<u8> {
        match failure {
            Failure::Refused(refused) => forbidden(&refused.message, refused.reason, &refused.instead),
            Failure::NotResolved => problem("502 Bad Gateway", "the name of the host cannot be looked up"),
            Failure::Unreachable => problem("502 Bad Gateway", "the host cannot be reached"),
            Failure::TimedOut => problem("504 Gateway Timeout", "the host does not answer"),
        }
    }
}

/// The wish for a tunnel to `host:port`.
///
/// # Errors
/// When that is not its target, or when it has a body.
fn tunnel(target: &str, headers: &[Header<'_>]) -> Result<Wish, &'static str> {
    let is_body = |header: &Header<'_>| {
        ["content-length", "transfer-encoding"].iter().any(|name| header.name.eq_ignore_ascii_case(name))
    };
    if headers.iter().any(is_body) {
        return Err("CONNECT with a body");
    }
    let (host, port) = target.rsplit_once(':').ok_or("CONNECT without a port")?;
    Ok(Wish { host: host_of(host)?, port: port_of(port)?, ahead: Vec::new() })
}

/// The wish behind a plain request, with its head as the server is to see it.
///
/// # Errors
/// When its target is not a web address of plain HTTP.
fn plain(method: &str, target: &str, version: u8, headers: &[Header<'_>]) -> Result<Wish, &'static str> {
    let is_web = target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let rest = target.get(7..).filter(|_| is_web).ok_or("a request without a web address of plain HTTP")?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or("a request without a host")?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port_of(port)?),
        Some(_) | None => (authority, PORT),
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut ahead = format!("{method} {slash}{path} HTTP/1.{version}\r\n").into_bytes();
    if !headers.iter().any(|header| header.name.eq_ignore_ascii_case("host")) {
        line(&mut ahead, "Host", authority.as_bytes());
    }
    let listed = names_in_connection(headers);
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        if !HOP.contains(&name.as_str()) && !listed.contains(&name) {
            line(&mut ahead, header.name, header.value);
        }
    }
    line(&mut ahead, "Connection", b"close");
    ahead.extend_from_slice(b"\r\n");
    Ok(Wish { host: host_of(host)?, port, ahead })
}

/// The names that `Connection` says are for the proxy alone, but for those that decide what the request means.
fn names_in_connection(headers: &[Header<'_>]) -> Vec<String> {
    let is_connection = |header: &&Header<'_>| header.name.eq_ignore_ascii_case("connection");
    let values = headers.iter().filter(is_connection).flat_map(|header| header.value.split(|byte| *byte == b','));
    let names = values.map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase());
    names.filter(|name| !matches!(name.as_str(), "host" | "content-length" | "transfer-encoding")).collect()
}

/// Adds a header line.
fn line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

/// Reads a host.
///
/// # Errors
/// When it is none.
fn host_of(text: &str) -> Result<Host, &'static str> {
    Host::read(text.as_bytes()).ok_or("a connection to what is no host")
}

/// Reads a port.
///
/// # Errors
/// When it is none.
fn port_of(text: &str) -> Result<u16, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0).ok_or("a connection to what is no port")
}

/// Refuses a request.
fn refuse(why: &'static str) -> Asked {
    Asked::Refuse { why, reply: problem("400 Bad Request", why) }
}

/// An answer that tells of a problem.
fn problem(status: &str, why: &str) -> Vec<u8> {
    let line = format!("lobsterpot: {why}");
    let length = line.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{line}\n"
    )
    .into_bytes()
}
