//! Attempts to reach something outside through a socket.

use crate::call::{Arg, SharedBytes, call};
use crate::files::head;
use crate::{Arguments, Attempt, Outcome, number, refused, text, usage};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("socket", socket),
    ("connect-unix", connect_unix),
    ("connect-each", connect_each),
    ("serve", serve),
    ("connect-race", connect_race),
    ("connect-stall", connect_stall),
    ("bind-unix", bind_unix),
    ("recv-fd", recv_fd),
    ("send-dgram", send_dgram),
    ("send-dgram-pair", send_dgram_pair),
    ("connect-tcp", connect_tcp),
    ("fastopen", fastopen),
    ("reconnect", reconnect),
    ("send-on", send_on),
    ("send-udp", send_udp),
    ("listen-tcp", listen_tcp),
    ("listen-abstract", listen_abstract),
    ("vsock-connect", vsock_connect),
];

/// How long to wait for an answer where a refusal is told at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait where nobody says that there is none.
const SHORT_PATIENCE: Duration = Duration::from_secs(8);

/// `socket FAMILY TYPE PROTOCOL`, all numbers.
fn socket(arguments: &Arguments) -> Outcome {
    let fd = call(
        libc::SYS_socket,
        [Arg::Int(number(arguments, 0)?), Arg::Int(number(arguments, 1)?), Arg::Int(number(arguments, 2)?)],
    )?;
    Ok(format!("socket {fd}").into_bytes())
}

/// The address of a path, or of an abstract name after `@`.
fn unix_address(name: &str) -> io::Result<SocketAddr> {
    name.strip_prefix('@').map_or_else(|| SocketAddr::from_pathname(name), SocketAddr::from_abstract_name)
}

/// `connect-unix PATH|@NAME`: what the listener says.
fn connect_unix(arguments: &Arguments) -> Outcome {
    let stream = UnixStream::connect_addr(&unix_address(text(arguments, 0)?)?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    answer(head(stream))
}

/// `connect-each ADDRESS…`: says `ANSWER` for every one that answers.
fn connect_each(arguments: &Arguments) -> Outcome {
    let mut heard = Vec::new();
    for index in 0..arguments.len() {
        let address = text(arguments, index)?;
        let said = connect_unix(arguments.get(index..).unwrap_or_default());
        if let Ok(said) = said {
            crate::say(format!("ANSWER {address}\n").as_bytes());
            heard = said;
        }
    }
    if heard.is_empty() { Err(refused("nobody answers")) } else { Ok(heard) }
}

/// `serve TEXT ADDRESS…`: answers with the text at every address, says `READY`, and waits to be ended.
fn serve(arguments: &Arguments) -> Outcome {
    let answer = text(arguments, 0)?.to_owned();
    for index in 1..arguments.len() {
        let place = text(arguments, index)?;
        drop(std::fs::remove_file(place));
        let listener = UnixListener::bind_addr(&unix_address(place)?)?;
        if !place.starts_with('@') {
            std::fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
        }
        let answer = answer.clone();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                drop(stream.write_all(answer.as_bytes()));
            }
        });
    }
    crate::say(b"READY\n");
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// An answer of no bytes is none.
fn answer(content: Outcome) -> Outcome {
    content.and_then(|content| if content.is_empty() { Err(refused("connected, but no answer")) } else { Ok(content) })
}

/// The bytes of `struct sockaddr_un` for a path, of a fixed length.
fn raw_address(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = u16::try_from(libc::AF_UNIX).unwrap_or(1).to_ne_bytes().to_vec();
    bytes.extend_from_slice(path.as_bytes());
    if bytes.len() > 108 {
        return Err(usage("the path is too long"));
    }
    bytes.resize(110, 0);
    Ok(bytes)
}

