//! Every byte arrives, in its order, in both directions, whatever the sizes.

use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::spawn_local;

use super::{Unusual, World, among_tasks, expect, expect_end};
use crate::flow::shares::Bounds;

/// How much is sent: 64 MiB.
const LOTS: usize = 64 << 20;

/// Bytes that do not repeat: xorshift64.
fn noise(seed: u64, length: usize) -> Rc<[u8]> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// Sends in pieces of changing sizes, then ends.
async fn send(mut to: OwnedWriteHalf, bytes: Rc<[u8]>) {
    let mut sizes = [1, 100_000, 7, 16 << 10, (16 << 10) + 1, 65_536, 3_000_000, 300].into_iter().cycle();
    let mut rest = &*bytes;
    while !rest.is_empty() {
        let (piece, others) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
        to.write_all(piece).await.expect("sent");
        rest = others;
    }
    to.shutdown().await.expect("ended");
}

/// Reads to the end and compares.
async fn receive(mut from: OwnedReadHalf, bytes: Rc<[u8]>) {
    let mut read = Vec::with_capacity(bytes.len());
    from.read_to_end(&mut read).await.expect("an orderly end");
    assert_eq!(read.len(), bytes.len());
    assert!(read == *bytes, "the bytes differ");
}

/// Sends `up` and `down` at the same time over one connection.
async fn both_ways(client: TcpStream, server: TcpStream, up: Rc<[u8]>, down: Rc<[u8]>) {
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let tasks = [
        spawn_local(send(client_writes, Rc::clone(&up))),
        spawn_local(receive(server_reads, up)),
        spawn_local(send(server_writes, Rc::clone(&down))),
        spawn_local(receive(client_reads, down)),
    ];
    for task in tasks {
        task.await.expect("it does its part");
    }
}

#[tokio::test]
async fn sixty_four_mib_each_way_at_once_arrive_byte_for_byte() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (client, server) = world.pair().await;
        both_ways(client, server, noise(1, LOTS), noise(2, LOTS)).await;
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn bytes_arrive_as_well_when_there_is_no_pipe() {
    among_tasks(async {
        let bounds = Some(Bounds { connections: 10, pipes: 0 });
        let world = World::new(Unusual { bounds, ..Unusual::default() }).await;
        let (client, server) = world.pair().await;
        both_ways(client, server, noise(3, LOTS / 8), noise(4, LOTS / 8)).await;
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn many_connections_share_few_pipes_and_none_gets_anothers_bytes() {
    among_tasks(async {
        let bounds = Some(Bounds { connections: 100, pipes: 3 });
        let world = World::new(Unusual { bounds, ..Unusual::default() }).await;
        let mut all = Vec::new();
        for seed in 0..20 {
            let (client, server) = world.pair().await;
            let (up, down) = (noise(100 + seed, 1 << 20), noise(200 + seed, 1 << 20));
            all.push(spawn_local(both_ways(client, server, up, down)));
        }
        for one in all {
            one.await.expect("every byte is its own");
        }
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_may_speak_first_and_small_messages_go_back_and_forth() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (mut client, mut server) = world.pair().await;
        server.write_all(b"220 hello\r\n").await.expect("sent");
        expect(&mut client, b"220 hello\r\n").await;
        for round in 0..1000_u32 {
            client.write_all(&round.to_le_bytes()).await.expect("sent");
            expect(&mut server, &round.to_le_bytes()).await;
            server.write_all(&round.to_be_bytes()).await.expect("sent");
            expect(&mut client, &round.to_be_bytes()).await;
        }
        drop(client);
        expect_end(&mut server).await;
    })
    .await;
}
