//! Questions on connections, each behind its length, any number on one ([RFC 7766](https://www.rfc-editor.org/rfc/rfc7766)).

use std::io;
use std::net::TcpListener as StdListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{LONGEST_REQUEST, Transport, answer};
use crate::gate::Gate;
use crate::names::Names;

/// The most connections at once; others wait to be accepted.
const MOST: usize = 64;
/// How long a connection may take for one question, and for taking its answer.
const IDLE: Duration = Duration::from_secs(10);
/// How long no connection is accepted after one could not be.
const PAUSE: Duration = Duration::from_millis(50);
/// After so many failures in a row the listener is given up: about ten seconds.
const MOST_FAILURES: u32 = 200;

/// Answers on the connections of a listening socket, which must not block. Starts local tasks, so it needs a `LocalSet`.
///
/// # Errors
/// When the socket cannot be used any more.
pub(crate) async fn serve_tcp(listener: OwnedFd, gate: Gate, names: Names) -> io::Result<()> {
    let listener = TcpListener::from_std(StdListener::from(listener))?;
    let places = Arc::new(Semaphore::new(MOST));
    let mut failures = 0_u32;
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((stream, _)) => {
                failures = 0;
                let (gate, names) = (gate.clone(), names.clone());
                tokio::task::spawn_local(async move {
                    // A connection that fails has no one to be told: the client sees it closed.
                    let _closed = converse(stream, &gate, &names, IDLE).await;
                    drop(place);
                });
            }
            Err(source) if failures >= MOST_FAILURES => return Err(source),
            Err(_) => {
                failures = failures.saturating_add(1);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Answers one connection's questions in their order until it is closed, rests for too long, or says something strange.
///
/// # Errors
/// When the connection fails or takes too long.
pub(super) async fn converse(mut stream: TcpStream, gate: &Gate, names: &Names, idle: Duration) -> io::Result<()> {
    let mut question = Vec::new();
    while timeout(idle, next(&mut stream, &mut question)).await?? {
        let Some(answer) = answer(gate, names, &question, Transport::Tcp) else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes(), answer.as_slice()].concat();
        timeout(idle, stream.write_all(&framed)).await??;
    }
    Ok(())
}

/// Reads the next question. Returns false at the end, and when one is too long to be honest.
///
/// # Errors
/// When the connection fails or ends within a question.
async fn next(stream: &mut TcpStream, question: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 2];
    if stream.read(&mut length[..1]).await? == 0 {
        return Ok(false);
    }
    stream.read_exact(&mut length[1..]).await?;
    let length = usize::from(u16::from_be_bytes(length));
    if length > LONGEST_REQUEST {
        return Ok(false);
    }
    question.clear();
    question.resize(length, 0);
    stream.read_exact(question).await?;
    Ok(true)
}