/// `connect-race OWN OUTSIDE TEXT`: listens at `OWN`, then connects over and over while another thread rewrites the
/// address between `OWN` and `OUTSIDE`.
fn connect_race(arguments: &Arguments) -> Outcome {
    let (own, outside) = (raw_address(text(arguments, 0)?)?, raw_address(text(arguments, 1)?)?);
    let wanted = text(arguments, 2)?;
    let listener = UnixListener::bind(text(arguments, 0)?)?;
    let (address, over) = (SharedBytes::new(&own), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                address.store(&outside);
                address.store(&own);
            }
        });
        scope.spawn(|| {
            while let Ok((stream, _)) = listener.accept() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                drop(stream);
            }
        });
        let end = Instant::now() + Duration::from_secs(1);
        let found = std::iter::repeat_with(|| connect_once(&address, wanted))
            .take_while(|_| Instant::now() < end)
            .flatten()
            .next();
        over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for a connection, also where none can be made.
        drop(call(
            libc::SYS_shutdown,
            [Arg::Int(i64::from(listener.as_raw_fd())), Arg::Int(i64::from(libc::SHUT_RDWR))],
        ));
        found.ok_or_else(|| refused("never won the race"))
    })
}

/// One connection of the race.
fn connect_once(address: &SharedBytes, wanted: &str) -> Option<Vec<u8>> {
    let kind = i64::from(libc::SOCK_STREAM | libc::SOCK_CLOEXEC);
    let fd = call(libc::SYS_socket, [Arg::Int(i64::from(libc::AF_UNIX)), Arg::Int(kind), Arg::Int(0)]).ok()?;
    let mut content = vec![0; 256];
    let count = call(libc::SYS_connect, [Arg::Int(fd), address.address(), Arg::Int(address.len())])
        .and_then(|_| call(libc::SYS_read, [Arg::Int(fd), Arg::Out(&mut content), Arg::Int(256)]));
    drop(call(libc::SYS_close, [Arg::Int(fd)]));
    content.truncate(usize::try_from(count.ok()?).ok()?);
    content.windows(wanted.len()).any(|window| window == wanted.as_bytes()).then_some(content)
}

/// A unix stream socket.
fn unix_socket() -> io::Result<i64> {
    let kind = i64::from(libc::SOCK_STREAM | libc::SOCK_CLOEXEC);
    call(libc::SYS_socket, [Arg::Int(i64::from(libc::AF_UNIX)), Arg::Int(kind), Arg::Int(0)])
}

/// Switches a socket between blocking and not.
fn set_blocking(fd: i64, blocks: bool) {
    let flags = if blocks { 0 } else { i64::from(libc::O_NONBLOCK) };
    drop(call(libc::SYS_fcntl, [Arg::Int(fd), Arg::Int(i64::from(libc::F_SETFL)), Arg::Int(flags)]));
}

/// Fills the queue of a listener that never accepts.
fn fill_queue(listener: &UnixListener, address: &[u8]) -> io::Result<()> {
    call(libc::SYS_listen, [Arg::Int(i64::from(listener.as_raw_fd())), Arg::Int(0)])?;
    let full = (0..64).any(|_| {
        unix_socket().is_ok_and(|fd| {
            set_blocking(fd, false);
            connect_raw(fd, address).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        })
    });
    if full { Ok(()) } else { Err(refused("the queue does not fill")) }
}

/// The raw call.
fn connect_raw(fd: i64, address: &[u8]) -> io::Result<i64> {
    call(libc::SYS_connect, [Arg::Int(fd), Arg::In(address), Arg::Int(110)])
}

