//! Nothing goes on before it was judged; what is refused is told as the check says.

use std::time::Duration;

use lobsterpot_policy::ReasonCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::{Unusual, World, among_tasks, expect, expect_end, expect_reset, expect_silence};
use crate::flow::check::{Check, HELD, Reply, Step};
use crate::flow::link::HELLO;
use crate::gate::Gate;
use crate::target::Target;

/// A protocol of lines: `ok` passes, `skip` passes with the 1,000,000 bytes behind it, `switch` waits for the server's `yes`
/// and then everything passes, `no` is refused with words, `reset` without.
#[derive(Debug)]
struct Lines {
    /// Who reports.
    gate: Gate,
    /// The server has said `yes`.
    switched: bool,
}

/// What lies behind `skip`.
const SKIPPED: usize = 1_000_000;

/// Judges lines.
pub(super) fn lines(gate: &Gate) -> Box<dyn Check> {
    Box::new(Lines { gate: gate.clone(), switched: false })
}

impl Check for Lines {
    fn client(&mut self, held: &[u8]) -> Step {
        let Some(end) = held.iter().position(|byte| *byte == b'\n') else { return Step::More };
        let length = u64::try_from(end + 1).expect("a length");
        let refuse = |reply| {
            let target = Target::Name("a.example".into());
            let refusal = self.gate.refuse(&target, 1, "lines", ReasonCode::NameMismatch, "no", "say ok");
            Step::Refuse(refusal, reply)
        };
        match held.get(..end).unwrap_or_default() {
            b"ok" => Step::Pass(length),
            b"skip" => Step::Pass(length + u64::try_from(SKIPPED).expect("a length")),
            b"switch" if self.switched => Step::Rest,
            b"switch" => Step::Wait,
            b"no" => refuse(Reply::Close(b"refused\n".to_vec())),
            _ => refuse(Reply::Reset),
        }
    }

    fn client_end(&mut self, held: &[u8]) -> Step {
        if held == b"bye" { Step::Rest } else { Step::More }
    }

    fn server(&mut self, held: &[u8]) -> Step {
        self.switched = held.starts_with(b"yes");
        Step::Pass(u64::try_from(held.len()).expect("a length"))
    }
}

/// A world in which lines are judged.
async fn world() -> World {
    World::new(Unusual { check: Some(lines), ..Unusual::default() }).await
}

#[tokio::test]
async fn half_a_line_reaches_nobody_until_it_is_whole() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        server.write_all(b"hello").await.expect("sent");
        expect(&mut client, b"hello").await;
        client.write_all(b"o").await.expect("sent");
        expect_silence(&mut server).await;
        client.write_all(b"k").await.expect("sent");
        expect_silence(&mut server).await;
        client.write_all(b"\nok\no").await.expect("sent");
        expect(&mut server, b"ok\nok\n").await;
        expect_silence(&mut server).await;
        client.write_all(b"k\n").await.expect("sent");
        expect(&mut server, b"ok\n").await;
    })
    .await;
}

#[tokio::test]
async fn what_lies_behind_a_passed_body_is_judged_again() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        let mut said = b"skip\n".to_vec();
        said.extend(vec![b'\n'; SKIPPED]);
        for _ in 0..3 {
            let (sent, ()) = tokio::join!(client.write_all(&said), expect(&mut server, &said));
            sent.expect("sent");
        }
        client.write_all(b"no\n").await.expect("sent");
        expect(&mut client, b"refused\n").await;
        expect_end(&mut client).await;
        expect_reset(&mut server).await;
        assert_eq!(world.reasons(), [ReasonCode::NameMismatch]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_line_reaches_nobody_and_the_client_reads_why_although_it_says_more() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        let mut said = b"ok\nno\n".to_vec();
        said.extend([b'x'; 200_000]);
        let talking = async {
            client.write_all(&said).await.expect("the rest is read and dropped");
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).await.expect("an orderly end");
            assert_eq!(heard, b"refused\n");
        };
        let mut heard = Vec::new();
        let (_, ending) = tokio::join!(talking, server.read_to_end(&mut heard));
        assert!(ending.is_err(), "it is reset");
        assert!(heard.is_empty() || heard == b"ok\n", "{heard:?}");
        drop(client);
        world.all_ended().await;
    })
    .await;
}

#[tokio::test]
async fn a_check_that_wants_a_reset_gets_one() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        client.write_all(b"evil\n").await.expect("sent");
        expect_reset(&mut client).await;
        expect_reset(&mut server).await;
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_the_server_goes_on_when_the_server_agrees() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        client.write_all(b"switch\nevil\n").await.expect("sent");
        expect_silence(&mut server).await;
        server.write_all(b"wait").await.expect("sent");
        expect(&mut client, b"wait").await;
        expect_silence(&mut server).await;
        server.write_all(b"yes").await.expect("sent");
        expect(&mut client, b"yes").await;
        expect(&mut server, b"switch\nevil\n").await;
        client.write_all(b"anything").await.expect("sent");
        expect(&mut server, b"anything").await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_ends_instead_of_agreeing_ends_the_connection() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        client.write_all(b"switch\n").await.expect("sent");
        expect_silence(&mut server).await;
        server.shutdown().await.expect("ended");
        world.all_ended().await;
        let mut rest = Vec::new();
        let _reset = client.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_last_bytes_of_a_client_are_judged_as_the_last() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        client.write_all(b"bye").await.expect("sent");
        client.shutdown().await.expect("ended");
        expect(&mut server, b"bye").await;
        expect_end(&mut server).await;

        let (mut client, mut server) = world.pair().await;
        client.write_all(b"half").await.expect("sent");
        client.shutdown().await.expect("ended");
        expect_reset(&mut client).await;
        expect_reset(&mut server).await;
    })
    .await;
}

#[tokio::test]
async fn a_hello_without_an_end_is_cut_off_at_its_bound() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        let _cut = client.write_all(&vec![b'x'; HELD + 100_000]).await;
        expect_reset(&mut client).await;
        expect_reset(&mut server).await;
        assert_eq!(world.reasons(), [ReasonCode::TooMuch]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hello_that_drips_is_cut_off_after_ten_seconds() {
    among_tasks(async {
        let world = world().await;
        let (mut client, mut server) = world.pair().await;
        // Saying nothing at all is not a hello, and may take its time.
        sleep(HELLO * 3).await;
        let begin = Instant::now();
        while begin.elapsed() < HELLO * 2 {
            if client.write_all(b"x").await.is_err() {
                break;
            }
            sleep(Duration::from_millis(900)).await;
        }
        assert!(begin.elapsed() >= HELLO && begin.elapsed() < HELLO + Duration::from_secs(2), "{:?}", begin.elapsed());
        expect_reset(&mut server).await;
        assert_eq!(world.reasons(), [ReasonCode::TooMuch]);
    })
    .await;
}
