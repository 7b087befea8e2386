//! Which of several addresses a connection is made to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{ConnectError, connect, in_turn, is_of_this_host};

/// How often something is timed: a busy machine takes longer now and then, and never shorter.
const TRIES: usize = 5;

/// The shortest time that something takes.
async fn soonest_of(times: usize, work: impl AsyncFn()) -> Duration {
    let mut soonest = Duration::MAX;
    for _ in 0..times {
        let begin = Instant::now();
        work().await;
        soonest = soonest.min(begin.elapsed());
    }
    soonest
}

/// An address of the loopback.
fn loopback(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

/// A listening socket that does not answer any more: its backlog is full.
async fn silent() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((loopback(2), 0).into()).expect("bound");
    let listener = socket.listen(1).expect("listening");
    let address = listener.local_addr().expect("an address");
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream.expect("in the backlog"));
    }
    (listener, waiting, address)
}

#[test]
fn families_take_turns_and_the_first_one_begins() {
    let [a, b, c]: [IpAddr; 3] = [1, 2, 3].map(loopback);
    let [x, y]: [IpAddr; 2] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().expect("an address"));
    assert_eq!(in_turn(&[x, y, a, b, c]), [x, a, y, b, c]);
    assert_eq!(in_turn(&[a, x, y]), [a, x, y]);
    assert_eq!(in_turn(&[a, b, c, x]), [a, x, b, c]);
    assert_eq!(in_turn(&[]), [] as [IpAddr; 0]);
}

#[tokio::test]
async fn an_address_that_is_refused_is_followed_by_the_next_at_once() {
    let listener = TcpListener::bind((loopback(4), 0)).await.expect("listening");
    let port = listener.local_addr().expect("an address").port();
    let soonest = soonest_of(TRIES, async || {
        let stream = connect(&[loopback(2), loopback(3), loopback(4)], port).await.expect("connected");
        assert_eq!(stream.peer_addr().expect("an address").ip(), loopback(4));
    });
    let soonest = soonest.await;
    assert!(soonest < Duration::from_millis(200), "{soonest:?}");
}

#[tokio::test]
async fn an_address_that_is_silent_is_given_a_quarter_of_a_second() {
    let (_full, _waiting, address) = silent().await;
    let live = TcpListener::bind((loopback(3), address.port())).await.expect("listening");
    let soonest = soonest_of(TRIES, async || {
        let stream = connect(&[address.ip(), loopback(3)], address.port()).await.expect("connected");
        assert_eq!(stream.peer_addr().expect("an address"), live.local_addr().expect("an address"));
    });
    let soonest = soonest.await;
    assert!(soonest >= Duration::from_millis(240) && soonest < Duration::from_millis(900), "{soonest:?}");
}

#[tokio::test]
async fn an_address_that_stays_silent_is_given_up_after_ten_seconds() {
    let (_full, _waiting, address) = silent().await;
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    let error = connect(&[address.ip()], address.port()).await.expect_err("nobody answers");
    assert!(matches!(error, ConnectError::TimedOut), "{error}");
    assert!(begin.elapsed() >= Duration::from_secs(10) && begin.elapsed() < Duration::from_secs(11));
}

#[tokio::test]
async fn no_address_and_only_refused_addresses_are_failures_with_a_reason() {
    assert!(matches!(connect(&[], 80).await, Err(ConnectError::NoAddress)));
    let free = TcpListener::bind((loopback(1), 0)).await.expect("listening").local_addr().expect("an address");
    let error = connect(&[free.ip()], free.port()).await.expect_err("nobody listens");
    assert!(error.to_string().contains("failed to connect to 127.0.0.1:"), "{error}");
}

#[test]
fn addresses_of_this_host_are_known_and_others_are_not_taken_for_them() {
    assert!(is_of_this_host(loopback(1)) && is_of_this_host(loopback(77)));
    assert!(is_of_this_host("::1".parse().expect("an address")) || TcpSocket::new_v6().is_err());
    for foreign in ["192.0.2.77", "8.8.8.8", "2001:db8::77"] {
        assert!(!is_of_this_host(foreign.parse().expect("an address")), "{foreign}");
    }
    for interface in nix::ifaddrs::getifaddrs().expect("the interfaces") {
        let address = interface.address.as_ref().and_then(nix::sys::socket::SockaddrStorage::as_sockaddr_in);
        if let Some(address) = address {
            assert!(is_of_this_host(address.ip().into()), "{address}");
        }
    }
}
