//! OpenClaw's exec secret provider.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{nothing, on_a_terminal};
use crate::harness::{Home, feed};

/// The command.
const ASK: &[&str] = &["provider", "openclaw"];

/// A request for ids.
fn request(ids: &[&str]) -> Vec<u8> {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("{{\"protocolVersion\":1,\"provider\":\"lobsterpot\",\"ids\":[{}]}}", ids.join(",")).into_bytes()
}

#[test]
fn a_batch_is_answered_in_openclaws_own_environment() {
    let home =
        Home::with_secrets(&[("OPENAI_API_KEY", "sk-1"), ("providers/fake/apiKey", "sk-2"), ("aws", r#"{"key":"a"}"#)]);
    home.feed(&["set", "OTHER", "--consumer", "get"], b"hunter2").done();
    let mut command = home.command(ASK);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("OPENCLAW_CLI", "1").env("LC_CTYPE", "C.UTF-8");
    command.current_dir("/");
    let ids = ["OPENAI-API-KEY", "providers/fake/apiKey", "aws#key", "OTHER", "MISSING"];
    let ran = feed(command, &request(&ids)).done();
    let expected = concat!(
        r#"{"protocolVersion":1,"values":{"OPENAI-API-KEY":"sk-1","providers/fake/apiKey":"sk-2","aws#key":"a"},"#,
        r#""errors":{"OTHER":{"code":"NOT_ALLOWED"},"MISSING":{"code":"NOT_FOUND"}}}"#,
        "\n"
    );
    assert_eq!((ran.text().as_str(), ran.stderr.as_str()), (expected, ""));
}

#[test]
fn what_is_no_request_gets_one_sentence_and_nothing_else() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    let before = std::fs::read(home.vault()).unwrap();
    let malformed = "standard input is not a request of OpenClaw's, from line 1, column ";
    for (input, sentence) in [
        (&b""[..], malformed),
        (b"hunter2", malformed),
        (b"{\"protocolVersion\":1,\"provider\":\"x\",\"ids\":[\"A\"]", malformed),
        (b"{\"protocolVersion\":1,\"provider\":\"x\",\"ids\":[\"A\"],\"ids\":[\"A\"]}", malformed),
        (b"{\"protocolVersion\":1,\"provider\":\"x\",\"ids\":[\"A\"],\"all\":true}", malformed),
        (b"{\"protocolVersion\":1,\"provider\":\"\xff\",\"ids\":[\"A\"]}", malformed),
        (b"[1,\"x\",[\"A\"]]", malformed),
        (
            b"{\"protocolVersion\":2,\"provider\":\"x\",\"ids\":[\"A\"]}",
            "the request has version 2 of the protocol; this release knows 1",
        ),
        (
            b"{\"protocolVersion\":1,\"provider\":\"../x\",\"ids\":[\"A\"]}",
            "the provider's name in the request is not one of OpenClaw's",
        ),
        (b"{\"protocolVersion\":1,\"provider\":\"x\",\"ids\":[\"A\",\"A\"]}", "the request has an id twice"),
    ] {
        let ran = home.feed(ASK, input).refused(65, sentence, "OpenClaw");
        nothing(&home, &before, &ran);
    }
}

#[test]
fn a_request_without_an_end_is_not_waited_for() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    let before = std::fs::read(home.vault()).unwrap();
    let endless = [b"{\"protocolVersion\":1,\"provider\":\"x\",\"ids\":[\"".to_vec(), vec![b'A'; 400_000]].concat();
    let ran =
        home.feed(ASK, &endless).refused(65, "the request on standard input is longer than 262144 bytes", "fewer ids");
    nothing(&home, &before, &ran);

    let start = Instant::now();
    let mut child =
        home.command(ASK).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&request(&["A"])).unwrap();
    let ran = crate::harness::Ran::from(child.wait_with_output().unwrap());
    assert!(start.elapsed() < Duration::from_secs(200));
    let ran = ran.refused(74, "the request on standard input did not end within 4 seconds", "close the pipe");
    nothing(&home, &before, &ran);
    drop(pipe);
}

#[test]
fn a_caller_that_does_not_read_is_not_waited_for() {
    let value = "v".repeat(200_000);
    let home = Home::with_secrets(&[("A", &value)]);
    let mut command = home.command(ASK);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    child.stdin.take().unwrap().write_all(&request(&["A"])).unwrap();
    let ran = crate::harness::Ran::from(child.wait_with_output().unwrap());
    ran.refused(74, "nobody took the answer from standard output within 4 seconds", "keep the reader");
    drop(output);
}

#[test]
fn an_answer_stays_within_what_openclaw_reads() {
    let value = "v".repeat(3000);
    let home = Home::with_secrets(&[("A", &value), ("B", &value), ("C", "small")]);
    let ran = home.feed(&["provider", "openclaw", "--max-output-bytes", "4096"], &request(&["A", "B", "C"])).done();
    assert!(ran.stdout.len() <= 4096);
    assert!(ran.text().ends_with(",\"C\":\"small\"},\"errors\":{\"B\":{\"code\":\"TOO_LARGE\"}}}\n"), "{ran:?}");
}

#[test]
fn a_vault_that_does_not_open_gives_nothing() {
    let (home, other) = (Home::with_secrets(&[("A", "hunter2")]), Home::with_vault());
    let before = std::fs::read(home.vault()).unwrap();
    let identity = other.identity();
    let ran = home.feed(&["--identity", identity.to_str().unwrap(), "provider", "openclaw"], &request(&["A"]));
    assert_eq!(ran.status, 77, "{ran:?}");
    nothing(&home, &before, &ran);
    std::fs::write(home.vault(), &before[..before.len() - 1]).unwrap();
    let ran = home.feed(ASK, &request(&["A"]));
    assert_eq!(ran.status, 65, "{ran:?}");
    assert_eq!(ran.stdout, b"");
}

#[test]
fn no_terminal_shows_an_answer() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    for arguments in
        [ASK, &["provider", "claude-api-key", "A"], &["provider", "git", "get"], &["provider", "docker", "get"]]
    {
        let (said, status) = on_a_terminal(&home.command(arguments));
        assert!(said.contains("standard output is a terminal") && !said.contains("hunter2"), "{said}");
        assert_eq!(status, 77, "{said}");
    }
}

#[test]
fn debug_output_has_no_value() {
    let home = Home::with_secrets(&[("A", "hunter2")]);
    let ran = home.feed(&["--debug", "provider", "openclaw"], &request(&["A"])).done();
    assert!(ran.text().contains("hunter2") && !ran.stderr.contains("hunter2"), "{ran:?}");
}
