//! Many connections, storms of them, and more than there is place for.

use std::rc::Rc;

use lobsterpot_policy::ReasonCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::{Unusual, World, among_tasks, expect, expect_reset};
use crate::flow::shares::Bounds;

/// Enough descriptors for this test: both ends of both halves are in this process.
pub(super) fn enough_descriptors(count: u64) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit");
    assert!(hard >= count, "the hard limit of open files is {hard}; {count} are needed");
    if soft < count {
        setrlimit(Resource::RLIMIT_NOFILE, count, hard).expect("raised");
    }
}

/// Answers every connection with what it says, until it ends.
async fn echo(world: Rc<World>) {
    while let Ok((mut stream, _)) = world.server.accept().await {
        drop(spawn_local(async move {
            let (mut from, mut to) = stream.split();
            let _ended = tokio::io::copy(&mut from, &mut to).await;
        }));
    }
}

#[tokio::test]
async fn a_thousand_connections_at_once_each_get_their_own_answer() {
    enough_descriptors(8000);
    among_tasks(async {
        let world = Rc::new(World::new(Unusual::default()).await);
        drop(spawn_local(echo(Rc::clone(&world))));
        let mut all = Vec::new();
        for number in 0..1000_u32 {
            let mut client = world.client().await;
            client.write_all(&number.to_le_bytes()).await.expect("sent");
            all.push((number, client));
        }
        for (number, client) in &mut all {
            expect(client, &number.to_le_bytes()).await;
        }
        assert_eq!(world.shares.open(), 1000, "all are open at the same time");
        for (number, mut client) in all.into_iter().rev() {
            let words = vec![number.to_le_bytes()[0]; 5000];
            client.write_all(&words).await.expect("sent");
            client.shutdown().await.expect("ended");
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).await.expect("an orderly end");
            assert_eq!(heard, words);
        }
        world.all_ended().await;
        assert!(world.reasons().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_storm_of_connections_that_hang_up_at_once_leaves_nothing_behind() {
    among_tasks(async {
        let world = Rc::new(World::new(Unusual::default()).await);
        drop(spawn_local(echo(Rc::clone(&world))));
        for round in 0..2000 {
            let client = world.client().await;
            if round % 2 == 0 {
                client.set_zero_linger().expect("set");
            }
            drop(client);
        }
        world.all_ended().await;
        let mut client = world.client().await;
        client.write_all(b"after the storm").await.expect("sent");
        expect(&mut client, b"after the storm").await;
    })
    .await;
}

#[tokio::test]
async fn one_connection_too_many_is_reset_and_reported_and_the_others_go_on() {
    among_tasks(async {
        let bounds = Some(Bounds { connections: 3, pipes: 2 });
        let world = Rc::new(World::new(Unusual { bounds, ..Unusual::default() }).await);
        drop(spawn_local(echo(Rc::clone(&world))));
        let mut all = Vec::new();
        for _ in 0..3 {
            let mut client = world.client().await;
            client.write_all(b"in").await.expect("sent");
            expect(&mut client, b"in").await;
            all.push(client);
        }
        let mut late: TcpStream = world.client().await;
        expect_reset(&mut late).await;
        assert_eq!(world.reasons(), [ReasonCode::TooMuch]);
        for client in &mut all {
            client.write_all(b"on").await.expect("sent");
            expect(client, b"on").await;
        }
        drop(all);
        world.all_ended().await;
        let mut again = world.client().await;
        again.write_all(b"in").await.expect("sent");
        expect(&mut again, b"in").await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_on_one_connection_does_not_hold_the_others_up() {
    among_tasks(async {
        let world = Rc::new(World::new(Unusual::default()).await);
        let (mut greedy, mut source) = world.pair().await;
        let (mut small, mut answering) = world.pair().await;
        let flood = spawn_local(async move { while source.write_all(&[4; 1 << 18]).await.is_ok() {} });
        let drain = spawn_local(async move {
            let mut buffer = vec![0; 1 << 18];
            let mut read = 0;
            while let Ok(count @ 1..) = greedy.read(&mut buffer).await {
                read += count;
                if read > 200 << 20 {
                    break;
                }
            }
            read
        });
        let mut rounds = 0_u32;
        while !drain.is_finished() {
            small.write_all(&rounds.to_le_bytes()).await.expect("sent");
            expect(&mut answering, &rounds.to_le_bytes()).await;
            answering.write_all(&rounds.to_le_bytes()).await.expect("sent");
            expect(&mut small, &rounds.to_le_bytes()).await;
            rounds += 1;
        }
        flood.abort();
        let read = drain.await.expect("drained");
        // A round needs four turns of this one thread; the flood moves at most a few MiB in each.
        assert!(rounds >= 20, "{rounds} rounds while {read} bytes passed");
    })
    .await;
}
