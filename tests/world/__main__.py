"""The internet, for tests: `python3 tests/world FOLDER CANARY`, started in namespaces of its own.

There are two machines: the one that sandboxes are started on, and one that has every other address there is; nothing leaves
them. The canary comes from wherever a test's policy does not lead. Says `READY` with the names of what could be started,
notes what it was asked in `FOLDER/log`, and ends with its stdin. `WORLD_UID` names the user where root is only so in a user
namespace.
"""

import asyncio
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time

import certificates
import names
import others
import places
import resolver
import web
import wires


def name_servers(folder: pathlib.Path) -> None:
    """Lets this mount namespace's programs ask the world's nameserver."""
    for name, text in [
        ("resolv.conf", f"nameserver {names.NAMESERVER}\n"),
        ("hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ]:
        (folder / name).write_text(text)
        place = os.path.realpath(f"/etc/{name}")
        if os.path.exists(place):
            wires.run("mount", "--bind", str(folder / name), place)


def wait_for(address: str, port: int) -> None:
    """Waits until somebody listens there."""
    for _ in range(3000):
        try:
            return socket.create_connection((address, port), 60).close()
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nobody listens at {address}:{port}")


class World:
    """What all servers share."""

    def __init__(self, folder: pathlib.Path, canary: str):
        self.folder, self.canary, self.lock = folder, canary, threading.Lock()
        self.log = open(folder / "log", "a", encoding="utf-8", buffering=1)
        self.dns = resolver.Resolver(canary, self.note)
        self.web, self.others = web.Web(folder, canary, self.note, self.dns), others.Others(folder, canary, self.note)

    def note(self, line: str) -> None:
        """Writes down what was asked."""
        with self.lock:
            self.log.write(line.encode("unicode_escape").decode() + "\n")

    async def questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """DNS over TCP, and over TLS."""
        here = writer.get_extra_info("sockname")[0]
        try:
            while True:
                query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                answer = await asyncio.to_thread(self.dns.answer, query, here, "tcp")
                writer.write(len(answer).to_bytes(2, "big") + answer)
        except (OSError, EOFError, IndexError):
            writer.close()

    async def internet(self) -> list[str]:
        """Starts every server, and says which of the optional ones there are."""
        tls = self.web.tls()
        for port, serve, secure in [
            (53, self.questions, None), (853, self.questions, tls),
            (80, self.web.serve, None), (8080, self.web.serve, None), (8888, self.web.serve, None),
            (443, self.web.serve, tls), (8443, self.web.serve, tls),
            (2000, self.others.banner, None), (7007, self.others.echo, None),
            (25, self.others.canaries, None), (4444, self.others.canaries, None),
            (5432, self.others.postgres, None), (6379, self.others.redis, None),
        ]:
            await asyncio.start_server(serve, None, port, ssl=secure, backlog=2048)
        resolver.serve_udp(53, lambda query, here: self.dns.answer(query, here, "udp"))
        for port in (123, 443, 4444):
            self.others.datagrams(port)
        found = ["ssh"] if self.others.ssh() else []
        return found + (["h2"] if self.second_version() else [])

    def second_version(self) -> bool:
        """HTTP/2 by nghttpd(1), at a friend's address and at the attacker's; whether it is installed."""
        program = shutil.which("nghttpd")
        for address, word in [(names.FRIENDS["h2.example.com"][0], "hello from HTTP/2"), (names.EVIL[0], self.canary)]:
            pages = self.folder / f"h2-{address}"
            pages.mkdir()
            (pages / "index.html").write_text(f"{word}\n")
            (pages / "secret.html").write_text(f"{self.canary}\n")
            if program:
                plain = [program, "-a", address, "-d", str(pages)]
                secure = [*plain, "8444", str(self.folder / "key.pem"), str(self.folder / "certificate.pem")]
                for words, port in ((secure, 8444), ([*plain, "--no-tls", "8081"], 8081)):
                    subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    wait_for(address, port)
        return program is not None

    async def own_services(self) -> list[str]:
        """What listens on the machine itself, its loopback included: nobody's business."""
        for port in (22, 25, 80, 443, 2000, 3128, 4444, 5432, 6379, 7007):
            await asyncio.start_server(self.others.canaries, None, port)
        for port in (53, 443, 4444):
            self.others.datagrams(port)
        return []


def serve(start, say) -> None:
    """Starts servers, says so, and never ends."""
    loop = asyncio.new_event_loop()
    say(" ".join(loop.run_until_complete(start())))
    loop.run_forever()


def end(folder: pathlib.Path) -> None:
    """Waits for the end of stdin, and then ends everything: this is process 1 of its namespace."""
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def main() -> None:
    """Makes the two machines, fills them, and waits."""
    folder, canary = pathlib.Path(sys.argv[1]), sys.argv[2]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 1 << 16)), hard))
    certificates.make(folder)
    places.repository(folder)
    (left, begin), (found, tell), (laid, go) = os.pipe(), os.pipe(), os.pipe()
    internet = os.fork()
    if internet == 0:
        wires.leave()
        os.write(begin, b"!")
        os.read(laid, 1)
        wires.everywhere()
        serve(World(folder, canary).internet, lambda words: os.write(tell, f"{words}\n".encode()))
    os.read(left, 1)
    wires.lay(internet)
    name_servers(folder)
    os.write(go, b"!")
    os.close(tell)
    words = os.read(found, 1024).decode().strip()
    if not os.path.exists(folder / "log"):
        sys.exit("the servers did not start")
    threading.Thread(target=end, args=(folder,), daemon=True).start()
    serve(World(folder, canary).own_services, lambda _: print("READY", words, flush=True))


main()
