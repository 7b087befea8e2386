//! The demo's two ends of a conversation: an agent's process with its sockets, and a client that asks them.
//!
//! `service serve PIDFILE PORTFILE HOME-SOCKET WORK-SOCKET TEXT TEXT TEXT` listens at both paths and at a loopback port, and
//! says the first, second and third text to whoever connects there. It ends by itself after a while, should nobody end it.
//!
//! `service ask unix PATH` and `service ask tcp PORT` print what a listener says.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// How long a forgotten service lives.
const LIFETIME: Duration = Duration::from_secs(100);
/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Does what the command line says; on failure, says why on standard error.
fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match carry_out(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "ask: {}", plain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error without the number that the standard library adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Serves or asks.
///
/// # Errors
/// A wrong command line, or what the kernel said.
fn carry_out(arguments: &[OsString]) -> io::Result<()> {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    match words.as_slice() {
        ["serve", pid, port, home, work, texts @ ..] => {
            let [at_home, at_work, at_port] = texts else { return Err(usage()) };
            serve_unix(Path::new(home), at_home)?;
            serve_unix(Path::new(work), at_work)?;
            let number = serve_tcp(at_port)?;
            fs::write(pid, std::process::id().to_string())?;
            fs::write(port, number.to_string())?;
            thread::sleep(LIFETIME);
            Ok(())
        }
        ["ask", "unix", path] => {
            let (folder, name) = split(Path::new(path))?;
            env::set_current_dir(folder)?;
            show(UnixStream::connect(name)?)
        }
        ["ask", "tcp", port] => {
            let port: u16 = port.parse().map_err(|_| usage())?;
            let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            show(stream)
        }
        _ => Err(usage()),
    }
}

/// A wrong command line.
fn usage() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "usage: service serve … | ask unix PATH | ask tcp PORT")
}

/// Folder and name of a socket: the address holds 108 bytes, and a path may be longer.
///
/// # Errors
/// A path without a name.
fn split(path: &Path) -> io::Result<(PathBuf, &Path)> {
    let name = path.file_name().map(Path::new).ok_or_else(usage)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder.to_owned(), name))
}

/// Answers at a path with `text`.
///
/// # Errors
/// When nothing can listen there.
fn serve_unix(path: &Path, text: &str) -> io::Result<()> {
    let (folder, name) = split(path)?;
    env::set_current_dir(folder)?;
    let listener = UnixListener::bind(name)?;
    let text = text.to_owned();
    thread::spawn(move || listener.incoming().flatten().for_each(|mut stream| drop(stream.write_all(text.as_bytes()))));
    Ok(())
}

/// Answers at a free loopback port with `text`; returns the port.
///
/// # Errors
/// When nothing can listen there.
fn serve_tcp(text: &str) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let text = text.to_owned();
    thread::spawn(move || listener.incoming().flatten().for_each(|mut stream| drop(stream.write_all(text.as_bytes()))));
    Ok(port)
}

/// Prints what `stream` says.
///
/// # Errors
/// When it says nothing any more, or nobody reads.
fn show(mut stream: impl Read) -> io::Result<()> {
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    io::stdout().write_all(&text)
}
