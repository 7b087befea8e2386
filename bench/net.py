#!/usr/bin/env python3
"""What the way out costs: connections, one bulk stream, small exchanges, start-up and memory, directly, through the sandbox's allowlist,
and through Anthropic's sandbox-runtime (`srt`), which sets proxy variables and bridges with socat.

Usage: bench/net.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR naming the folder of the programs, LOBSTERPOT_BENCH_BARE the program that does
nothing and LOBSTERPOT_BENCH_TRAFFIC both ends of the traffic (`make bench` does all). BENCH_RUNS sets the runs of each start (300).
LOBSTERPOT_PEERS names the folder that srt is installed in. Everything happens in a network namespace of its own, whose loopback
interface has a public address that is nobody's here. Results are OUTPUT-FOLDER/net.json and .md.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# The server's name and address inside of the bench's own network, and its port.
NAME, ADDRESS, PORT = "bench.example.com", "93.184.216.34", "443"

# How much is measured in each round, and how many rounds there are.
CONNECTIONS, BYTES, EXCHANGES, ROUNDS = 400, 3_000_000_000, 1000, 5

# Connections that are open at once when memory is looked at.
OPEN = 1000

# What was aimed at: microseconds for a connection, part of the direct throughput, milliseconds of start-up, MiB.
AIMS = {"connect": 150, "bulk": 0.8, "start": 0.6, "memory": 64}


def need(name: str) -> str:
    """A path from the environment."""
    if not os.environ.get(name):
        sys.exit("bench: run it by: make bench")
    return os.environ[name]


def enter_world() -> None:
    """Goes on in namespaces of the bench's own: as root, or as root of a user namespace."""
    identity = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    words = ["unshare", *identity, "--net", "--mount", "--propagation", "private", sys.executable, __file__, *sys.argv[1:]]
    os.environ["LOBSTERPOT_BENCH_WORLD"] = "1"
    os.execvp(words[0], words)


