//! Attempts on the way out, with a resolver and clients of their own that do what no honest program does.

use crate::call::{Arg, call};
use crate::sockets::PATIENCE;
use crate::{Arguments, Attempt, Outcome, number, refused, text, usage};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// The attempts of this module.
pub(crate) const ALL: &[(&str, Attempt)] = &[
    ("ask", ask),
    ("fetch", fetch),
    ("say", say),
    ("dgram", dgram),
    ("hold", hold),
    ("ping", ping),
    ("connect-by", connect_by),
    ("fastopen-to", fastopen_to),
];

/// How long a peer is listened to after its last word.
const PAUSE: Duration = Duration::from_millis(400);

/// Record types by their names (RFC 1035, RFC 3596).
const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("NULL", 10),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("ANY", 255),
];

/// The first nameserver of this machine.
fn nameserver() -> io::Result<IpAddr> {
    let file = std::fs::read_to_string("/etc/resolv.conf")?;
    let server = file.lines().find_map(|line| line.strip_prefix("nameserver ")?.trim().parse().ok());
    server.ok_or_else(|| refused("no nameserver is named"))
}

/// A question (RFC 1035, section 4.1).
fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut packet = vec![0x4c, 0x6f, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        packet.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    packet.extend_from_slice(&kind.to_be_bytes());
    packet.extend_from_slice(&1_u16.to_be_bytes());
    packet
}

/// Asks over UDP or TCP, and gives the whole answer.
fn exchange(over: &str, server: IpAddr, packet: &[u8]) -> Outcome {
    let server = SocketAddr::new(server, 53);
    if over == "tcp" {
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let length = u16::try_from(packet.len()).map_err(|_| usage("the question is too long"))?;
        stream.write_all(&[&length.to_be_bytes(), packet].concat())?;
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(head))];
        return stream.read_exact(&mut answer).map(|()| answer);
    }
    let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    // A socket that is connected is told when nobody is there.
    socket.connect(server)?;
    socket.send(packet)?;
    let mut answer = vec![0; 65535];
    let count = socket.recv(&mut answer)?;
    answer.truncate(count);
    Ok(answer)
}

/// Where a name in a packet ends.
fn after_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += usize::from(length) + 1,
        }
    }
}

/// A number of two bytes in a packet.
fn word(packet: &[u8], at: usize) -> Option<u16> {
    packet.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

/// The data of an answer's records of one type.
fn records(packet: &[u8], kind: u16) -> Option<Vec<Vec<u8>>> {
    let (mut at, mut found) = (after_name(packet, 12)? + 4, vec![]);
    for _ in 0..word(packet, 6)? {
        at = after_name(packet, at)?;
        let (this, length) = (word(packet, at)?, usize::from(word(packet, at + 8)?));
        if this == kind {
            found.push(packet.get(at + 10..at + 10 + length)?.to_vec());
        }
        at += 10 + length;
    }
    Some(found)
}

/// The records that an own resolver gets for a name.
fn look_up(over: &str, server: IpAddr, name: &str, kind: u16) -> io::Result<Vec<Vec<u8>>> {
    let answer = exchange(over, server, &question(name, kind))?;
    match answer.get(3).map(|flags| flags & 15) {
        Some(0) => records(&answer, kind).ok_or_else(|| refused("an answer that ends too soon")),
        Some(code) => Err(refused(&format!("the answer's code is {code}"))),
        None => Err(refused("an answer that ends too soon")),
    }
}

/// An address out of a record.
fn address(data: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(data).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(data).map(IpAddr::from)).ok()
}

