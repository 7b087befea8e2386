//! The resolver against nameservers of the test's own, honest and not.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{RData, Record, RecordType};
use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin, Tier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::{Family, ResolveError, Resolver, Settings};
use crate::gate::Gate;
use crate::report::Reporter;

/// What a nameserver does with one question over UDP: the answers that it sends, and after what time.
type Behaviour = dyn Fn(&Message) -> Vec<(Duration, Message)>;

/// A nameserver of the loopback.
struct Server {
    /// Where it is.
    address: SocketAddr,
    /// The questions that it got over UDP, as text.
    asked: Rc<RefCell<Vec<String>>>,
    /// How many it got over TCP.
    asked_tcp: Rc<Cell<usize>>,
}

/// Runs a test as the program runs: one thread, local tasks.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let test = async { timeout(Duration::from_secs(300), test).await.expect("in time") };
    LocalSet::new().block_on(&runtime, test);
}

impl Server {
    /// Starts one. Over TCP it answers honestly.
    async fn start(behaviour: impl Fn(&Message) -> Vec<(Duration, Message)> + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("it is bound");
        let socket = Rc::new(UdpSocket::bind(address).await.expect("the same port"));
        let server = Self { address, asked: Rc::default(), asked_tcp: Rc::default() };
        spawn_local(serve_udp(socket, Rc::new(behaviour), Rc::clone(&server.asked)));
        spawn_local(serve_tcp(listener, Rc::clone(&server.asked_tcp)));
        server
    }
}

/// Serves datagrams.
async fn serve_udp(socket: Rc<UdpSocket>, behaviour: Rc<Behaviour>, asked: Rc<RefCell<Vec<String>>>) {
    let mut bytes = [0; 1500];
    loop {
        let (length, client) = socket.recv_from(&mut bytes).await.expect("a question");
        let question = Message::from_vec(&bytes[..length]).expect("a question that parses");
        let query = &question.queries[0];
        asked.borrow_mut().push(format!("{} {}", query.name(), query.query_type()));
        for (delay, answer) in behaviour(&question) {
            let socket = Rc::clone(&socket);
            spawn_local(async move {
                sleep(delay).await;
                let _lost = socket.send_to(&answer.to_vec().expect("bytes"), client).await;
            });
        }
    }
}

/// Serves connections, one question each.
async fn serve_tcp(listener: TcpListener, asked: Rc<Cell<usize>>) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        asked.set(asked.get() + 1);
        let length = stream.read_u16().await.expect("a length");
        let mut bytes = vec![0; length.into()];
        stream.read_exact(&mut bytes).await.expect("a question");
        let answer = honest(&Message::from_vec(&bytes).expect("it parses")).to_vec().expect("bytes");
        stream.write_u16(u16::try_from(answer.len()).expect("short")).await.expect("sent");
        stream.write_all(&answer).await.expect("sent");
    }
}

/// The honest answer: 93.184.216.34 and 2606:2800::1.
fn honest(question: &Message) -> Message {
    let mut answer = question.clone().into_response();
    let query = question.queries[0].clone();
    let data = if query.query_type() == RecordType::A {
        RData::A(A::new(93, 184, 216, 34))
    } else {
        RData::AAAA(AAAA::new(0x2606, 0x2800, 0, 0, 0, 0, 0, 1))
    };
    answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
    answer
}

/// The honest answer at once.
fn at_once(question: &Message) -> Vec<(Duration, Message)> {
    vec![(Duration::ZERO, honest(question))]
}

/// An answer with this code at once.
fn with_code(question: &Message, code: ResponseCode) -> Vec<(Duration, Message)> {
    let mut answer = question.clone().into_response();
    answer.metadata.response_code = code;
    vec![(Duration::ZERO, answer)]
}

/// A resolver that asks these, and allows `example.com` and what is below it.
fn resolver(servers: &[&Server], options: &str, hosts: &str) -> Resolver {
    let origin = || Origin { tier: Tier::Flags, file: None, line: 0 };
    let rules = ["example.com", "*.example.com", "db:5432"];
    let rules = rules.iter().map(|rule| HostRule::parse(rule, origin()).expect("a rule")).collect();
    let network = Network { mode: NetworkMode::Allowlist, rules, deny: Vec::new(), proxy: false, publish: Vec::new() };
    let settings = Settings::parse(&format!("options {options}\n"), hosts);
    let settings = settings.with_nameservers(servers.iter().map(|server| server.address).collect());
    Resolver::new(settings, Gate::new(network, Reporter::default()))
}

/// The honest IPv4 address.
fn v4() -> IpAddr {
    Ipv4Addr::new(93, 184, 216, 34).into()
}

/// The honest IPv6 address.
fn v6() -> IpAddr {
    "2606:2800::1".parse().expect("an address")
}