def make_world(folder: pathlib.Path) -> None:
    """Gives the network its address and the server its name."""
    for words in (["link", "set", "lo", "up"], ["addr", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(["ip", *words], check=True)
    for name, content in (("hosts", f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n"), ("resolv.conf", "nameserver 127.0.0.1\n")):
        (folder / name).write_text(content)
        subprocess.run(["mount", "--bind", folder / name, os.path.realpath(f"/etc/{name}")], check=True)


class Subjects:
    """The ways to the server, as the words in front of a command."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Writes the settings of each."""
        self.home, self.work = folder / "home", folder / "home/work"
        self.work.mkdir(parents=True)
        policy = self.home / ".config/lobsterpot"
        policy.mkdir(parents=True)
        (policy / "policy.toml").write_text(f'[network]\nmode = "allowlist"\nallow = ["{NAME}:{PORT}", "{ADDRESS}:{PORT}"]\n')
        # Copies, as an installation has: what cargo builds has two names, and a program with two names is copied at every start.
        programs = folder / "programs"
        programs.mkdir()
        for name in ("sandbox-exec", "lobsterpot-egress"):
            shutil.copy(pathlib.Path(need("LOBSTERPOT_BIN_DIR")) / name, programs)
        self.launcher = [str(programs / "sandbox-exec"), "--workspace", str(self.work)]
        self.traffic = self.work / "traffic"
        shutil.copy(need("LOBSTERPOT_BENCH_TRAFFIC"), self.traffic)
        self.bare = self.work / "bare"
        shutil.copy(need("LOBSTERPOT_BENCH_BARE"), self.bare)
        self.ways = {"direct": [], "lobsterpot": [*self.launcher, "--"]}
        srt = pathlib.Path(os.environ.get("LOBSTERPOT_PEERS", "")) / "srt/node_modules/.bin/srt"
        settings = folder / "srt.json"
        network = {"allowedDomains": [NAME, f"{ADDRESS}:{PORT}"], "deniedDomains": []}
        settings.write_text(json.dumps({"network": network, "filesystem": {"denyRead": [], "allowWrite": [str(self.work)], "denyWrite": []}}))
        if srt.exists() and all(map(shutil.which, ("node", "socat", "bwrap", "rg"))):
            self.ways["srt"] = [str(srt), "--settings", str(settings)]
        else:
            print("bench: NOT COMPARED: srt, or the socat, bwrap and ripgrep that it needs, is not installed", file=sys.stderr)

    def environment(self) -> dict[str, str]:
        """What every subject is started with."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.home)}

    def run(self, way: str, *words: str) -> float:
        """Measures one thing on one way."""
        command = [*self.ways[way], str(self.traffic), *words]
        done = subprocess.run(command, cwd=self.work, env=self.environment(), capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        return float(done.stdout.split()[-1])


def traffic(subjects: Subjects) -> dict[str, dict[str, float]]:
    """Connections, bulk and small exchanges; the ways take turns, so that what else the machine does meets all alike."""
    seen: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS):
        for way in subjects.ways:
            kinds = seen.setdefault(way, {})
            for kind, size in (("connect", CONNECTIONS), ("bulk", BYTES), ("small", EXCHANGES)):
                # One stream through srt takes long: less of it tells as much.
                size = size // 10 if (way, kind) == ("srt", "bulk") else size
                kinds.setdefault(kind, []).append(subjects.run(way, kind, NAME, PORT, str(size)))
    return {way: {kind: statistics.median(values) for kind, values in kinds.items()} for way, kinds in seen.items()}


def starts(subjects: Subjects, runs: int) -> dict[str, float]:
    """Medians of whole runs of a program that does nothing, in milliseconds."""
    # Where this was called from may not be there in a sandbox, as below /tmp.
    os.chdir(subjects.work)
    bare = str(subjects.bare)
    commands = {
        "bare": [bare],
        "--net none": [*subjects.launcher, "--net", "none", "--", bare],
        "--net allowlist": [*subjects.launcher, "--", bare],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 5):
        for name, command in commands.items():
            began = time.perf_counter()
            process = os.posix_spawn(command[0], command, subjects.environment())
            status = os.waitpid(process, 0)[1]
            if status != 0:
                sys.exit(f"bench: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
            if number >= 5:
                times[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def resident(name: str) -> float:
    """The resident memory of the processes of this name, in MiB."""
    total = 0
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        size = re.search(r"VmRSS:\s+(\d+)", text)
        if re.search(rf"^Name:\s+{re.escape(name[:15])}$", text, re.M) and size:
            total += int(size[1])
    return total / 1024


def memory(subjects: Subjects) -> dict[str, float]:
    """Egress alone with one connection and with many."""
    seen = {}
    for count in (1, OPEN):
        command = [*subjects.ways["lobsterpot"], str(subjects.traffic), "idle", NAME, PORT, str(count)]
        process = subprocess.Popen(command, cwd=subjects.work, env=subjects.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if process.stdout.readline() != b"open\n":
            sys.exit(f"bench: {count} connections cannot be opened at once")
        seen[str(count)] = resident("lobsterpot-egress")
        process.communicate()
    return seen


def table(found: dict) -> str:
    """What was measured, for people."""
    ways, start, held = found["traffic"], found["start"], found["memory"]
    direct = ways["direct"]
    lines = ["| way | one connection, µs | more than direct | bulk, MB/s | of direct | small exchanges/s | of direct |", "|---|---:|---:|---:|---:|---:|---:|"]
    for way, kinds in ways.items():
        more = f"{kinds['connect'] - direct['connect']:+.0f} µs"
        parts = [f"{kinds[kind]:.0f} | {kinds[kind] / direct[kind]:.2f}" for kind in ("bulk", "small")]
        lines.append(f"| {way} | {kinds['connect']:.0f} | {more} | {' | '.join(parts)} |")
    ours = ways["lobsterpot"]
    lines += [
        "",
        f"start-up: bare {start['bare']:.2f} ms, --net none {start['--net none']:.2f}, --net allowlist {start['--net allowlist']:.2f}:"
        f" {start['--net allowlist'] - start['--net none']:+.2f} ms (aim: at most +{AIMS['start']})",
        f"one connection: {ours['connect'] - direct['connect']:+.0f} µs (aim: at most +{AIMS['connect']});"
        f" bulk: {ours['bulk'] / direct['bulk']:.2f} of direct (aim: at least {AIMS['bulk']})",
        f"memory of egress: {held['1']:.1f} MiB with one connection, {held[str(OPEN)]:.1f} with {OPEN} (aim: at most {AIMS['memory']})",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures everything."""
    if "LOBSTERPOT_BENCH_WORLD" not in os.environ:
        enter_world()
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lobsterpot-bench-", dir=pathlib.Path.home()) as base:
        folder = pathlib.Path(base)
        make_world(folder)
        subjects = Subjects(folder)
        server = subprocess.Popen([str(subjects.traffic), "serve", PORT], stdout=subprocess.PIPE)
        try:
            server.stdout.readline()
            runs = int(os.environ.get("BENCH_RUNS", "300"))
            found = {"traffic": traffic(subjects), "start": starts(subjects, runs), "memory": memory(subjects)}
        finally:
            server.kill()
            server.wait()
            for name in ("hosts", "resolv.conf"):
                subprocess.run(["umount", os.path.realpath(f"/etc/{name}")], check=False)
    text = table(found)
    (output / "net.json").write_text(json.dumps(found, indent=2) + "\n")
    (output / "net.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
