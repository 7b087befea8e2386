#!/usr/bin/env python3
"""What the vault costs: reading one secret beside age and rage and a static program that does nothing, listing many, and scanning.

Usage: bench/vault.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR naming the folder of the programs and LOBSTERPOT_BENCH_BARE the program
that does nothing (`make bench` does all three). BENCH_RUNS sets the runs of each subject (300). LOBSTERPOT_PEERS names the folder
that rage is installed in; otherwise it is taken from PATH, as age and ripgrep are. Results are OUTPUT-FOLDER/vault.json and .md.
"""

import json
import os
import pathlib
import random
import shutil
import statistics
import string
import subprocess
import sys
import tempfile
import time

# The vault that one secret is read from, in bytes.
SIZE = 4096

# How many secrets are listed.
MANY = 10_000

# How many secrets are searched for, in a tree of how many MiB.
SEARCHED, TREE = (10, 100, 1000), 256

# What was aimed at: parts of age's time, milliseconds.
OF_AGE, LISTED = 0.6, 10

LETTERS = string.ascii_letters + string.digits


def need(name: str) -> pathlib.Path:
    """A path from the environment."""
    if not os.environ.get(name):
        sys.exit("bench: run it by: make bench")
    return pathlib.Path(os.environ[name])


def peer(name: str) -> str | None:
    """A program to compare with."""
    folder = os.environ.get("LOBSTERPOT_PEERS", "")
    places = [f"{folder}/bin", folder] if folder else []
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ["PATH"]]))
    if found is None:
        print(f"bench: NOT COMPARED: {name} is not installed", file=sys.stderr)
    return found


class Vault:
    """A vault in a folder of its own."""

    def __init__(self, folder: pathlib.Path, *options: str) -> None:
        """Makes an empty one."""
        folder.mkdir(mode=0o700)
        self.file, self.identity = folder / "v/vault.age", folder / "v/vault.key"
        self.program = str(need("LOBSTERPOT_BIN_DIR") / "lobsterpot-vault")
        self.options = ["--vault", str(self.file), "--identity", str(self.identity), "--state", str(folder / "state")]
        subprocess.run(self.command("init", *options), check=True, capture_output=True)

    def command(self, *arguments: str) -> list[str]:
        """The program with these arguments."""
        return [self.program, *self.options, *arguments]

    def set(self, name: str, value: str) -> None:
        """Puts a secret into it."""
        subprocess.run(self.command("set", name, "--raw"), input=value.encode(), check=True, capture_output=True)

    def fill(self, values: dict[str, str], age: str) -> None:
        """Puts many secrets into it at once, as anybody with age and the identity can."""
        document = json.loads(subprocess.run([age, "-d", "-i", str(self.identity), str(self.file)], check=True, capture_output=True).stdout)
        times = {"created": "2026-01-01T00:00:00Z", "rotated": "2026-01-01T00:00:00Z"}
        document["secrets"] = {name: {"text": value} | times for name, value in sorted(values.items())}
        document["generation"] += 1
        recipients = [word for recipient in document["recipients"] for word in ("-r", recipient)]
        sealed = subprocess.run([age, *recipients], input=json.dumps(document).encode(), check=True, capture_output=True).stdout
        self.file.write_bytes(sealed)


