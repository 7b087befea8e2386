//! Both ends of the traffic that `bench/net.py` measures.
//!
//! ```text
//! traffic serve PORT                 a server; one thread for each connection
//! traffic connect HOST PORT TIMES    connects that often, one byte to and fro each; prints the median in microseconds
//! traffic bulk HOST PORT BYTES       one stream; prints megabytes a second
//! traffic small HOST PORT TIMES      64 bytes to and fro on one connection; prints exchanges a second
//! traffic idle HOST PORT COUNT       keeps connections open until stdin ends; prints a line when all are
//! ```
//! With `HTTP_PROXY` in the environment the client asks that proxy to connect (RFC 9110, section 9.3.6).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// What one read or write moves at most, in bytes.
const CHUNK: usize = 256 * 1024;
/// One small message, in bytes.
const SMALL: usize = 64;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["serve", port] => serve(number(port)),
        ["connect", host, port, times] => connect(&Way::to(host, port), number(times)),
        ["bulk", host, port, bytes] => bulk(&Way::to(host, port), number(bytes)),
        ["small", host, port, times] => small(&Way::to(host, port), number(times)),
        ["idle", host, port, count] => idle(&Way::to(host, port), number(count)),
        _ => Err(io::Error::other("usage: see the top of bench/traffic.rs")),
    };
    if let Err(error) = done {
        eprintln!("traffic: {error}");
        std::process::exit(1);
    }
}

/// A number of the command line.
fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is not a number"))
}

/// How to reach the server: looked up once.
struct Way {
    /// The server, or the proxy: the first of these that answers.
    addresses: Vec<SocketAddr>,
    /// What to ask the proxy for.
    asked: Option<String>,
}

impl Way {
    /// The way to a host, by the proxy of the environment if there is one.
    fn to(host: &str, port: &str) -> Self {
        let proxy = std::env::var("HTTP_PROXY").ok().map(|proxy| proxy.trim_start_matches("http://").to_owned());
        let place =
            proxy.as_ref().map_or_else(|| format!("{host}:{port}"), |proxy| proxy.trim_end_matches('/').to_owned());
        // Names and passwords before the proxy's place are sent as they are.
        let (account, place) =
            place.rsplit_once('@').map_or((None, place.as_str()), |(account, place)| (Some(account), place));
        let addresses: Vec<SocketAddr> = place.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
        assert!(!addresses.is_empty(), "{place} cannot be looked up");
        let login = account.map_or_else(String::new, |account| {
            format!("Proxy-Authorization: Basic {}\r\n", base64(account.as_bytes()))
        });
        let asked = proxy.map(|_| format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{login}\r\n"));
        let way = Self { addresses, asked };
        way.wait();
        way
    }

    /// Waits until a proxy that is only just starting answers.
    fn wait(&self) {
        for _ in 0..200 {
            match self.open() {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    std::thread::sleep(Duration::from_millis(10))
                }
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// A connection.
    fn open(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.addresses.as_slice())?;
        stream.set_nodelay(true)?;
        if let Some(asked) = &self.asked {
            stream.write_all(asked.as_bytes())?;
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte)?;
                head.push(byte[0]);
            }
            if !head.starts_with(b"HTTP/1.1 200") {
                return Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()));
            }
        }
        Ok(stream)
    }
}

/// Base64 (RFC 4648) with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().chain([0, 0].iter()).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = LETTERS[usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0)];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// Answers what the clients below ask: the first byte says what.
fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("ready");
    for stream in listener.incoming() {
        let mut stream = stream?;
        std::thread::Builder::new().stack_size(64 * 1024).spawn(move || answer(&mut stream).err())?;
    }
    Ok(())
}

/// Answers one connection until it ends.
fn answer(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    match kind {
        [b'b'] => {
            let mut length = [0; 8];
            stream.read_exact(&mut length)?;
            let (mut left, chunk) = (u64::from_be_bytes(length), vec![b'x'; CHUNK]);
            while left > 0 {
                let part = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
                stream.write_all(&chunk[..part])?;
                left -= part as u64;
            }
            // The client ends it: some bridges lose the last bytes of a server that closes at once.
            stream.read(&mut kind).map(drop)
        }
        _ => {
            stream.write_all(&kind)?;
            let mut message = [0; SMALL];
            loop {
                stream.read_exact(&mut message)?;
                stream.write_all(&message)?;
            }
        }
    }
}

/// The median time of a connection with one byte to and fro.
fn connect(way: &Way, times: usize) -> io::Result<()> {
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let began = Instant::now();
        let mut stream = way.open()?;
        let mut byte = [b'e'];
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        taken.push(began.elapsed());
    }
    taken.sort();
    println!("{:.1}", taken[times / 2].as_secs_f64() * 1e6);
    Ok(())
}

/// Megabytes a second of one stream from the server.
fn bulk(way: &Way, bytes: u64) -> io::Result<()> {
    let mut stream = way.open()?;
    stream.write_all(b"b")?;
    stream.write_all(&bytes.to_be_bytes())?;
    let (mut buffer, mut seen) = (vec![0; CHUNK], 0_u64);
    let began = Instant::now();
    while seen < bytes {
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::other(format!("the stream ended after {seen} bytes"))),
            count => seen += count as u64,
        }
    }
    println!("{:.1}", bytes as f64 / 1e6 / began.elapsed().as_secs_f64());
    Ok(())
}

/// Small exchanges a second on one connection.
fn small(way: &Way, times: u32) -> io::Result<()> {
    let mut stream = way.open()?;
    let (mut byte, mut message) = ([b'e'], [b'm'; SMALL]);
    stream.write_all(&byte)?;
    stream.read_exact(&mut byte)?;
    let began = Instant::now();
    for _ in 0..times {
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
    }
    println!("{:.1}", f64::from(times) / began.elapsed().as_secs_f64());
    Ok(())
}

/// Many connections, used once and then left open.
fn idle(way: &Way, count: usize) -> io::Result<()> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = way.open()?;
        let mut byte = [b'e'];
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        open.push(stream);
    }
    println!("open");
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}
