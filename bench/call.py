#!/usr/bin/env python3
"""The whole path of one agent's shell call: hook, shell, launcher, command, teardown; and the same call bare.

Usage: bench/call.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR and LOBSTERPOT_BENCH_BARE (`make bench` sets both). BENCH_RUNS sets the
calls (300). The agent is played by this program: it starts the hook with a payload of Claude Code's, takes the command from its answer,
and gives that to bash, as the client does. As root it measures as root and as nobody. Results are OUTPUT-FOLDER/call-USER.json and .md.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import lab

# What was aimed at: milliseconds that a call may take more than bare.
AIM = 3.5


def payload(home: pathlib.Path, value: str, tool: str = "Bash", key: str = "command") -> bytes:
    """A call of a tool as Claude Code announces it."""
    project = str(home / "code/project")
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
        "tool_input": {key: value},
        "tool_use_id": "t",
    }
    return json.dumps(fields).encode()


def moment(line: bytes) -> float:
    """The time that the command told, in seconds."""
    return int(line) / 1e9


def call(command: str, home: pathlib.Path) -> tuple[float, float, float]:
    """Runs a command by a shell: when it was started, when its program began, when all had ended."""
    began = time.time()
    done = subprocess.run(["/bin/bash", "-c", command], env=lab.environment(home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return began, moment(done.stdout), time.time()


def hook(stage: pathlib.Path, home: pathlib.Path, question: bytes) -> tuple[float, str]:
    """What the hook takes, and the command that it answers with."""
    project = str(home / "code/project")
    began = time.perf_counter()
    words = [str(stage / "sandbox-exec-hook"), "--client", "claude-code", "--workspace", project]
    done = subprocess.run(words, input=question, env=lab.environment(home), stdout=subprocess.PIPE, check=True)
    took = time.perf_counter() - began
    return took, json.loads(done.stdout)["hookSpecificOutput"]["updatedInput"]["command"]


def measure(stage: pathlib.Path, home: pathlib.Path) -> dict:
    """Bare calls and confined ones in turns."""
    command = f"{home}/code/project/bare now"
    question = payload(home, command)
    parts: dict[str, list[float]] = {name: [] for name in ("bare", "hook", "to the command", "from the command on", "confined")}
    for number in range(lab.RUNS + 5):
        began, inside, ended = call(command, home)
        plain = ended - began
        asked, rewritten = hook(stage, home, question)
        first, start, last = call(rewritten, home)
        if number >= 5:
            for name, value in zip(parts, (plain, asked, start - first, last - start, asked + last - first)):
                parts[name].append(value)
            parts.setdefault("bare, to the command", []).append(inside - began)
            parts.setdefault("bare, from the command on", []).append(ended - inside)
    return {name: lab.spread(values) for name, values in parts.items()}


def text(user: str, told: dict) -> str:
    """The table of parts, and what it comes to."""
    rows = [
        ["hook", "–", told["hook"]["p50"]],
        ["shell, launcher, up to the command's first instruction", told["bare, to the command"]["p50"], told["to the command"]["p50"]],
        ["the command itself, and taking the sandbox down", told["bare, from the command on"]["p50"], told["from the command on"]["p50"]],
        ["the whole call", told["bare"]["p50"], told["confined"]["p50"]],
        ["the whole call, p95", told["bare"]["p95"], told["confined"]["p95"]],
    ]
    rows = [[name, *(f"{value:.2f}" if isinstance(value, float) else value for value in values)] for name, *values in rows]
    added = told["confined"]["p50"] - told["bare"]["p50"]
    return f"As {user}:\n\n{lab.table(['part', 'bare, ms', 'confined, ms'], rows)}\nAdded to a call: {added:.2f} ms (the aim is at most {AIM}).\n"


def main() -> None:
    """Measures as each user."""
    output = pathlib.Path(sys.argv[1])
    with lab.stage(output) as stage:
        lab.as_each_user(output, stage, "call", measure, text)


if __name__ == "__main__":
    main()
