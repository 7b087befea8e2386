//! Listeners outside the sandbox: what an attempt must not be able to talk to.

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::fs::{File, Permissions};
use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A service in a thread of the test; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Service {
    /// Tells the thread to end.
    over: Arc<AtomicBool>,
    /// What datagrams said.
    heard: Arc<Mutex<Vec<u8>>>,
    /// Its port, for the services that have one.
    pub(crate) port: u16,
    /// The thread.
    thread: Option<JoinHandle<()>>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Service {
    /// Polls `serve` until dropped; it says whether a client came.
    fn poll(port: u16, mut serve: impl FnMut(&Mutex<Vec<u8>>) -> bool + Send + 'static) -> Self {
        let (over, heard) = (Arc::default(), Arc::default());
        let (their_over, their_heard): (Arc<AtomicBool>, Arc<Mutex<Vec<u8>>>) = (Arc::clone(&over), Arc::clone(&heard));
        let thread = std::thread::spawn(move || {
            while !their_over.load(Ordering::Relaxed) {
                if !serve(&their_heard) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Self { over, heard, port, thread: Some(thread) }
    }

    /// What datagrams said so far.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A stream listener at a path that anybody may connect to.
    pub(crate) fn at_path(path: &Path, answer: &str) -> Self {
        let listener = UnixListener::bind(path).expect("a unix listener");
        std::fs::set_permissions(path, Permissions::from_mode(0o777)).expect("its mode");
        Self::stream(listener, answer)
    }

    /// A stream listener at an abstract name.
    pub(crate) fn at_abstract_name(name: &str, answer: &str) -> Self {
        let address = SocketAddr::from_abstract_name(name).expect("an abstract name");
        Self::stream(UnixListener::bind_addr(&address).expect("an abstract listener"), answer)
    }

    /// Answers every connection.
    fn stream(listener: UnixListener, answer: &str) -> Self {
        listener.set_nonblocking(true).expect("not blocking");
        let answer = answer.to_owned();
        Self::poll(0, move |_| {
            listener.accept().is_ok_and(|(mut stream, _)| stream.write_all(answer.as_bytes()).is_ok())
        })
    }

    /// A listener that hands every client an open file.
    pub(crate) fn handing_over(path: &Path, file: File) -> Self {
        let listener = UnixListener::bind(path).expect("a unix listener");
        std::fs::set_permissions(path, Permissions::from_mode(0o777)).expect("its mode");
        listener.set_nonblocking(true).expect("not blocking");
        Self::poll(0, move |_| {
            let Ok((stream, _)) = listener.accept() else { return false };
            let fds = [file.as_raw_fd()];
            sendmsg::<()>(
                stream.as_raw_fd(),
                &[IoSlice::new(b"x")],
                &[ControlMessage::ScmRights(&fds)],
                MsgFlags::empty(),
                None,
            )
            .is_ok()
        })
    }

    /// A datagram listener at a path.
    pub(crate) fn datagrams_at_path(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a datagram socket");
        std::fs::set_permissions(path, Permissions::from_mode(0o777)).expect("its mode");
        Self::datagrams(socket)
    }

    /// A datagram listener at an abstract name.
    pub(crate) fn datagrams_at_abstract_name(name: &str) -> Self {
        let address = SocketAddr::from_abstract_name(name).expect("an abstract name");
        Self::datagrams(UnixDatagram::bind_addr(&address).expect("a datagram socket"))
    }

    /// Notes what datagrams say.
    fn datagrams(socket: UnixDatagram) -> Self {
        socket.set_nonblocking(true).expect("not blocking");
        Self::poll(0, move |heard| {
            let mut bytes = [0; 256];
            socket.recv(&mut bytes).is_ok_and(|count| {
                heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..count]);
                true
            })
        })
    }

    /// A TCP listener on an address.
    pub(crate) fn tcp(address: &str, answer: &str) -> Option<Self> {
        let listener = TcpListener::bind((address, 0)).ok()?;
        listener.set_nonblocking(true).expect("not blocking");
        let port = listener.local_addr().expect("an address").port();
        let answer = answer.to_owned();
        Some(Self::poll(port, move |_| {
            let Ok((mut stream, _)) = listener.accept() else { return false };
            drop(stream.set_read_timeout(Some(Duration::from_millis(50))));
            drop(stream.read(&mut [0; 16]));
            stream.write_all(answer.as_bytes()).is_ok()
        }))
    }

    /// A UDP socket on loopback that answers.
    pub(crate) fn udp(answer: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
        socket.set_nonblocking(true).expect("not blocking");
        let port = socket.local_addr().expect("an address").port();
        let answer = answer.to_owned();
        Self::poll(port, move |_| {
            let mut bytes = [0; 256];
            socket.recv_from(&mut bytes).is_ok_and(|(_, from)| socket.send_to(answer.as_bytes(), from).is_ok())
        })
    }
}
