//! Ports of the host's loopback that lead to servers in the sandbox: `--publish`.
//!
//! The person who started the sandbox asked for each of them, so nothing that is said there is judged; the bounds are those of all
//! connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use lobsterpot_policy::ReasonCode;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::flow::{Accepted, Acceptor, Link, Shares, Slot, reset};
use crate::gate::Gate;
use crate::target::Target;

/// How long the server in the sandbox may take to accept: 10 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves what connects to this listening socket of the host, each connection in a task of its own (`spawn_local`). `connect` makes
/// a connection to the port in the sandbox. Ends only when it is dropped; the connections go on then.
pub(crate) async fn serve<C>(listener: TcpListener, port: u16, connect: C, shares: Shares, gate: Gate)
where
    C: AsyncFn(u16) -> io::Result<TcpStream> + Clone + 'static,
{
    let mut acceptor = Acceptor::new(listener, &shares);
    loop {
        match acceptor.next().await {
            Accepted::Connection(client, slot, _) => drop(spawn_local(carry(client, port, connect.clone(), slot))),
            Accepted::NoPlace(_) => {
                let target = Target::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
                let message = "a connection to a published port was cut off: too many connections at once";
                let instead = "use fewer connections";
                let _reported = gate.refuse(&target, port, "tcp", ReasonCode::TooMuch, message, instead);
            }
        }
    }
}

/// Serves one connection to its end. A server that does not answer is a reset.
async fn carry<C: AsyncFn(u16) -> io::Result<TcpStream>>(client: TcpStream, port: u16, connect: C, slot: Slot) {
    let made = Box::pin(async {
        tokio::select! {
            biased;
            server = timeout(PATIENCE, connect(port)) => server.ok()?.ok(),
            _ = client.ready(Interest::ERROR) => None,
        }
    });
    match made.await {
        // How it ended is known to both ends.
        Some(server) => drop(Link::new(client, server, None, None, slot.shares()).run().await),
        None => reset(&client),
    }
}
