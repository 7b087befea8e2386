#!/usr/bin/env python3
"""One launch, system call by system call: when each began, in which process, and how long it took.

Usage: bench/timeline.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR and LOBSTERPOT_BENCH_BARE (`make bench` sets both). The kernel itself
writes down the calls (raw_syscalls of tracefs, Documentation/trace/events.rst), which disturbs them far less than ptrace does; that takes
root, and is said otherwise. BENCH_RUNS sets the launches (300). Results are OUTPUT-FOLDER/timeline.md and .json: medians.
"""

import itertools
import os
import pathlib
import platform
import re
import signal
import statistics
import sys
from dataclasses import dataclass

import lab

TRACING = pathlib.Path("/sys/kernel/tracing")
INSTANCE = TRACING / "instances/lobsterpot-bench"
EVENT = re.compile(r"-(\d+)\s+\[\d+\] \S+ +(\d+\.\d+): (sys_enter|sys_exit|sched_process_exit): (?:NR (-?\d+))?")

# The processes of a launch, in the order in which they appear.
ROLES = ("launcher", "process 1", "command")

# Steps that take less, in microseconds, are added up in the shorter table.
SHORT = 20


@dataclass
class Call:
    """One system call of one launch; microseconds since the launcher was started."""

    role: str
    name: str
    began: float
    took: float
    # What the process computed before it, or waited to be scheduled.
    before: float


def names() -> dict[int, str]:
    """Which number is which call: the kernel's own header."""
    header = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}.get(platform.machine(), "")
    place = pathlib.Path("/usr/include") / header
    text = place.read_text() if place.is_file() else ""
    return {int(number): name for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}


def traced(command: list[str], home: pathlib.Path) -> list[tuple[int, float, str, int]]:
    """The events of one run: process, seconds, kind, number of the call."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.read(reader, 1)
        null = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.execve(command[0], command, lab.environment(home))
    (INSTANCE / "set_event_pid").write_text(str(process))
    (INSTANCE / "trace").write_text("")
    os.write(writer, b"x")
    status = os.waitpid(process, 0)[1]
    os.close(reader)
    os.close(writer)
    if status != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    text = (INSTANCE / "trace").read_text()
    return [(int(found[1]), float(found[2]), found[3], int(found[4] or -1)) for found in EVENT.finditer(text)]


def calls_of(events: list[tuple[int, float, str, int]], table: dict[int, str]) -> list[Call]:
    """The calls of a launch from its execve on."""
    execve = next(number for number, name in table.items() if name == "execve")
    start = next((index for index, event in enumerate(events) if event[2:] == ("sys_enter", execve)), None)
    if start is None:
        return []
    zero = events[start][1]
    roles: dict[int, str] = {}
    began: dict[int, tuple[int, float]] = {}
    ended: dict[int, float] = {}
    calls = []
    for process, seconds, kind, number in events[start:]:
        role = roles.setdefault(process, ROLES[len(roles)] if len(roles) < len(ROLES) else "others")
        at = (seconds - zero) * 1e6
        if kind == "sys_enter":
            began[process] = (number, at)
        elif process in began:
            number, since = began.pop(process)
            calls.append(Call(role, table.get(number, str(number)), since, at - since, since - ended.get(process, since)))
            ended[process] = at
    return sorted(calls, key=lambda call: call.began)


def prepare() -> str | None:
    """Sets the kernel's log up; tells why not."""
    try:
        INSTANCE.mkdir(exist_ok=True)
        (INSTANCE / "buffer_size_kb").write_text("4096")
        (INSTANCE / "trace_clock").write_text("mono")
        (INSTANCE / "options/event-fork").write_text("1")
        for event in ("raw_syscalls/sys_enter", "raw_syscalls/sys_exit", "sched/sched_process_exit"):
            (INSTANCE / f"events/{event}/enable").write_text("1")
    except OSError as error:
        return f"the kernel's log of system calls cannot be had: {error}"
    return None if names() else "the headers with the numbers of system calls are not installed (libc6-dev)"


def steps(launches: list[list[Call]]) -> list[dict]:
    """Runs of the same call of one process, with medians over the launches that made the same calls as most did."""
    shapes = [tuple((call.role, call.name) for role in ROLES for call in launch if call.role == role) for launch in launches]
    usual = statistics.mode(shapes)
    kept = [
        [call for role in ROLES for call in launch if call.role == role] for launch, shape in zip(launches, shapes) if shape == usual
    ]
    merged = []
    places = itertools.groupby(range(len(usual)), key=lambda place: usual[place])
    for (role, name), group in places:
        indices = list(group)
        merged.append(
            {
                "role": role,
                "call": name,
                "count": len(indices),
                "began": statistics.median(launch[indices[0]].began for launch in kept),
                "took": statistics.median(sum(launch[index].took for index in indices) for launch in kept),
                "before": statistics.median(sum(launch[index].before for index in indices) for launch in kept),
            }
        )
    return sorted(merged, key=lambda step: step["began"])


def row(step: dict) -> list[object]:
    """A step as the table has it."""
    name = f"`{step['call']}`" + (f" ×{step['count']}" if step["count"] > 1 else "")
    return [step["role"], name, f"{step['began']:.0f}", f"{step['took']:.0f}", f"{step['before']:.0f}"]


def text(found: list[dict], short: bool) -> str:
    """The table, with what is too short to be told added up."""
    shown = [step for step in found if not short or step["took"] + step["before"] >= SHORT]
    rows = [row(step) for step in shown]
    if short:
        for role in ROLES:
            rest = [step for step in found if step["role"] == role and step["took"] + step["before"] < SHORT]
            count = sum(step["count"] for step in rest)
            rows.append([role, f"{count} others", "", *(f"{sum(step[part] for step in rest):.0f}" for part in ("took", "before"))])
    return lab.table(["process", "system call", "begins at, µs", "takes, µs", "computing before it, µs"], rows, words=2)


def main() -> None:
    """Traces launches as root."""
    output = pathlib.Path(sys.argv[1])
    why = "it takes root" if os.geteuid() != 0 else prepare()
    if why:
        lab.left_out("the timeline of one launch", why)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    table, launches = names(), []
    try:
        with lab.stage(output) as stage:
            home = stage / lab.users()[0].pw_name
            os.chdir(home / "code/project")
            for _ in range(lab.RUNS):
                launches.append(calls_of(traced([str(stage / "sandbox-exec"), "--", str(home / "code/project/bare")], home), table))
    finally:
        INSTANCE.rmdir()
    found = steps([launch for launch in launches if launch])
    lab.publish(output, "timeline-all", text(found, short=False), found)
    lab.publish(output, "timeline", text(found, short=True), found)


if __name__ == "__main__":
    main()
