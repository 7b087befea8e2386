//! Connections out of the sandbox: accepted there, judged, connected to where they are meant to go, and passed on byte for byte.
//!
//! ```text
//!  accept ─► which host does the address mean ─► policy ─► real addresses, checked ─► connect ─► link: up   (held until judged)
//!                                                                                                      down (at once)
//! ```
//! What a host is, what the policy says and what bytes mean is not known here: a [`Guide`] is asked.

mod accept;
pub(crate) mod check;
mod connect;
mod guide;
mod half;
mod link;
mod meter;
mod pipe;
mod shares;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use lobsterpot_policy::ReasonCode;
use nix::sys::socket::{setsockopt, sockopt::TcpCongestion};
use thiserror::Error;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

pub(crate) use self::accept::{Accepted, Acceptor};
use self::check::Check;
pub(crate) use self::connect::ConnectError;
pub(crate) use self::guide::{Guide, Lookup, PolicyGuide};
use self::half::Broken;
pub(crate) use self::link::{Link, reset};
pub(crate) use self::meter::Meter;
pub(crate) use self::shares::{Bounds, Shares, Slot};
use crate::gate::{Gate, Refusal};
use crate::target::Target;

/// A connection that the policy allows.
#[derive(Debug)]
pub(crate) struct Errand {
    /// Where to.
    pub(crate) target: Target,
    /// The port.
    pub(crate) port: u16,
    /// What judges the bytes.
    pub(crate) check: Option<Box<dyn Check>>,
    /// What counts them, where the rule has bounds.
    pub(crate) meter: Option<Meter>,
}

/// Why there is no connection to where it is meant to go.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum NoWay {
    /// It is refused, which has been reported.
    #[error("it is refused")]
    Refused(Refusal),
    /// The name cannot be looked up.
    #[error("failed to look {name} up: {reason}")]
    NotResolved {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// No address answers.
    #[error(transparent)]
    NotConnected(#[from] ConnectError),
    /// The program has hung up.
    #[error("the program has hung up")]
    Abandoned,
}

/// Serves connections. Cheap to clone: all clones are one.
#[derive(Debug)]
pub(crate) struct Flow<G> {
    /// Who knows.
    guide: Rc<G>,
    /// Who reports.
    gate: Gate,
    /// What connections share.
    shares: Shares,
}

impl<G> Clone for Flow<G> {
    fn clone(&self) -> Self {
        Self { guide: Rc::clone(&self.guide), gate: self.gate.clone(), shares: self.shares.clone() }
    }
}

impl<G: Guide> Flow<G> {
    /// Nothing is served yet.
    pub(crate) fn new(guide: Rc<G>, gate: Gate, shares: Shares) -> Self {
        Self { guide, gate, shares }
    }

    /// What connections share, for those that are made elsewhere.
    pub(crate) const fn shares(&self) -> &Shares {
        &self.shares
    }

    /// What a program means that asks for this address.
    pub(crate) fn target(&self, address: IpAddr) -> Target {
        self.guide.target(address)
    }

    /// The connection to this host and port, if the policy allows it.
    ///
    /// # Errors
    /// The refusal, which has been reported.
    pub(crate) fn errand(&self, target: &Target, port: u16) -> Result<Errand, Refusal> {
        self.guide.judge(target, port)
    }

    /// Serves what connects to this listening socket of the sandbox, each connection in a task of its own (`spawn_local`). Ends only
    /// when it is dropped; the connections go on then.
    pub(crate) async fn accept(self, listener: TcpListener) {
        let each = |flow: &Self, client, slot, to| drop(spawn_local(flow.clone().serve(client, slot, to)));
        // Connections inherit it. Their other end is on the same machine, where pacing (as BBR does) only costs time; the algorithm
        // that every kernel has and every user may choose does none.
        let _slower = setsockopt(&listener, TcpCongestion, &OsString::from("reno"));
        let mut acceptor = Acceptor::new(listener, &self.shares);
        loop {
            match acceptor.next().await {
                Accepted::Connection(client, slot, to) => each(&self, client, slot, to),
                Accepted::NoPlace(to) => {
                    let target = self.guide.target(to.ip());
                    let _reported = self.too_much(&target, to.port(), "connections at once");
                }
            }
        }
    }

    /// Serves one connection to its end.
    async fn serve(self, client: TcpStream, slot: Slot, to: SocketAddr) {
        let target = self.guide.target(to.ip());
        // Boxed, so that a connection that is made does not take the place of one that is being made.
        let made = Box::pin(async {
            let errand = self.guide.judge(&target, to.port()).map_err(NoWay::Refused)?;
            let server = self.connect(&errand, &client).await?;
            Ok::<_, NoWay>((errand, server))
        });
        match made.await {
            Ok((errand, server)) => self.carry(client, server, errand, &[], slot).await,
            Err(_) => reset(&client),
        }
    }

    /// Connects to where the errand leads, unless the program hangs up before.
    ///
    /// # Errors
    /// When that is refused, or nobody answers.
    pub(crate) async fn connect(&self, errand: &Errand, client: &TcpStream) -> Result<TcpStream, NoWay> {
        let connecting = async {
            let addresses = self.guide.addresses(errand).await?;
            Ok(connect::connect(&addresses, errand.port).await?)
        };
        tokio::select! {
            biased;
            server = connecting => server,
            _ = client.ready(Interest::ERROR) => Err(NoWay::Abandoned),
        }
    }

    /// Passes bytes on between the two until both have ended. `early` is what the client has said already.
    pub(crate) async fn carry(&self, client: TcpStream, server: TcpStream, errand: Errand, early: &[u8], slot: Slot) {
        let Errand { target, port, check, meter } = errand;
        let mut link = Link::new(client, server, check, meter, slot.shares());
        link.begin_with(early);
        if let Err(Broken::TooMuch(what)) = link.run().await {
            let _reported = self.too_much(&target, port, what);
        }
    }

    /// Reports that a bound is reached.
    fn too_much(&self, target: &Target, port: u16, what: &str) -> Refusal {
        let message = format!("the connection was cut off: too many {what}");
        self.gate.refuse(target, port, "tcp", ReasonCode::TooMuch, &message, "use fewer connections, or a wider rule")
    }
}

#[cfg(test)]
mod tests;