/// `ask udp|tcp SERVER|- TYPE NAME`: what the nameserver (by default this machine's) has of this type for the name.
fn ask(arguments: &Arguments) -> Outcome {
    let server = match text(arguments, 1)? {
        "-" => nameserver()?,
        server => server.parse().map_err(|_| usage("the server is no address"))?,
    };
    let wanted = text(arguments, 2)?;
    let kind = TYPES.iter().find(|(name, _)| *name == wanted);
    let (_, kind) = kind.ok_or_else(|| usage("an unknown type"))?;
    let found = look_up(text(arguments, 0)?, server, text(arguments, 3)?, *kind)?;
    let shown = found.iter().map(|data| {
        address(data).map_or_else(|| String::from_utf8_lossy(data).into_owned(), |address| address.to_string())
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { Err(refused("no such record")) } else { Ok(shown.join(" ").into_bytes()) }
}

/// The address of a host, by the own resolver where it is a name.
fn find(host: &str) -> io::Result<IpAddr> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let server = nameserver()?;
    let found = [1, 28].into_iter().filter_map(|kind| look_up("udp", server, host, kind).ok()).flatten();
    found.filter_map(|data| address(&data)).next().ok_or_else(|| refused("no such host"))
}

/// `fetch HOST PORT PATH`: what a web server answers, found by an own resolver.
fn fetch(arguments: &Arguments) -> Outcome {
    let (host, port, path) = (text(arguments, 0)?, number(arguments, 1)?, text(arguments, 2)?);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(find(host)?, port), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = vec![];
    stream.read_to_end(&mut answer).map(|_| answer)
}

/// Bytes as they are written on a command line: `\r`, `\n`, `\\`, `\xHH`, and `\*N:` for the next character N times over.
fn bytes(written: &str) -> io::Result<Vec<u8>> {
    let (mut bytes, mut rest) = (vec![], written.chars());
    while let Some(character) = rest.next() {
        if character != '\\' {
            bytes.extend(character.to_string().bytes());
            continue;
        }
        match rest.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).map_err(|_| usage("not two hexadecimal digits"))?);
            }
            Some('*') => {
                let count: String = rest.by_ref().take_while(|character| *character != ':').collect();
                let count = count.parse().map_err(|_| usage("not a count"))?;
                let repeated = rest.next().ok_or_else(|| usage("nothing to repeat"))?;
                bytes.extend(repeated.to_string().repeat(count).into_bytes());
            }
            _ => return Err(usage("an unknown escape")),
        }
    }
    Ok(bytes)
}

/// `say HOST:PORT PART…`: connects, says each part and listens until something comes and then nothing more; all that came back.
fn say(arguments: &Arguments) -> Outcome {
    let mut last = refused("no such host");
    let mut stream = None;
    for address in text(arguments, 0)?.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(connected) => stream = stream.or(Some(connected)),
            Err(error) => last = error,
        }
    }
    let Some(mut stream) = stream else { return Err(last) };
    let mut heard = vec![];
    for part in 1..arguments.len() {
        let said = stream.write_all(&bytes(text(arguments, part)?)?);
        let mut buffer = vec![0; 65536];
        stream.set_read_timeout(Some(PATIENCE))?;
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            heard.extend_from_slice(&buffer[..count]);
            stream.set_read_timeout(Some(PAUSE))?;
        }
        said?;
    }
    if heard.is_empty() { Err(refused("nothing was answered")) } else { Ok(heard) }
}

/// `dgram ADDRESS:PORT TEXT`: sends a datagram from a connected socket; what comes back.
fn dgram(arguments: &Arguments) -> Outcome {
    let target: SocketAddr = text(arguments, 0)?.parse().map_err(|_| usage("no address and port"))?;
    let any: IpAddr = if target.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(target)?;
    socket.send(&bytes(text(arguments, 1)?)?)?;
    let mut answer = vec![0; 2048];
    let count = socket.recv(&mut answer)?;
    answer.truncate(count);
    Ok(answer)
}

