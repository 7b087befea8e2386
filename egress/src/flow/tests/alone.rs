//! What connections cost the process that carries them: memory, and what happens without descriptors. The process is this program
//! again, with nothing else in it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use tokio::task::LocalSet;

use super::checks::lines;
use super::many::enough_descriptors;
use super::{Pretend, nothing_allowed};
use crate::flow::Flow;
use crate::flow::shares::{Bounds, Shares};
use crate::gate::Gate;
use crate::report::Reporter;

/// Tells the other process what to do: the server's address, how many descriptors it may have, whether lines are judged.
const ORDERS: &str = "FLOW_ALONE";

/// The process that carries connections; killed at the end.
struct Alone {
    /// The process.
    child: Child,
    /// What programs connect to.
    inside: SocketAddr,
    /// The server.
    server: TcpListener,
}

impl Alone {
    /// Starts it.
    fn start(descriptors: u64, judged: bool) -> Self {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listening");
        let orders = format!("{} {descriptors} {judged}", server.local_addr().expect("an address"));
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "flow::tests::alone::the_other_process", "--nocapture"])
            .env(ORDERS, orders)
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut said = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = said.find_map(|line| line.ok()?.split_once("inside ")?.1.trim().parse().ok());
        let inside = address.expect("where it listens");
        Self { child, inside, server }
    }

    /// A program's connection and the server's end of it, after something went from one to the other.
    fn pair(&self, words: &[u8]) -> (TcpStream, TcpStream) {
        let mut client = TcpStream::connect(self.inside).expect("connected");
        let (mut server, _) = self.server.accept().expect("accepted");
        client.write_all(words).expect("sent");
        server.read_exact(&mut vec![0; words.len()]).expect("passed on");
        (client, server)
    }

    /// Its memory in bytes: the resident set.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") << 10
    }

    /// The processor time that it has used, in hundredths of a second.
    fn time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its times");
        let fields = stat.rsplit_once(')').expect("a name").1;
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

#[test]
fn the_other_process() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let mut words = orders.split(' ');
    let server = words.next().and_then(|word| word.parse().ok()).expect("the server");
    let descriptors = words.next().and_then(|word| word.parse().ok()).expect("the descriptors");
    let check = (words.next() == Some("true")).then_some(lines as super::Judge);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(LocalSet::new().run_until(async move {
        let listener = super::listen().await;
        println!("\ninside {}", listener.local_addr().expect("an address"));
        setrlimit(Resource::RLIMIT_NOFILE, descriptors, descriptors).expect("set");
        let gate = Gate::new(nothing_allowed(), Reporter::default());
        let guide = Pretend { server, check, meter: None, gate: gate.clone(), closed: false };
        Flow::new(Rc::new(guide), gate, Shares::new(Bounds::default())).accept(listener).await;
    }));
}

/// Waits until `found` finds something.
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(120), "waited too long for {what}");
        sleep(Duration::from_millis(5));
    }
}

/// The bound on the memory of all: 64 MiB.
const MOST: u64 = 64 << 20;

#[test]
fn a_thousand_connections_cost_little_while_they_idle_and_while_they_drip() {
    enough_descriptors(8000);
    let alone = Alone::start(4096, true);
    let before = alone.memory();
    let mut all: Vec<_> = (0..1000).map(|_| alone.pair(b"ok\n")).collect();
    let idle = alone.memory();
    // Half a line each, which has to be held.
    for _ in 0..8 {
        all.iter_mut().for_each(|(client, _)| client.write_all(&[b'x'; 256]).expect("sent"));
    }
    sleep(Duration::from_millis(300));
    let dripping = alone.memory();
    println!("before {before}, idle {idle}, dripping {dripping} bytes");
    assert!(idle - before < 1000 * 8192, "{} bytes for each idle connection", (idle - before) / 1000);
    assert!(dripping < MOST, "{dripping} bytes in all");
}

#[test]
fn a_thousand_readers_that_do_not_read_do_not_fill_memory() {
    enough_descriptors(8000);
    let alone = Alone::start(4096, false);
    let all: Vec<_> = (0..1000)
        .map(|_| {
            let (client, mut server) = alone.pair(b"go");
            server.set_nonblocking(true).expect("set");
            let _full = server.write(&vec![7; 1 << 20]);
            (client, server)
        })
        .collect();
    for (_, server) in &all {
        let mut server = server;
        let _full = server.write(&vec![7; 1 << 20]);
    }
    sleep(Duration::from_millis(500));
    let memory = alone.memory();
    println!("{memory} bytes with 1,000 readers that do not read");
    assert!(memory < MOST, "{memory} bytes in all");
}

#[test]
fn without_descriptors_connections_are_reset_and_the_process_does_not_spin() {
    let alone = Alone::start(40, false);
    let mut served: Vec<_> = (0..5).map(|_| alone.pair(b"in")).collect();
    alone.server.set_nonblocking(true).expect("set");
    let mut waiting: Vec<_> = (0..100).map(|_| TcpStream::connect(alone.inside).expect("connected")).collect();
    sleep(Duration::from_millis(300));
    let (before, begin) = (alone.time(), Instant::now());
    sleep(Duration::from_millis(700));
    let used = alone.time() - before;
    assert!(
        used * 10 < u64::try_from(begin.elapsed().as_millis()).expect("a time") / 2,
        "{used} hundredths of a second"
    );
    let is_reset = |mut stream: &TcpStream| {
        stream.set_nonblocking(true).expect("set");
        matches!(stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
    };
    wait_for("fifty of the hundred to be told", || {
        waiting.retain(|stream| !is_reset(stream));
        (waiting.len() <= 50).then_some(())
    });
    for (client, server) in &mut served {
        client.write_all(b"on").expect("sent");
        server.read_exact(&mut [0; 2]).expect("those that were there go on");
    }
    drop((waiting, served));
    // Whoever comes while there are no descriptors yet is reset, and comes again.
    wait_for("the next connection to be served", || {
        while alone.server.accept().is_ok() {}
        let mut client = TcpStream::connect(alone.inside).ok()?;
        client.set_nonblocking(true).expect("set");
        client.write_all(b"again").ok()?;
        let served = wait_for("an answer", || {
            let ended = client.read(&mut [0]).map_err(|error| error.kind());
            let is_waiting = ended == Err(std::io::ErrorKind::WouldBlock);
            alone.server.accept().map(|(server, _)| Some(server)).ok().or((!is_waiting).then_some(None))
        });
        let mut served = served?;
        served.set_nonblocking(false).expect("set");
        served.read_exact(&mut [0; 5]).ok()
    });
}
