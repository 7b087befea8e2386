"""The world's nameserver: over UDP and TCP, at every address; each question is noted."""

import ipaddress
import socket
import struct
import threading
import time
from collections import Counter

import names

# Not in every version of the socket module.
IP_PKTINFO, IPV6_FREEBIND = 8, 78

A, NS, CNAME, SOA, TXT, AAAA, HTTPS = 1, 2, 5, 6, 16, 28, 65
TYPES = {A: "A", NS: "NS", CNAME: "CNAME", SOA: "SOA", TXT: "TXT", AAAA: "AAAA", HTTPS: "HTTPS"}


class Resolver:
    """Answers questions, and remembers what it must answer differently the next time."""

    def __init__(self, canary: str, note):
        self.canary, self.note, self.asked, self.lock = canary, note, Counter(), threading.Lock()

    def addresses(self, name: str, kind: int) -> list[str]:
        """The addresses of one family."""
        if changing := names.rebinds(name):
            first, then = changing
            with self.lock:
                self.asked[name, kind] += 1
                found = [first] if self.asked[name, kind] == 1 else [then]
        else:
            found = names.FRIENDS.get(name) or names.SPECIAL.get(name) or names.EVIL
        version = 4 if kind == A else 6
        return [address for address in found if ipaddress.ip_address(address).version == version]

    def records(self, name: str, kind: int) -> list[tuple[str, int, bytes]]:
        """Every record of an answer, with the aliases on the way."""
        found = []
        for _ in range(8):
            if name not in names.ALIASES:
                break
            found.append((name, CNAME, encode(names.ALIASES[name])))
            name = names.ALIASES[name]
        if kind in (A, AAAA):
            found += [(name, kind, ipaddress.ip_address(address).packed) for address in self.addresses(name, kind)]
        if kind == TXT:
            text = self.canary.encode()
            found.append((name, TXT, bytes([len(text)]) + text))
        return found

    def answer(self, query: bytes, at: str, over: str) -> bytes | None:
        """The answer to one packet."""
        name, kind, end = decode(query)
        self.note(f"dns {over} {at} {TYPES.get(kind, kind)} {name}")
        if name.startswith("slow."):
            time.sleep(1.5)
        absent = name in names.ABSENT
        records = [] if absent else self.records(name, kind)
        body = b"".join(encode(owner) + struct.pack(">HHIH", of, 1, 1, len(data)) + data for owner, of, data in records)
        flags, count = 0x8180 | (3 if absent else 0), len(records)
        if over == "udp" and len(body) > 450:
            flags, body, count = flags | 0x0200, b"", 0
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + query[12:end] + body


def encode(name: str) -> bytes:
    """A name as it is in a packet."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def decode(query: bytes) -> tuple[str, int, int]:
    """The question's name in small letters, its type, and where it ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1").lower())
        at += query[at] + 1
    return ".".join(labels), struct.unpack(">H", query[at + 1 : at + 3])[0], at + 5


def serve_udp(port: int, answer) -> None:
    """Answers datagrams to a port of every address, from the address that they were sent to (ip(7), ipv6(7))."""
    for family, level, want, info in [
        (socket.AF_INET, socket.IPPROTO_IP, IP_PKTINFO, IP_PKTINFO),
        (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, socket.IPV6_PKTINFO),
    ]:
        try:
            server = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                server.setsockopt(level, socket.IPV6_V6ONLY, 1)
                server.setsockopt(level, IPV6_FREEBIND, 1)
            server.setsockopt(level, want, 1)
            server.bind(("", port))
        except OSError:
            continue
        threading.Thread(target=datagrams, args=(server, level, info, answer), daemon=True).start()


def datagrams(server: socket.socket, level: int, info: int, answer) -> None:
    """One socket's datagrams, each in its own thread: some answers take their time."""
    while True:
        query, ancillary, _, peer = server.recvmsg(4096, 128)
        data = next((data for at, kind, data in ancillary if (at, kind) == (level, info)), bytes(20))
        if level == socket.IPPROTO_IP:
            here, back = socket.inet_ntop(socket.AF_INET, data[8:12]), bytes(4) + data[8:12] + bytes(4)
        else:
            here, back = socket.inet_ntop(socket.AF_INET6, data[:16]), data[:16] + bytes(4)

        def reply(query=query, peer=peer, here=here, back=back) -> None:
            try:
                server.sendmsg([answer(query, here)], [(level, info, back)], 0, peer)
            except (OSError, IndexError, struct.error):
                pass

        threading.Thread(target=reply, daemon=True).start()