/// `connect-stall PATH SECONDS`: has eighty threads wait in `connect` for a listener whose queue is full, and two more try over and
/// over while their sockets are switched between blocking and not; then sees whether it is still there after that time.
fn connect_stall(arguments: &Arguments) -> Outcome {
    let (path, seconds) = (text(arguments, 0)?, number(arguments, 1)?);
    let address = raw_address(path)?;
    let listener = UnixListener::bind(path)?;
    fill_queue(&listener, &address)?;
    for _ in 0..80 {
        let (fd, address) = (unix_socket()?, address.clone());
        std::thread::spawn(move || {
            while connect_raw(fd, &address).is_err() {
                std::thread::sleep(Duration::from_millis(50));
            }
        });
    }
    std::thread::sleep(Duration::from_millis(200));
    for _ in 0..2 {
        let (fd, address) = (unix_socket()?, address.clone());
        std::thread::spawn(move || {
            loop {
                drop(connect_raw(fd, &address));
            }
        });
        std::thread::spawn(move || {
            loop {
                set_blocking(fd, false);
                set_blocking(fd, true);
            }
        });
    }
    std::thread::sleep(Duration::from_secs(seconds));
    // Closing the listener would end every wait before anything is said.
    std::mem::forget(listener);
    Ok(b"more time than it was given".to_vec())
}

/// `bind-unix PATH`: makes a socket there.
fn bind_unix(arguments: &Arguments) -> Outcome {
    UnixListener::bind(text(arguments, 0)?).map(|_| b"a socket".to_vec())
}

/// `recv-fd PATH`: connects and takes a descriptor that the listener sends, then reads it.
fn recv_fd(arguments: &Arguments) -> Outcome {
    let stream = UnixStream::connect(text(arguments, 0)?)?;
    let mut data = [0_u8; 8];
    let vector = [data.as_mut_ptr().expose_provenance().to_ne_bytes(), data.len().to_ne_bytes()].concat();
    let mut control = [0_u64; 4].map(u64::to_ne_bytes).concat();
    let words =
        [0, 0, vector.as_ptr().expose_provenance(), 1, control.as_mut_ptr().expose_provenance(), control.len(), 0];
    let mut message: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    call(libc::SYS_recvmsg, [Arg::Int(i64::from(stream.as_raw_fd())), Arg::Out(&mut message), Arg::Int(0)])?;
    std::hint::black_box((&data, &vector));
    let fd = std::hint::black_box(control).get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    let fd = fd.filter(|fd| *fd > 2).ok_or_else(|| refused("no descriptor came"))?;
    head(std::fs::File::open(format!("/proc/self/fd/{fd}"))?)
}

/// `send-dgram PATH|@NAME TEXT`: a datagram to an address given with the message.
fn send_dgram(arguments: &Arguments) -> Outcome {
    UnixDatagram::unbound()?.send_to_addr(text(arguments, 1)?.as_bytes(), &unix_address(text(arguments, 0)?)?)?;
    Ok(b"sent".to_vec())
}

/// `send-dgram-pair PATH TEXT`: the same from one end of a socket pair, which is made without `socket`.
fn send_dgram_pair(arguments: &Arguments) -> Outcome {
    let (one, _other) = UnixDatagram::pair()?;
    one.send_to_addr(text(arguments, 1)?.as_bytes(), &unix_address(text(arguments, 0)?)?)?;
    Ok(b"sent".to_vec())
}

/// `connect-tcp HOST:PORT`: what the listener says.
fn connect_tcp(arguments: &Arguments) -> Outcome {
    let address = text(arguments, 0)?.to_socket_addrs()?.next().ok_or_else(|| refused("no such host"))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    answer(head(stream))
}

/// `fastopen PORT`: connects to a loopback port by `sendto`, without `connect`.
fn fastopen(arguments: &Arguments) -> Outcome {
    let port: u16 = number(arguments, 0)?;
    let fd = call(
        libc::SYS_socket,
        [Arg::Int(i64::from(libc::AF_INET)), Arg::Int(i64::from(libc::SOCK_STREAM)), Arg::Int(0)],
    )?;
    let address = loopback(port);
    let flags = Arg::Int(i64::from(libc::MSG_FASTOPEN));
    call(libc::SYS_sendto, [Arg::Int(fd), Arg::In(b"hello"), Arg::Int(5), flags, Arg::In(&address), Arg::Int(16)])?;
    let mut content = vec![0; 256];
    let count = call(libc::SYS_read, [Arg::Int(fd), Arg::Out(&mut content), Arg::Int(256)])?;
    content.truncate(usize::try_from(count).unwrap_or(0));
    answer(Ok(content))
}