#[test]
fn both_kinds_are_asked_for_at_once_and_answers_are_kept() {
    run(async {
        let server = Server::start(at_once).await;
        let resolver = resolver(&[&server], "", "");
        for name in ["example.com", "Example.COM."] {
            assert_eq!(resolver.resolve(name, Family::Both).await, Ok(vec![v6(), v4()]));
        }
        assert_eq!(resolver.resolve("example.com", Family::V4).await, Ok(vec![v4()]));
        assert_eq!(resolver.resolve("example.com", Family::V6).await, Ok(vec![v6()]));
        let mut asked = server.asked.borrow().clone();
        asked.sort();
        assert_eq!(asked, ["example.com. A", "example.com. AAAA"]);
    });
}

#[test]
fn a_name_that_the_policy_does_not_allow_is_never_asked_for() {
    run(async {
        let server = Server::start(at_once).await;
        let resolver = resolver(&[&server], "", "");
        for name in ["evil.example", "example.com.evil", "", ".", "10.0.0.1", "::1", "a b.example.com", "localhost"] {
            let found = resolver.resolve(name, Family::Both).await;
            assert!(matches!(found, Err(ResolveError::NotAllowed { .. })), "{name} {found:?}");
        }
        assert!(server.asked.borrow().is_empty() && server.asked_tcp.get() == 0);
    });
}

#[test]
fn a_hundred_connections_to_one_name_ask_once() {
    run(async {
        let server = Server::start(|question| vec![(Duration::from_millis(100), honest(question))]).await;
        let resolver = resolver(&[&server], "", "");
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let resolver = resolver.clone();
                spawn_local(async move { resolver.resolve("example.com", Family::V4).await })
            })
            .collect();
        // The first of them gives up; the others still get their answer.
        tasks[0].abort();
        for task in tasks.into_iter().skip(1) {
            assert_eq!(task.await.expect("not aborted"), Ok(vec![v4()]));
        }
        assert!(server.asked.borrow().len() <= 2, "{:?}", server.asked);
    });
}

#[test]
fn a_truncated_answer_is_asked_for_again_over_tcp() {
    run(async {
        let server = Server::start(|question| {
            let mut answer = honest(question);
            answer.metadata.truncation = true;
            vec![(Duration::ZERO, answer)]
        })
        .await;
        assert_eq!(resolver(&[&server], "", "").resolve("example.com", Family::V4).await, Ok(vec![v4()]));
        assert_eq!(server.asked_tcp.get(), 1);
        assert_eq!(resolver(&[&server], "use-vc", "").resolve("example.com", Family::V4).await, Ok(vec![v4()]));
        assert_eq!((server.asked.borrow().len(), server.asked_tcp.get()), (1, 2));
    });
}

#[test]
fn the_next_nameserver_is_asked_when_one_fails_or_is_silent() {
    run(async {
        let silent = Server::start(|_| Vec::new()).await;
        let broken = Server::start(|question| with_code(question, ResponseCode::ServFail)).await;
        let honest = Server::start(at_once).await;
        let resolver = resolver(&[&broken, &silent, &honest], "timeout:4", "");
        assert_eq!(resolver.resolve("example.com", Family::V4).await, Ok(vec![v4()]));
        // The one that answered is asked first from now on.
        assert_eq!(resolver.resolve("a.example.com", Family::V4).await, Ok(vec![v4()]));
        assert_eq!((broken.asked.borrow().len(), honest.asked.borrow().len()), (1, 2));
    });
}

#[test]
fn nobody_answering_ends_in_time() {
    run(async {
        let silent = Server::start(|_| Vec::new()).await;
        let resolver = resolver(&[&silent], "timeout:1 attempts:2", "");
        let start = Instant::now();
        let found = resolver.resolve("example.com", Family::Both).await;
        assert_eq!(found, Err(ResolveError::Unanswered { name: "example.com".into() }));
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        assert_eq!(silent.asked.borrow().len(), 4);
    });
}

#[test]
fn a_missing_name_is_asked_for_once_in_five_seconds() {
    run(async {
        let server = Server::start(|question| with_code(question, ResponseCode::NXDomain)).await;
        let resolver = resolver(&[&server], "", "");
        for _ in 0..10 {
            let found = resolver.resolve("missing.example.com", Family::Both).await;
            assert_eq!(found, Err(ResolveError::NotFound { name: "missing.example.com".into() }));
        }
        assert_eq!(server.asked.borrow().len(), 2);
    });
}

#[test]
fn an_answer_with_a_guessed_number_or_another_question_is_passed_over() {
    run(async {
        let server = Server::start(|question| {
            let evil = |id: u16| {
                let mut answer = honest(question);
                answer.metadata.id = id;
                answer.answers[0].data = RData::A(A::new(6, 6, 6, 6));
                answer
            };
            let mut other = evil(question.metadata.id);
            other.queries[0].set_query_type(RecordType::MX);
            let wrong = question.metadata.id.wrapping_add(1);
            let later = Duration::from_millis(30);
            vec![(Duration::ZERO, evil(wrong)), (Duration::ZERO, other), (later, honest(question))]
        })
        .await;
        assert_eq!(resolver(&[&server], "", "").resolve("example.com", Family::V4).await, Ok(vec![v4()]));
    });
}

