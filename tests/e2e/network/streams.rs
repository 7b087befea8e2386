//! Long ones, many at once, both directions, and protocols that are not a question and an answer.

use super::Client;

/// A python program run by the script, written into the workspace.
#[track_caller]
fn python(hosts: &'static [&'static str], program: &'static str, shows: &'static str) {
    let script = "/usr/bin/python3 program.py".to_owned();
    Client { tools: &["python3"], hosts, script, shows }
        .works_with(|scene| scene.write(&scene.at_work("program.py"), program));
}

#[test]
fn long_downloads_arrive_whole() {
    let script = "for place in http://web.example.com https://web.example.com; do curl -sS $place/bytes/60000100 >got && \
         /usr/bin/python3 -c \"data = open('got', 'rb').read(); assert data == (bytes(range(256)) * 234376)[:60000100]\" || exit 1; done; echo whole";
    Client {
        tools: &["curl", "python3"],
        hosts: &["web.example.com:80,443"],
        script: script.to_owned(),
        shows: "whole",
    }
    .works();
}

#[test]
fn download_that_drips_arrives_as_it_drips() {
    // What is held back until the end comes at once, however often it is tried; a busy machine holds it back only now and then.
    let program = "import time, urllib.request\ndef drips():\n    times = [time.monotonic() for line in urllib.request.urlopen('https://web.example.com/drip/5')]\n\
         \x20   assert len(times) == 5, times\n    return times[0] < times[4] - 1.5\n\
         assert any(drips() for _ in range(5))\nprint('dripped')\n";
    python(&["web.example.com"], program, "dripped");
}

#[test]
fn uploads_arrive_whole() {
    let script = "head -c 20000000 /dev/urandom >data; for place in http://web.example.com https://web.example.com; do \
         curl -sS -T data $place/upload | grep -q \"^20000000 $(sha256sum <data | cut -d' ' -f1)\" || exit 1; \
         curl -sS -T - $place/upload <data | grep -q \"^20000000 $(sha256sum <data | cut -d' ' -f1)\" || exit 1; done; echo uploaded";
    Client { tools: &["curl"], hosts: &["web.example.com:80,443"], script: script.to_owned(), shows: "uploaded" }
        .works();
}

/// A client of WebSockets (RFC 6455), over TLS and plainly.
const WEBSOCKET: &str = "import os, socket, ssl\n\
    def frame(kind, data):\n    mask = os.urandom(4)\n    size = bytes([128 | len(data)]) if len(data) < 126 else b'\\xfe' + len(data).to_bytes(2, 'big')\n\
    \x20   return bytes([128 | kind]) + size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))\n\
    def talk(port):\n    stream = socket.create_connection(('web.example.com', port), 60)\n\
    \x20   if port == 443:\n        stream = ssl.create_default_context().wrap_socket(stream, server_hostname='web.example.com')\n\
    \x20   stream.sendall(b'GET /socket HTTP/1.1\\r\\nHost: web.example.com\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n'\n\
    \x20                  b'Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n')\n\
    \x20   file = stream.makefile('rb')\n    assert b'101' in file.readline()\n    while file.readline() != b'\\r\\n':\n        pass\n\
    \x20   for data in (b'hello', b'', b'x' * 60000, b'GET / HTTP/1.1\\r\\nHost: evil\\r\\n\\r\\n'):\n        stream.sendall(frame(2, data))\n\
    \x20       kind, length = file.read(2)\n        length = int.from_bytes(file.read(2), 'big') if length == 126 else length\n\
    \x20       assert file.read(length) == data\n    stream.sendall(frame(8, b''))\n    assert file.read(2) == b'\\x88\\0'\n\
    talk(80)\ntalk(443)\nprint('talked')\n";

#[test]
fn websockets_carry_frames_both_ways() {
    python(&["web.example.com:80,443"], WEBSOCKET, "talked");
}

