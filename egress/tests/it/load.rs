//! Many connections at once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::harness::As;
use crate::serving::{World, nothing, server};

/// Connections at once.
const MANY: usize = 1000;
/// Bytes of memory that they may take in all.
const MOST: u64 = 64 << 20;

/// Lets this process have enough open files, where the host lets it.
fn many() -> Option<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(16384), hard).unwrap();
    if hard < 8192 {
        eprintln!("SKIP: {hard} open files are too few for {MANY} connections");
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "too few open files");
        return None;
    }
    Some(())
}

/// Bytes of memory that a process has now.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Sends `bytes` one way.
fn pass(mut from: &TcpStream, mut to: &TcpStream, bytes: &[u8]) {
    from.write_all(bytes).unwrap();
    let mut got = vec![0; bytes.len()];
    to.read_exact(&mut got).unwrap();
    assert!(got == bytes);
}

/// The beginning of a greeting that says it is as long as a greeting can be, and never ends.
fn endless_hello() -> Vec<u8> {
    let mut bytes = vec![0; 60 << 10];
    // A record of 16 KiB every 16 KiB, of which the first begins a ClientHello.
    for record in bytes.chunks_mut((16 << 10) + 5) {
        record.iter_mut().zip([0x16, 3, 1, 0x40, 0]).for_each(|(slot, byte)| *slot = byte);
    }
    bytes.iter_mut().skip(5).zip([1, 0, 0xff, 0xf0, 3, 3]).for_each(|(slot, byte)| *slot = byte);
    bytes
}

#[test]
fn a_thousand_endless_greetings_are_cut_off_before_they_fill_memory() {
    let Some((server, address)) = many().and_then(|()| server()) else { return };
    let Some(world) = World::new(As::Caller, &[&address.to_string()], nothing) else { return };
    world.want(1, address);
    let hello = endless_hello();
    let mut all = Vec::new();
    let mut most = 0;
    for _ in 0..MANY {
        let Ok(client) = world.inside.connect(address) else { break };
        client.set_nonblocking(true).unwrap();
        let _ = (&client).write(&hello);
        all.push((client, server.accept().ok()));
        most = most.max(memory(world.egress.process.id()));
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    most = most.max(memory(world.egress.process.id()));
    eprintln!("memory: {} KiB at most", most >> 10);
    assert!(most < MOST, "{} KiB", most >> 10);
}

#[test]
fn a_thousand_connections_fit_in_64_mib_and_one_more_than_the_bound_is_cut_off() {
    let Some((server, address)) = many().and_then(|()| server()) else { return };
    let Some(world) = World::new(As::Caller, &[&address.to_string()], nothing) else { return };
    world.want(1, address);
    let before = memory(world.egress.process.id());
    let all: Vec<(TcpStream, TcpStream)> = (0..MANY).map(|_| pair(&world, &server, address)).collect();
    for (client, served) in &all {
        pass(client, served, &[7; 2000]);
        pass(served, client, &[8; 20_000]);
    }
    let during = memory(world.egress.process.id());
    eprintln!("memory: {} KiB before, {} KiB with {MANY} connections", before >> 10, during >> 10);
    assert!(during < MOST, "{} KiB", during >> 10);
    drop(all);
    // The bound is 1,100: nobody is served beyond it, and everybody again after it.
    let all: Vec<TcpStream> = (0..1300).filter_map(|_| world.inside.connect(address).ok()).collect();
    let refused = world.refusal();
    assert_eq!(refused.reason, lobsterpot_policy::ReasonCode::TooMuch);
    drop(all);
}

/// A connection from inside, and its other end.
fn pair(world: &World, server: &TcpListener, address: std::net::SocketAddr) -> (TcpStream, TcpStream) {
    let client = world.inside.connect(address).unwrap();
    (client, server.accept().unwrap().0)
}
