//! Starts a program with something to read, and waits for its end, but not for ever.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long one program may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that is read of what a program says.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Runs a program in `folder` and collects what it says.
///
/// # Errors
/// When it cannot be started, or takes too long; then it is killed.
pub(crate) fn run(mut command: Command, input: Option<&str>, folder: &Path) -> io::Result<Output> {
    // A shell that is started for a trial must not run anything of the caller's first.
    command.current_dir(folder).env_remove("BASH_ENV").env_remove("ENV").process_group(0);
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        // A program that does not read its input is judged by its answer.
        let _ = pipe.write_all(input.as_bytes());
    }
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let status = wait(&mut child)?;
    let joined = |thread: JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
    Ok(Output { status, stdout: joined(stdout), stderr: joined(stderr) })
}

/// Reads a stream to its end, or to a bound.
fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // What was read until a failure is what there is.
            let _ = stream.take(LONGEST).read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Waits for a child's end; one that takes too long is killed.
///
/// # Errors
/// As the system says.
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not end, and was killed"));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// What a program said, in one line.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().chars().take(600).collect::<String>();
    match (text(&output.stderr), text(&output.stdout)) {
        (stderr, _) if !stderr.is_empty() => stderr,
        (_, stdout) if !stdout.is_empty() => stdout,
        _ => format!("it said nothing and ended with {}", output.status),
    }
}
