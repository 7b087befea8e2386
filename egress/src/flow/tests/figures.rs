//! What passing on costs beside a direct connection. Not a test of anything: `cargo test --release -p lobsterpot-egress figures --
//! --ignored --nocapture` prints the figures of this machine.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use tokio::task::LocalSet;

use super::{Pretend, nothing_allowed};
use crate::flow::Flow;
use crate::flow::shares::Shares;
use crate::gate::Gate;
use crate::report::Reporter;

/// Bytes of one bulk transfer: 2 GiB.
const BULK: usize = 2 << 30;

/// Runs on a thread of its own, which a profiler can tell from the others.
fn named(name: &str, run: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(name.to_owned()).spawn(run).expect("a thread");
}

/// Serves connections to `server` on a thread of its own; says where.
fn flow_to(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listening");
    let inside = listener.local_addr().expect("an address");
    named("passing on", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(LocalSet::new().run_until(async move {
            listener.set_nonblocking(true).expect("set");
            let listener = tokio::net::TcpListener::from_std(listener).expect("registered");
            let gate = Gate::new(nothing_allowed(), Reporter::default());
            let guide = Pretend { server, check: None, meter: None, gate: gate.clone(), closed: false };
            Flow::new(Rc::new(guide), gate, Shares::new(Default::default())).accept(listener).await;
        }));
    });
    inside
}

/// A server that sends `BULK` bytes for `d`, reads to the end for `u`, and answers every other byte with itself.
fn server() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listening");
    let address = listener.local_addr().expect("an address");
    named("server", move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accepted");
            stream.set_nodelay(true).expect("set");
            let mut buffer = vec![0; 1 << 17];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                match buffer[0] {
                    b'd' => (0..BULK / buffer.len()).for_each(|_| stream.write_all(&buffer).expect("sent")),
                    _ if count > 1 => {}
                    _ => stream.write_all(&buffer[..count]).expect("sent"),
                }
            }
        }
    });
    address
}

/// Bytes per second of a download.
fn download(address: SocketAddr) -> f64 {
    let mut stream = TcpStream::connect(address).expect("connected");
    let mut buffer = vec![0; 1 << 17];
    stream.write_all(b"d").expect("sent");
    let begin = Instant::now();
    let mut left = BULK;
    while left > 0 {
        left -= stream.read(&mut buffer).expect("read");
    }
    BULK as f64 / begin.elapsed().as_secs_f64()
}

/// Bytes per second of an upload, until the other end has read all of it.
fn upload(address: SocketAddr) -> f64 {
    let mut stream = TcpStream::connect(address).expect("connected");
    let buffer = vec![b'u'; 1 << 17];
    let begin = Instant::now();
    (0..BULK / buffer.len()).for_each(|_| stream.write_all(&buffer).expect("sent"));
    stream.shutdown(std::net::Shutdown::Write).expect("ended");
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
    BULK as f64 / begin.elapsed().as_secs_f64()
}

/// Bytes per second, and the processor's seconds per GB of the whole process.
fn with_cost(transfer: fn(SocketAddr) -> f64, address: SocketAddr) -> (f64, f64) {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the usage");
        let (user, system) = (usage.user_time(), usage.system_time());
        (user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6
    };
    let before = used();
    let speed = transfer(address);
    (speed / 1e9, (used() - before) / (BULK as f64 / 1e9))
}

/// The median time of a connection with one byte there and back.
fn connection(address: SocketAddr) -> Duration {
    let mut all: Vec<_> = (0..2000)
        .map(|_| {
            let begin = Instant::now();
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.write_all(b"x").expect("sent");
            stream.read_exact(&mut [0]).expect("read");
            begin.elapsed()
        })
        .collect();
    all.sort_unstable();
    all[all.len() / 2]
}

/// The median time of one byte there and back on a connection.
fn message(address: SocketAddr) -> Duration {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_nodelay(true).expect("set");
    let mut all: Vec<_> = (0..20_000)
        .map(|_| {
            let begin = Instant::now();
            stream.write_all(b"x").expect("sent");
            stream.read_exact(&mut [0]).expect("read");
            begin.elapsed()
        })
        .collect();
    all.sort_unstable();
    all[all.len() / 2]
}

#[test]
#[ignore = "prints figures; it tests nothing"]
fn figures() {
    let direct = server();
    let passed = flow_to(server());
    for round in 0..3 {
        for (name, transfer) in [("download", download as fn(SocketAddr) -> f64), ("upload", upload)] {
            let ((a, cost), (b, more)) = (with_cost(transfer, direct), with_cost(transfer, passed));
            println!("{round} {name}: direct {a:.2} GB/s, passed on {b:.2} GB/s, ratio {:.2}", b / a);
            println!(
                "{round} {name}: direct {cost:.2} s of processor per GB, passed on {more:.2}, ratio {:.2}",
                cost / more
            );
        }
        let (a, b) = (connection(direct), connection(passed));
        println!("{round} connect:  direct {a:?}, passed on {b:?}, added {:?}", b.saturating_sub(a));
        let (a, b) = (message(direct), message(passed));
        println!("{round} message:  direct {a:?}, passed on {b:?}, added {:?}", b.saturating_sub(a));
    }
}
