//! As much of HTTP/1.1 as the clients' libraries need: one request, one reply, then the connection ends.

use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// The longest body that is read.
const LONGEST: u64 = 64 * 1024 * 1024;

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    /// `GET`, `POST`, …
    pub(crate) method: String,
    /// The path without its query.
    pub(crate) path: String,
    /// The values of the headers by which clients show who they are.
    pub(crate) credentials: Vec<String>,
    /// The body, its transfer encoding undone.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads it whole.
    ///
    /// # Errors
    /// When the connection ends early, or what comes is not HTTP.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let first = line(&mut reader)?;
        let mut words = first.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let (mut length, mut chunked, mut credentials) = (0, false, Vec::new());
        loop {
            let header = line(&mut reader)?;
            let pair = header.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim()));
            match pair.as_ref().map(|(name, value)| (name.as_str(), *value)) {
                Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
                Some(("transfer-encoding", value)) => chunked = value.to_ascii_lowercase().contains("chunked"),
                Some(("authorization" | "x-api-key", value)) => credentials.push(value.to_owned()),
                Some(("expect", _)) => reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
                Some(_) => {}
                None => break,
            }
        }
        let body = if chunked { chunks(&mut reader)? } else { exactly(&mut reader, length)? };
        Ok(Self { method, path, credentials, body })
    }
}

/// One line, without its end.
///
/// # Errors
/// When the connection ends before it.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    if reader.read_line(&mut text)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A body of a known length.
///
/// # Errors
/// When the connection ends before it, or it is longer than anything a client has to say.
fn exactly(reader: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    if length > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// A chunked body.
///
/// # Errors
/// As [`exactly`].
fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(reader)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        body.extend(exactly(reader, length)?);
        line(reader)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// One reply.
#[derive(Debug)]
pub(crate) struct Reply {
    /// `application/json` or `text/event-stream`.
    kind: &'static str,
    /// The body.
    body: String,
}

impl Reply {
    /// A JSON document.
    pub(crate) fn json(value: &Value) -> Self {
        Self { kind: "application/json", body: value.to_string() }
    }

    /// Server-sent events, each with its name.
    pub(crate) fn named_events(events: &[Value]) -> Self {
        let name = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
        let body = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", name(event))).collect();
        Self { kind: "text/event-stream", body }
    }

    /// Server-sent events without names, and a last line if the dialect has one.
    pub(crate) fn events(events: &[Value], last: &str) -> Self {
        let mut body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        body.push_str(last);
        Self { kind: "text/event-stream", body }
    }

    /// Sends it.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        let length = self.body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
            self.kind
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(self.body.as_bytes())?;
        stream.flush()
    }
}
