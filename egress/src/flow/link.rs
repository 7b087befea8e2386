//! A connection that is made: both directions, its deadlines, and its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::check::{Check, Reply};
use super::half::{Broken, Half, Progress, Speaker, Tools};
use super::meter::Meter;
use super::shares::Shares;

/// How long a connection may be without a byte in either direction: 10 minutes.
pub(super) const IDLE: Duration = Duration::from_secs(600);
/// How long it may take from the first byte that has to be judged until it can be: 10 seconds.
pub(super) const HELLO: Duration = Duration::from_secs(10);
/// How long a client may take to read why it was refused: 2 seconds.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much a client that was refused may still say before it is cut off, so that the answer is not lost: 1 MiB.
const LAST_WORDS: u64 = 1 << 20;

/// Two sockets, and what goes on between them.
#[derive(Debug)]
pub(crate) struct Link {
    /// The program in the sandbox; for a published port the client on the host.
    client: TcpStream,
    /// The server.
    server: TcpStream,
    /// From the client to the server.
    up: Half,
    /// From the server to the client.
    down: Half,
    /// What judges, if anything does.
    check: Option<Box<dyn Check>>,
    /// What counts, if anything does.
    meter: Option<Meter>,
    /// What connections share.
    shares: Shares,
    /// When bytes moved last.
    last: Instant,
}

impl Link {
    /// A link in which nothing was said. Small messages go on at once, in both directions.
    pub(crate) fn new(
        client: TcpStream,
        server: TcpStream,
        check: Option<Box<dyn Check>>,
        meter: Option<Meter>,
        shares: &Shares,
    ) -> Self {
        // Without it small messages are late, and nothing else.
        let _late = (client.set_nodelay(true), server.set_nodelay(true));
        Self {
            client,
            server,
            up: Half::new(Speaker::Client, check.is_some(), shares),
            down: Half::new(Speaker::Server, check.is_some(), shares),
            check,
            meter,
            shares: shares.clone(),
            last: Instant::now(),
        }
    }

    /// What the client has said already.
    pub(crate) fn begin_with(&mut self, bytes: &[u8]) {
        self.up.begin_with(bytes);
    }

    /// Passes bytes on until both sides have ended, or the connection breaks; then the sockets are closed, and reset if it broke.
    ///
    /// # Errors
    /// When it broke, for the report.
    pub(crate) async fn run(mut self) -> Result<(), Broken> {
        let outcome = {
            let mut timer = std::pin::pin!(sleep_until(self.last + IDLE));
            poll_fn(|cx| self.poll(cx, timer.as_mut())).await
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(broken) => {
                reset(&self.server);
                let reply =
                    if let Broken::Refused(Reply::Close(words)) = &broken { Some(words.as_slice()) } else { None };
                match reply.filter(|_| self.down.is_clean()) {
                    Some(words) => farewell(self.client, self.server, words).await,
                    None => reset(&self.client),
                }
                Err(broken)
            }
        }
    }

    /// Moves what can be moved, and says when it is over.
    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Result<(), Broken>> {
        loop {
            let (up, down) = self.turn(cx)?;
            if up == Progress::Done && down == Progress::Done {
                return Poll::Ready(Ok(()));
            }
            if up == Progress::TurnOver || down == Progress::TurnOver {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.up.waits() && self.down.is_ended() {
                return Poll::Ready(Err(Broken::Unfinished));
            }
            let deadline = self.deadline()?;
            if deadline < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// A turn for each direction, and another one for a direction that the other one's progress concerns.
    ///
    /// # Errors
    /// When the connection cannot go on.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(Progress, Progress), Broken> {
        let mut check = self.check.take();
        let mut tools = Tools { check: check.as_deref_mut(), meter: self.meter.as_ref(), shares: &self.shares };
        let outcome = loop {
            let turns = self.up.turn(cx, &mut self.client, &mut self.server, &mut tools).and_then(|up| {
                let down = self.down.turn(cx, &mut self.server, &mut self.client, &mut tools)?;
                Ok((up, down))
            });
            let Ok(progress) = turns else { break turns };
            let (from_up, from_down) = (take(&mut self.up.decided), take(&mut self.down.decided));
            if from_up {
                self.down.reconsider();
            }
            if from_down {
                self.up.reconsider();
            }
            if !(from_up || from_down) || progress.0 == Progress::TurnOver || progress.1 == Progress::TurnOver {
                break Ok(progress);
            }
        };
        self.check = check;
        if take(&mut self.up.moved) | take(&mut self.down.moved) {
            self.last = Instant::now();
        }
        outcome
    }

    /// When something is to happen even if no socket does anything.
    ///
    /// # Errors
    /// When it should have happened already.
    fn deadline(&self) -> Result<Instant, Broken> {
        let now = Instant::now();
        let idle = self.last + IDLE;
        if idle <= now {
            return Err(Broken::Idle);
        }
        let undecided = self.up.undecided.into_iter().chain(self.down.undecided).min().map(|since| since + HELLO);
        if undecided.is_some_and(|moment| moment <= now) {
            return Err(Broken::TooMuch("seconds until it is clear what is said"));
        }
        let resumed = self.up.not_before.into_iter().chain(self.down.not_before).min();
        Ok(undecided.into_iter().chain(resumed).fold(idle, Instant::min))
    }
}

/// Takes a flag and sets it back.
const fn take(flag: &mut bool) -> bool {
    std::mem::replace(flag, false)
}

/// Makes closing this socket reset the connection, so that the other end cannot take it for an orderly end.
pub(crate) fn reset(socket: &TcpStream) {
    // Without it the connection is closed, which is the next best thing.
    let _kept = socket.set_zero_linger();
}

/// Tells the client why it was refused, and reads on for a while: closing with bytes unread would take the answer back.
async fn farewell(mut client: TcpStream, server: TcpStream, words: &[u8]) {
    drop(server);
    let told = timeout(FAREWELL, async {
        client.write_all(words).await?;
        client.shutdown().await?;
        let mut rest = client.take(LAST_WORDS);
        let mut buffer = [0; 512];
        while rest.read(&mut buffer).await? > 0 {}
        std::io::Result::Ok(())
    });
    // Whether it listens is its own affair.
    let _heard = told.await;
}
