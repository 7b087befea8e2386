"""What the world's registries and forges hold: one small package of each kind, and one repository."""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
import zipfile

NAME, VERSION = "lobster-left", "1.0.0"


def archive(files: dict[str, str]) -> bytes:
    """A .tar.gz of these files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


def npm() -> dict[str, tuple[str, bytes]]:
    """A package as npm's registry has it."""
    manifest = {"name": NAME, "version": VERSION, "main": "index.js"}
    tarball = archive({"package/package.json": json.dumps(manifest), "package/index.js": "module.exports = 'from npm';\n"})
    digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    place = f"/{NAME}/-/{NAME}-{VERSION}.tgz"
    dist = {"tarball": f"https://npm.example.com{place}", "integrity": f"sha512-{digest}"}
    document = {"name": NAME, "dist-tags": {"latest": VERSION}, "versions": {VERSION: manifest | {"dist": dist}}}
    return {f"/{NAME}": ("application/json", json.dumps(document).encode()), place: ("application/octet-stream", tarball)}


def pip() -> dict[str, tuple[str, bytes]]:
    """A package as PyPI's simple index has it (PEP 503)."""
    module = NAME.replace("-", "_")
    info, raw = f"{module}-{VERSION}.dist-info", io.BytesIO()
    files = {
        f"{module}.py": "WORD = 'from pip'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: world\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(raw, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    file = f"{module}-{VERSION}-py3-none-any.whl"
    page = f'<!DOCTYPE html><html><body><a href="/files/{file}">{file}</a></body></html>'
    return {f"/simple/{NAME}/": ("text/html", page.encode()), f"/files/{file}": ("application/zip", raw.getvalue())}


def cargo() -> dict[str, tuple[str, bytes]]:
    """A crate as a sparse registry has it."""
    top = f"{NAME}-{VERSION}"
    manifest = f'[package]\nname = "{NAME}"\nversion = "{VERSION}"\nedition = "2021"\n'
    crate = archive({f"{top}/Cargo.toml": manifest, f"{top}/src/lib.rs": "pub const WORD: &str = \"from cargo\";\n"})
    entry = {"name": NAME, "vers": VERSION, "deps": [], "cksum": hashlib.sha256(crate).hexdigest(), "features": {}, "yanked": False}
    plain = "text/plain"
    return {
        "/index/config.json": (plain, json.dumps({"dl": "https://crates.example.com/dl/{crate}-{version}.crate"}).encode()),
        f"/index/lo/bs/{NAME}": (plain, json.dumps(entry).encode() + b"\n"),
        f"/dl/{NAME}-{VERSION}.crate": ("application/gzip", crate),
    }


def files() -> dict[str, dict[str, tuple[str, bytes]]]:
    """Every registry's files, by its host."""
    return {"npm.example.com": npm(), "pip.example.com": pip(), "crates.example.com": cargo()}


def repository(folder: pathlib.Path) -> None:
    """A repository with one commit at `git/project.git`, which may be pushed to."""
    place = folder / "git" / "project.git"
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": str(folder)}

    def git(*words: str, text: str = "") -> str:
        done = subprocess.run(["git", *words], check=True, capture_output=True, text=True, input=text, env=environment)
        return done.stdout.strip()

    git("init", "-q", "--bare", "-b", "main", str(place))
    at = ["--git-dir", str(place), "-c", "user.name=World", "-c", "user.email=world@example.com"]
    blob = git(*at, "hash-object", "-w", "--stdin", text="hello from git\n")
    tree = git(*at, "mktree", text=f"100644 blob {blob}\tREADME\n")
    git(*at, "update-ref", "refs/heads/main", git(*at, "commit-tree", "-m", "Begin", tree))
    git(*at, "config", "http.receivepack", "true")
