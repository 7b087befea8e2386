//! For programs that insist on a proxy: HTTP (`CONNECT`, and requests with a whole web address) and SOCKS (5, 4, 4a).
//!
//! Nothing is reached this way that is not reached without it: the host is judged as everywhere, and what is said then is checked
//! as everywhere. The handshakes are pure (`handshake`); here they are carried out.

mod handshake;
mod http;
#[cfg(any(test, fuzzing))]
mod promises;
mod socks4;
mod socks5;

#[cfg(any(test, fuzzing))]
pub(crate) use promises::assert_understood_in_pieces;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use lobsterpot_policy::ReasonCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::timeout;

use self::handshake::{Asked, Failure, Handshake, Host, LONGEST, Wish};
use crate::flow::{Accepted, Acceptor, Errand, Flow, Guide, NoWay, Slot, reset};
use crate::gate::Gate;
use crate::target::Target;

/// How long a client may take to say what it wants: 10 seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to read an answer: 2 seconds.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much a client that was refused may still say, so that its answer is not lost: 64 KiB.
const LAST_WORDS: u64 = 64 << 10;

/// Serves what connects to this listening socket of the sandbox, each connection in a task of its own (`spawn_local`). Ends only
/// when it is dropped; the connections go on then.
pub(crate) async fn serve<G: Guide>(listener: TcpListener, flow: Flow<G>, gate: Gate) {
    let mut acceptor = Acceptor::new(listener, flow.shares());
    loop {
        match acceptor.next().await {
            Accepted::Connection(client, slot, own) => {
                drop(spawn_local(one(client, slot, own, flow.clone(), gate.clone())))
            }
            Accepted::NoPlace(own) => {
                let message = "a connection to the proxy was cut off: too many connections at once";
                let target = Target::Address(own.ip());
                let _reported =
                    gate.refuse(&target, own.port(), "tcp", ReasonCode::TooMuch, message, "use fewer connections");
            }
        }
    }
}

/// Serves one connection to its end.
async fn one<G: Guide>(mut client: TcpStream, slot: Slot, own: SocketAddr, flow: Flow<G>, gate: Gate) {
    // Boxed, so that a connection that is made does not take the place of one that is being made.
    let made = Box::pin(async {
        let (handshake, wish, held) = timeout(PATIENCE, wish(&mut client, own, &gate)).await.ok()??;
        let Ok((errand, server)) = connect(&mut client, &handshake, &wish, &flow).await else { return None };
        client.write_all(&handshake.connected()).await.ok()?;
        Some((errand, server, held))
    });
    match made.await {
        Some((errand, server, held)) => flow.carry(client, server, errand, &held, slot).await,
        None => reset(&client),
    }
}

/// Reads until it is clear what the client wants. What it said after that is returned, too.
async fn wish(client: &mut TcpStream, own: SocketAddr, gate: &Gate) -> Option<(Handshake, Wish, Vec<u8>)> {
    let (mut handshake, mut held) = (Handshake::new(), Vec::new());
    loop {
        match handshake.client(&held) {
            Asked::More if held.len() >= LONGEST => return None,
            Asked::More => match client.read_buf(&mut held).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            },
            Asked::Say { take, reply } => {
                held.drain(..take.min(held.len()));
                client.write_all(&reply).await.ok()?;
            }
            Asked::Connect { take, wish } => {
                held.splice(..take.min(held.len()), wish.ahead.iter().copied());
                return Some((handshake, wish, held));
            }
            Asked::Refuse { why, reply } => {
                let target = Target::Address(own.ip());
                let message = format!("the proxy was asked for something that it does not do: {why}.");
                let instead = "Connect to the host directly; no proxy is needed here.";
                let protocol = handshake.protocol();
                let _reported = gate.refuse(&target, own.port(), protocol, ReasonCode::Protocol, &message, instead);
                farewell(client, &reply).await;
                return None;
            }
        }
    }
}

/// Connects to where the client wishes, and tells it when that is not possible.
///
/// # Errors
/// When it is not; the client has been told.
async fn connect<G: Guide>(
    client: &mut TcpStream,
    handshake: &Handshake,
    wish: &Wish,
    flow: &Flow<G>,
) -> Result<(Errand, TcpStream), NoWay> {
    let target = match &wish.host {
        Host::Name(name) => Target::Name(Rc::clone(name)),
        Host::Address(address) => flow.target(canonical(*address)),
    };
    let made = match flow.errand(&target, wish.port) {
        Ok(errand) => flow.connect(&errand, client).await.map(|server| (errand, server)),
        Err(refusal) => Err(NoWay::Refused(refusal)),
    };
    if let Err(no_way) = &made {
        let reply = handshake.failed(&Failure::of(no_way));
        farewell(client, &reply).await;
    }
    made
}

/// The address itself, when an IPv6 one only carries an IPv4 one.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Says the last words to a client, and waits until it has had a chance to read them.
async fn farewell(client: &mut TcpStream, reply: &[u8]) {
    let said = async {
        client.write_all(reply).await?;
        client.shutdown().await?;
        let mut rest = client.take(LAST_WORDS);
        let mut scrap = [0; 512];
        while rest.read(&mut scrap).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // A client that does not listen has nothing to lose.
    let _heard = timeout(FAREWELL, said).await;
}

#[cfg(test)]
mod tests;
