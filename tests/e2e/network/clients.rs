//! Programs that fetch something.

use super::Client;

/// A client of the web's start page.
#[track_caller]
fn fetches(tools: &'static [&'static str], script: &str) {
    let hosts = &["web.example.com:80,443"];
    Client { tools, hosts, script: script.to_owned(), shows: "hello from web.example.com" }.works();
}

#[test]
fn curl_fetches_by_http_and_https() {
    fetches(&["curl"], "curl -sS http://web.example.com/ && curl -sS https://web.example.com/");
}

#[test]
fn curl_fetches_by_either_family() {
    fetches(&["curl"], "curl -sS -6 https://web.example.com/ && curl -sS -4 https://web.example.com/");
}

#[test]
fn wget_fetches_by_http_and_https() {
    fetches(&["wget"], "wget -qO- http://web.example.com/ && wget -qO- https://web.example.com/");
}

#[test]
fn node_fetches() {
    fetches(
        &["node"],
        "node -e \"for (const scheme of ['http', 'https']) fetch(scheme + '://web.example.com/').then(answer => answer.text()).then(console.log)\"",
    );
}

#[test]
fn python_fetches_with_its_own_library() {
    fetches(
        &["python3"],
        "/usr/bin/python3 -c \"\nimport http.client, urllib.request\nprint(urllib.request.urlopen('https://web.example.com/').read().decode())\n\
         connection = http.client.HTTPSConnection('web.example.com')\nfor _ in range(3):\n    connection.request('GET', '/'); \
         assert b'hello' in connection.getresponse().read()\n\"",
    );
}

#[test]
fn python_fetches_with_requests() {
    if !std::path::Path::new("/usr/lib/python3/dist-packages/requests").is_dir() {
        return crate::harness::skip("not installed: python3-requests");
    }
    fetches(
        &["python3"],
        "/usr/bin/python3 -c \"\nimport requests\nsession = requests.Session()\nprint(session.get('http://web.example.com/').text)\n\
         print(session.get('https://web.example.com/').text, session.post('https://web.example.com/upload', data=b'x').text)\n\"",
    );
}

#[test]
fn python_fetches_without_blocking() {
    fetches(
        &["python3"],
        "/usr/bin/python3 -c \"\nimport asyncio\nasync def main():\n    reader, writer = await asyncio.open_connection('web.example.com', 443, ssl=True)\n\
         \x20   writer.write(b'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\nConnection: close\\r\\n\\r\\n')\n    print((await reader.read()).decode())\nasyncio.run(main())\n\"",
    );
}

#[test]
fn openssl_talks_to_a_server() {
    fetches(
        &["openssl"],
        "printf 'GET / HTTP/1.1\\r\\nHost: web.example.com\\r\\nConnection: close\\r\\n\\r\\n' | \
         openssl s_client -quiet -verify_return_error -servername web.example.com -connect web.example.com:443",
    );
}

#[test]
fn static_program_with_its_own_resolver_fetches() {
    fetches(&[], "~/.local/bin/attack ask udp - A web.example.com && ~/.local/bin/attack fetch web.example.com 80 /");
}

#[test]
fn psql_asks_a_database() {
    let script = "psql 'host=db.example.com user=pat dbname=pat connect_timeout=60' -Atc 'select 1'".to_owned();
    Client { tools: &["psql"], hosts: &["db.example.com:5432"], script, shows: "hello from postgres" }.works();
}

#[test]
fn redis_client_asks_a_database() {
    let script = "redis-cli -h db.example.com ping && redis-cli -h db.example.com get word".to_owned();
    Client { tools: &["redis-cli"], hosts: &["db.example.com:6379"], script, shows: "hello from redis" }.works();
}

#[test]
fn dig_asks_for_names_over_udp_and_tcp() {
    let script = "for how in +notcp +tcp; do for kind in A AAAA; do dig +short +time=20 $how $kind web.example.com | grep -q '[.:]' || exit 1; done; \
         dig +time=20 $how web.example.com | grep -q 'status: NOERROR' || exit 1; done; echo answered";
    Client { tools: &["dig"], hosts: &["web.example.com"], script: script.to_owned(), shows: "answered" }.works();
}

#[test]
fn system_resolver_answers_getent() {
    let script = "getent ahosts web.example.com && echo resolved".to_owned();
    Client { tools: &["getent"], hosts: &["web.example.com"], script, shows: "resolved" }.works();
}
