//! Starts a program with something to read, and waits for its end, but not for ever.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

/// How long one program may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a program's output may stay open after its end.
const LINGERING: Duration = Duration::from_secs(5);
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
    let open = |_| io::Error::new(io::ErrorKind::TimedOut, "what it has left running keeps its output open");
    let all = |stream: Receiver<Vec<u8>>| stream.recv_timeout(LINGERING).map_err(open);
    Ok(Output { status, stdout: all(stdout)?, stderr: all(stderr)? })
}

/// Starts a server that speaks JSON lines, asks it, and ends it once it has answered the question `number`.
///
/// # Errors
/// When it cannot be started, ends without an answer, or takes too long.
pub(crate) fn ask(mut command: Command, questions: &[Value], number: u64, folder: &Path) -> io::Result<Value> {
    command.current_dir(folder).env_remove("BASH_ENV").env_remove("ENV").process_group(0);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (sender, receiver) = mpsc::channel();
    if let Some(stream) = child.stdout.take() {
        thread::spawn(move || {
            let lines = BufReader::new(stream.take(LONGEST)).lines().map_while(Result::ok);
            let mut answers = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            // When nobody waits any more, nobody misses it.
            let _ = sender.send(answers.find(|answer| answer.get("id") == Some(&number.into())));
        });
    }
    let text: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let asked = child.stdin.take().map(|mut pipe| pipe.write_all(text.as_bytes()).map(|()| pipe));
    let answer = receiver.recv_timeout(PATIENCE);
    drop(asked);
    end(&mut child);
    match answer {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended without an answer")),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it did not answer, and was killed")),
    }
}

/// Ends a server and everything that it has started.
fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // It may have ended by itself.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait();
}

/// Reads a stream to its end, or to a bound, and hands over what was read.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // What was read until a failure is what there is.
            let _ = stream.take(LONGEST).read_to_end(&mut bytes);
        }
        // When nobody waits any more, nobody misses it.
        let _ = sender.send(bytes);
    });
    receiver
}

/// Waits for a child's end; one that takes too long is killed.
///
/// # Errors
/// As the system says.
fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let latest = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > latest {
            end(child);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_that_leaves_something_running_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 1000 & echo $! >left"]);
        let outcome = run(command, None, folder.path());
        let left = std::fs::read_to_string(folder.path().join("left")).expect("it ran");
        nix::sys::signal::kill(Pid::from_raw(left.trim().parse().expect("a number")), Signal::SIGKILL)
            .expect("it runs");
        assert_eq!(outcome.expect_err("it is told").kind(), io::ErrorKind::TimedOut);
    }
}
