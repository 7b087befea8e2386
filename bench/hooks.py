#!/usr/bin/env python3
"""What the hooks cost: both beside a static program that does nothing, and how many paths `fs-guard serve` judges in a second.

Usage: bench/hooks.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR naming the folder of the programs and LOBSTERPOT_BENCH_BARE the program
that does nothing (`make bench` does all three). BENCH_RUNS sets the runs of each subject (300). As root it measures root and the
user nobody; results are OUTPUT-FOLDER/hooks-USER.json and .md.
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

PROGRAMS = ("sandbox-exec", "sandbox-exec-hook", "fs-guard", "fs-guard-hook")

# How many paths `fs-guard serve` is asked about.
CHECKS = 100_000


def need(name: str) -> pathlib.Path:
    """A path from the environment."""
    if not os.environ.get(name):
        sys.exit("bench: run it by: make bench")
    return pathlib.Path(os.environ[name])


def payload(home: pathlib.Path, tool: str, tool_input: dict[str, str]) -> bytes:
    """A call as Claude Code announces it."""
    project = str(home / "project")
    slug = re.sub("[^A-Za-z0-9]", "-", project)
    fields = {
        "session_id": "b1c9",
        "transcript_path": f"{home}/.claude/projects/{slug}/b1c9.jsonl",
        "cwd": project,
        "prompt_id": "77",
        "permission_mode": "default",
        "effort": {"level": "high"},
        "hook_event_name": "PreToolUse",
        "tool_name": tool,
        "tool_input": tool_input,
        "tool_use_id": "t",
    }
    return json.dumps(fields).encode()


def stage(base: pathlib.Path, users: list[pwd.struct_passwd]) -> None:
    """Puts programs, homes and payloads in place."""
    for program in [need("LOBSTERPOT_BIN_DIR") / name for name in PROGRAMS] + [need("LOBSTERPOT_BENCH_BARE")]:
        shutil.copy(program, base / program.name)
    for user in users:
        home = base / user.pw_name
        (home / "project/src").mkdir(parents=True)
        source = home / "project/src/main.rs"
        source.write_text("fn main() {}\n", encoding="utf-8")
        (home / "bash.json").write_bytes(payload(home, "Bash", {"command": "cargo test --workspace", "description": "Run the tests"}))
        (home / "read.json").write_bytes(payload(home, "Read", {"file_path": str(source)}))
        question = {"op": "check", "path": str(source), "for": "read"}
        frames = (json.dumps({"id": number} | question).encode() for number in range(CHECKS))
        (home / "frames").write_bytes(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))
        if os.geteuid() == 0:
            for place in [home, *home.rglob("*")]:
                os.chown(place, user.pw_uid, user.pw_gid)


def run(command: list[str], home: pathlib.Path, source: str, output: int | None = None) -> float:
    """Runs a command once, and says how many seconds it took to its end."""
    actions = [(os.POSIX_SPAWN_OPEN, 0, str(home / source), os.O_RDONLY, 0)]
    if output is None:
        actions.append((os.POSIX_SPAWN_OPEN, 1, "/dev/zero", os.O_WRONLY, 0))
    else:
        actions.append((os.POSIX_SPAWN_DUP2, output, 1))
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, {"PATH": os.environ["PATH"]}, file_actions=actions)
    _, status = os.waitpid(process, 0)
    took = time.perf_counter() - began
    if status != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return took


def said(command: list[str], home: pathlib.Path, source: str) -> bytes:
    """What a command says."""
    with (home / source).open("rb") as stdin:
        return subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, check=True).stdout


def measure(base: pathlib.Path, home: pathlib.Path) -> dict[str, object]:
    """Measures in the home of the user that this process runs as. The subjects take turns."""
    project = str(home / "project")
    options = ["--client", "claude-code", "--workspace", project]
    subjects = {
        "bare": ([str(base / need("LOBSTERPOT_BENCH_BARE").name)], "bash.json"),
        "sandbox-exec-hook": ([str(base / "sandbox-exec-hook"), *options], "bash.json"),
        "fs-guard-hook": ([str(base / "fs-guard-hook"), *options], "read.json"),
    }
    os.chdir(project)
    if b"updatedInput" not in said(*_at(subjects, "sandbox-exec-hook", home)) or said(*_at(subjects, "fs-guard-hook", home)):
        sys.exit("bench: a hook does not answer as it should")
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(int(os.environ.get("BENCH_RUNS", "300"))):
        for name, (command, source) in subjects.items():
            times[name].append(run(command, home, source))
    with tempfile.TemporaryFile() as answers:
        seconds = run([str(base / "fs-guard"), "--workspace", project, "serve"], home, "frames", answers.fileno())
        allowed = os.pread(answers.fileno(), 4096, 0)
    if b'"allow"' not in allowed:
        sys.exit("bench: fs-guard does not answer as it should")
    return {"median_ms": {name: statistics.median(values) * 1000 for name, values in times.items()}, "checks_per_second": round(CHECKS / seconds)}


def _at(subjects: dict[str, tuple[list[str], str]], name: str, home: pathlib.Path) -> tuple[list[str], pathlib.Path, str]:
    """The arguments of `said` for a subject."""
    command, source = subjects[name]
    return command, home, source


def as_user(user: pwd.struct_passwd, base: pathlib.Path) -> dict[str, object]:
    """Measures in a process of its own that has become `user`."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        if os.geteuid() == 0 and user.pw_uid != 0:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        with os.fdopen(writer, "w") as stream:
            stream.write(json.dumps(measure(base, base / user.pw_name)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        figures = stream.read()
    if os.waitpid(process, 0)[1] != 0 or not figures:
        sys.exit(1)
    return json.loads(figures)


def report(user: str, figures: dict[str, object], output: pathlib.Path) -> None:
    """Writes and prints what was measured."""
    medians = figures["median_ms"]
    ratios = {name: round(median / medians["bare"], 2) for name, median in medians.items()}
    lines = [f"### Hooks, as {user}", "", "| subject | median ms | of bare |", "|---|---:|---:|"]
    lines += [f"| {name} | {median:.3f} | {ratios[name]:.2f} |" for name, median in medians.items()]
    lines += ["", f"`fs-guard serve`: {figures['checks_per_second']:,} checks in a second.", ""]
    text = "\n".join(lines)
    (output / f"hooks-{user}.json").write_text(json.dumps({"user": user, "ratios": ratios} | figures, indent=1) + "\n", encoding="utf-8")
    (output / f"hooks-{user}.md").write_text(text, encoding="utf-8")
    print(text)


def main() -> None:
    """Measures every user."""
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    is_root = os.geteuid() == 0
    users = [pwd.getpwuid(os.getuid())] + ([pwd.getpwnam("nobody")] if is_root else [])
    # Away from /tmp, which the sandbox replaces.
    folder = "/home" if is_root and pathlib.Path("/home").is_dir() else str(output)
    with tempfile.TemporaryDirectory(prefix="lobsterpot-bench.", dir=folder) as name:
        base = pathlib.Path(name)
        base.chmod(0o755)
        stage(base, users)
        for user in users:
            report(user.pw_name, as_user(user, base), output)


if __name__ == "__main__":
    main()
