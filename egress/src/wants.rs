//! Listening on demand: a program inside is about to connect to an address and port at which nothing listens yet.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use lobsterpot_policy::ReasonCode;
use lobsterpot_policy::orders::Event;
use lobsterpot_policy::special::is_special;
use tokio::sync::Mutex;

use crate::gate::{Gate, Refusal};
use crate::maker::Maker;
use crate::names::Names;
use crate::target::Target;

/// Questions that wait for an answer, at most. Further ones are answered at once, with nothing done.
const WAITING: usize = 256;
/// What to do about an address that nobody was told.
const BY_NAME: &str = "Connect by name; addresses have to be named in network.allow themselves.";

/// What is made on demand. Cheap to clone: all clones are one.
#[derive(Clone)]
pub(crate) struct Wants(Rc<Shared>);

/// What is served from the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Base {
    /// Ports that are served at every address.
    pub(crate) ports: BTreeSet<u16>,
    /// Ports that are served at one address.
    pub(crate) addresses: HashSet<(IpAddr, u16)>,
}

/// What a new listening socket is given to.
type Serve = Box<dyn Fn(OwnedFd) -> io::Result<()>>;

/// What all clones share.
struct Shared {
    /// Asks the policy.
    gate: Gate,
    /// What addresses mean.
    names: Names,
    /// Makes sockets.
    maker: Maker,
    /// What is served already.
    base: Base,
    /// The most sockets that are made.
    most: usize,
    /// Serves a new socket.
    serve: Serve,
    /// What was made already. Held while one is made, so that two that want the same get it once.
    made: Mutex<HashSet<(IpAddr, u16)>>,
    /// How many questions wait.
    waiting: Cell<usize>,
}

impl Base {
    /// Whether something listens at this address and port already.
    fn serves(&self, address: IpAddr, port: u16) -> bool {
        self.ports.contains(&port) || self.addresses.contains(&(address, port))
    }
}

impl std::fmt::Debug for Wants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wants").field("base", &self.0.base).field("most", &self.0.most).finish_non_exhaustive()
    }
}

impl Wants {
    /// What is made on demand: at most `most` sockets, for what `base` does not serve; `serve` is given each of them.
    pub(crate) fn new(
        gate: Gate,
        names: Names,
        maker: Maker,
        base: Base,
        most: usize,
        serve: impl Fn(OwnedFd) -> io::Result<()> + 'static,
    ) -> Self {
        let (made, waiting) = (Mutex::default(), Cell::new(0));
        Self(Rc::new(Shared { gate, names, maker, base, most, serve: Box::new(serve), made, waiting }))
    }

    /// Listens at this address and port if the policy allows it, and answers question `id` either way.
    pub(crate) async fn answer(self, id: u64, address: IpAddr, port: u16) {
        let shared = &self.0;
        if shared.waiting.get() < WAITING {
            shared.waiting.set(shared.waiting.get() + 1);
            // Why it was refused has been reported.
            let _listening = shared.listen(address.to_canonical(), port).await;
            shared.waiting.set(shared.waiting.get() - 1);
        }
        shared.gate.reporter().tell(Event::Ready { id });
    }
}

impl Shared {
    /// Listens at this address and port if the policy allows it.
    ///
    /// # Errors
    /// When it is refused; that has been reported.
    async fn listen(&self, address: IpAddr, port: u16) -> Result<(), Refusal> {
        // The sandbox's own loopback is no business of the policy's, and what is served already is judged when it connects.
        if address.is_loopback() || address.is_unspecified() || self.base.serves(address, port) {
            return Ok(());
        }
        let target = target(&self.gate, &self.names, address, port)?;
        self.gate.judge(&target, port, "tcp")?;
        let mut made = self.made.lock().await;
        if made.contains(&(address, port)) {
            return Ok(());
        }
        if made.len() >= self.most {
            let message =
                format!("{} addresses and ports were connected to in this run, which is the most.", self.most);
            let instead = "Use fewer ports, or ports below 1024, which need no listener of their own.";
            return Err(self.gate.refuse(&target, port, "tcp", ReasonCode::TooMuch, &message, instead));
        }
        let served = match self.maker.listen(address, port).await {
            Ok(socket) => (self.serve)(socket),
            Err(error) => Err(error),
        };
        match served {
            Ok(()) => {
                made.insert((address, port));
                Ok(())
            }
            Err(error) => Err(self.failed(&target, port, &error)),
        }
    }

    /// Reports that nothing can listen for this host and port.
    fn failed(&self, target: &Target, port: u16, error: &io::Error) -> Refusal {
        let taken = error.kind() == io::ErrorKind::AddrInUse;
        let (message, instead) = if taken {
            (
                format!(
                    "A server in the sandbox has port {port} at every address, so that {target}:{port} cannot be reached."
                ),
                "Let the server listen at 127.0.0.1 only, or at another port.",
            )
        } else {
            (format!("{target}:{port} cannot be served: {error}."), "Try again.")
        };
        self.gate.refuse(target, port, "tcp", ReasonCode::Internal, &message, instead)
    }
}

/// What a connection to this address means.
///
/// # Errors
/// When it means nothing, or is not for the sandbox to reach; that has been reported.
fn target(gate: &Gate, names: &Names, address: IpAddr, port: u16) -> Result<Target, Refusal> {
    if let Some(target) = names.lookup(address) {
        return Ok(target);
    }
    let target = Target::Address(address);
    if Names::is_synthetic(address) {
        let message = format!("No answer gave out {address} in this run.");
        return Err(gate.refuse(&target, port, "tcp", ReasonCode::AddressNotNamed, &message, BY_NAME));
    }
    match is_special(address) {
        Some(why) if !gate.names_address(address, port) => {
            let message = format!("{address} is special: {why}.");
            Err(gate.refuse(&target, port, "tcp", ReasonCode::SpecialAddress, &message, BY_NAME))
        }
        Some(_) | None => Ok(target),
    }
}
