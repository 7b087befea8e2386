#!/usr/bin/env python3
"""What one launch costs: every subject of peers.py around /bin/true in one run, with the layers of each, which a probe inside tries.

Usage: bench/compare.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR, LOBSTERPOT_BENCH_BARE and LOBSTERPOT_PEERS (`make bench` sets all).
BENCH_RUNS sets the runs of each subject (300); slow ones get fewer. Uses strace when it is there. As root it measures as root and as
nobody. Results are OUTPUT-FOLDER/launch-USER.json and .md.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading

import lab
import peers

HERE = pathlib.Path(__file__).resolve().parent

# Seconds that one subject's runs may take: slow ones run less often, but at least this many times.
BUDGET, FEWEST = 6.0, max(3, lab.RUNS // 20)

# Which letter stands for which namespace.
LETTERS = {"user": "U", "mnt": "M", "pid": "P", "ipc": "I", "net": "N", "uts": "T", "cgroup": "C"}


def ask(subject: peers.Subject, home: pathlib.Path, port: int) -> dict | str:
    """What the probe finds inside, or why it does not run."""
    command = [*subject.words, "/usr/bin/python3", "-I", str(home / "code/project/probe.py"), str(home), str(port)]
    variables = lab.environment(home) | subject.variables | {"BENCH_TOKEN": lab.CANARY}
    held = [(os.open(name, os.O_RDONLY), number) for number, name in subject.opened.items()]
    for descriptor, number in held:
        os.dup2(descriptor, number)
    try:
        done = subprocess.run(command, env=variables, pass_fds=list(subject.opened), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        for descriptor in {number for pair in held for number in pair}:
            os.close(descriptor)
    told = re.search(r"^layers (.*)$", done.stdout, re.M)
    return json.loads(told[1]) if told else f"status {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}"


def system_calls(subject: peers.Subject, home: pathlib.Path) -> str:
    """How many system calls one run makes in all its processes."""
    if not shutil.which("strace"):
        return "–"
    with tempfile.NamedTemporaryFile("r", dir=home) as counts:
        command = ["strace", "-f", "-c", "-U", "calls,name", "-o", counts.name, *subject.words, "/bin/true"]
        actions = [(os.POSIX_SPAWN_OPEN, number, name, os.O_RDONLY, 0) for number, name in subject.opened.items()]
        actions += [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
        process = os.posix_spawnp("strace", command, lab.environment(home) | subject.variables, file_actions=actions)
        if os.waitpid(process, 0)[1] != 0:
            return "–"
        total = re.search(r"^\s*(\d+)\s+total$", counts.read(), re.M)
    return total[1] if total else "–"


def descendants(root: int) -> list[int]:
    """All processes below one, itself included: from the parents in /proc."""
    parents: dict[int, list[int]] = {}
    for place in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(place.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(place.parent.name))
        except (OSError, IndexError):
            continue
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting.extend(parents.get(found[-1], []))
    return found


def peak_memory(subject: peers.Subject, home: pathlib.Path) -> float | None:
    """MiB: the peaks of resident memory of all processes that are there while a command (`cat`) runs, added up."""
    asked, answered = os.pipe(), os.pipe()
    actions = [(os.POSIX_SPAWN_OPEN, number, name, os.O_RDONLY, 0) for number, name in subject.opened.items()]
    actions += [(os.POSIX_SPAWN_DUP2, asked[0], 0), (os.POSIX_SPAWN_DUP2, answered[1], 1), (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)]
    process = os.posix_spawnp((subject.words or ["/bin/cat"])[0], [*subject.words, "/bin/cat"], lab.environment(home) | subject.variables, file_actions=actions)
    os.close(asked[0])
    os.close(answered[1])
    os.write(asked[1], b"x\n")
    total = 0
    if os.read(answered[0], 2):
        for number in descendants(process):
            try:
                peak = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{number}/status").read_text())
            except OSError:
                continue
            total += int(peak[1]) if peak else 0
    os.close(asked[1])
    os.waitpid(process, 0)
    os.close(answered[0])
    return round(total / 1024, 1) if total else None


def lasting(subject: peers.Subject, home: pathlib.Path) -> float:
    """The seconds of one run; what it leaves behind ends before the next one starts."""
    took = subject.run(["/bin/true"], home)
    lab.wait_for_all()
    return took


def runs_for(seconds: float) -> int:
    """How often a subject that takes so long runs."""
    return max(min(lab.RUNS, int(BUDGET * lab.RUNS / 300 / seconds)), min(lab.RUNS, FEWEST))


def measure(stage: pathlib.Path, home: pathlib.Path, port: int) -> dict:
    """Everything about every subject, as the user that this process is."""
    shutil.copy(HERE / "probe.py", home / "code/project/probe.py")
    found, layers, runs = {}, {}, {}
    for subject in peers.subjects(stage, home):
        told = ask(subject, home, port)
        if isinstance(told, str):
            lab.left_out(subject.name, told)
            continue
        found[subject.name], layers[subject.name] = subject, told
        runs[subject.name] = runs_for(statistics.median(subject.run(["/bin/true"], home) for _ in range(3)))
    lab.adopt_orphans()
    seconds = lab.take_turns({name: lambda subject=subject: lasting(subject, home) for name, subject in found.items()}, runs)
    whole = lab.take_turns({name: lambda subject=subject: subject.run(["/bin/true"], home, whole=True) for name, subject in found.items()}, runs)
    own = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in LETTERS}
    return {
        name: lab.spread(seconds[name])
        | {"gone": round(statistics.median(whole[name]) * 1000, 3), "memory": peak_memory(subject, home), "calls": system_calls(subject, home), "layers": layers_of(layers[name], own)}
        for name, subject in found.items()
    }


def layers_of(told: dict, own: dict[str, str]) -> dict[str, object]:
    """What the probe told, as the table has it."""
    status, seen = told["status"], told["namespaces"]
    new = "".join(letter for kind, letter in LETTERS.items() if kind in seen and seen[kind] != own[kind])
    rights = "none" if int(status.get("CapEff", "1"), 16) == 0 else "some"
    rights += "" if rights == "some" or int(status.get("CapBnd", "1"), 16) == 0 else ", bounding set full"
    return {
        "namespaces": (new or "none") if seen else "?",
        "Landlock": "?" if told["landlock"] is None else told["landlock"],
        "filters": status.get("Seccomp_filters", "?"),
        "no_new_privs": {"1": "yes", "0": "no"}.get(status.get("NoNewPrivs", ""), "?"),
        "capabilities": rights if status else "?",
    } | {kind: "yes" if told[kind] else "no" for kind in ("secret", "variable", "hook", "system", "workspace", "loopback", "user_namespace")}


def ratios(figures: dict, part: str) -> dict[str, str]:
    """The launcher's median beside the others'."""
    own = figures["`sandbox-exec`"][part]
    return {name: f"{own / told[part]:.2f}" for name, told in figures.items() if name != "`sandbox-exec`"}


def text(user: str, figures: dict) -> str:
    """The two tables and the ratios."""
    ended, gone = ratios(figures, "p50"), ratios(figures, "gone")
    rows = [
        [name, *(f"{told[part]:.2f}" if part in told else "–" for part in ("p50", "p95", "p99")), ended.get(name, ""), f"{told['gone']:.2f}", gone.get(name, ""), told["runs"], told["calls"], told["memory"] or "–"]
        for name, told in figures.items()
    ]
    header = ["subject", "p50, ms", "p95", "p99", "`sandbox-exec` takes, of it", "p50 until all is gone", "`sandbox-exec`, of it", "runs", "system calls", "peak MiB"]
    layers = [[name, *map(str, told["layers"].values())] for name, told in figures.items()]
    titles = ["subject", "new namespaces", "Landlock rulesets", "filters", "`no_new_privs`", "capabilities", "reads `~/.ssh`", "sees a token in the environment"]
    titles += ["writes git's hooks", "writes `~/.bashrc`", "writes the project", "reaches the host's loopback", "makes a user namespace"]
    return (
        f"One launch of `/bin/true`, as {user}:\n\n{lab.table(header, rows)}\n"
        f"What holds in each, as {user}, tried from inside:\n\n{lab.table(titles, layers, words=len(titles))}"
    )


def main() -> None:
    """Measures as each user."""
    output = pathlib.Path(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    port = listener.getsockname()[1]
    with lab.stage(output) as stage:
        (stage / "filter.bpf").write_bytes(subprocess.run([HERE / "filter.sh"], capture_output=True, check=True).stdout)
        lab.as_each_user(output, stage, "launch", lambda place, home: measure(place, home, port), text)
    (output / "versions.json").write_text(json.dumps(peers.versions()) + "\n")


def accept(listener: socket.socket) -> None:
    """Answers whoever reaches the host's loopback."""
    while True:
        listener.accept()[0].close()


if __name__ == "__main__":
    main()
