//! How connections end: halves, resets, timeouts, nobody there.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::{Unusual, World, among_tasks, expect, expect_end, expect_reset, expect_silence};
use crate::flow::link::IDLE;

#[tokio::test]
async fn a_client_that_has_ended_still_gets_its_answer() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (mut client, mut server) = world.pair().await;
        client.write_all(b"question").await.expect("sent");
        client.shutdown().await.expect("ended");
        expect(&mut server, b"question").await;
        expect_end(&mut server).await;
        sleep(Duration::from_millis(50)).await;
        server.write_all(&[7; 300_000]).await.expect("sent");
        drop(server);
        expect(&mut client, &[7; 300_000]).await;
        expect_end(&mut client).await;
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_has_ended_still_hears_the_client() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (mut client, mut server) = world.pair().await;
        server.shutdown().await.expect("ended");
        expect_end(&mut client).await;
        client.write_all(b"still here").await.expect("sent");
        expect(&mut server, b"still here").await;
        drop(client);
        expect_end(&mut server).await;
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn a_reset_is_a_reset_on_the_other_side_in_both_directions() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (mut client, server) = world.pair().await;
        server.set_zero_linger().expect("set");
        drop(server);
        expect_reset(&mut client).await;

        let (client, mut server) = world.pair().await;
        client.set_zero_linger().expect("set");
        drop(client);
        expect_reset(&mut server).await;
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_download_ends_the_download() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (client, mut server) = world.pair().await;
        let sending = async {
            loop {
                if let Err(error) = server.write_all(&[1; 100_000]).await {
                    return error.kind();
                }
            }
        };
        let leaving = async {
            sleep(Duration::from_millis(30)).await;
            drop(client);
        };
        let (kind, ()) = tokio::join!(sending, leaving);
        assert!(matches!(kind, std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe), "{kind}");
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_at_the_other_end_is_a_reset() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let mut client = world.client().await;
        // One connection waits in the backlog; the listening socket's end resets it.
        drop(world.server);
        expect_reset(&mut client).await;
        let mut client = tokio::net::TcpStream::connect(world.inside).await.expect("connected");
        expect_reset(&mut client).await;
    })
    .await;
}

#[tokio::test]
async fn what_the_policy_refuses_is_reset_and_reaches_nobody() {
    among_tasks(async {
        let world = World::new(Unusual { closed: true, ..Unusual::default() }).await;
        let mut client = world.client().await;
        expect_reset(&mut client).await;
        let accepted = tokio::time::timeout(Duration::from_millis(100), world.server.accept()).await;
        assert!(accepted.is_err());
        assert_eq!(world.reasons(), [lobsterpot_policy::ReasonCode::AddressNotNamed]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_byte_ends_after_ten_minutes_and_not_before() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (mut client, mut server) = world.pair().await;
        sleep(IDLE - Duration::from_secs(5)).await;
        client.write_all(b"x").await.expect("sent");
        expect(&mut server, b"x").await;
        sleep(IDLE - Duration::from_secs(5)).await;
        server.write_all(b"y").await.expect("still open");
        expect(&mut client, b"y").await;
        let begin = Instant::now();
        expect_reset(&mut server).await;
        expect_reset(&mut client).await;
        assert!(begin.elapsed() >= IDLE - Duration::from_secs(1));
        assert!(begin.elapsed() <= IDLE + Duration::from_secs(1), "{:?}", begin.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_stops_the_sender_and_nobody_else() {
    among_tasks(async {
        let world = World::new(Unusual::default()).await;
        let (mut lazy, mut server) = world.pair().await;
        let mut sent = 0_u64;
        let piece = vec![9; 1 << 20];
        while let Ok(count) = tokio::time::timeout(Duration::from_millis(300), server.write(&piece)).await {
            sent += u64::try_from(count.expect("sent")).expect("a count");
            assert!(sent < 64 << 20, "it is read without being passed on");
        }
        let (mut other, mut there) = world.pair().await;
        other.write_all(b"still served").await.expect("sent");
        expect(&mut there, b"still served").await;
        expect_silence(&mut there).await;

        server.shutdown().await.expect("ended");
        let mut read = Vec::new();
        lazy.read_to_end(&mut read).await.expect("all of it, later");
        assert_eq!(u64::try_from(read.len()).expect("a count"), sent);
    })
    .await;
}
