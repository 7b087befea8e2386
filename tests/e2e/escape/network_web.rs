//! What is said over a connection to an allowed host that is meant for another one: HTTP and TLS.

use crate::harness::online::Tricks;

/// What the policy of these tests allows.
const ALLOWED: &[&str] = &["web.example.com:80,443,8080", "other.example.com:443"];

/// Asserts that each of these says something to the web server of an allowed host that is refused.
#[track_caller]
fn refused(said: &[&str]) {
    let tries: Vec<String> = said.iter().map(|said| format!("attack say web.example.com:80 {said}")).collect();
    let tricks: Vec<(&str, &str)> = tries.iter().map(|said| (said.as_str(), "web.example.com")).collect();
    Tricks::new(ALLOWED, &tricks).are_refused();
}

/// A whole request for the allowed host.
macro_rules! honest {
    () => {
        "'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'"
    };
}

#[test]
fn host_line_must_be_the_name_that_was_connected_to() {
    refused(&[
        "'GET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nhOsT:evil.example.net:80\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nHost: web.example.com.evil.example.net\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nHost: 10.7.7.7\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nHost: web.example.com@evil.example.net\\r\\n\\r\\n'",
    ]);
}

#[test]
fn host_line_must_be_there_once() {
    refused(&[
        "'GET / HTTP/1.0\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nHost:\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\nHost : evil.example.net\\r\\n\\r\\n'",
        "'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\n Host: evil.example.net\\r\\n\\r\\n'",
    ]);
}

#[test]
fn absolute_address_must_be_the_name_that_was_connected_to() {
    refused(&[
        "'GET http://evil.example.net/ HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'",
        "'GET http://evil.example.net/ HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
        "'GET HTTP://web.example.com@evil.example.net/ HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'",
        "'GET https://evil.example.net/ HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'",
    ]);
}

#[test]
fn second_host_on_a_kept_alive_connection_is_refused() {
    refused(&[
        concat!(honest!(), " 'GET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'"),
        concat!(
            honest!(),
            " ",
            honest!(),
            " 'GET http://evil.example.net/ HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'"
        ),
    ]);
}

#[test]
fn second_host_in_the_same_packet_is_refused() {
    refused(&[
        "'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\nGET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
        "'POST /upload HTTP/1.1\\r\\nHost: web.example.com\\r\\nContent-Length: 3\\r\\n\\r\\nabcGET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
        "'POST /upload HTTP/1.1\\r\\nHost: web.example.com\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n0\\r\\n\\r\\nGET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
    ]);
}

#[test]
fn body_whose_length_two_readers_see_differently_is_refused() {
    // The server of these tests believes the chunks, whatever length is said beside them.
    refused(&[
        "'POST /upload HTTP/1.1\\r\\nHost: web.example.com\\r\\nContent-Length: 54\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\nX: yyyyyyy\\r\\n\\r\\n'",
        "'POST /upload HTTP/1.1\\r\\nHost: web.example.com\\r\\nContent-Length: 53\\r\\nContent-Length: 0\\r\\n\\r\\nGET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\nX: yyyyyyy\\r\\n\\r\\n'",
        "'POST /upload HTTP/1.1\\r\\nHost: web.example.com\\r\\nTransfer-Encoding : chunked\\r\\nContent-Length: 59\\r\\n\\r\\n0\\r\\n\\r\\nGET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\nX: yyyyyyy\\r\\n\\r\\n'",
    ]);
}

#[test]
fn tunnel_asked_of_an_allowed_host_is_refused() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack say web.example.com:80 'CONNECT evil.example.net:443 HTTP/1.1\\r\\nHost: evil.example.net:443\\r\\n\\r\\n'", "web.example.com"),
        ],
    )
    .are_refused();
}

#[test]
fn websocket_that_is_not_agreed_to_opens_no_raw_way() {
    refused(&[
        "'GET /upload HTTP/1.1\\r\\nHost: web.example.com\\r\\nConnection: keep-alive, Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Key: eA==\\r\\n\\r\\nGET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
        "'GET /upload HTTP/1.1\\r\\nHost: web.example.com\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Key: eA==\\r\\n\\r\\n' 'GET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\n\\r\\n'",
    ]);
}

#[test]
fn what_is_not_the_first_version_of_http_is_refused_at_its_port() {
    Tricks::new(
        ALLOWED,
        &[
            ("attack say web.example.com:80 'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x00\\x00'", "web.example.com"),
            ("attack say web.example.com:80 'SSH-2.0-x\\r\\n'", "web.example.com"),
            ("attack say web.example.com:80 'GET /\\r\\n'", "web.example.com"),
            ("attack say web.example.com:80 '\\x00\\x01\\x02\\x03'", "web.example.com"),
            ("curl -sS -m 8 https://web.example.com:80/", "web.example.com"),
            ("attack say web.example.com:80 'GET / HTTP/1.1\\nHost: web.example.com\\nX: y\\n\\n'", "web.example.com"),
            ("attack say web.example.com:80 'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\nX: \\*300000:a\\r\\n\\r\\n'", "web.example.com"),
        ],
    )
    .never_bare("the server of these tests does not speak it either")
    .are_refused();
}

