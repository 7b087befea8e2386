//! The bounds of rules: bytes in all, bytes per second.

use std::time::Duration;

use lobsterpot_policy::ReasonCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::{Unusual, World, among_tasks, expect, expect_end, expect_reset};
use crate::flow::meter::Meter;

/// A world with bounds.
async fn world(bytes: Option<u64>, rate: Option<u64>) -> World {
    World::new(Unusual { meter: Some(Meter::new(bytes, rate)), ..Unusual::default() }).await
}

#[tokio::test]
async fn the_bytes_of_a_rule_are_counted_over_its_connections_and_directions() {
    among_tasks(async {
        let world = world(Some(300_000), None).await;
        let (mut client, mut server) = world.pair().await;
        client.write_all(&[1; 100_000]).await.expect("sent");
        expect(&mut server, &[1; 100_000]).await;
        server.write_all(&[2; 100_000]).await.expect("sent");
        expect(&mut client, &[2; 100_000]).await;

        let (mut other, mut there) = world.pair().await;
        other.write_all(&[3; 100_000]).await.expect("sent");
        expect(&mut there, &[3; 100_000]).await;
        other.shutdown().await.expect("ended");
        expect_end(&mut there).await;
        assert!(world.reasons().is_empty(), "exactly as much as is allowed");

        client.write_all(b"x").await.expect("sent");
        expect_reset(&mut client).await;
        expect_reset(&mut server).await;
        assert_eq!(world.reasons(), [ReasonCode::TooMuch]);
    })
    .await;
}

#[tokio::test]
async fn no_byte_beyond_the_bound_arrives_in_a_flood() {
    among_tasks(async {
        let world = world(Some(1_000_000), None).await;
        let (mut client, mut server) = world.pair().await;
        let flood = async { drop(client.write_all(&vec![1; 8 << 20]).await) };
        let mut heard = Vec::new();
        let (_, ending) = tokio::join!(flood, server.read_to_end(&mut heard));
        assert!(ending.is_err(), "it is reset");
        assert!(heard.len() <= 1_000_000, "{}", heard.len());
    })
    .await;
}

#[tokio::test]
async fn a_rate_holds_for_all_connections_of_its_rule_together() {
    among_tasks(async {
        let mut soonest = Duration::MAX;
        // It never takes less than it must; on a busy machine it takes more now and then.
        for _ in 0..5 {
            let world = world(None, Some(1 << 20)).await;
            let (mut one, mut first) = world.pair().await;
            let (mut other, mut second) = world.pair().await;
            let begin = Instant::now();
            let half = vec![5; 1 << 19];
            let (sent, also_sent, (), ()) = tokio::join!(
                one.write_all(&half),
                other.write_all(&half),
                expect(&mut first, &half),
                expect(&mut second, &half)
            );
            sent.expect("sent");
            also_sent.expect("sent");
            soonest = soonest.min(begin.elapsed());
            if soonest <= Duration::from_millis(2500) {
                break;
            }
        }
        // A quarter of a second's worth is there at the start.
        assert!(soonest >= Duration::from_millis(650), "{soonest:?}");
        assert!(soonest <= Duration::from_millis(2500), "{soonest:?}");
    })
    .await;
}
