//! git's credential helper, asked by the real git.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::nothing;
use crate::harness::{Home, PROGRAM, Ran, feed};

/// The answer of a repository that has nothing in it (gitprotocol-http(5)).
const EMPTY: &str = "001e# service=git-upload-pack\n00000000";

/// What git shows first where the address names a user: that user, without a password.
const UNFINISHED: &str = "Basic c2FtOg==";

/// A server on the loopback that lets in whoever shows a password, and notes what they show.
struct Server {
    /// Its port.
    port: u16,
    /// The `Authorization` headers.
    shown: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts it; it ends with the test.
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&shown);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is no failure.
                let _ = serve(stream, &notes);
            }
        });
        Self { port, shown }
    }
}

/// Answers one request.
///
/// # Errors
/// When the connection breaks.
fn serve(mut stream: TcpStream, notes: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut login = None;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        login = line.strip_prefix("Authorization: ").map(str::to_owned).or(login);
    }
    let answer = match login {
        Some(login) if login != UNFINISHED => {
            notes.lock().unwrap().push(login);
            let kind = "Content-Type: application/x-git-upload-pack-advertisement";
            format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{EMPTY}", EMPTY.len())
        }
        Some(_) | None => {
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_owned()
        }
    };
    stream.write_all(answer.as_bytes())
}

/// git, with this home's vault as its only helper.
fn git(home: &Home, arguments: &[&str]) -> Command {
    let helper = format!("credential.helper={PROGRAM} {} provider git", home.options().join(" "));
    let mut command = Command::new("git");
    command.args(["-c", "credential.helper=", "-c", &helper]).args(arguments).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home.path("")).env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_ASKPASS", "").current_dir("/");
    command
}

#[test]
fn git_logs_in_with_the_vault() {
    let (server, home) = (Server::start(), Home::with_vault());
    let place = format!("127.0.0.1:{}", server.port);
    home.feed(&["set", &format!("git/http/{place}"), "--consumer", "git"], b"pat:t0ken:x").done();
    let url = format!("http://{place}/repo.git");
    let before = std::fs::read(home.vault()).unwrap();
    let output = git(&home, &["ls-remote", &url]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // base64 of pat:t0ken:x
    assert_eq!(*server.shown.lock().unwrap(), ["Basic cGF0OnQwa2VuOng="]);
    // git has told the helper to store what worked.
    assert_eq!(std::fs::read(home.vault()).unwrap(), before);
}

#[test]
fn git_gets_no_login_of_another_place() {
    let (server, home) = (Server::start(), Home::with_vault());
    let place = format!("127.0.0.1:{}", server.port);
    for name in [format!("git/https/{place}"), "git/http/127.0.0.1".to_owned(), format!("git/http/{place}/other.git")] {
        home.feed(&["set", &name], b"pat:hunter2").done();
    }
    let output = git(&home, &["ls-remote", &format!("http://{place}/repo.git")]).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(*server.shown.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn a_path_and_a_user_are_respected() {
    let (server, home) = (Server::start(), Home::with_vault());
    let place = format!("127.0.0.1:{}", server.port);
    for (name, value) in [("/repo.git", "pat:a"), ("#sam", "b"), ("#pat", "c")] {
        home.feed(&["set", &format!("git/http/{place}{name}")], value.as_bytes()).done();
    }
    let by_path = git(&home, &["-c", "credential.useHttpPath=true", "ls-remote", &format!("http://{place}/repo.git")]);
    let by_user = git(&home, &["ls-remote", &format!("http://sam@{place}/repo.git")]);
    for mut command in [by_path, by_user] {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    // base64 of pat:a and of sam:b
    assert_eq!(*server.shown.lock().unwrap(), ["Basic cGF0OmE=", "Basic c2FtOmI="]);
    let unclear = git(&home, &["ls-remote", &format!("http://{place}/repo.git")]).output().unwrap();
    assert!(!unclear.status.success());
    assert!(String::from_utf8_lossy(&unclear.stderr).contains("fit what git asks for"), "{unclear:?}");
}

#[test]
fn other_operations_are_taken_and_ignored() {
    let home = Home::with_secrets(&[("git/https/git.example", "pat:t0ken")]);
    let before = std::fs::read(home.vault()).unwrap();
    let login = b"protocol=https\nhost=git.example\nusername=mallory\npassword=hunter2\n";
    for operation in ["store", "erase", "capability", "x"] {
        let ran = home.feed(&["provider", "git", operation], login).done();
        assert_eq!(ran.stderr, "");
        nothing(&home, &before, &ran);
    }
    for word in ["approve", "reject"] {
        let ran: Ran = feed(git(&home, &["credential", word]), login);
        nothing(&home, &before, &ran.done());
    }
}

#[test]
fn smuggled_lines_are_refused() {
    let home =
        Home::with_secrets(&[("git/https/git.example", "pat:hunter2"), ("git/https/b.example", "pat:hunter2\rx")]);
    let before = std::fs::read(home.vault()).unwrap();
    for (input, sentence, hint) in [
        (&b"protocol=https\nhost=git.example\r\n"[..], "line 2 of git's request is not an attribute", "let git call"),
        (
            b"protocol=https\nhost=evil\nhost=git.example\n",
            "line 3 of git's request is not an attribute",
            "let git call",
        ),
        (b"protocol=https\nhost=git.example\0\n", "line 2 of git's request is not an attribute", "let git call"),
        (b"protocol=https\nhost=b.example\n", "\"git/https/b.example\" has a line's end", "set git/https/b.example"),
    ] {
        let ran = home.feed(&["provider", "git", "get"], input).refused(65, sentence, hint);
        nothing(&home, &before, &ran);
    }
}