/// `hold HOST:PORT COUNT SECONDS`: opens connections and says one byte over each every second; how many are open at the end.
fn hold(arguments: &Arguments) -> Outcome {
    let target = text(arguments, 0)?.to_socket_addrs()?.next().ok_or_else(|| refused("no such host"))?;
    let (count, seconds): (usize, u64) = (number(arguments, 1)?, number(arguments, 2)?);
    let mut open: Vec<TcpStream> =
        (0..count).filter_map(|_| TcpStream::connect_timeout(&target, PATIENCE).ok()).collect();
    for _ in 0..seconds {
        open.retain_mut(|stream| stream.write_all(b"G").is_ok());
        std::thread::sleep(Duration::from_secs(1));
    }
    for stream in &open {
        stream.set_nonblocking(true)?;
    }
    open.retain_mut(|stream| stream.read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
    if open.is_empty() { Err(refused("none is left")) } else { Ok(format!("{} left", open.len()).into_bytes()) }
}

/// `struct sockaddr_in` of an address and port (ip(7)).
fn raw_address(target: SocketAddrV4) -> Vec<u8> {
    let family = u16::try_from(libc::AF_INET).unwrap_or(2).to_ne_bytes();
    [family.as_slice(), &target.port().to_be_bytes(), &target.ip().octets(), &[0; 8]].concat()
}

/// The address and port in an argument.
fn target(arguments: &Arguments, index: usize) -> io::Result<SocketAddrV4> {
    text(arguments, index)?.parse().map_err(|_| usage("no address and port"))
}

/// Reads what a raw socket is told, within a while.
fn hear(fd: i64) -> Outcome {
    let patience = [i64::try_from(PATIENCE.as_secs()).unwrap_or(3).to_ne_bytes(), 0_i64.to_ne_bytes()].concat();
    let option = [libc::SOL_SOCKET, libc::SO_RCVTIMEO].map(|number| Arg::Int(i64::from(number)));
    let [level, name] = option;
    call(libc::SYS_setsockopt, [Arg::Int(fd), level, name, Arg::In(&patience), Arg::Int(16)])?;
    let mut content = vec![0; 256];
    let count = call(libc::SYS_read, [Arg::Int(fd), Arg::Out(&mut content), Arg::Int(256)])?;
    content.truncate(usize::try_from(count).unwrap_or(0));
    if content.is_empty() { Err(refused("nothing was answered")) } else { Ok(content) }
}

/// `ping ADDRESS`: an echo request by a datagram socket (icmp(7)); what comes back.
fn ping(arguments: &Arguments) -> Outcome {
    let address: Ipv4Addr = text(arguments, 0)?.parse().map_err(|_| usage("no address"))?;
    let numbers = [libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP].map(|number| Arg::Int(i64::from(number)));
    let fd = call(libc::SYS_socket, numbers)?;
    let to = raw_address(SocketAddrV4::new(address, 0));
    call(libc::SYS_connect, [Arg::Int(fd), Arg::In(&to), Arg::Int(16)])?;
    let request = [8, 0, 0, 0, 0, 0, 0, 1, b'l', b'o', b'b'];
    call(libc::SYS_write, [Arg::Int(fd), Arg::In(&request), Arg::Int(11)])?;
    hear(fd).map(|answer| format!("answer of {} bytes", answer.len()).into_bytes())
}

/// `connect-by FAMILY TYPE PROTOCOL ADDRESS:PORT`: what is heard over a socket of this kind.
fn connect_by(arguments: &Arguments) -> Outcome {
    let numbers: [i64; 3] = [number(arguments, 0)?, number(arguments, 1)?, number(arguments, 2)?];
    let fd = call(libc::SYS_socket, numbers.map(Arg::Int))?;
    let to = raw_address(target(arguments, 3)?);
    call(libc::SYS_connect, [Arg::Int(fd), Arg::In(&to), Arg::Int(16)])?;
    hear(fd)
}

/// `fastopen-to ADDRESS:PORT`: connects by `sendto`, without `connect`.
fn fastopen_to(arguments: &Arguments) -> Outcome {
    let numbers = [libc::AF_INET, libc::SOCK_STREAM, 0].map(|number| Arg::Int(i64::from(number)));
    let fd = call(libc::SYS_socket, numbers)?;
    let to = raw_address(target(arguments, 0)?);
    let flags = Arg::Int(i64::from(libc::MSG_FASTOPEN));
    call(libc::SYS_sendto, [Arg::Int(fd), Arg::In(b"hello"), Arg::Int(5), flags, Arg::In(&to), Arg::Int(16)])?;
    hear(fd)
}
