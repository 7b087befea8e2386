//! Running one command to its end, or to the end of our patience.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit status; 128 + N for a signal.
    pub(crate) status: i32,
    /// Everything on stdout.
    pub(crate) stdout: Vec<u8>,
    /// Everything on stderr.
    pub(crate) stderr: Vec<u8>,
    /// How long it ran, until exit.
    pub(crate) time: Duration,
    /// Whether both streams had ended within seconds after the exit.
    pub(crate) streams_ended: bool,
}

impl Outcome {
    /// stdout as text.
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// stderr as text.
    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Asserts success and gives stdout.
    #[track_caller]
    pub(crate) fn ok(&self) -> String {
        assert_eq!(self.status, 0, "should have succeeded: {self}");
        self.out()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "status {}\n--- stdout\n{}\n--- stderr\n{}\n---", self.status, self.out(), self.err())
    }
}

/// Reads a stream to its end beside the command.
fn collect(mut stream: impl Read + Send + 'static) -> (Arc<Mutex<Vec<u8>>>, JoinHandle<()>) {
    let shared = Arc::new(Mutex::new(Vec::new()));
    let mine = Arc::clone(&shared);
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 {
                return;
            }
            mine.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
        }
    });
    (shared, reader)
}

/// How long any command may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);
/// How long streams may take to end after the command.
const LAST_BYTES: Duration = Duration::from_secs(8);
/// How often it is looked whether they have: a machine that stands still for a while takes nothing away from them.
const LOOKS: u32 = 400;

/// Runs a command with `input` on its stdin (or with the stdin that is already set).
#[track_caller]
pub(crate) fn run(command: &mut Command, input: Option<&[u8]>) -> Outcome {
    run_within(command, input, PATIENCE)
}

/// The same for a command that may take another time.
#[track_caller]
pub(crate) fn run_within(command: &mut Command, input: Option<&[u8]>, patience: Duration) -> Outcome {
    finish(start(command, input), patience)
}

/// What a command that was started does, from now to its end.
#[track_caller]
pub(crate) fn finish(mut child: Child, patience: Duration) -> Outcome {
    let started = Instant::now();
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.stderr.take().expect("stderr is piped"));
    let status = wait(&mut child, patience);
    let time = started.elapsed();
    let deadline = Instant::now() + LAST_BYTES;
    let ended = || stdout.1.is_finished() && stderr.1.is_finished();
    let mut looks = 0;
    while !ended() && (Instant::now() < deadline || looks < LOOKS) {
        std::thread::sleep(Duration::from_millis(2));
        looks += 1;
    }
    let take = |shared: &Arc<Mutex<Vec<u8>>>| shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Outcome { status, stdout: take(&stdout.0), stderr: take(&stderr.0), time, streams_ended: ended() }
}

/// Starts a command in a process group of its own and feeds it.
pub(crate) fn start(command: &mut Command, input: Option<&[u8]>) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        let input = input.to_vec();
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    child
}

/// Waits for the end; a command that has none is killed with its group and fails the test.
#[track_caller]
pub(crate) fn wait(child: &mut Child, patience: Duration) -> i32 {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        }
        if Instant::now() > deadline {
            let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
            let _ended = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
            drop(child.wait());
            panic!("did not end within {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
