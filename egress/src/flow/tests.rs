//! Connections with real sockets of the loopback: pretended programs and servers, the real thing between them.

mod alone;
mod bounds;
mod bytes;
mod checks;
mod ends;
mod many;
mod published;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use lobsterpot_policy::orders::Event;
use lobsterpot_policy::{Network, NetworkMode, ReasonCode};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use super::check::Check;
use super::meter::Meter;
use super::shares::{Bounds, Shares};
use super::{Errand, Flow, Guide, NoWay};
use crate::gate::{Gate, Refusal};
use crate::report::Reporter;
use crate::target::Target;

/// Makes what judges a connection.
pub(super) type Judge = fn(&Gate) -> Box<dyn Check>;

/// A guide that sends everything to one server.
#[derive(Debug)]
pub(super) struct Pretend {
    /// The server.
    server: SocketAddr,
    /// What judges.
    check: Option<Judge>,
    /// What counts.
    meter: Option<Meter>,
    /// The gate.
    gate: Gate,
    /// Refuse everything.
    closed: bool,
}

impl Guide for Pretend {
    fn target(&self, address: IpAddr) -> Target {
        Target::Address(address)
    }

    fn judge(&self, target: &Target, port: u16) -> Result<Errand, Refusal> {
        if self.closed {
            return Err(self.gate.refuse(target, port, "tcp", ReasonCode::AddressNotNamed, "no", "ask"));
        }
        let check = self.check.map(|check| check(&self.gate));
        Ok(Errand { target: target.clone(), port: self.server.port(), check, meter: self.meter.clone() })
    }

    async fn addresses(&self, _: &Errand) -> Result<Vec<IpAddr>, NoWay> {
        Ok(vec![self.server.ip()])
    }
}

/// A server of the outside, what stands between, and what programs connect to.
pub(super) struct World {
    /// The server's listening socket.
    pub(super) server: TcpListener,
    /// What programs connect to.
    pub(super) inside: SocketAddr,
    /// What is shared.
    pub(super) shares: Shares,
    /// What was reported.
    pub(super) reporter: Reporter,
}

/// What is not as usual in a world.
#[derive(Default)]
pub(super) struct Unusual {
    /// What judges.
    pub(super) check: Option<Judge>,
    /// What counts.
    pub(super) meter: Option<Meter>,
    /// How much there may be.
    pub(super) bounds: Option<Bounds>,
    /// Refuse everything.
    pub(super) closed: bool,
}

impl World {
    /// A world, with everything in it running.
    pub(super) async fn new(unusual: Unusual) -> Self {
        let server = listen().await;
        let listener = listen().await;
        let inside = listener.local_addr().expect("an address");
        let reporter = Reporter::default();
        let gate = Gate::new(nothing_allowed(), reporter.clone());
        let shares = Shares::new(unusual.bounds.unwrap_or_default());
        let guide = Pretend {
            server: server.local_addr().expect("an address"),
            check: unusual.check,
            meter: unusual.meter,
            gate: gate.clone(),
            closed: unusual.closed,
        };
        let flow = Flow::new(Rc::new(guide), gate, shares.clone());
        drop(spawn_local(flow.accept(listener)));
        Self { server, inside, shares, reporter }
    }

    /// A program's connection, and the server's end of it.
    pub(super) async fn pair(&self) -> (TcpStream, TcpStream) {
        let (client, server) = tokio::join!(TcpStream::connect(self.inside), self.server.accept());
        (client.expect("connected"), server.expect("accepted").0)
    }

    /// A program's connection.
    pub(super) async fn client(&self) -> TcpStream {
        TcpStream::connect(self.inside).await.expect("connected")
    }

    /// The reasons of the refusals so far.
    pub(super) fn reasons(&self) -> Vec<ReasonCode> {
        let reason = |event| if let Event::Refused(refused) = event { Some(refused.reason) } else { None };
        self.reporter.drain().into_iter().filter_map(reason).collect()
    }

    /// Waits until no connection is left.
    pub(super) async fn all_ended(&self) {
        while self.shares.open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A policy without a rule.
pub(super) fn nothing_allowed() -> Network {
    let (rules, deny, publish) = (Vec::new(), Vec::new(), Vec::new());
    Network { mode: NetworkMode::Allowlist, rules, deny, proxy: false, publish }
}

/// A listening socket of the loopback.
pub(super) async fn listen() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listening socket")
}

/// Runs a test among tasks of one thread; a day of the test's time is the end of it.
pub(super) async fn among_tasks(test: impl Future<Output = ()>) {
    let test = tokio::time::timeout(Duration::from_secs(86_400), test);
    LocalSet::new().run_until(test).await.expect("it ends");
}

/// Reads exactly as many bytes as are expected, and compares.
pub(super) async fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).await.expect("they arrive");
    assert_eq!(read, bytes);
}

/// Expects the orderly end.
pub(super) async fn expect_end(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0; 10]).await.expect("an orderly end"), 0);
}

/// Expects a reset, whatever is read before.
pub(super) async fn expect_reset(stream: &mut TcpStream) {
    let mut read = Vec::new();
    let error = stream.read_to_end(&mut read).await.expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// Expects that nothing arrives for a while.
pub(super) async fn expect_silence(stream: &mut TcpStream) {
    let read = tokio::time::timeout(Duration::from_millis(150), stream.read(&mut [0; 10])).await;
    assert!(read.is_err(), "something came: {read:?}");
}