/// A loopback port as programs pass an address.
fn loopback(port: u16) -> Vec<u8> {
    let family = u16::try_from(libc::AF_INET).unwrap_or(2).to_ne_bytes();
    [family.as_slice(), &port.to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat()
}

/// `reconnect FD PORT`: takes apart a connection that is there and makes it one to a loopback port.
fn reconnect(arguments: &Arguments) -> Outcome {
    let fd: i64 = number(arguments, 0)?;
    let connect = |address: &[u8]| call(libc::SYS_connect, [Arg::Int(fd), Arg::In(address), Arg::Int(16)]);
    connect(&[0; 16])?;
    connect(&loopback(number(arguments, 1)?))?;
    let mut content = vec![0; 256];
    let count = call(libc::SYS_read, [Arg::Int(fd), Arg::Out(&mut content), Arg::Int(256)])?;
    content.truncate(usize::try_from(count).unwrap_or(0));
    answer(Ok(content))
}

/// `send-on FD PORT`: sends from a UDP socket that is there to a loopback port.
fn send_on(arguments: &Arguments) -> Outcome {
    let (fd, address) = (Arg::Int(number(arguments, 0)?), loopback(number(arguments, 1)?));
    call(libc::SYS_sendto, [fd, Arg::In(b"hello"), Arg::Int(5), Arg::Int(0), Arg::In(&address), Arg::Int(16)])?;
    Ok(b"sent".to_vec())
}

/// `send-udp HOST:PORT TEXT`: and what comes back.
fn send_udp(arguments: &Arguments) -> Outcome {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(SHORT_PATIENCE))?;
    socket.send_to(text(arguments, 1)?.as_bytes(), text(arguments, 0)?)?;
    let mut content = vec![0; 256];
    let count = socket.recv(&mut content)?;
    content.truncate(count);
    answer(Ok(content))
}

/// `listen-tcp PORT`: says `LISTENING`, then waits five seconds for somebody to connect.
fn listen_tcp(arguments: &Arguments) -> Outcome {
    let listener = TcpListener::bind(("0.0.0.0", number(arguments, 0)?))?;
    crate::say(b"LISTENING\n");
    wait_for(|| listener.set_nonblocking(true).and_then(|()| listener.accept()).map(|(stream, _)| drop(stream)))
}

/// `listen-abstract NAME`: the same at an abstract address.
fn listen_abstract(arguments: &Arguments) -> Outcome {
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(text(arguments, 0)?)?)?;
    crate::say(b"LISTENING\n");
    wait_for(|| {
        listener.set_nonblocking(true)?;
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"hello from inside")?;
        stream.shutdown(std::net::Shutdown::Write)?;
        stream.read(&mut [0]).map(drop)
    })
}

/// Polls for a connection.
fn wait_for(mut accept: impl FnMut() -> io::Result<()>) -> Outcome {
    for _ in 0..100 {
        if accept().is_ok() {
            return Ok(b"somebody from outside connected".to_vec());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(refused("nobody came"))
}

/// `vsock-connect CID PORT`: a socket to the hypervisor; any answer but "no such family" or "not permitted" counts.
fn vsock_connect(arguments: &Arguments) -> Outcome {
    let fd = call(
        libc::SYS_socket,
        [Arg::Int(i64::from(libc::AF_VSOCK)), Arg::Int(i64::from(libc::SOCK_STREAM)), Arg::Int(0)],
    )?;
    Ok(format!("vsock socket {fd} for {}:{}", text(arguments, 0)?, text(arguments, 1)?).into_bytes())
}
