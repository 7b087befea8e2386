//! Connecting to the first of several addresses that answers: RFC 8305 ("happy eyeballs") over addresses that were checked.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Sleep, sleep};

/// How long an attempt is alone before the next one begins: RFC 8305, section 5.
const STAGGER: Duration = Duration::from_millis(250);
/// How long all attempts together may take: 10 seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most addresses that are tried.
const TRIED: usize = 8;

/// Why there is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ConnectError {
    /// There is no address to connect to.
    #[error("there is no address to connect to")]
    NoAddress,
    /// No address answered in time.
    #[error("no address answered within {} seconds", PATIENCE.as_secs())]
    TimedOut,
    /// Every address failed; the last one so.
    #[error("failed to connect to {address}: {source}")]
    Failed {
        /// The address.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
}

/// One attempt.
type Attempt = Pin<Box<dyn Future<Output = Result<TcpStream, ConnectError>>>>;

/// Attempts that are under way, and addresses that are left.
struct Race {
    /// Those that are left, the next one last.
    left: Vec<SocketAddr>,
    /// Those that are under way.
    running: Vec<Attempt>,
    /// The last failure.
    failure: ConnectError,
    /// When the next one begins.
    stagger: Pin<Box<Sleep>>,
    /// When all end.
    end: Pin<Box<Sleep>>,
}

/// Connects to the first address that answers. The addresses are tried in their order, the families in turn.
///
/// # Errors
/// When none answers.
pub(crate) async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, ConnectError> {
    let mut left: Vec<_> = in_turn(addresses).into_iter().map(|address| SocketAddr::new(address, port)).collect();
    left.truncate(TRIED);
    left.reverse();
    let mut race = Race {
        left,
        running: Vec::new(),
        failure: ConnectError::NoAddress,
        stagger: Box::pin(sleep(Duration::ZERO)),
        end: Box::pin(sleep(PATIENCE)),
    };
    race.begin();
    poll_fn(|cx| race.poll(cx)).await
}

impl Race {
    /// Begins the next attempt, if an address is left.
    fn begin(&mut self) -> bool {
        let Some(address) = self.left.pop() else { return false };
        self.running.push(Box::pin(attempt(address)));
        self.stagger = Box::pin(sleep(STAGGER));
        true
    }

    /// Looks at every attempt; a failed one is followed by the next address at once.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<TcpStream, ConnectError>> {
        loop {
            if let Some(stream) = self.advance(cx) {
                return Poll::Ready(Ok(stream));
            }
            let is_next = self.running.is_empty() || self.stagger.as_mut().poll(cx).is_ready();
            if is_next && self.begin() {
                continue;
            }
            if self.running.is_empty() {
                return Poll::Ready(Err(std::mem::replace(&mut self.failure, ConnectError::NoAddress)));
            }
            return self.end.as_mut().poll(cx).map(|()| Err(ConnectError::TimedOut));
        }
    }

    /// The first attempt that succeeded. Failed ones are dropped, each making place for the next address.
    fn advance(&mut self, cx: &mut Context<'_>) -> Option<TcpStream> {
        let mut index = 0;
        while let Some(attempt) = self.running.get_mut(index) {
            match attempt.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(stream)) => return Some(stream),
                Poll::Ready(Err(failure)) => {
                    self.failure = failure;
                    drop(self.running.remove(index));
                    self.begin();
                }
            }
        }
        None
    }
}

/// Connects to one address.
///
/// # Errors
/// When it does not answer.
async fn attempt(address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let connecting = async {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.connect(address).await
    };
    connecting.await.map_err(|source| ConnectError::Failed { address, source })
}

/// The addresses with the families in turn, beginning with the family of the first.
fn in_turn(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v4 = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (mut one, mut other): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == first_is_v4);
    one.reverse();
    other.reverse();
    let mut all = Vec::with_capacity(addresses.len());
    while let Some(address) = one.pop() {
        all.push(address);
        all.extend(other.pop());
    }
    all.extend(other.into_iter().rev());
    all
}

/// Whether the address is one of this host's own, so that a connection would reach services that only a firewall hides.
///
/// A UDP socket can be bound to local addresses only (ip(7), `EADDRNOTAVAIL`). A host with `ip_nonlocal_bind` lets it be bound to any;
/// there the kernel's choice of a source for the address is looked at, which is the address itself when it is local. Nothing is
/// sent.
pub(crate) fn is_of_this_host(address: IpAddr) -> bool {
    let (nobodys, any): (IpAddr, IpAddr) = match address {
        IpAddr::V4(_) => (Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(), Ipv6Addr::UNSPECIFIED.into()),
    };
    let can_bind = |address: IpAddr| UdpSocket::bind((address, 0));
    match can_bind(address) {
        Err(error) => !matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT)),
        Ok(_) if can_bind(nobodys).is_err() => true,
        Ok(_) => {
            let source = can_bind(any).and_then(|socket| {
                socket.connect((address, 9))?;
                socket.local_addr()
            });
            source.is_ok_and(|source| source.ip() == address)
        }
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
