//! Handshakes carried out over sockets, with the policy and the checks that serve uses.

use std::net::IpAddr;
use std::rc::Rc;

use lobsterpot_policy::{HostRule, Network, NetworkMode, Origin, ReasonCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use crate::flow::{Bounds, Errand, Flow, Guide, Lookup, NoWay, PolicyGuide, Shares};
use crate::gate::{Gate, Refusal};
use crate::names::Names;
use crate::report::Reporter;
use crate::target::Target;

/// Nothing is looked up.
#[derive(Debug)]
struct Nowhere;

impl Lookup for Nowhere {
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        Err(format!("{name} is not looked up in these tests"))
    }
}

/// The policy's guide, but every host leads to this one.
#[derive(Debug)]
struct Here(PolicyGuide<Nowhere>);

impl Guide for Here {
    fn target(&self, address: IpAddr) -> Target {
        self.0.target(address)
    }

    fn judge(&self, target: &Target, port: u16) -> Result<Errand, Refusal> {
        self.0.judge(target, port)
    }

    async fn addresses(&self, errand: &Errand) -> Result<Vec<IpAddr>, NoWay> {
        match &errand.target {
            Target::Name(name) if name.starts_with("gone") => self.0.addresses(errand).await,
            Target::Name(_) | Target::Address(_) => Ok(vec![[127, 0, 0, 1].into()]),
        }
    }
}

/// Runs a test with a proxy at the first port and a server, which answers with what it was sent, at the second.
fn with_proxy(test: impl AsyncFnOnce(u16, u16, Reporter, Names)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a server");
        let port = server.local_addr().expect("an address").port();
        spawn_local(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                spawn_local(async move {
                    let (mut read, mut write) = stream.split();
                    let _ended = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let rules = [format!("192.0.2.7:{port}"), format!("good.example:{port}"), format!("gone.example:{port}")];
        let rules = rules.iter().map(|text| HostRule::parse(text, Origin::flags()).expect("a rule")).collect();
        let network =
            Network { mode: NetworkMode::Allowlist, rules, deny: Vec::new(), proxy: true, publish: Vec::new() };
        let (reporter, names) = (Reporter::default(), Names::new(true));
        let gate = Gate::new(network, reporter.clone());
        let guide = PolicyGuide::new(gate.clone(), names.clone(), Nowhere, crate::sniff::check);
        let flow = Flow::new(Rc::new(Here(guide)), gate.clone(), Shares::new(Bounds::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a proxy");
        let proxy = listener.local_addr().expect("an address").port();
        spawn_local(crate::proxy::serve(listener, flow, gate));
        test(proxy, port, reporter, names).await;
    });
}

/// What the proxy answers in all to this, until it closes.
async fn answer(proxy: u16, stream: &[u8]) -> Vec<u8> {
    let mut client = TcpStream::connect(("127.0.0.1", proxy)).await.expect("the proxy");
    client.write_all(stream).await.expect("the proxy listens");
    client.shutdown().await.expect("an end");
    let mut said = Vec::new();
    let _reset = client.read_to_end(&mut said).await;
    said
}

#[test]
fn allowed_hosts_are_reached_by_every_kind_of_proxy() {
    with_proxy(async |proxy, port, _, names| {
        let [high, low] = port.to_be_bytes();
        let tunnel = format!("CONNECT good.example:{port} HTTP/1.1\r\n\r\nSSH-2.0-x\r\n");
        assert_eq!(answer(proxy, tunnel.as_bytes()).await, b"HTTP/1.1 200 Connection established\r\n\r\nSSH-2.0-x\r\n");
        let named = [&[5, 1, 0, 5, 1, 0, 3, 12][..], b"good.example", &[high, low], b"SSH-2.0-x\r\n"].concat();
        let done = b"\x05\0\x05\0\0\x01\0\0\0\0\0\0SSH-2.0-x\r\n";
        assert_eq!(answer(proxy, &named).await, done);
        let (synthetic, _) = names.give(&"good.example".into()).expect("an address");
        let by_address = [&[5, 1, 0, 5, 1, 0, 1][..], &synthetic.octets(), &[high, low], b"SSH-2.0-x\r\n"].concat();
        assert_eq!(answer(proxy, &by_address).await, done);
        let four = [&[4, 1, high, low, 192, 0, 2, 7, 0][..], b"SSH-2.0-x\r\n"].concat();
        assert_eq!(answer(proxy, &four).await, b"\0\x5a\0\0\0\0\0\0SSH-2.0-x\r\n");
        let plain = format!(
            "GET http://good.example:{port}/x HTTP/1.1\r\nHost: good.example:{port}\r\nProxy-Connection: x\r\n\r\n"
        );
        let echoed = answer(proxy, plain.as_bytes()).await;
        let expected = format!("GET /x HTTP/1.1\r\nHost: good.example:{port}\r\nConnection: close\r\n\r\n");
        assert_eq!(String::from_utf8_lossy(&echoed), expected);
    });
}

#[test]
fn other_hosts_are_refused_by_every_kind_of_proxy_and_recorded() {
    with_proxy(async |proxy, port, reporter, _| {
        for host in ["evil.example", "localhost", "169.254.169.254", "[::1]", "127.0.0.2", "198.18.0.99", "0x7f.1"] {
            let said = answer(proxy, format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n").as_bytes()).await;
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(said.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{host}: {said}");
            assert!(reporter.take().is_some(), "{host}");
        }
        let other = [&[5, 1, 0, 5, 1, 0, 3, 12][..], b"evil.example", &[1, 187]].concat();
        assert_eq!(answer(proxy, &other).await, [5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert!(reporter.take().is_some());
        let bind = answer(proxy, &[5, 1, 0, 5, 2, 0, 1, 1, 1, 1, 1, 0, 80]).await;
        assert_eq!(bind, [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert!(reporter.take().is_some());
        let said = answer(proxy, format!("CONNECT gone.example:{port} HTTP/1.1\r\n\r\n").as_bytes()).await;
        assert!(said.starts_with(b"HTTP/1.1 502 "));
    });
}

#[test]
fn a_tunnel_is_judged_by_what_is_said_in_it() {
    with_proxy(async |proxy, port, reporter, _| {
        for said in [
            "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            "GET http://evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n",
        ] {
            let tunnel = format!("CONNECT good.example:{port} HTTP/1.1\r\n\r\n{said}");
            let answer = answer(proxy, tunnel.as_bytes()).await;
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("HTTP/1.1 403 Forbidden"), "{text}");
        }
        let hidden = format!("GET http://good.example:{port}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert!(answer(proxy, hidden.as_bytes()).await.starts_with(b"HTTP/1.1 403 "));
        let second = format!(
            "GET http://good.example:{port}/ HTTP/1.1\r\nHost: good.example\r\n\r\nGET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"
        );
        let text = String::from_utf8_lossy(&answer(proxy, second.as_bytes()).await).into_owned();
        assert!(text.contains("HTTP/1.1 403 Forbidden") && !text.contains("Host: evil.example"), "{text}");
        let mut reasons = Vec::new();
        while let Some(event) = reporter.take() {
            if let lobsterpot_policy::orders::Event::Refused(refused) = event {
                reasons.push(refused.reason);
            }
        }
        assert_eq!(reasons, [ReasonCode::NameMismatch], "told once, then counted");
    });
}
