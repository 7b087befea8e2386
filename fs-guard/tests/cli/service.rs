//! `fs-guard serve`: one answer for every request, whatever is asked.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};

use serde_json::{Value, json};

use crate::scene::{CANARY, Scene, as_everybody, finish};

/// A running service.
pub(crate) struct Service {
    /// The process.
    pub(crate) child: Child,
    /// Where requests go.
    input: Option<ChildStdin>,
    /// Where answers come from.
    output: ChildStdout,
}

impl Service {
    /// Starts the program.
    pub(crate) fn new(scene: &Scene) -> Self {
        let mut child = scene.command(&["serve"]).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Sends a frame.
    fn send(&mut self, content: &[u8]) {
        let length = u32::try_from(content.len()).unwrap();
        self.send_raw(&[&length.to_be_bytes(), content].concat());
    }

    /// Receives an answer.
    fn receive(&mut self) -> Value {
        let mut head = [0; 4];
        self.output.read_exact(&mut head).unwrap();
        let mut content = vec![0; usize::try_from(u32::from_be_bytes(head)).unwrap()];
        self.output.read_exact(&mut content).unwrap();
        serde_json::from_slice(&content).unwrap()
    }

    /// Asks and gets the answer.
    pub(crate) fn ask(&mut self, request: &Value) -> Value {
        self.send(request.to_string().as_bytes());
        self.receive()
    }

    /// Asks for something that must be done; returns the answer.
    #[track_caller]
    fn done(&mut self, request: &Value) -> Value {
        let answer = self.ask(request);
        assert_eq!(answer["ok"], true, "{request}: {answer}");
        assert_eq!(answer["id"], request["id"], "{request}: {answer}");
        answer
    }

    /// Asks for something that must be refused; returns the error.
    #[track_caller]
    fn refused(&mut self, request: &Value, code: &str, kind: &str) -> Value {
        let answer = self.ask(request);
        let error = &answer["error"];
        assert_eq!(
            (answer["ok"].clone(), &error["code"], &error["kind"]),
            (false.into(), &code.into(), &kind.into()),
            "{request}: {answer}"
        );
        assert!(!answer.to_string().contains(CANARY), "{request}: {answer}");
        error.clone()
    }

    /// Ends the input; returns the exit status and what was said on standard error.
    pub(crate) fn end(mut self) -> (i32, String) {
        drop(self.input.take());
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "answers to nothing: {rest:?}");
        self.child.stdout = Some(self.output);
        let outcome = finish(self.child);
        (outcome.status, outcome.err)
    }
}

#[test]
fn it_says_who_it_is_and_ends_with_its_input() {
    as_everybody(|scene| {
        let mut service = Service::new(scene);
        let hello = service.done(&json!({"id": 1, "op": "hello"}));
        assert_eq!(hello["protocol"], 1);
        assert_eq!(hello["workspaces"], json!([scene.path("").parent().unwrap().join("work")]));
        assert!(hello["confined"].as_str().unwrap().starts_with("landlock-") || hello["confined"] == "none", "{hello}");
        assert_eq!(service.end(), (0, String::new()));
    });
}

#[test]
fn every_operation_works() {
    as_everybody(|scene| {
        let mut service = Service::new(scene);
        let mut done = |request: Value| service.done(&request);
        assert_eq!(done(json!({"id": 1, "op": "write", "path": "a/f", "text": "héllo\n", "parents": true}))["size"], 7);
        let read = done(json!({"id": 2, "op": "read", "path": "a/f"}));
        assert_eq!((&read["data"], &read["size"]), (&json!("aMOpbGxvCg=="), &json!(7)));
        assert!(read["mtime_ms"].as_i64().unwrap() > 1_500_000_000_000);
        assert_eq!(done(json!({"id": 3, "op": "read", "path": "a/f", "offset": 1, "limit": 2}))["data"], "w6k=");
        let edits = json!([{"old": "é", "new": "e"}, {"old": "l", "new": "L", "all": true}]);
        assert_eq!(done(json!({"id": 4, "op": "edit", "path": "a/f", "edits": edits}))["replaced"], 3);
        assert_eq!(scene.content("a/f"), b"heLLo\n");
        done(json!({"id": 5, "op": "write", "path": "a/g", "data": "AAH/", "exclusive": true, "mode": 0o600}));
        let facts = done(json!({"id": 6, "op": "stat", "path": "a/g"}));
        assert_eq!((&facts["kind"], &facts["size"], &facts["mode"]), (&json!("file"), &json!(3), &json!(0o600)));
        let list = done(json!({"id": 7, "op": "list", "path": "a"}));
        assert_eq!(
            list["entries"],
            json!([{"name": "f", "kind": "file", "size": 6}, {"name": "g", "kind": "file", "size": 3}])
        );
        done(json!({"id": 8, "op": "mkdir", "path": "a/b/c", "parents": true}));
        done(json!({"id": 9, "op": "rename", "from": "a/g", "to": "a/b/h"}));
        done(json!({"id": 10, "op": "read", "path": "h", "directory": scene.path("a/b")}));
        done(json!({"id": 11, "op": "remove", "path": "a", "recursive": true}));
        done(json!({"id": 12, "op": "remove", "path": "a", "force": true}));
        let verdict = done(json!({"id": 13, "op": "check", "path": ".envrc", "for": "write"}));
        assert_eq!((&verdict["decision"], &verdict["code"]), (&json!("deny"), &json!("fs.protected")));
        let verdict = done(json!({"id": 14, "op": "check", "path": "~/x", "for": "write", "client_spelling": true}));
        assert_eq!(verdict["decision"], "deny", "{verdict}");
        let verdict = done(json!({"id": 15, "op": "check", "path": "new", "for": "write"}));
        assert_eq!((&verdict["decision"], &verdict["resolved"]), (&json!("allow"), &json!(scene.path("new"))));
        assert_eq!(service.end().0, 0);
        assert!(scene.names(".").is_empty());
    });
}

