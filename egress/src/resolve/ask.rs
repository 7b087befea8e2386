//! One question to one nameserver, over UDP and, where that does not do, over TCP ([RFC 1035], [RFC 5452], [RFC 7766]).
//!
//! [RFC 1035]: https://www.rfc-editor.org/rfc/rfc1035
//! [RFC 5452]: https://www.rfc-editor.org/rfc/rfc5452
//! [RFC 7766]: https://www.rfc-editor.org/rfc/rfc7766

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::message::{Kind, Question, Reply};

/// The largest datagram that is taken, in bytes. A longer one is cut off, and then makes no sense.
const LARGEST: usize = 4096;
/// After so many datagrams that are no answer to the question somebody is guessing, and the question is given up.
const MOST_STRAY: u32 = 32;
/// The question as it is sent first, then over TCP, then without EDNS.
const MOST_ROUNDS: u32 = 3;

/// Asks `server` for the addresses of `name`. Takes as long as it takes: the caller bounds it.
///
/// # Errors
/// When the nameserver cannot be reached.
pub(super) async fn ask(server: SocketAddr, name: &str, kind: Kind, only_tcp: bool) -> io::Result<Reply> {
    let mut id = [0; 2];
    crate::sys::random::fill(&mut id)?;
    let question = Question::new(u16::from_be_bytes(id), name, kind).ok_or(io::ErrorKind::InvalidInput)?;
    let (mut is_tcp, mut has_edns) = (only_tcp, true);
    for _ in 0..MOST_ROUNDS {
        let bytes = question.bytes(has_edns).ok_or(io::ErrorKind::InvalidInput)?;
        let reply = if is_tcp {
            over_tcp(server, &question, &bytes).await?
        } else {
            over_udp(server, &question, &bytes).await?
        };
        match reply {
            Reply::Truncated if !is_tcp => is_tcp = true,
            Reply::NotUnderstood if has_edns => has_edns = false,
            Reply::Truncated | Reply::NotUnderstood => return Ok(Reply::Useless),
            Reply::Addresses(..) | Reply::Nothing | Reply::Useless => return Ok(reply),
        }
    }
    Ok(Reply::Useless)
}

/// Asks by datagram, from a port of the kernel's choosing that is used for this one question. The socket is connected, so that it
/// takes datagrams only from where the question went.
///
/// # Errors
/// When the nameserver cannot be reached, or only others answer.
async fn over_udp(server: SocketAddr, question: &Question, bytes: &[u8]) -> io::Result<Reply> {
    let any = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut packet = vec![0; LARGEST];
    for _ in 0..MOST_STRAY {
        let length = socket.recv(&mut packet).await?;
        if let Some(reply) = packet.get(..length).and_then(|packet| question.read(packet)) {
            return Ok(reply);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Asks on a connection of its own.
///
/// # Errors
/// When the nameserver cannot be reached, or answers something else.
async fn over_tcp(server: SocketAddr, question: &Question, bytes: &[u8]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let length = stream.read_u16().await?;
    // The buffer grows with what comes, whatever the length promises.
    let mut packet = Vec::new();
    stream.take(length.into()).read_to_end(&mut packet).await?;
    let is_whole = packet.len() == usize::from(length);
    question.read(&packet).filter(|_| is_whole).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