#[test]
fn a_flood_of_guesses_is_given_up_and_never_believed() {
    run(async {
        let server = Server::start(|question| {
            let guess = |number: u16| {
                let mut answer = honest(question);
                answer.metadata.id = question.metadata.id ^ (number | 1);
                (Duration::ZERO, answer)
            };
            (0..64).map(guess).collect()
        })
        .await;
        let found = resolver(&[&server], "attempts:1", "").resolve("example.com", Family::V4).await;
        assert_eq!(found, Err(ResolveError::Unanswered { name: "example.com".into() }));
    });
}

#[test]
fn another_socket_of_the_same_machine_cannot_answer() {
    run(async {
        let asked = Rc::new(Cell::new(0));
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let address = socket.local_addr().expect("it is bound");
        let count = Rc::clone(&asked);
        spawn_local(async move {
            let other = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
            let mut bytes = [0; 1500];
            loop {
                let (length, client) = socket.recv_from(&mut bytes).await.expect("a question");
                count.set(count.get() + 1);
                let answer = honest(&Message::from_vec(&bytes[..length]).expect("it parses"));
                other.send_to(&answer.to_vec().expect("bytes"), client).await.expect("sent");
            }
        });
        let server = Server { address, asked: Rc::default(), asked_tcp: Rc::default() };
        let found = resolver(&[&server], "timeout:4 attempts:1", "").resolve("example.com", Family::V4).await;
        assert!(matches!(found, Err(ResolveError::Unanswered { .. })));
        assert_eq!(asked.get(), 1);
    });
}

#[test]
fn numbers_and_ports_are_not_repeated() {
    run(async {
        let seen: Rc<RefCell<Vec<u16>>> = Rc::default();
        let ids = Rc::clone(&seen);
        let server = Server::start(move |question| {
            ids.borrow_mut().push(question.metadata.id);
            at_once(question)
        })
        .await;
        let resolver = resolver(&[&server], "", "");
        for number in 0..50 {
            assert!(resolver.resolve(&format!("h{number}.example.com"), Family::V4).await.is_ok());
        }
        let mut ids = seen.borrow().clone();
        let steps = ids.windows(2).filter(|pair| pair[1] == pair[0].wrapping_add(1)).count();
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() > 45 && steps < 5, "{ids:?}");
    });
}

#[test]
fn a_nameserver_without_edns_is_asked_again_without_it() {
    run(async {
        let server = Server::start(|question| match question.edns {
            Some(_) => with_code(question, ResponseCode::FormErr),
            None => at_once(question),
        })
        .await;
        assert_eq!(resolver(&[&server], "", "").resolve("example.com", Family::V4).await, Ok(vec![v4()]));
        assert_eq!(server.asked.borrow().len(), 2);
    });
}

#[test]
fn late_ipv6_addresses_do_not_keep_a_connection_waiting() {
    run(async {
        let server = Server::start(|question| match question.queries[0].query_type() == RecordType::AAAA {
            true => vec![(Duration::from_secs(100), honest(question))],
            false => at_once(question),
        })
        .await;
        let start = Instant::now();
        assert_eq!(resolver(&[&server], "", "").resolve("example.com", Family::Both).await, Ok(vec![v4()]));
        // Whoever waits for a nameserver gives it five seconds, twice.
        assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    });
}

#[test]
fn one_kind_is_enough() {
    run(async {
        for missing in [RecordType::A, RecordType::AAAA] {
            let server = Server::start(move |question| match question.queries[0].query_type() == missing {
                true => vec![(Duration::from_millis(20), question.clone().into_response())],
                false => at_once(question),
            })
            .await;
            let expected = if missing == RecordType::A { v6() } else { v4() };
            assert_eq!(resolver(&[&server], "", "").resolve("example.com", Family::Both).await, Ok(vec![expected]));
        }
        let server = Server::start(at_once).await;
        let only_v4 = resolver(&[&server], "no-aaaa", "");
        assert_eq!(only_v4.resolve("example.com", Family::Both).await, Ok(vec![v4()]));
        assert_eq!(server.asked.borrow().as_slice(), ["example.com. A"]);
    });
}

#[test]
fn the_hosts_file_comes_first_and_asks_nobody() {
    run(async {
        let server = Server::start(at_once).await;
        let resolver = resolver(&[&server], "", "10.0.0.7 db example.com\nfd00::7 db\n");
        let found = resolver.resolve("DB", Family::Both).await.expect("it is listed");
        assert_eq!(found.len(), 2);
        assert_eq!(resolver.resolve("example.com", Family::V4).await, Ok(vec![IpAddr::from([10, 0, 0, 7])]));
        assert!(matches!(resolver.resolve("example.com", Family::V6).await, Err(ResolveError::NotFound { .. })));
        assert!(server.asked.borrow().is_empty());
    });
}

#[test]
fn rotation_spreads_names_over_the_nameservers() {
    run(async {
        let (one, two) = (Server::start(at_once).await, Server::start(at_once).await);
        let resolver = resolver(&[&one, &two], "rotate", "");
        for number in 0..10 {
            resolver.resolve(&format!("h{number}.example.com"), Family::V4).await.expect("it is answered");
        }
        assert_eq!((one.asked.borrow().len(), two.asked.borrow().len()), (5, 5));
    });
}
