//! Accepting connections: never more than there is place for, and never a loop that turns on an error.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::link::reset;
use super::shares::{Shares, Slot};

/// How long nothing is accepted after an error that is not the client's: 100 ms.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Acceptor {
    /// The socket.
    listener: TcpListener,
    /// Where connections get their places.
    shares: Shares,
    /// A descriptor that can be given up, so that a connection can be accepted and refused when there are no others.
    spare: Option<OwnedFd>,
}

/// What was accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// A connection with its place, and the address and port that it was made to.
    Connection(TcpStream, Slot, SocketAddr),
    /// A connection to this address was reset, because there is no place for it.
    NoPlace(SocketAddr),
}

impl Acceptor {
    /// Accepts on this socket.
    pub(crate) fn new(listener: TcpListener, shares: &Shares) -> Self {
        let spare = listener.as_fd().try_clone_to_owned().ok();
        Self { listener, shares: shares.clone(), spare }
    }

    /// The next connection.
    pub(crate) async fn next(&mut self) -> Accepted {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match stream.local_addr() {
                    Ok(to) => return self.place(stream, plain(to)),
                    Err(_) => reset(&stream),
                },
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    let refused = if is_out_of_descriptors(&error) { self.refuse_oldest().await } else { None };
                    match refused {
                        Some(to) => return Accepted::NoPlace(to),
                        None => sleep(PAUSE).await,
                    }
                }
            }
        }
    }

    /// Gives the connection a place, or resets it.
    fn place(&self, stream: TcpStream, to: SocketAddr) -> Accepted {
        match self.shares.slot() {
            Some(slot) => Accepted::Connection(stream, slot, to),
            None => {
                reset(&stream);
                Accepted::NoPlace(to)
            }
        }
    }

    /// Gives up the spare descriptor to take the connection that has waited longest, and resets it.
    async fn refuse_oldest(&mut self) -> Option<SocketAddr> {
        drop(self.spare.take()?);
        let to = match poll_fn(|cx| Poll::Ready(self.listener.poll_accept(cx))).await {
            Poll::Ready(Ok((stream, _))) => {
                reset(&stream);
                stream.local_addr().ok().map(plain)
            }
            Poll::Ready(Err(_)) | Poll::Pending => None,
        };
        self.spare = self.listener.as_fd().try_clone_to_owned().ok();
        to
    }
}

/// Whether the connection was gone before it was accepted: accept(2) hands such errors on.
fn is_of_the_client(error: &io::Error) -> bool {
    const GONE: [i32; 10] = [
        libc::ECONNABORTED,
        libc::EINTR,
        libc::ENETDOWN,
        libc::EPROTO,
        libc::ENOPROTOOPT,
        libc::EHOSTDOWN,
        libc::ENONET,
        libc::EHOSTUNREACH,
        libc::EOPNOTSUPP,
        libc::ENETUNREACH,
    ];
    error.raw_os_error().is_some_and(|number| GONE.contains(&number))
}

/// Whether there are no descriptors left, for this process or for all.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// The address as people write it: IPv4 over an IPv6 socket is IPv4.
fn plain(to: SocketAddr) -> SocketAddr {
    let address = match to.ip() {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    };
    SocketAddr::new(address, to.port())
}
