//! Everything that is served, in its place: the sockets that were inherited, what answers on them, and what they share.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use tokio::net::TcpListener;
use tokio::task::spawn_local;

use crate::confine::Room;
use crate::flow::{Bounds, Flow, Lookup, PolicyGuide, Shares};
use crate::gate::Gate;
use crate::inherited::Sockets;
use crate::maker::Maker;
use crate::names::{Names, OWN_V4, OWN_V6};
use crate::resolve::{Family, Resolver};
use crate::wants::{Base, Wants};
use crate::{dns, proxy, published, sniff, tap};

/// Pipes for bytes that only pass through, at most.
const PIPES: usize = 32;
/// The port of DNS.
const DNS: u16 = 53;

/// What all services ask and share.
#[derive(Debug)]
pub(crate) struct Services<L> {
    /// Asks the policy.
    gate: Gate,
    /// What addresses mean.
    names: Names,
    /// Carries connections.
    flow: Flow<PolicyGuide<L>>,
    /// Makes sockets.
    maker: Maker,
    /// How much is served at once.
    room: Room,
}

impl<L: Lookup> Services<L> {
    /// Nothing is served yet.
    pub(crate) fn new(gate: Gate, names: Names, lookup: L, maker: Maker, room: Room) -> Self {
        let guide = PolicyGuide::new(gate.clone(), names.clone(), lookup, sniff::check);
        let shares = Shares::new(Bounds { connections: room.connections, pipes: PIPES });
        let flow = Flow::new(Rc::new(guide), gate.clone(), shares);
        Self { gate, names, flow, maker, room }
    }

    /// Serves on every socket that was inherited, each in a task of its own. Returns what answers when the launcher wants more.
    ///
    /// # Errors
    /// When a socket cannot be waited for.
    pub(crate) fn begin(self, sockets: Sockets) -> io::Result<Wants> {
        let Self { gate, names, flow, maker, room } = self;
        let mut base = Base::default();
        base.addresses.extend([(OWN_V4.into(), DNS), (OWN_V6.into(), DNS)]);
        for (port, socket) in sockets.tcp {
            base.ports.insert(port);
            spawn_local(flow.clone().accept(listener(socket)?));
        }
        for socket in sockets.dns_udp {
            spawn_local(dns::serve_udp(socket, gate.clone(), names.clone()));
        }
        for socket in sockets.dns_tcp {
            spawn_local(dns::serve_tcp(socket, gate.clone(), names.clone()));
        }
        for socket in sockets.proxy {
            let proxy = listener(socket)?;
            let address = proxy.local_addr()?;
            base.addresses.insert((address.ip().to_canonical(), address.port()));
            spawn_local(proxy::serve(proxy, flow.clone(), gate.clone()));
        }
        for socket in sockets.taps {
            spawn_local(tap::watch(socket, gate.clone(), names.clone()));
        }
        for (port, socket) in sockets.published {
            let maker = maker.clone();
            let connect = async move |port| maker.connect(port).await;
            spawn_local(published::serve(listener(socket)?, port, connect, flow.shares().clone(), gate.clone()));
        }
        let serve = move |socket| {
            spawn_local(flow.clone().accept(listener(socket)?));
            Ok(())
        };
        Ok(Wants::new(gate, names, maker, base, room.listeners, serve))
    }
}

/// A listening socket that never blocks, for the runtime to wait for.
///
/// # Errors
/// When it cannot be waited for.
fn listener(socket: OwnedFd) -> io::Result<TcpListener> {
    TcpListener::from_std(std::net::TcpListener::from(socket))
}

impl Lookup for Resolver {
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        self.resolve(name, Family::Both).await.map_err(|error| error.to_string())
    }
}
