#!/usr/bin/env python3
"""What the hooks cost: both beside a static program that does nothing, and how many paths `fs-guard serve` judges in a second.

Usage: bench/hooks.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR and LOBSTERPOT_BENCH_BARE (`make bench` sets both). BENCH_RUNS sets the runs
of each subject (300). As root it measures as root and as nobody. Results are OUTPUT-FOLDER/hooks-USER.json and .md.
"""

import json
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile

import call
import lab

# How many paths `fs-guard serve` is asked about.
CHECKS = 100_000


def said(command: list[str], home: pathlib.Path, source: pathlib.Path) -> bytes:
    """What a command says."""
    with source.open("rb") as stdin:
        return subprocess.run(command, env=lab.environment(home), stdin=stdin, stdout=subprocess.PIPE, check=True).stdout


def questions(home: pathlib.Path) -> None:
    """Writes the payloads, and what `fs-guard serve` is asked."""
    source = home / "code/project/README.md"
    (home / "bash.json").write_bytes(call.payload(home, "cargo test --workspace"))
    (home / "read.json").write_bytes(call.payload(home, str(source), "Read", "file_path"))
    question = {"op": "check", "path": str(source), "for": "read"}
    frames = (json.dumps({"id": number} | question).encode() for number in range(CHECKS))
    (home / "frames").write_bytes(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))


def measure(stage: pathlib.Path, home: pathlib.Path) -> dict[str, object]:
    """Measures in the home of the user that this process runs as. The subjects take turns."""
    questions(home)
    project, variables = str(home / "code/project"), lab.environment(home)
    options = ["--client", "claude-code", "--workspace", project]
    shell, files = [str(stage / "sandbox-exec-hook"), *options], [str(stage / "fs-guard-hook"), *options]
    if b"updatedInput" not in said(shell, home, home / "bash.json") or said(files, home, home / "read.json"):
        sys.exit("bench: a hook does not answer as it should")
    subjects = {
        "bare": lambda: lab.run([f"{project}/bare"], variables),
        "sandbox-exec-hook": lambda: lab.run(shell, variables, {0: str(home / "bash.json")}),
        "fs-guard-hook": lambda: lab.run(files, variables, {0: str(home / "read.json")}),
    }
    seconds = lab.take_turns(subjects, dict.fromkeys(subjects, lab.RUNS), rounds=lab.RUNS)
    with tempfile.NamedTemporaryFile() as answers:
        took = lab.run([str(stage / "fs-guard"), "--workspace", project, "serve"], variables, {0: str(home / "frames"), 1: answers.name})
        allowed = pathlib.Path(answers.name).read_bytes()[:4096]
    if b'"allow"' not in allowed:
        sys.exit("bench: fs-guard does not answer as it should")
    return {"median_ms": {name: statistics.median(values) * 1000 for name, values in seconds.items()}, "checks_per_second": round(CHECKS / took)}


def text(user: str, figures: dict) -> str:
    """The table, and what serving comes to."""
    medians = figures["median_ms"]
    rows = [[f"`{name}`" if name != "bare" else name, f"{median:.2f}", f"{median / medians['bare']:.2f}"] for name, median in medians.items()]
    return f"As {user}:\n\n{lab.table(['subject', 'p50, ms', 'of bare'], rows)}\n`fs-guard serve` answers {figures['checks_per_second']:,} checks a second.\n"


def main() -> None:
    """Measures as each user."""
    output = pathlib.Path(sys.argv[1])
    with lab.stage(output) as stage:
        lab.as_each_user(output, stage, "hooks", measure, text)


if __name__ == "__main__":
    main()
