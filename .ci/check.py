#!/usr/bin/env python3
"""Checks what the compiler and clippy do not: dependencies, budgets, and that the documents are true.

Prints one line for every violation and ends with 1 when there was one. Needs cargo and git, nothing else.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Licences that the project's own two are compatible with.
LICENCES = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "NCSA", "BSD-2-Clause", "BSD-3-Clause", "Unicode-3.0", "Unlicense", "Zlib", "ISC"}

# Packages of which two versions are built, and why that is accepted.
DUPLICATES = {
    "embedded-io": "postcard itself depends on both, for its two features; neither is built",
    "syn": "a build-time parser: derive macros move to version 3 one by one",
    **dict.fromkeys(
        """aead block-buffer chacha20 chacha20poly1305 cipher const-oid cpufeatures crypto-common curve25519-dalek digest fiat-crypto
        getrandom hkdf hmac inout poly1305 rand rand_core sha2 universal-hash x25519-dalek""".split(),
        "age is made of the RustCrypto releases before those that hpke is made of",
    ),
    **dict.fromkeys(
        "base64 linux-raw-sys rustc-hash rustix self_cell thiserror thiserror-impl toml windows-sys".split(),
        "age 0.11 stays with older releases, and the age that does not cannot be resolved beside hpke",
    ),
}

# The launcher is paid on every call and audited by hand: packages of others that are linked into it. Some of them are what the audit
# log's digests are computed with (sha2 and what that is made of); one is the list of public suffixes (a table without
# dependencies), so that `*.github.io` in a policy is refused.
LAUNCHER_PACKAGES = 37

# Where unsafe code may be, besides `sys/`; each file says why in an attribute.
UNSAFE = {
    "sandbox-exec/src/main.rs",
    "sandbox-exec/src/seccomp/tests/live.rs",
    "tests/src/bin/attack/call.rs",
    "tests/src/bin/attack/terminal.rs",
}

# The longest source file, and the longest `main.rs`.
LINES, MAIN_LINES = 600, 30

# Words that stand for unfinished work, or for one machine.
FORBIDDEN = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

problems: list[str] = []


def problem(place: str, what: str) -> None:
    """Notes a violation."""
    problems.append(f"{place}: {what}")


def run(*command: str) -> str:
    """The output of a command in the root folder."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def tracked(*patterns: str) -> list[str]:
    """Files of the repository, new ones included."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns)
    return sorted(name for name in listed.splitlines() if (ROOT / name).is_file())


def text(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def is_allowed(licence: str) -> bool:
    """Whether an SPDX expression can be met by allowed licences alone. AND binds before OR; parentheses are honoured."""
    expression = licence.replace("/", " OR ")
    while "(" in expression:
        expression = re.sub(r"\(([^()]*)\)", lambda inner: "MIT" if is_allowed(inner[1]) else "refused", expression, count=1)
    parts = (re.split(r"\s+AND\s+", choice) for choice in re.split(r"\s+OR\s+", expression))
    return any(all(part.strip() in LICENCES for part in choice) for choice in parts)


def check_dependencies() -> None:
    """Licences, sources, duplicates, and how members state what they depend on."""
    metadata = json.loads(run("cargo", "metadata", "--format-version", "1", "--locked", "--all-features"))
    members = set(metadata["workspace_members"])
    versions = collections.defaultdict(set)
    for package in metadata["packages"]:
        name = f"{package['name']} {package['version']}"
        versions[package["name"]].add(package["version"])
        if not is_allowed(package["license"] or "none"):
            problem(name, f"licence {package['license']} is not in the allowlist of .ci/check.py")
        if package["source"] is not None and not package["source"].startswith("registry+"):
            problem(name, "does not come from a registry")
        if package["id"] in members:
            for dependency in package["dependencies"]:
                if "*" in dependency["req"] and "path" not in dependency:
                    problem(package["name"], f"depends on any version of {dependency['name']}")
    for name, found in versions.items():
        if len(found) > 1 and name not in DUPLICATES:
            problem(name, f"is built in {len(found)} versions: {', '.join(sorted(found))}")
    for name in DUPLICATES:
        if len(versions[name]) < 2:
            problem(name, "is no longer there twice: remove it from DUPLICATES")
    tree = run("cargo", "tree", "--locked", "--package", "sandbox-exec", "--edges", "normal,no-proc-macro", "--prefix", "none", "--no-dedupe")
    packages = {line.split()[0] for line in tree.splitlines() if line.strip() and f"({ROOT}" not in line}
    if len(packages) > LAUNCHER_PACKAGES:
        problem("sandbox-exec", f"links {len(packages)} packages of others; {LAUNCHER_PACKAGES} are budgeted")


def check_manifests() -> None:
    """Every dependency is stated once, with its reason, and members inherit it."""
    section = ""
    for line in text("Cargo.toml").splitlines():
        section = line if line.startswith("[") else section
        is_entry = re.match(r"[a-z][\w-]*\s*=", line)
        if section == "[workspace.dependencies]" and is_entry and not re.search(r"#\s*\w", line):
            problem("Cargo.toml", f"no reason is given: {line}")
    for name in tracked("*/Cargo.toml"):
        section = ""
        for line in text(name).splitlines():
            section = line if line.startswith("[") else section
            is_entry = re.match(r"[a-z][\w.-]*\s*=", line)
            if "dependencies]" in section and is_entry and "workspace = true" not in line:
                problem(name, f"not inherited from the workspace: {line}")
        if not re.search(r"^\[lints\]\nworkspace = true", text(name), re.M):
            problem(name, "does not inherit the workspace's lints")


def check_sources() -> None:
    """Where unsafe code is, and how long files are."""
    for name in tracked("*.rs"):
        source = text(name)
        code = re.sub(r"//.*", "", source)
        if re.search(r"\bunsafe\s*(\{|fn\b|impl\b|extern\b|trait\b|\()", code) and "/sys/" not in name and name not in UNSAFE:
            problem(name, "has unsafe code outside sys/")
        limit = MAIN_LINES if name.endswith("src/main.rs") else LINES
        if len(source.splitlines()) > limit:
            problem(name, f"has {len(source.splitlines())} lines; {limit} are budgeted")
        if not source.startswith(("//!", "#!")):
            problem(name, "does not begin with what it is for (//!)")
    for name in tracked("*.js", "*.mjs"):
        source = text(name)
        if len(source.splitlines()) > LINES:
            problem(name, f"has {len(source.splitlines())} lines; {LINES} are budgeted")
        if not source.startswith(("//", "/*", "#!")):
            problem(name, "does not begin with what it is for")
    for name in UNSAFE - set(tracked("*.rs")):
        problem(name, "is gone: remove it from UNSAFE")


def check_words() -> None:
    """No unfinished work, no paths of one machine."""
    for name in tracked("*.rs", "*.js", "*.mjs", "*.md", "*.toml", "*.sh", "Makefile", ".ci/*", "bench/*", "demo/*"):
        if name == ".ci/check.py" or name.endswith(".json"):
            continue
        for number, line in enumerate(text(name).splitlines(), 1):
            if found := FORBIDDEN.search(line):
                problem(f"{name}:{number}", f"says {found[0]!r}")


def prose(name: str) -> str:
    """A document without its blocks of code."""
    return re.sub(r"```.*?```", "", text(name), flags=re.S)


def headings(name: str) -> set[str]:
    """The places of a document that links can name, as forges make them of its headings."""
    bare = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"^#+ (.*)$", prose(name), re.M))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in bare}


def check_links() -> None:
    """Every relative link of a document leads somewhere, and where it names a heading, to that."""
    documents = tracked("*.md")
    for name in documents:
        for target, heading in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", prose(name)) + re.findall(r'src="([^"]+)"()', prose(name)):
            if "://" in target or target.startswith("mailto:"):
                continue
            place = (ROOT / name).parent.joinpath(target).resolve() if target else ROOT / name
            found = str(place.relative_to(ROOT)) if place.is_relative_to(ROOT) else target
            if not place.exists():
                problem(name, f"links to {target}, which is not there")
            elif heading and found in documents and heading not in headings(found):
                problem(name, f"links to {target}#{heading}, which is no heading there")


def check_map() -> None:
    """docs/code-map.md names every module of the folders that it goes through, and no other."""
    parts = re.split(r"^In `([\w/-]+)/`", text("docs/code-map.md"), flags=re.M)
    for folder, part in zip(parts[1::2], parts[2::2]):
        rows = "\n".join(line.split("|")[1] for line in part.splitlines() if line.startswith("| `"))
        named = set(re.findall(r"`(\w+)/?`", rows))
        sources = [pathlib.PurePath(name).relative_to(folder) for name in tracked(f"{folder}/*.rs")]
        modules = {source.parts[0].removesuffix(".rs") for source in sources}
        modules = {name for name in modules if name not in ("lib", "main", "tests", "fuzz") and not name.endswith("_tests")}
        # The installer has a part of the map for itself.
        modules -= {"install"} if f"{folder}/install" in parts else set()
        for name in sorted(modules - named):
            problem("docs/code-map.md", f"lacks {folder}/{name}")
        for name in sorted(named - modules):
            problem("docs/code-map.md", f"names {folder}/{name}, which is not there")


def check_gaps() -> None:
    """docs/known-gaps.md and the tests that show gaps name each other."""
    shown = set(re.findall(r"#\[test\]\s*fn (\w+)", text("tests/e2e/gaps/mod.rs")))
    named = set(re.findall(r"`gaps::(\w+)`", text("docs/known-gaps.md")))
    for test in sorted(shown - named):
        problem("docs/known-gaps.md", f"lacks the gap of gaps::{test}")
    for test in sorted(named - shown):
        problem("docs/known-gaps.md", f"names gaps::{test}, which does not exist")


def check_exit_codes() -> None:
    """docs/exit-codes.md has exactly the statuses of each program's enum: the launcher's first, others under their heading."""
    parts = re.split(r"^## `([\w-]+)`$", text("docs/exit-codes.md"), flags=re.M)
    for program, part in [("sandbox-exec", parts[0]), *zip(parts[1::2], parts[2::2])]:
        source = f"{program.removeprefix('lobsterpot-')}/src/exit.rs"
        stated = set(map(int, re.findall(r"^    [A-Z]\w+ = (\d+),", text(source), re.M)))
        table = set(map(int, re.findall(r"^\| (\d+) \|", part, re.M)))
        if stated != table:
            problem("docs/exit-codes.md", f"differs from {source} in {sorted(stated ^ table)}")


def main() -> int:
    """Runs every check."""
    for check in (check_dependencies, check_manifests, check_sources, check_words, check_links, check_map, check_gaps, check_exit_codes):
        check()
    for line in problems:
        print(f"check: {line}", file=sys.stderr)
    print(f"check: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
