#!/usr/bin/env python3
"""Writes what the fuzzer begins with: the material of the tests, one file for each input.

Takes a target's name and a folder. Random bytes would take hours to become one payload; these are payloads.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BORDER = b"\n#%#\n"


def read(pattern: str) -> list[bytes]:
    """The contents of the files that a pattern names, in order."""
    return [path.read_bytes() for path in sorted(ROOT.glob(pattern)) if path.is_file()]


def texts(pattern: str) -> list[str]:
    """The string literals of Rust files: what the tests feed."""
    found = []
    for source in read(pattern):
        text = source.decode()
        found += re.findall(r'r#"(.*?)"#', text, re.S)
        for literal in re.findall(r'(?<!r)(?<!#)"((?:[^"\\\n]|\\.)*)"', text):
            escaped = re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda code: chr(int(code[1], 16)), literal)
            try:
                found.append(json.loads('"' + escaped.replace("\\0", "\\u0000").replace("\\'", "'").replace("\\x", "\\u00") + '"', strict=False))
            except json.JSONDecodeError:
                pass
    return list(dict.fromkeys(text for text in found if text))


def policy_file() -> list[bytes]:
    """What the tests compose, the examples of the documents, and each statement as a workspace's."""
    files = [text.encode() for text in texts("policy/tests/policy/*.rs") + texts("policy/src/**/*tests.rs") if "[" in text and "=" in text]
    blocks = [block.encode() for page in read("docs/*.md") for block in re.findall(r"```toml\n(.*?)```", page.decode(), re.S)]
    narrow = b'[files]\nmask = ["private"]\nprotect = ["vendor"]\nunread = ["~/.cargo"]\n[network]\ndeny = ["a.example.com"]\nmode = "none"\n'
    return files + blocks + [b"[network]\nmode = \"allowlist\"\nallow = [\"*.example.com\"]\n" + BORDER + file for file in files + blocks + [narrow]]


def hook_payload() -> list[bytes]:
    """Every payload of the golden files."""
    golden = read("hooks/tests/golden/*/*.json") + read("hooks/tests/golden-files/*/*.json")
    payloads = [json.loads(file)["payload"] for file in golden]
    return [payload.encode() if isinstance(payload, str) else json.dumps(payload).encode() for payload in payloads]


def shell_quoting() -> list[bytes]:
    """What is hostile to shells, and words that were quoted."""
    hostile = [text.encode() for text in texts("hooks/tests/it/quoting.rs") + texts("hooks/src/quote.rs")]
    return hostile + [b"'" + text.replace(b"'", b"'\\''") + b"'" for text in hostile]


def folder_report() -> list[bytes]:
    """Paths with their newline."""
    return [b"", b"\n", b"/etc\n", b"/usr/lib\n", b"../lib\n", b"../../etc\n", b"os-release\n", b"x\0y\n", b"a\nb\n", b"python3\n"]


def vault_document() -> list[bytes]:
    """Vaults with every kind of entry."""
    entry = {"text": "value", "created": "2026-01-02T03:04:05Z", "rotated": "2026-01-02T03:04:05Z"}
    full = {**entry, "expires": "2027-01-01T00:00:00Z", "note": "a note", "consumers": ["cli", "unit:x.service"]}
    binary = {"base64": "AAEC/w==", "created": "2026-01-02T03:04:05Z", "rotated": "2026-01-02T03:04:05Z"}
    seed = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    whole = {"lobsterpot_vault": 1, "seed": seed, "generation": 7, "recipients": ["age1x"], "secrets": {}}
    secrets = [{}, {"A": entry}, {"A": entry, "b/c": full}, {"K": binary}, {"A": {**entry, "base64": "AA=="}}]
    documents = [{**whole, "secrets": some} for some in secrets] + [{**whole, "lobsterpot_vault": 2}]
    tests = [text.encode() for text in texts("vault/src/document/tests.rs") if text.startswith("{")]
    return [json.dumps(document).encode() for document in documents] + tests


