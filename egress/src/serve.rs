//! From the orders to the end: reads them, confines the process, serves.

use std::fs::File;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use lobsterpot_policy::Network;
use lobsterpot_policy::orders::{Command, Event, Orders};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::confine::{self, Capabilities, ConfineError, Connect, Job, Room};
use crate::control::{self, Control};
use crate::exit::Exit;
use crate::gate::Gate;
use crate::inherited::{InheritError, Inherited};
use crate::maker::{self, Line, Maker, MakerError};
use crate::names::Names;
use crate::report::{Reporter, printable};
use crate::resolve::{Resolver, Settings};
use crate::services::Services;
use crate::sys::process::{exit_now, give_memory_back};

/// The longest orders, in bytes.
const LONGEST: u64 = 4 << 20;
/// The longest reason that is told when this program cannot go on, in bytes.
const LONGEST_REASON: usize = 500;

/// How long sockets are served on after the line has closed, each time: 1 ms.
const LAST_LOOK: Duration = Duration::from_millis(1);
/// How many times: what the first look wakes may come after the clock on a busy machine, and has its turn before the next.
const LAST_LOOKS: usize = 3;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum ServeError {
    /// Standard input has nothing.
    #[error("this program is started by sandbox-exec, with orders on standard input")]
    NoOrders,
    /// The orders are too long, not JSON, or of another version.
    #[error("the orders cannot be understood: {what}")]
    Orders {
        /// What is wrong.
        what: String,
    },
    /// The descriptors are not what the orders say.
    #[error(transparent)]
    Inherited {
        /// What is wrong.
        #[from]
        source: InheritError,
    },
    /// There is no maker.
    #[error(transparent)]
    Maker {
        /// Why.
        #[from]
        source: MakerError,
    },
    /// This process cannot be confined.
    #[error(transparent)]
    Confine {
        /// Why.
        #[from]
        source: ConfineError,
    },
    /// The runtime cannot be made, or a socket cannot be waited for.
    #[error("failed to wait for sockets: {source}")]
    Runtime {
        /// What is wrong.
        #[from]
        source: std::io::Error,
    },
}

impl ServeError {
    /// How the program ends.
    const fn exit(&self) -> Exit {
        match self {
            Self::NoOrders => Exit::Usage,
            Self::Orders { .. } | Self::Inherited { .. } => Exit::Data,
            Self::Confine { source } => source.exit(),
            Self::Maker { .. } | Self::Runtime { .. } => Exit::System,
        }
    }
}

impl ServeError {
    /// What to do about it.
    const fn hint(&self) -> &'static str {
        match self {
            Self::NoOrders => "run sandbox-exec --net allowlist, which starts this program by itself",
            Self::Orders { .. } | Self::Inherited { .. } => {
                "install sandbox-exec and lobsterpot-egress of the same version"
            }
            Self::Confine { source } => source.hint(),
            Self::Maker { .. } | Self::Runtime { .. } => {
                "look at the limits of processes and open files (ulimit -u, -n)"
            }
        }
    }
}

/// Serves until the line to the launcher closes.
pub(crate) fn run() -> Exit {
    // A mistake of this program ends it, and with it the network. A report of the standard library's would open files.
    std::panic::set_hook(Box::new(|_| exit_now(Exit::Internal)));
    give_memory_back();
    match read().and_then(serve) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let text = printable(&error.to_string(), LONGEST_REASON);
            // Where nobody listens, the status still says it.
            let _told = writeln!(std::io::stderr(), "lobsterpot-egress: {text}\nhint: {}", error.hint());
            error.exit()
        }
    }
}

/// Reads the orders.
///
/// # Errors
/// When there are none, or they cannot be understood.
fn read() -> Result<Orders, ServeError> {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut text);
    if read.is_err() || text.is_empty() {
        return Err(ServeError::NoOrders);
    }
    if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
        return Err(ServeError::Orders { what: format!("they are longer than {LONGEST} bytes") });
    }
    let orders: Orders =
        serde_json::from_slice(&text).map_err(|error| ServeError::Orders { what: error.to_string() })?;
    if orders.version != Orders::VERSION {
        let what = format!("they are of version {}, and this is version {}", orders.version, Orders::VERSION);
        return Err(ServeError::Orders { what });
    }
    Ok(orders)
}

/// Serves.
///
/// # Errors
/// When it cannot begin.
fn serve(orders: Orders) -> Result<(), ServeError> {
    let Orders { network, become_id, descriptors, .. } = orders;
    let inherited = Inherited::take(&descriptors)?;
    let line = inherited.control.try_clone()?;
    begin(network, become_id, inherited).inspect_err(|error| control::fail(&line, &error.to_string()))
}

/// Confines this process and serves. The order is that of what each step still needs: files for the streams and the resolver's
/// settings, processes and root's rights for the maker, ids, descriptors for the runtime; then nothing more.
///
/// # Errors
/// When it cannot begin.
fn begin(network: Network, become_id: Option<u32>, mut inherited: Inherited) -> Result<(), ServeError> {
    confine::belong()?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    let settings = Settings::read();
    let namespace = inherited.namespace.take();
    let line = namespace.map(|namespace| maker::start(namespace, become_id)).transpose()?;
    confine::become_id(become_id, Capabilities::None)?;
    let room = confine::files()?;
    let runtime = Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())?;
    let connect = network.all_ports().map_or(Connect::Any, |mut ports| {
        ports.extend(settings.nameservers().iter().map(SocketAddr::port));
        Connect::To(ports)
    });
    close_streams(nothing)?;
    confine::confine(Job::Serve, &connect)?;
    line.as_ref().map_or(Ok(()), Line::ready)?;
    runtime.block_on(work(network, settings, room, line, inherited))
}

/// Puts nothing in the place of the standard streams.
///
/// # Errors
/// The kernel's.
fn close_streams(nothing: File) -> Result<(), std::io::Error> {
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;
    Ok(())
}

/// Serves until the line to the launcher closes.
///
/// # Errors
/// When a socket cannot be waited for.
async fn work(
    network: Network,
    settings: Settings,
    room: Room,
    line: Option<Line>,
    inherited: Inherited,
) -> Result<(), ServeError> {
    let reporter = Reporter::default();
    let gate = Gate::new(network, reporter.clone());
    let control = Control::new(inherited.control, reporter.clone())?;
    let names = Names::new(inherited.sockets.have_v6());
    let resolver = Resolver::new(settings, gate.clone());
    let services = Services::new(gate, names, resolver, Maker::new(line)?, room);
    let wants = services.begin(inherited.sockets)?;
    reporter.tell(Event::Started);
    let telling = spawn_local(control.clone().tell());
    let answer = |Command::Want { id, address, port }| drop(spawn_local(wants.clone().answer(id, address, port)));
    control.hear(answer).await;
    // What a command did right before it ended waits at the sockets still: the runtime goes through all of it first.
    for _ in 0..LAST_LOOKS {
        sleep(LAST_LOOK).await;
    }
    telling.abort();
    control.end().await;
    Ok(())
}
