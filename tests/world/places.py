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


def npm(host: str) -> dict[str, tuple[str, bytes]]:
    """A package as npm's registry has it."""
    manifest = {"name": NAME, "version": VERSION, "main": "index.js"}
    tarball = archive({"package/package.json": json.dumps(manifest), "package/index.js": "module.exports = 'from npm';\n"})
    digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    place = f"/{NAME}/-/{NAME}-{VERSION}.tgz"
    dist = {"tarball": f"https://{host}{place}", "integrity": f"sha512-{digest}"}
    document = {"name": NAME, "dist-tags": {"latest": VERSION}, "versions": {VERSION: manifest | {"dist": dist}}}
    return {f"/{NAME}": ("application/json", json.dumps(document).encode()), place: ("application/octet-stream", tarball)}


def pip(host: str) -> dict[str, tuple[str, bytes]]:
    """A package as PyPI's simple index has it (PEP 503), its file being at a host."""
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
    page = f'<!DOCTYPE html><html><body><a href="https://{host}/files/{file}">{file}</a></body></html>'
    return {f"/simple/{NAME}/": ("text/html", page.encode()), f"/files/{file}": ("application/zip", raw.getvalue())}


# What a crate that writes code for others does (`proc-macro`): `#[derive(Shout)]` gives a type a method.
DERIVE = """extern crate proc_macro;
#[proc_macro_derive(Shout)]
pub fn shout(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let words: Vec<String> = item.into_iter().map(|word| word.to_string()).collect();
    let name = words.iter().skip_while(|word| *word != "struct").nth(1).expect("a struct");
    format!("impl {name} {{ pub fn shout(&self) -> &'static str {{ \\"{}\\" }} }}", name.to_uppercase()).parse().expect("code")
}
"""

# What a crate with a build script does: it compiles a constant that its script has written.
SCRIPT = """fn main() {
    let folder = std::env::var("OUT_DIR").expect("cargo says where");
    std::fs::write(format!("{folder}/made.rs"), "pub const MADE: u32 = 42;\\n").expect("it may write there");
    println!("cargo:rerun-if-changed=build.rs");
}
"""

# The crates: name, what else its manifest says, its files, and the crates that it depends on.
CRATES = [
    (NAME, "", {"src/lib.rs": "pub const WORD: &str = \"from cargo\";\n"}, []),
    ("lobster-derive", "[lib]\nproc-macro = true\n", {"src/lib.rs": DERIVE}, []),
    ("lobster-made", f'[dependencies]\n{NAME} = "1"\n', {
        "build.rs": SCRIPT,
        "src/lib.rs": 'include!(concat!(env!("OUT_DIR"), "/made.rs"));\npub use lobster_left::WORD;\n',
    }, [NAME]),
]


def crate(name: str, more: str, content: dict[str, str], needs: list[str]) -> tuple[bytes, bytes]:
    """A crate's archive, and its line of the index."""
    top = f"{name}-{VERSION}"
    manifest = f'[package]\nname = "{name}"\nversion = "{VERSION}"\nedition = "2021"\n{more}'
    packed = archive({f"{top}/{path}": text for path, text in {"Cargo.toml": manifest, **content}.items()})
    dependency = {"req": "^1", "features": [], "optional": False, "default_features": True, "target": None, "kind": "normal"}
    entry = {
        "name": name, "vers": VERSION, "deps": [{"name": need, **dependency} for need in needs],
        "cksum": hashlib.sha256(packed).hexdigest(), "features": {}, "yanked": False,
    }
    return packed, json.dumps(entry).encode() + b"\n"


def cargo(index: str, downloads: str) -> tuple[dict[str, tuple[str, bytes]], dict[str, tuple[str, bytes]]]:
    """The crates as a sparse registry has them: the index below a path, and what is downloaded from an address."""
    lines = {f"{index}/config.json": ("text/plain", json.dumps({"dl": downloads}).encode())}
    archives = {}
    for name, *rest in CRATES:
        packed, line = crate(name, *rest)
        lines[f"{index}/{name[:2]}/{name[2:4]}/{name}"] = ("text/plain", line)
        archives[f"{downloads.partition('//')[2].partition('/')[2]}/{name}/{VERSION}/download"] = ("application/gzip", packed)
    return lines, {f"/{path}": file for path, file in archives.items()}


def files() -> dict[str, dict[str, tuple[str, bytes]]]:
    """Every registry's files, by its host."""
    lines, archives = cargo("/index", "https://crates.example.com/dl")
    real_lines, real_archives = cargo("", "https://static.crates.io/crates")
    return {
        "npm.example.com": npm("npm.example.com"), "registry.npmjs.org": npm("registry.npmjs.org"),
        "pip.example.com": pip("pip.example.com"),
        "pypi.org": pip("files.pythonhosted.org"), "files.pythonhosted.org": pip("files.pythonhosted.org"),
        "crates.example.com": lines | archives,
        "index.crates.io": real_lines, "static.crates.io": real_archives,
    }


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
