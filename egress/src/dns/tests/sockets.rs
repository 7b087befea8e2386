//! The server on real sockets of the loopback.

use std::net::{SocketAddr, TcpListener as StdListener, UdpSocket as StdSocket};
use std::process::Command;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use super::{question, server};
use crate::dns::tcp::converse;
use crate::dns::{serve_tcp, serve_udp};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(200);

/// Runs a test as the program runs: one thread, local tasks.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let test = async { timeout(PATIENCE, test).await.expect("in time") };
    LocalSet::new().block_on(&runtime, test);
}

/// Starts a server on every address of the family of `bind`, and returns its port.
fn start_udp(bind: &str) -> u16 {
    let socket = StdSocket::bind(bind).expect("a socket");
    socket.set_nonblocking(true).expect("it does not block");
    let port = socket.local_addr().expect("it is bound").port();
    let (gate, names) = server();
    spawn_local(serve_udp(socket.into(), gate, names));
    port
}

/// Starts a server on connections, and returns where.
fn start_tcp() -> SocketAddr {
    let listener = StdListener::bind("127.0.0.1:0").expect("a listener");
    listener.set_nonblocking(true).expect("it does not block");
    let address = listener.local_addr().expect("it is bound");
    let (gate, names) = server();
    spawn_local(serve_tcp(listener.into(), gate, names));
    address
}

/// The bytes of a question about `name`.
fn packet(name: &str) -> Vec<u8> {
    question(name, RecordType::A).to_vec().expect("bytes")
}

/// Reads one answer from a connection.
async fn read(stream: &mut TcpStream) -> Message {
    let length = stream.read_u16().await.expect("a length");
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.expect("an answer");
    Message::from_vec(&bytes).expect("an answer that parses")
}

/// Asks over UDP from a connected socket, which takes only what comes from the address that it asked.
async fn ask(from: &str, to: SocketAddr) -> Message {
    let client = UdpSocket::bind(from).await.expect("a socket");
    client.connect(to).await.expect("connected");
    client.send(&packet("example.com")).await.expect("sent");
    let mut bytes = [0; 1500];
    let length = client.recv(&mut bytes).await.expect("an answer from the address that was asked");
    Message::from_vec(&bytes[..length]).expect("an answer that parses")
}

#[test]
fn the_answer_comes_from_the_address_that_was_asked() {
    run(async {
        let port = start_udp("0.0.0.0:0");
        for address in ["127.0.0.1", "127.0.0.53", "127.1.2.3"] {
            let to = SocketAddr::new(address.parse().expect("an address"), port);
            assert_eq!(ask("127.0.0.1:0", to).await.answers.len(), 1, "{address}");
        }
    });
}

#[test]
fn the_answer_comes_from_the_address_that_was_asked_in_ipv6_too() {
    if StdSocket::bind("[::1]:0").is_err() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "this machine has no IPv6");
        println!("SKIP: this machine has no IPv6");
        return;
    }
    run(async {
        let port = start_udp("[::]:0");
        let to = SocketAddr::new("::1".parse().expect("an address"), port);
        assert_eq!(ask("[::1]:0", to).await.answers.len(), 1);
    });
}

/// Tells the copy of this program that was started in a network where every address is local.
const EVERYTHING_IS_LOCAL: &str = "LOBSTERPOT_TEST_EVERYTHING_IS_LOCAL";

#[test]
fn where_every_address_is_local_every_address_answers() {
    if std::env::var_os(EVERYTHING_IS_LOCAL).is_some() {
        return run(async {
            let ports = (start_udp("0.0.0.0:0"), start_udp("[::]:0"));
            for (address, port) in [("8.8.8.8", ports.0), ("2001:db8::99", ports.1), ("2001:2::1", ports.1)] {
                let to = SocketAddr::new(address.parse().expect("an address"), port);
                let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                assert_eq!(ask(from, to).await.answers.len(), 1, "{address}");
            }
        });
    }
    let setup = "ip link set lo up && ip route add local default dev lo && ip -6 route add local default dev lo";
    let inside = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-Urn", "sh", "-ec", script]).arg(std::env::current_exe().expect("this program"));
        command.env(EVERYTHING_IS_LOCAL, "1").output()
    };
    if !inside(setup).is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "no network of its own can be made");
        println!("SKIP: no network of its own with IPv6 can be made");
        return;
    }
    let test = "dns::tests::sockets::where_every_address_is_local_every_address_answers";
    let output = inside(&format!("{setup}; exec \"$0\" --exact {test}")).expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_flood_of_rubbish_does_not_stop_the_server() {
    run(async {
        let port = start_udp("0.0.0.0:0");
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        let client = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        for length in 0..2000 {
            let rubbish = vec![0x5a; length * 30 % 60_000];
            let _dropped = client.send_to(&rubbish, to).await;
        }
        for _ in 0..20 {
            let answer = timeout(Duration::from_secs(5), ask("127.0.0.1:0", to)).await;
            if answer.is_ok_and(|answer| answer.answers.len() == 1) {
                return;
            }
        }
        panic!("no answer");
    });
}

#[test]
fn many_questions_on_one_connection_are_answered_in_order() {
    run(async {
        let mut stream = TcpStream::connect(start_tcp()).await.expect("connected");
        let names = ["example.com", "evil.example", "a.wide.example", "localhost"];
        let mut framed = Vec::new();
        for name in names {
            let packet = packet(name);
            framed.extend(u16::try_from(packet.len()).expect("short").to_be_bytes());
            framed.extend(packet);
        }
        // All at once but for the last byte, which comes later by itself.
        let (last, rest) = framed.split_last().expect("bytes");
        stream.write_all(rest).await.expect("sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(&[*last]).await.expect("sent");
        for name in names {
            let answer = read(&mut stream).await;
            assert_eq!(answer.queries[0].name().to_string(), format!("{name}."));
            let expected = if name == "evil.example" { ResponseCode::NXDomain } else { ResponseCode::NoError };
            assert_eq!(answer.metadata.response_code, expected);
        }
    });
}

#[test]
fn a_connection_that_says_something_strange_is_closed() {
    run(async {
        let address = start_tcp();
        for strange in [&b"\xff\xff"[..], b"\x00\x00", b"\x00\x05hello"] {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            stream.write_all(strange).await.expect("sent");
            let mut left = Vec::new();
            let _closed_or_reset = stream.read_to_end(&mut left).await;
            assert_eq!(left, b"", "{strange:?}");
        }
    });
}

#[test]
fn a_hundred_idle_connections_do_not_keep_others_out_for_long() {
    run(async {
        let address = start_tcp();
        let mut idle = Vec::new();
        for _ in 0..100 {
            idle.push(TcpStream::connect(address).await.expect("connected"));
        }
        drop(idle.split_off(50));
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let packet = packet("example.com");
        stream.write_u16(u16::try_from(packet.len()).expect("short")).await.expect("sent");
        stream.write_all(&packet).await.expect("sent");
        assert_eq!(read(&mut stream).await.answers.len(), 1);
    });
}

#[test]
fn a_connection_that_sends_one_byte_at_a_time_ends() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        let mut slow = TcpStream::connect(address).await.expect("connected");
        let (stream, _) = listener.accept().await.expect("accepted");
        spawn_local(async move {
            // Long enough not to end by itself.
            slow.write_u16(400).await.expect("sent");
            while slow.write_u8(0).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
        let (gate, names) = server();
        let end = converse(stream, &gate, &names, Duration::from_millis(200)).await;
        assert!(end.is_err_and(|source| source.kind() == std::io::ErrorKind::TimedOut));
    });
}
