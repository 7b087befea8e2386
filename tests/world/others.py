"""The world's other servers: databases, one that speaks first, echoes, ssh, and datagrams."""

import asyncio
import os
import pathlib
import pwd
import shutil
import socket
import struct
import subprocess
import threading

import names
import resolver


class Others:
    """What they share."""

    def __init__(self, folder: pathlib.Path, canary: str, note):
        self.folder, self.canary, self.note = folder, canary, note

    def word(self, writer: asyncio.StreamWriter, kind: str) -> str:
        """What a server of this kind says: at a friend's address a greeting, elsewhere the canary."""
        address, port = writer.get_extra_info("sockname")[:2]
        self.note(f"{kind} {address} {port}")
        return f"hello from {kind}" if names.is_friendly(address) else self.canary

    async def banner(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speaks first, then says everything back, and ends when its client does."""
        await quietly(self.speak(reader, writer, "banner", first=True), writer)

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says everything back, and what it is at the end."""
        await quietly(self.speak(reader, writer, "echo", first=False), writer)

    async def speak(self, reader, writer, kind: str, first: bool) -> None:
        """Greets at the beginning or at the end, and says back what comes."""
        word = f"{self.word(writer, kind)}\n".encode()
        if first:
            writer.write(word)
        while part := await reader.read(1 << 16):
            writer.write(part)
            await writer.drain()
        if not first:
            writer.write(word)
        await writer.drain()

    async def canaries(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What nobody may reach, at any address."""
        writer.write(f"{self.canary}\n".encode())
        self.word(writer, "forbidden")
        await quietly(reader.read(1024), writer)

    async def redis(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As much of redis as `PING` and `GET` need (RESP 2)."""
        await quietly(self.resp(reader, writer), writer)

    async def resp(self, reader, writer) -> None:
        """Answers commands."""
        word = self.word(writer, "redis").encode()
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            known = {b"PING": b"+PONG\r\n", b"GET": b"$%d\r\n%s\r\n" % (len(word), word)}
            writer.write(known.get(words[0].upper(), b"-ERR unknown\r\n"))
            await writer.drain()

    async def postgres(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As much of PostgreSQL's protocol 3 as one query needs."""
        await quietly(self.query(reader, writer), writer)

    async def query(self, reader, writer) -> None:
        """Start-up, then one row for each query."""
        word = self.word(writer, "postgres").encode()
        message = lambda kind, body: writer.write(kind + struct.pack(">I", len(body) + 4) + body)
        while True:
            size, code = struct.unpack(">II", await reader.readexactly(8))
            await reader.readexactly(size - 8)
            if code == 196608:
                break
            writer.write(b"N")
        message(b"R", bytes(4))
        for name, value in [(b"server_version", b"15.0"), (b"client_encoding", b"UTF8"), (b"server_encoding", b"UTF8")]:
            message(b"S", name + b"\0" + value + b"\0")
        message(b"Z", b"I")
        while (kind := await reader.readexactly(1)) != b"X":
            await reader.readexactly(struct.unpack(">I", await reader.readexactly(4))[0] - 4)
            if kind == b"Q":
                message(b"T", struct.pack(">H", 1) + b"word\0" + struct.pack(">IHIHIH", 0, 0, 25, 0xFFFF, 0xFFFFFFFF, 0))
                message(b"D", struct.pack(">HI", 1, len(word)) + word)
                message(b"C", b"SELECT 1\0")
                message(b"Z", b"I")

    def datagrams(self, port: int) -> None:
        """Answers datagrams on a port, as a QUIC or time server would."""

        def answer(text: bytes, here: str) -> bytes:
            """Notes what came."""
            self.note(f"udp {here} {port} {text[:100].decode('latin-1')}")
            return self.canary.encode()

        resolver.serve_udp(port, answer)

    def ssh(self) -> bool:
        """OpenSSH's server for one user, who is the world's own, on port 22 of every address; whether there is one."""
        server = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        identity = int(os.environ.get("WORLD_UID", "0"))
        try:
            user = pwd.getpwuid(identity)
        except KeyError:
            return False
        if server is None:
            return False
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)], check=True)
        for name in ("host", "user"):
            (self.folder / name).chmod(0o600)
        (self.folder / "sshd_config").write_text(
            f"HostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/user.pub\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\nUseDNS no\n"
        )
        (self.folder / "user.name").write_text(user.pw_name)
        words = [server, "-i", "-f", str(self.folder / "sshd_config")]
        if os.environ.get("WORLD_UID"):
            words = ["unshare", "--user", f"--map-user={identity}", f"--map-group={user.pw_gid}", *words]
        else:
            words = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"', "sh", *words]
        listener = socket.create_server(("", 22), family=socket.AF_INET6, dualstack_ipv6=True) if socket.has_dualstack_ipv6() else socket.create_server(("", 22))
        threading.Thread(target=self.accept_ssh, args=(listener, words), daemon=True).start()
        return True

    def accept_ssh(self, listener: socket.socket, words: list[str]) -> None:
        """A server for each connection, as inetd(8) does it."""
        while True:
            connection, _ = listener.accept()
            self.note(f"ssh {connection.getsockname()[0].removeprefix('::ffff:')} 22")
            with open(self.folder / "sshd.log", "ab") as log:
                subprocess.Popen(words, stdin=connection, stdout=connection, stderr=log)
            connection.close()


async def quietly(work, writer: asyncio.StreamWriter) -> None:
    """Serves one connection to its end, whatever its client does."""
    try:
        await work
    except (OSError, EOFError, ValueError):
        pass
    finally:
        writer.close()