def dotenv() -> list[bytes]:
    """The vectors that real programs were asked about, and the attacks."""
    vectors = json.loads((ROOT / "vault/tests/vectors/dotenv.json").read_bytes())
    found: list[str] = []

    def gather(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, (list, dict)):
            for inner in value.values() if isinstance(value, dict) else value:
                gather(inner)

    gather(vectors)
    found += texts("vault/src/dotenv/tests/*.rs")
    return [text.encode(errors="surrogatepass") for text in dict.fromkeys(found) if "=" in text]


def sops() -> list[bytes]:
    """The files that `sops` wrote, and what the tests make of them."""
    hostile = [text.encode() for text in texts("vault/src/sops/tests/*.rs") + texts("vault/src/sops/yaml/tests.rs") if len(text) > 8]
    return read("vault/tests/vectors/sops/*.[ejpy]*") + hostile


def guard_serve() -> list[bytes]:
    """One request of every kind, and a stream as it comes."""
    lines = []
    for path in ("a", "src/main.rs", "out/secret", "key", "in/main.rs", "../.ssh/id", ".env", ".git/config", "new/x", "/etc/passwd", "~/.ssh/id", "/proc/self/root/etc"):
        for access in ("read", "write", "list", "execute"):
            lines.append({"id": 1, "op": "check", "path": path, "for": access, "client_spelling": True})
        lines += [
            {"id": 2, "op": "read", "path": path, "offset": 1, "limit": 9},
            {"id": 3, "op": "write", "path": path, "text": "x", "parents": True, "exclusive": False, "mode": 420},
            {"id": 4, "op": "edit", "path": path, "edits": [{"old": "text", "new": "y", "all": True}]},
            {"id": 5, "op": "list", "path": path},
            {"id": 6, "op": "stat", "path": path, "follow": False},
            {"id": 7, "op": "mkdir", "path": path, "parents": True},
            {"id": 8, "op": "rename", "from": path, "to": "src/z"},
            {"id": 9, "op": "remove", "path": path, "recursive": True, "force": True},
        ]
    texts = [json.dumps(line).encode() for line in lines]
    frames = [len(text).to_bytes(4, "big") + text for text in texts[::9]]
    hello = [b'{"op":"hello"}', b'{"op":"read","path_base64":"YQ==","directory":"/"}']
    return texts + hello + [b"\n".join(texts[:12])] + frames + [b"".join(frames), frames[0][:-1], b"\x7f\xff\xff\xff"]


def name(text: str) -> bytes:
    """A name as DNS writes it."""
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def egress_dns() -> list[bytes]:
    """Questions of every kind, and answers with aliases."""
    found = []
    for host in ("example.com", "a.wide.example", "intranet", "evil.example", "localhost", "1.0.18.198.in-addr.arpa", "10.0.0.1"):
        for kind in (1, 28, 5, 12, 16, 33, 65, 255):
            question = name(host) + kind.to_bytes(2, "big") + b"\0\1"
            found.append(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question)
            found.append(b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + question + b"\0\0\x29\x10\0\0\0\0\0\0\0")
    for kind, address in ((1, b"\x5d\xb8\xd8\x22"), (28, bytes(15) + b"\1")):
        question = name("example.com") + kind.to_bytes(2, "big") + b"\0\1"
        record = kind.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" + len(address).to_bytes(2, "big") + address
        alias = b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\7\3www\xc0\x0c"[:-1]
        target = name("www.example.com")
        alias = b"\xc0\x0c\0\5\0\1\0\0\0\x3c" + len(target).to_bytes(2, "big") + target
        found.append(b"\x12\x34\x81\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\x0c" + record)
        found.append(b"\x12\x34\x81\x80\0\1\0\2\0\0\0\0" + question + alias + target + record)
        found += [b"\x12\x34\x81" + bytes([0x80 | code]) + b"\0\1\0\0\0\0\0\0" + question for code in (1, 2, 3, 4, 5)]
    return found


def egress_stream() -> list[bytes]:
    """Hellos of real clients and what the tests say, each on every port."""
    streams = read("egress/src/sniff/tests/hellos/*.bin")
    streams += [text.encode() for text in texts("egress/src/sniff/tests/*.rs") if len(text) > 3]
    return [bytes([port + 8 * piece]) + stream for number, stream in enumerate(streams) for port, piece in ((number % 8, 1), ((number + 3) % 8, number % 31))]