#[test]
fn refusals_have_a_code_a_kind_and_words() {
    as_everybody(|scene| {
        scene.plant("file", "x");
        scene.plant(".env", CANARY);
        let mut service = Service::new(scene);
        let error = service.refused(&json!({"id": 1, "op": "read", "path": ".env"}), "fs.masked", "denied");
        assert!(!error["message"].as_str().unwrap().is_empty() && !error["instead"].as_str().unwrap().is_empty());
        assert!(error["rule"].is_string() && error["path"].is_string(), "{error}");
        service.refused(&json!({"id": 2, "op": "read", "path": "none"}), "fs.not-found", "not-found");
        service.refused(
            &json!({"id": 3, "op": "write", "path": "file", "text": "", "exclusive": true}),
            "fs.exists",
            "exists",
        );
        service.refused(&json!({"id": 4, "op": "read", "path": "."}), "fs.is-directory", "is-directory");
        service.refused(&json!({"id": 5, "op": "list", "path": "file"}), "fs.not-a-folder", "not-directory");
        service.refused(
            &json!({"id": 6, "op": "edit", "path": "file", "edits": [{"old": "y", "new": "z"}]}),
            "fs.no-match",
            "io",
        );
        service.refused(&json!({"id": 7, "op": "read", "path": "../outside/secret"}), "fs.scratch", "denied");
        assert_eq!(service.end().0, 0);
    });
}