#[test]
fn events_of_a_server_arrive_one_by_one() {
    let program = "import time, urllib.request\ndef come(scheme):\n\
         \x20   lines = urllib.request.urlopen(scheme + '://web.example.com/events')\n\
         \x20   times = [time.monotonic() for line in lines if line.startswith(b'data: ')]\n    assert len(times) == 4, times\n\
         \x20   return times[0] < times[3] - 0.4\n\
         assert all(any(come(scheme) for _ in range(5)) for scheme in ('http', 'https'))\nprint('heard')\n";
    python(&["web.example.com:80,443"], program, "heard");
}

/// A client of the HTTP/2 server.
#[track_caller]
fn second_version(hosts: &'static [&'static str], script: &str) {
    if crate::harness::internet().is_some_and(|internet| internet.has("h2")) {
        let tools = &["curl", "nghttp"];
        Client { tools, hosts, script: script.to_owned(), shows: "hello from HTTP/2" }.works();
    }
}

#[test]
fn second_version_of_http_over_tls_works() {
    let script = "curl -sS --http2 -w '%{http_version}\\n' https://h2.example.com:8444/ | grep -qx 2 && curl -sS --http2 https://h2.example.com:8444/ \
         && nghttp https://h2.example.com:8444/";
    second_version(&["h2.example.com:8444"], script);
}

#[test]
fn second_version_of_http_without_tls_works_at_a_port_that_is_not_the_webs() {
    second_version(&["h2.example.com:8081"], "curl -sS --http2-prior-knowledge http://h2.example.com:8081/");
}

#[test]
fn server_may_speak_first() {
    let program = "import socket\nstream = socket.create_connection(('web.example.com', 2000), 60)\nfile = stream.makefile('rb')\n\
         print(file.readline().decode())\nstream.sendall(b'and back\\n')\nassert file.readline() == b'and back\\n'\n";
    python(&["web.example.com:2000"], program, "hello from banner");
}

#[test]
fn end_of_one_direction_is_passed_on_and_the_other_one_goes_on() {
    let program = "import socket\nstream = socket.create_connection(('web.example.com', 7007), 60)\nstream.sendall(b'question\\n')\n\
         stream.shutdown(socket.SHUT_WR)\nanswer = b''\nwhile part := stream.recv(1000):\n    answer += part\nassert answer.startswith(b'question\\n'), answer\nprint(answer.decode())\n";
    python(&["web.example.com:7007"], program, "hello from echo");
}

#[test]
fn port_that_is_not_the_webs_carries_the_web() {
    let script = "curl -sS http://web.example.com:8080/ && curl -sS https://web.example.com:8443/";
    let hosts = &["web.example.com:8080,8443"];
    Client { tools: &["curl"], hosts, script: script.to_owned(), shows: "port 8443" }.works();
}

/// Opens a thousand connections, talks over each of them while all of them are open, and closes them.
const THOUSAND: &str = "import asyncio, resource\nsoft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\nresource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))\n\
    async def main():\n    gate = asyncio.Semaphore(200)\n\
    \x20   async def begin():\n        async with gate:\n            return await asyncio.open_connection('web.example.com', 7007)\n\
    \x20   async def talk(number, reader, writer):\n        word = b'%d\\n' % number\n        writer.write(word)\n        answer = await reader.readline()\n        assert answer == word, (number, answer)\n\
    \x20       writer.write_eof()\n        assert (await reader.read()) == b'hello from echo\\n'\n        writer.close()\n\
    \x20   streams = await asyncio.gather(*(begin() for _ in range(1000)))\n\
    \x20   await asyncio.gather(*(talk(number, *stream) for number, stream in enumerate(streams)))\n    print('a thousand')\nasyncio.run(main())\n";

#[test]
fn thousand_connections_are_open_at_once() {
    python(&["web.example.com:7007"], THOUSAND, "a thousand");
}

#[test]
fn thousand_requests_are_answered_a_hundred_at_once() {
    let program = "import concurrent.futures, urllib.request\n\
         fetch = lambda number: urllib.request.urlopen('http://web.example.com/bytes/%d' % number, timeout=280).read()\n\
         with concurrent.futures.ThreadPoolExecutor(100) as pool:\n    assert all(len(body) == number for number, body in enumerate(pool.map(fetch, range(1000))))\nprint('answered')\n";
    python(&["web.example.com:80"], program, "answered");
}
