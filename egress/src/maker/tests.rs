//! A maker in a network namespace of the test's own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use tokio::runtime::Runtime;

use super::{Maker, start};
use crate::exit::Exit;
use crate::sys::namespace;
use crate::sys::process::fork;

/// A network namespace with a user namespace of its own, as a sandbox has them.
fn namespace() -> OwnedFd {
    let (mut told, tell) = std::io::pipe().unwrap();
    let (wait, mut end) = std::io::pipe().unwrap();
    let holder = fork(|| {
        let (mut tell, mut wait) = (tell.try_clone().unwrap(), wait.try_clone().unwrap());
        let made = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET);
        tell.write_all(&[u8::from(made.is_ok())]).unwrap();
        wait.read_exact(&mut [0]).map_or(Exit::System, |()| Exit::Done)
    })
    .unwrap();
    let mut made = [0];
    told.read_exact(&mut made).unwrap();
    assert_eq!(made, [1], "this kernel has user namespaces");
    let descriptor = File::open(format!("/proc/{holder}/ns/net")).unwrap();
    end.write_all(&[0]).unwrap();
    waitpid(holder, None).unwrap();
    descriptor.into()
}

/// A runtime, and a maker in `namespace`. Root's maker becomes an ordinary user.
fn maker(namespace: OwnedFd) -> (Runtime, Maker) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let line = start(namespace, Some(61234)).unwrap();
    line.ready().unwrap();
    let maker = runtime.block_on(async { Maker::new(Some(line)) }).unwrap();
    (runtime, maker)
}

#[test]
fn a_socket_listens_at_exactly_the_address_that_was_asked_for() {
    let (runtime, maker) = maker(namespace());
    runtime.block_on(async {
        for (address, port) in [("198.18.0.9", 80), ("2001:2::9", 443), ("198.18.0.9", 8443), ("10.1.2.3", 5432)] {
            let address: IpAddr = address.parse().unwrap();
            let socket = maker.listen(address, port).await.unwrap();
            let listener = std::net::TcpListener::from(socket);
            assert_eq!(listener.local_addr().unwrap(), SocketAddr::new(address, port));
        }
    });
}

#[test]
fn a_port_that_is_taken_is_an_error_and_the_maker_goes_on() {
    let (runtime, maker) = maker(namespace());
    runtime.block_on(async {
        let address = IpAddr::from([198, 18, 0, 9]);
        let kept = maker.listen(address, 8443).await.unwrap();
        let error = maker.listen(address, 8443).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EADDRINUSE));
        drop(kept);
        maker.listen(address, 8443).await.unwrap();
    });
}

#[test]
fn nothing_is_made_in_the_hosts_network() {
    let host = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let (runtime, maker) = maker(namespace());
    runtime.block_on(async {
        // The same port is free inside, and the host's server is out of reach.
        maker.listen(IpAddr::from([127, 0, 0, 1]), port).await.unwrap();
        maker.connect(port).await.unwrap_err();
    });
}

#[test]
fn an_answer_that_nobody_waits_for_is_not_taken_for_another_one() {
    let (runtime, maker) = maker(namespace());
    runtime.block_on(async {
        for port in 2000..2050 {
            let address = IpAddr::from([198, 18, 0, 9]);
            // Polled once: the question is asked, and nobody hears the answer.
            let mut forgotten = Box::pin(maker.listen(address, port + 1000));
            tokio::select! {
                biased;
                _ = &mut forgotten => {}
                () = std::future::ready(()) => {}
            }
            drop(forgotten);
            let listener = std::net::TcpListener::from(maker.listen(address, port).await.unwrap());
            assert_eq!(listener.local_addr().unwrap().port(), port);
        }
    });
}

#[test]
fn a_descriptor_that_is_no_network_starts_nothing() {
    let file: OwnedFd = File::open("/proc/self/ns/uts").unwrap().into();
    assert!(!namespace::is_network(file.as_fd()));
    assert!(start(file, Some(61234)).unwrap().ready().is_err());
    let file: OwnedFd = File::open("/etc/passwd").unwrap().into();
    assert_eq!(namespace::owner(file.as_fd()).unwrap_err(), Errno::ENOTTY);
}

#[test]
fn without_a_namespace_nothing_can_be_made() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let maker = Maker::new(None).unwrap();
        let error = maker.listen(IpAddr::from([198, 18, 0, 9]), 8443).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    });
}