#[test]
fn requests_that_make_no_sense_are_answered_and_the_next_one_works() {
    as_everybody(|scene| {
        let mut service = Service::new(scene);
        for bad in [
            "",
            "{",
            "null",
            "[]",
            "7",
            "\"x\"",
            "{}",
            "\u{0}",
            "{\"id\":1,\"id\":2,\"op\":\"hello\"}",
            r#"{"op":"fly"}"#,
            r#"{"op":"read"}"#,
            r#"{"op":"read","path":7}"#,
            r#"{"op":"read","path":"x","extra":1}"#,
            r#"{"op":"read","path":"x","text":"y"}"#,
            r#"{"op":"hello","path":"x"}"#,
            r#"{"op":"check","path":"x"}"#,
            r#"{"op":"check","path":"x","for":"joy"}"#,
            r#"{"op":"read","path":"x","path_base64":"eA=="}"#,
            r#"{"op":"read","path_base64":"?"}"#,
            r#"{"op":"write","path":"x"}"#,
            r#"{"op":"write","path":"x","data":"?"}"#,
            r#"{"op":"write","path":"x","data":"","text":""}"#,
            r#"{"op":"read","path":"x","offset":-1}"#,
            r#"{"op":"read","path":"x","directory":"relative"}"#,
            r#"{"op":"read","path":"x","limit":1e99}"#,
            r#"{"op":"edit","path":"x","edits":[]}"#,
            r#"{"op":"edit","path":"x","edits":{}}"#,
            r#"{"op":"rename","from":"x"}"#,
        ] {
            service.send(bad.as_bytes());
            let answer = service.receive();
            assert_eq!(
                (&answer["ok"], &answer["error"]["kind"]),
                (&json!(false), &json!("request")),
                "{bad}: {answer}"
            );
        }
        service.send(&[0xff; 100]);
        assert_eq!(service.receive()["error"]["kind"], "request");
        service.send(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
        assert_eq!(service.receive()["error"]["kind"], "request");
        // The number is known even when the rest is not understood.
        assert_eq!(service.ask(&json!({"id": 77, "op": "fly"}))["id"], 77);
        service.done(&json!({"id": 1, "op": "write", "path": "file", "text": "x"}));
        assert_eq!(service.end(), (0, String::new()));
        assert_eq!(scene.names("."), ["file"]);
    });
}

#[test]
fn a_broken_frame_ends_it_with_one_error() {
    as_everybody(|scene| {
        let mut service = Service::new(scene);
        service.send_raw(&[0xff, 0xff, 0xff, 0xff, b'x']);
        assert_eq!(service.receive()["error"]["kind"], "request");
        let (status, words) = service.end();
        assert_eq!(status, 64, "{words}");
        assert!(words.starts_with("fs-guard: "), "{words}");
        for broken in [[0, 0].as_slice(), &[0, 0, 0, 9, b'{']] {
            let outcome = scene.run(&["serve"], broken);
            assert_eq!(outcome.status, 64, "{}", outcome.err);
            assert!(String::from_utf8_lossy(&outcome.out).contains("\"request\""));
        }
        assert_eq!(scene.run(&["serve"], "").status, 0);
    });
}

#[test]
fn requests_in_one_go_are_answered_in_order() {
    as_everybody(|scene| {
        let mut service = Service::new(scene);
        let mut input = Vec::new();
        for id in 0..2000_u32 {
            let request = json!({"id": id, "op": "check", "path": format!("{id}"), "for": "write"}).to_string();
            input.extend(u32::try_from(request.len()).unwrap().to_be_bytes());
            input.extend(request.as_bytes());
        }
        let mut stream = service.input.take().unwrap();
        let writer = std::thread::spawn(move || stream.write_all(&input).map(|()| stream).unwrap());
        for id in 0..2000 {
            assert_eq!(service.receive()["id"], id);
        }
        service.input = Some(writer.join().unwrap());
        assert_eq!(service.end().0, 0);
    });
}

#[test]
fn large_content_goes_through_and_larger_is_refused() {
    let scene = &Scene::new(None);
    let mut service = Service::new(scene);
    let text = "x".repeat(32 * 1024 * 1024);
    service.done(&json!({"id": 1, "op": "write", "path": "file", "text": text}));
    let data = service.done(&json!({"id": 2, "op": "read", "path": "file"}))["data"].as_str().unwrap().len();
    assert_eq!(data, (text.len()).div_ceil(3) * 4);
    service.refused(
        &json!({"id": 3, "op": "write", "path": "file", "text": format!("{text}x")}),
        "fs.too-large",
        "too-large",
    );
    assert_eq!(service.end().0, 0);
    assert_eq!(scene.content("file").len(), text.len());
}

#[test]
fn memory_does_not_grow_with_the_number_of_requests() {
    let scene = Scene::new(None);
    scene.plant("file", "x");
    let mut service = Service::new(&scene);
    let round = |service: &mut Service| {
        for id in 0..2000 {
            service.ask(&json!({"id": id, "op": "check", "path": format!("a/{id}"), "for": "write"}));
            service.ask(&json!({"id": id, "op": "read", "path": "file"}));
            service.ask(&json!({"id": id, "op": "read", "path": format!("none-{id}")}));
            service.ask(&json!({"id": id, "op": "fly"}));
        }
    };
    round(&mut service);
    let before = resident(&service.child);
    for _ in 0..3 {
        round(&mut service);
    }
    let after = resident(&service.child);
    // A leak of eleven bytes for each of the 24 000 requests is more; what an allocator keeps apart for longer and shorter looks is less.
    assert!(after <= before + 256, "{before} KiB before, {after} KiB after");
    assert_eq!(service.end().0, 0);
}

/// The resident memory of a process, in KiB: counted page by page, since `VmRSS` may be behind by what each processor has not yet
/// added, `proc_pid_status(5)`.
fn resident(child: &Child) -> u64 {
    let sums = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", child.id())).unwrap();
    let line = sums.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn when_nobody_reads_the_answers_it_ends() {
    as_everybody(|scene| {
        let mut service = Service::new(scene);
        drop(service.child.stdout.take());
        let Service { child, mut input, output } = service;
        drop(output);
        let request = json!({"id": 1, "op": "hello"}).to_string();
        let mut stream = input.take().unwrap();
        let _ = stream.write_all(&u32::try_from(request.len()).unwrap().to_be_bytes());
        let _ = stream.write_all(request.as_bytes());
        let outcome = child.wait_with_output().unwrap();
        assert_eq!(outcome.status.code(), Some(0), "{}", String::from_utf8_lossy(&outcome.stderr));
    });
}
