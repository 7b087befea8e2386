"""The world's web: HTTP/1.1 and HTTPS on every address, with a forge, registries, uploads, events and WebSockets.

A request that a friend's name, address and certificate name agree on is answered; any other one gets the canary.
"""

import asyncio
import base64
import hashlib
import os
import ssl

import names
import places

GREETING = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Web:
    """What all connections share."""

    def __init__(self, folder, canary: str, note, resolver):
        self.folder, self.canary, self.note, self.resolver = folder, canary, note, resolver
        self.files = places.files()

    def tls(self) -> ssl.SSLContext:
        """The server's side of TLS, which remembers the name that was asked for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "certificate.pem", self.folder / "key.pem")
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = lambda connection, name, _: setattr(connection, "asked_for", name)
        return context

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        try:
            while await Request(self, reader, writer).serve():
                pass
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


class Request:
    """One request and its answer."""

    def __init__(self, web: Web, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.web, self.reader, self.writer = web, reader, writer
        self.address, self.port = writer.get_extra_info("sockname")[:2]
        secure = writer.get_extra_info("ssl_object")
        self.secure, self.sni = secure is not None, getattr(secure, "asked_for", None)

    async def serve(self) -> bool:
        """Answers one request; whether another one may follow."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.method, self.target, _ = head[0].split(" ")
        self.fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if self.fields.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.body = await self.read_body()
        host = self.fields.get("host", "")
        path = self.target
        if "://" in path:
            host, _, path = path.split("://", 1)[1].partition("/")
            path = "/" + path
        self.host, self.path = host.rsplit(":", 1)[0] if not host.endswith("]") else host, path
        self.web.note(f"http {self.address} {self.port} {self.sni or '-'} {self.host or '-'} {self.method} {self.path}")
        await self.route()
        await self.writer.drain()
        return self.fields.get("connection", "").lower() not in ("close", "upgrade")

    async def read_body(self) -> bytes:
        """The request's body; a long one is only counted and hashed."""
        self.length, self.digest, kept = 0, hashlib.sha256(), b""
        if self.fields.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self.reader.readline()).split(b";")[0], 16):
                kept = self.take(kept, await self.reader.readexactly(size))
                await self.reader.readline()
            await self.reader.readline()
            return kept
        left = int(self.fields.get("content-length", 0))
        while left:
            part = await self.reader.read(min(left, 1 << 16))
            if not part:
                raise EOFError
            left, kept = left - len(part), self.take(kept, part)
        return kept

    def take(self, kept: bytes, part: bytes) -> bytes:
        """Counts a part of the body, and keeps it while there is not much of it."""
        self.length += len(part)
        self.digest.update(part)
        return kept + part if len(kept) < 1 << 22 else kept

    def reply(self, status: str, body: bytes, kind: str = "text/plain", more: str = "") -> None:
        """A whole answer."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self.writer.write(head.encode() + (b"" if self.method == "HEAD" else body))

    def is_friendly(self) -> bool:
        """Whether name, address and certificate name agree on a friend."""
        told = names.is_friend(self.sni or "") if self.secure else True
        return told and names.is_friend(self.host) and names.is_friendly(self.address) and self.port != 8888

    async def route(self) -> None:
        """Finds the answer."""
        path, _, query = self.path.partition("?")
        first = path.strip("/").split("/")
        if path == "/dns-query":
            wire = self.body or base64.urlsafe_b64decode(query.partition("dns=")[2] + "==")
            return self.reply("200 OK", self.web.resolver.answer(wire, self.address, "https"), "application/dns-message")
        if not self.is_friendly() or first[0] in ("secret", "relay") or self.method == "DELETE":
            return self.reply("200 OK", f"{self.web.canary}\n".encode())
        if path in self.web.files.get(self.host, {}):
            kind, body = self.web.files[self.host][path]
            return self.reply("200 OK", body, kind)
        if first[0] == "project.git":
            return await self.git(path, query)
        other = {"": self.hello, "bytes": self.bytes, "drip": self.drip, "upload": self.upload, "events": self.events,
                 "socket": self.socket, "redirect": self.redirect}.get(first[0])
        if other is None:
            return self.reply("404 Not Found", b"nothing here\n")
        return await other(first[1:])

    async def hello(self, _) -> None:
        """The start page."""
        self.reply("200 OK", f"hello from {self.host} at {self.address} port {self.port}\n".encode())

    async def bytes(self, words) -> None:
        """`/bytes/COUNT`: a long download."""
        left, part = int(words[0]), bytes(range(256)) * 256
        self.writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n".encode())
        while left:
            self.writer.write(part[:left])
            left -= min(left, len(part))
            await self.writer.drain()

    async def drip(self, words) -> None:
        """`/drip/COUNT`: a line, and another one half a second later, and so on."""
        self.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for index in range(int(words[0])):
            line = f"line {index}\n".encode()
            self.writer.write(b"%x\r\n%s\r\n" % (len(line), line))
            await self.writer.drain()
            await asyncio.sleep(0.5)
        self.writer.write(b"0\r\n\r\n")

    async def upload(self, _) -> None:
        """`/upload`: how much came, and its digest."""
        self.reply("200 OK", f"{self.length} {self.digest.hexdigest()}\n".encode())

    async def events(self, _) -> None:
        """`/events`: server-sent events."""
        self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        self.fields["connection"] = "close"
        for index in range(4):
            self.writer.write(f"id: {index}\ndata: event {index}\n\n".encode())
            await self.writer.drain()
            await asyncio.sleep(0.2)

    async def socket(self, _) -> None:
        """`/socket`: a WebSocket (RFC 6455) that says back what it is told, until it is told to close."""
        accept = base64.b64encode(hashlib.sha1((self.fields["sec-websocket-key"] + GREETING).encode()).digest()).decode()
        self.writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while True:
            kind, length = await self.reader.readexactly(2)
            length &= 127
            length = int.from_bytes(await self.reader.readexactly(2), "big") if length == 126 else length
            mask = await self.reader.readexactly(4)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(await self.reader.readexactly(length)))
            size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
            self.writer.write(bytes([kind]) + size + data)
            await self.writer.drain()
            if kind & 15 == 8:
                self.fields["connection"] = "upgrade"
                return

    async def redirect(self, words) -> None:
        """`/redirect/SCHEME/HOST`: leads elsewhere."""
        self.reply("302 Found", b"elsewhere\n", more=f"Location: {words[0]}://{words[1]}/\r\n")

    async def git(self, path: str, query: str) -> None:
        """git's own server (git-http-backend(1))."""
        environment = {
            **os.environ, "GIT_PROJECT_ROOT": str(self.web.folder / "git"), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.method, "CONTENT_TYPE": self.fields.get("content-type", ""),
            "CONTENT_LENGTH": str(len(self.body)), "REMOTE_USER": "somebody", "REMOTE_ADDR": "world",
            "HTTP_CONTENT_ENCODING": self.fields.get("content-encoding", ""), "GIT_PROTOCOL": self.fields.get("git-protocol", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }
        backend = await asyncio.create_subprocess_exec("git", "http-backend", stdin=-1, stdout=-1, stderr=-3, env=environment)
        output, _ = await backend.communicate(self.body)
        head, _, body = output.partition(b"\r\n\r\n")
        fields = [line for line in head.decode().split("\r\n") if line]
        status = next((line.partition(":")[2].strip() for line in fields if line.startswith("Status:")), "200 OK")
        more = "".join(f"{line}\r\n" for line in fields if not line.startswith(("Status:", "Content-Type:", "Content-Length:")))
        kind = next((line.partition(":")[2].strip() for line in fields if line.startswith("Content-Type:")), "text/plain")
        self.reply(status, body, kind, more)
