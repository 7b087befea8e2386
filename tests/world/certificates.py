"""The world's certificate authority and its one certificate."""

import pathlib
import subprocess

import names


def make(folder: pathlib.Path) -> None:
    """Writes `ca.pem`, `key.pem` and `certificate.pem`."""
    run = lambda *words: subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=The world's own CA",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("req", *new, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=world")
    hosts = [f"DNS:{name}" for name in [*names.FRIENDS, *names.CERTIFIED]]
    hosts += [f"IP:{address}" for address in ["93.184.216.10", "45.33.32.156", "10.7.7.7", "127.0.0.1", "::1"]]
    (folder / "extensions").write_text(f"subjectAltName={','.join(hosts)}\nextendedKeyUsage=serverAuth\n")
    run("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "extensions", "-out", "certificate.pem")