def egress_proxy() -> list[bytes]:
    """Handshakes of every kind."""
    heads = [text.encode() for text in texts("egress/src/proxy/*.rs") + texts("egress/src/proxy/tests/*.rs") if "HTTP" in text or ":" in text]
    socks = [
        b"\5\1\0\5\1\0\3\x0cgood.example\1\xbb",
        b"\5\2\0\2\5\1\0\1\x0a\0\0\1\0\x50more",
        b"\5\1\0\5\1\0\4" + bytes(15) + b"\1\0\x50",
        b"\4\1\0\x50\x0a\0\0\1user\0",
        b"\4\1\0\x50\0\0\0\1\0good.example\0",
        b"CONNECT good.example:443 HTTP/1.1\r\nHost: good.example:443\r\n\r\nmore",
        b"GET http://good.example/x HTTP/1.1\r\nHost: good.example\r\nProxy-Connection: keep-alive\r\nConnection: close, x\r\n\r\n",
    ]
    return [bytes([1 + number % 40]) + said for number, said in enumerate(socks + heads)]


def orders() -> list[bytes]:
    """One packet of every kind."""
    rule = {"host": {"name": "example.com"}}
    network = {"mode": "allowlist", "rules": [], "deny": [], "proxy": False, "publish": [{"host": 8080, "port": 3000}]}
    refused = {"host": "x", "port": 1, "protocol": "tcp", "reason": "net.off", "message": "m", "instead": "i"}
    packets = [
        {"version": 1, "network": network, "become_id": 7, "descriptors": [[3, "control"], [4, {"tcp": {"port": 80}}], [5, {"published": {"port": 1}}]]},
        {"version": 1, "network": {**network, "rules": [rule]}, "become_id": None, "descriptors": [[3, "dns-udp"], [4, "dns-tcp"], [5, "tap"], [6, "namespace"], [7, "proxy"]]},
        {"want": {"id": 1, "address": "198.18.0.9", "port": 8443}},
        {"want": {"id": 1, "address": "2001:2::10", "port": 8443}},
        "started",
        {"ready": {"id": 7}},
        {"allowed": {"host": "x", "port": 1}},
        {"refused": refused},
        {"repeated": {"host": "x", "port": 1, "reason": "net.off", "times": 3}},
        {"failed": {"message": "m"}},
    ]
    questions = [b"\1\0\0\0\1\4\0\x50" + bytes(10) + b"\xff\xff\x0a\0\0\1", b"\1\0\0\0\2\6\0\x50" + bytes(15) + b"\1", b"\1\0\0\0\x6f\0\0\0"]
    return [json.dumps(packet).encode() for packet in packets] + questions


def audit_log() -> list[bytes]:
    """Records that follow from one another, and what a crash leaves."""
    import hashlib

    lines, previous = [], "0" * 64
    for number in range(3):
        record = {"number": number, "previous": previous, "time": number, "run": "r", "command": "curl"}
        record["what"] = {"kind": "refused", "reason": "net.off", "subject": "a:1", "times": 2}
        rest = json.dumps(record, separators=(",", ":"))[1:].encode()
        previous = hashlib.sha256(b"lobsterpot audit record 1\n" + rest).hexdigest()
        lines.append(b'{"digest":"' + previous.encode() + b'",' + rest + b"\n")
    whole = b"".join(lines)
    return [whole, lines[0], whole[:-20], lines[0] + lines[2], lines[0] + b"x\n" + lines[1], whole.replace(b"curl", b"wget"), b"x\n"]


def main() -> int:
    """Writes the seeds of one target."""
    target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    seeds = globals()[target]()
    for number, seed in enumerate(dict.fromkeys(seeds)):
        (folder / f"{number:04}").write_bytes(seed)
    if not seeds:
        print(f"{target}: no seeds", file=sys.stderr)
    return 0 if seeds else 1


if __name__ == "__main__":
    sys.exit(main())
