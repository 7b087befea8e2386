//! Ports of the host's loopback that lead to servers in the sandbox.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use lobsterpot_policy::Publish;
use lobsterpot_policy::orders::Role;
use nix::errno::Errno;

use crate::error::Error;

/// Listens on every one of them: at 127.0.0.1, and at ::1 where the host has it.
///
/// # Errors
/// A port that is taken, or that the caller may not use.
pub(crate) fn listen(published: &[Publish]) -> Result<Vec<(OwnedFd, Role)>, Error> {
    let mut sockets = Vec::new();
    for Publish { host, port } in published.iter().copied() {
        let role = Role::Published { port };
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, host)));
        let listener = listener.map_err(|error| Error::Publish { port: host, errno: errno_of(&error) })?;
        sockets.push((listener.into(), role));
        match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, host))) {
            Ok(listener) => sockets.push((listener.into(), role)),
            // The host has no IPv6.
            Err(error) if matches!(errno_of(&error), Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL) => {}
            Err(error) => return Err(Error::Publish { port: host, errno: errno_of(&error) }),
        }
    }
    Ok(sockets)
}

/// The kernel's number of an error.
fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_stops_the_run_by_its_number() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = taken.local_addr().expect("its address").port();
        let error = listen(&[Publish { host, port: 3000 }]).expect_err("refused");
        assert!(error.to_string().contains(&host.to_string()), "{error}");
        drop(taken);
        let sockets = listen(&[Publish { host, port: 3000 }]).expect("free now");
        assert!(sockets.iter().all(|(_, role)| *role == Role::Published { port: 3000 }));
        assert!(std::net::TcpStream::connect(("127.0.0.1", host)).is_ok());
    }
}