#[test]
fn plain_requests_are_held_to_their_methods_and_paths() {
    let say =
        |said: &str| format!("attack say web.example.com:80 '{said} HTTP/1.1\\r\\nHost: web.example.com\\r\\n\\r\\n'");
    let tries = ["DELETE /bytes/1", "GET /secret", "GET http://web.example.com/secret", "DELETE /bytes/1?x"].map(say);
    let tricks: Vec<(&str, &str)> = tries.iter().map(|said| (said.as_str(), "web.example.com")).collect();
    let only = "[{ host = \"web.example.com\", ports = [80], methods = [\"GET\"], paths = [\"/bytes/**\"] }]\n";
    Tricks::new(&[], &tricks).allowing(only).are_refused();
    let tries = ["GET /bytes/../secret", "GET /bytes/%2e%2e/secret", "GET /bytes/..%2fsecret", "GET //secret"].map(say);
    let tricks: Vec<(&str, &str)> = tries.iter().map(|said| (said.as_str(), "web.example.com")).collect();
    let never = "the server of these tests does not resolve dots";
    Tricks::new(&[], &tricks).allowing(only).never_bare(never).are_refused();
}

#[test]
fn encrypted_requests_do_not_pass_a_rule_on_paths() {
    let only = "[{ host = \"web.example.com\", ports = [80, 8443], paths = [\"/bytes/**\"] }]\n";
    let tricks = &[("curl -sS -m 8 https://web.example.com:8443/secret", "web.example.com")];
    Tricks::new(&[], tricks).allowing(only).are_refused();
}

#[test]
fn name_asked_for_by_tls_must_be_the_name_that_was_connected_to() {
    Tricks::new(
        ALLOWED,
        &[
            ("curl -sS -m 8 --connect-to evil.example.net:443:web.example.com:443 https://evil.example.net/", "web.example.com"),
            ("curl -sS -m 8 --connect-to EVIL.example.net:443:web.example.com:443 https://EVIL.example.net/", "web.example.com"),
            ("curl -sS -m 8 --tls-max 1.2 --connect-to evil.example.net:443:web.example.com:443 https://evil.example.net/", "web.example.com"),
            ("curl -sS -m 8 --connect-to web.example.org:443:web.example.com:443 https://web.example.org/", "web.example.com"),
        ],
    )
    .are_refused();
}

#[test]
fn tls_without_a_name_is_refused() {
    let trick = "printf 'GET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet -noservername -connect web.example.com:443";
    Tricks::new(ALLOWED, &[(trick, "web.example.com")]).are_refused();
}

#[test]
fn name_of_another_allowed_host_is_refused_too() {
    // Otherwise whoever may name one host could name every customer of the same server.
    Tricks::new(
        ALLOWED,
        &[(
            "curl -sS -m 8 --connect-to other.example.com:443:web.example.com:443 https://other.example.com/secret",
            "web.example.com",
        )],
    )
    .are_refused();
}

/// Sends its ClientHello in pieces, and in several records when told so, with the name of another host.
const PIECES: &str = "import socket, ssl, sys, time\n\
    context = ssl.create_default_context(cafile='ca.pem')\nread, write = ssl.MemoryBIO(), ssl.MemoryBIO()\n\
    tls = context.wrap_bio(read, write, server_hostname='evil.example.net')\ntry:\n    tls.do_handshake()\nexcept ssl.SSLWantReadError:\n    pass\n\
    hello = write.read()\nif sys.argv[1] == 'records':\n    body = hello[5:]\n    hello = b''.join(hello[:3] + len(body[i:i + 40]).to_bytes(2, 'big') + body[i:i + 40] for i in range(0, len(body), 40))\n\
    stream = socket.create_connection(('web.example.com', 443), 60)\nstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n\
    size = 7 if sys.argv[1] == 'segments' else 200\nfor i in range(0, len(hello), size):\n    stream.sendall(hello[i:i + size]); time.sleep(0.01)\n\
    while True:\n    data = stream.recv(65536)\n    if not data: sys.exit('closed')\n    read.write(data)\n    try:\n        tls.do_handshake(); break\n    except ssl.SSLWantReadError:\n        stream.sendall(write.read())\n\
    stream.sendall(write.read())\ntls.write(b'GET / HTTP/1.1\\r\\nHost: evil.example.net\\r\\nConnection: close\\r\\n\\r\\n')\nstream.sendall(write.read())\n\
    while data := stream.recv(65536):\n    read.write(data)\n    try:\n        print(tls.read(65536).decode())\n    except ssl.SSLError:\n        pass\n";

#[test]
fn name_of_another_host_is_found_in_a_hello_that_comes_in_pieces() {
    Tricks::new(
        ALLOWED,
        &[
            ("/usr/bin/python3 pieces.py segments", "web.example.com"),
            ("/usr/bin/python3 pieces.py records", "web.example.com"),
        ],
    )
    .file("pieces.py", PIECES)
    .are_refused();
}

#[test]
fn hello_that_is_too_long_or_no_hello_is_refused() {
    Tricks::new(
        ALLOWED,
        &[
            (
                "attack say web.example.com:443 '\\x16\\x03\\x01\\x40\\x00\\x01\\x00\\xff\\xff\\*70000:a'",
                "web.example.com",
            ),
            ("attack say web.example.com:443 '\\x16\\x03\\x01\\x00\\x05\\x02\\x00\\x00\\x01\\x00'", "web.example.com"),
            ("attack say web.example.com:443 '\\x16\\x03\\x01\\x00\\x00\\x16\\x03\\x01\\x00\\x00'", "web.example.com"),
        ],
    )
    .never_bare("no server speaks this")
    .are_refused();
}

#[test]
fn connections_that_say_too_little_for_too_long_are_ended() {
    // Ten seconds are allowed for what tells a host.
    Tricks::new(
        ALLOWED,
        &[("attack hold web.example.com:80 40 20 | sed \"s/.*GOT.*/$(cat canary)/\"", "web.example.com")],
    )
    .canary_in("canary")
    .are_refused();
}
