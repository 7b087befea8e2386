//! A development server that is kept: it goes on after its command, and a person reaches it and ends it.

use crate::harness::{Run, Scene, each_scene, leftovers, require};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Serves a file, read anew whenever it changes; ends when it is asked to.
const SERVER: &str = "const fs = require('node:fs'); let text = fs.readFileSync('page', 'utf8');\n\
    fs.watch('.', (_, name) => { if (name === 'page') text = fs.readFileSync('page', 'utf8'); });\n\
    require('node:http').createServer((request, response) => { response.end(text); \
    if (request.url === '/end') setImmediate(() => process.exit()); }).listen(3000, '127.0.0.1', () => fs.writeFileSync('up', ''));\n";

/// What a server of the host's loopback answers; nothing while it does not.
fn ask(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// Asks until the answer is as wanted.
#[track_caller]
fn wait_for(port: u16, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let answer = ask(port, "/");
        if answer.as_deref() == Some(wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "the server says {answer:?}, not {wanted:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the server in a call that returns; the port at which the host reaches it.
fn start(scene: &Scene) -> u16 {
    scene.write(&scene.at_work("server.js"), SERVER);
    scene.write(&scene.at_work("page"), "first");
    let script =
        "node server.js >server.log 2>&1 & until [ -e up ]; do kill -0 $! || exit; sleep 0.02; done; echo started";
    for _ in 0..5 {
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port").port();
        let publish = format!("{port}:3000");
        let outcome = scene.sandboxed(&Run::shell(script).flags(&["--keep", "--publish", &publish]));
        // Somebody else may have been faster with the port.
        if outcome.status == 0 {
            assert_eq!(outcome.out(), "started\n");
            assert!(outcome.streams_ended, "the call returns although the server goes on: {outcome}");
            return port;
        }
    }
    panic!("no port could be had");
}

#[test]
fn kept_server_is_reached_from_the_host_reloads_and_ends() {
    if !require(&["node"]) {
        return;
    }
    each_scene(|scene| {
        let port = start(scene);
        wait_for(port, "first");
        // A later call has a network of its own; its changes to the workspace are seen.
        let later = "echo second >page.new && mv page.new page; exec 3<>/dev/tcp/127.0.0.1/3000";
        let outcome = scene.sandboxed(&Run::new(&["/bin/bash", "-c", later]));
        assert!(outcome.status != 0 && outcome.err().contains("Connection refused"), "{outcome}");
        wait_for(port, "second\n");
        assert_eq!(ask(port, "/end").as_deref(), Some("second\n"));
        leftovers::wait_until_gone(&scene.root).expect("with its last process the sandbox is gone");
        assert_eq!(ask(port, "/"), None, "and its port");
    });
}