def run(command: list[str]) -> float:
    """Runs a command once, and says how many seconds it took to its end."""
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    actions.append((os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0))
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}, file_actions=actions)
    _, status = os.waitpid(process, 0)
    took = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) not in (0, 1) or (status and "scan" not in command and "--count" not in command):
        sys.exit(f"bench: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return took


def medians(subjects: dict[str, list[str]], runs: int) -> dict[str, float]:
    """The median of each subject in milliseconds. They take turns, so that what else the machine does meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(runs + 5):
        for name, command in subjects.items():
            took = run(command)
            if number >= 5:
                times[name].append(took)
    return {name: statistics.median(values) * 1000 for name, values in times.items()}


def word(chance: random.Random, length: int) -> str:
    """A random value."""
    return "".join(chance.choices(LETTERS, k=length))


def one_secret(base: pathlib.Path, age: str | None, runs: int) -> dict[str, float]:
    """Measures `get` and `run` of one secret, and what decrypts the same file."""
    bare = str(need("LOBSTERPOT_BENCH_BARE"))
    chance = random.Random(1)
    vaults = {"X25519": Vault(base / "classic", "--classic"), "hybrid": Vault(base / "hybrid")}
    value = word(chance, 64)
    subjects = {"bare": [bare]}
    for kind, vault in vaults.items():
        number = 0
        while number == 0 or vault.file.stat().st_size < SIZE:
            vault.set(f"KEY_{number}", value if number == 0 else word(chance, 64))
            number += 1
        if subprocess.run(vault.command("get", "KEY_0"), check=True, capture_output=True).stdout != value.encode():
            sys.exit("bench: get does not answer as it should")
        subjects[f"get, {kind}"] = vault.command("get", "KEY_0")
        subjects[f"run, {kind}"] = vault.command("run", "--only", "KEY_0", "--", bare)
    classic = vaults["X25519"]
    for name, program in (("age -d, X25519", age), ("rage -d, X25519", peer("rage"))):
        if program is not None:
            subjects[name] = [program, "-d", "-i", str(classic.identity), str(classic.file)]
    return medians(subjects, runs)


def listing(base: pathlib.Path, age: str, runs: int) -> float:
    """Measures `list` of many secrets, in milliseconds."""
    chance = random.Random(2)
    vault = Vault(base / "many", "--classic")
    vault.fill({f"KEY_{number:05}": word(chance, 40) for number in range(MANY)}, age)
    listed = subprocess.run(vault.command("list"), check=True, capture_output=True).stdout
    if listed.count(b"\n") < MANY:
        sys.exit("bench: list does not list all")
    return medians({"list": vault.command("list")}, runs)["list"]


def tree(base: pathlib.Path) -> pathlib.Path:
    """A tree of files that look like source text, of 16 to 256 KiB each."""
    chance = random.Random(3)
    words = [word(chance, chance.randint(2, 12)) for _ in range(5000)]
    signs = [" ", " ", " ", " ", ".", ", ", "(", ") ", "\n    ", "\n", ' = "', '";\n', "/", "_", "\\n", "%20"]
    folder, written, number = base / "tree", 0, 0
    while written < TREE << 20:
        place = folder / f"d{number % 17}" / f"e{number % 5}"
        place.mkdir(parents=True, exist_ok=True)
        chosen = chance.choices(words, k=1200), chance.choices(signs, weights=[9] * 14 + [1, 1], k=1200)
        line = "".join(part for pair in zip(*chosen, strict=True) for part in pair)
        text = line * chance.randint(2, 25)
        (place / f"f{number}").write_text(text, encoding="utf-8")
        written, number = written + len(text), number + 1
    return folder


def scanning(base: pathlib.Path, age: str) -> dict[str, float]:
    """Measures `scan` for more and more secrets, and ripgrep with the same values (each in one form), in MB a second."""
    chance = random.Random(4)
    folder = pathlib.Path(os.environ["BENCH_TREE"]) if os.environ.get("BENCH_TREE") else tree(base)
    ripgrep = peer("rg")
    speeds = {}
    for count in SEARCHED:
        vault = Vault(base / f"scan{count}", "--classic")
        values = {f"KEY_{number:05}": word(chance, 40) for number in range(count)}
        vault.fill(values, age)
        patterns = base / f"patterns{count}"
        patterns.write_text("\n".join(values.values()) + "\n", encoding="utf-8")
        command = vault.command("scan", str(folder), "--json")
        size = json.loads(subprocess.run(command, check=False, capture_output=True).stdout)["bytes"]
        subjects = {"scan": command}
        if ripgrep is not None:
            options = ["--fixed-strings", "--no-ignore", "--hidden", "--text", "--count", "--file", str(patterns), str(folder)]
            subjects |= {"rg -j1": [ripgrep, "-j1", *options], "rg": [ripgrep, *options]}
        for name, took in medians(subjects, 5).items():
            speeds[f"{name}, {count} secrets"] = size / 1e6 / (took / 1000)
    return speeds


def report(figures: dict, age_version: str, output: pathlib.Path) -> None:
    """Writes and prints what was measured."""
    times = figures["median_ms"]
    against = next((times[name] for name in times if name.startswith("age")), None)
    lines = ["### Vault", "", f"One secret of a vault of 4 KiB; age {age_version}; X25519 unless a hybrid key (ML-KEM-768 and X25519) is named.", ""]
    lines += ["| subject | median ms | of bare | of age |", "|---|---:|---:|---:|"]
    for name, median in times.items():
        of_age = f"{median / against:.2f}" if against else "-"
        lines.append(f"| {name} | {median:.3f} | {median / times['bare']:.2f} | {of_age} |")
    lines.append("")
    if against:
        for name in ("get, X25519", "run, X25519"):
            ratio = times[name] / against
            lines.append(f"`{name}`: {ratio:.2f} of `age -d`; at most {OF_AGE} is aimed at: {'reached' if ratio <= OF_AGE else 'NOT reached'}.")
    if "list_ms" in figures:
        took = figures["list_ms"]
        lines.append(f"`list` of {MANY:,} secrets: {took:.1f} ms; less than {LISTED} is aimed at: {'reached' if took < LISTED else 'NOT reached'}.")
        lines += ["", "| subject | MB/s |", "|---|---:|"]
        lines += [f"| {name} | {speed:,.0f} |" for name, speed in figures["mb_per_second"].items()]
    text = "\n".join([*lines, ""])
    (output / "vault.json").write_text(json.dumps(figures | {"age": age_version}, indent=1) + "\n", encoding="utf-8")
    (output / "vault.md").write_text(text, encoding="utf-8")
    print(text)


def main() -> None:
    """Measures everything."""
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    runs = int(os.environ.get("BENCH_RUNS", "300"))
    age = peer("age")
    version = "none"
    if age:
        version = subprocess.run([age, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="lobsterpot-bench.", dir=output) as name:
        base = pathlib.Path(name).resolve()
        figures: dict = {"median_ms": one_secret(base, age, runs)}
        if age:
            figures["list_ms"] = listing(base, age, max(5, runs // 10))
            figures["mb_per_second"] = scanning(base, age)
        else:
            print("bench: NOT MEASURED: list and scan need age, which makes their vaults", file=sys.stderr)
        report(figures, version, output)


if __name__ == "__main__":
    main()
