"""What every bench shares: who measures, in which home, what one run is, and how figures are told."""

import ctypes
import json
import math
import os
import pathlib
import pwd
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# How often each subject runs; CI needs fewer.
RUNS = int(os.environ.get("BENCH_RUNS", "300"))

# What stands for a secret in the throw-away homes.
CANARY = "canary-2f6e"

# Every name here is one that a policy shows or hides.
FOLDERS = (
    ".ssh .aws .kube .docker .gnupg .cargo/bin .rustup .npm .local/bin .local/share .config/git .config/gh "
    "code/project/.git/hooks code/project/.git/info"
).split()
FILES = (
    ".ssh/id_ed25519 .aws/credentials .netrc .npmrc .bash_history .gitconfig .config/gh/hosts.yml "
    "code/project/.git/config code/project/.git/HEAD code/project/.git/hooks/pre-commit code/project/README.md"
).split()


def need(name: str) -> pathlib.Path:
    """A path from the environment."""
    if not os.environ.get(name):
        sys.exit("bench: run it by: make bench")
    return pathlib.Path(os.environ[name])


def users() -> list[pwd.struct_passwd]:
    """Who measures: as root both root and an ordinary user."""
    if os.geteuid() == 0:
        return [pwd.getpwnam("root"), pwd.getpwnam("nobody")]
    return [pwd.getpwuid(os.geteuid())]


def programs() -> pathlib.Path:
    """The folder of the programs under test."""
    return need("LOBSTERPOT_BIN_DIR")


@contextmanager
def stage(output: pathlib.Path) -> Iterator[pathlib.Path]:
    """A throw-away folder that every user reaches, with the programs and a home for each. Not below /tmp, which is replaced inside."""
    output.mkdir(parents=True, exist_ok=True)
    base = "/home" if os.geteuid() == 0 and os.path.isdir("/home") else output
    with tempfile.TemporaryDirectory(prefix="lobsterpot-bench.", dir=base) as name:
        folder = pathlib.Path(name).resolve()
        folder.chmod(0o755)
        for program in ("sandbox-exec", "sandbox-exec-hook", "lobsterpot-egress", "fs-guard", "fs-guard-hook"):
            shutil.copy(programs() / program, folder / program)
        for user in users():
            make_home(folder / user.pw_name)
            shutil.copy(need("LOBSTERPOT_BENCH_BARE"), folder / user.pw_name / "code/project/bare")
            give(folder / user.pw_name, user)
        yield folder


def make_home(home: pathlib.Path) -> None:
    """A home with what homes have, and a project in it."""
    for name in FOLDERS:
        (home / name).mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (home / name).write_text(f"{CANARY}\n")


def give(folder: pathlib.Path, user: pwd.struct_passwd) -> None:
    """Makes a folder and all below it a user's."""
    if os.geteuid() == 0:
        for place in [folder, *folder.rglob("*")]:
            os.lchown(place, user.pw_uid, user.pw_gid)


def as_user(user: pwd.struct_passwd, home: pathlib.Path, measure: Callable[[], object]) -> object:
    """What `measure` tells in a process of its own that has become `user`, in the project of `home`."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        os.close(reader)
        if os.geteuid() == 0 and user.pw_uid != 0:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.chdir(home / "code/project")
        os.environ.update(HOME=str(home), USER=user.pw_name, LOGNAME=user.pw_name)
        with os.fdopen(writer, "w") as stream:
            stream.write(json.dumps(measure()))
        sys.stdout.flush()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        told = stream.read()
    if os.waitpid(process, 0)[1] != 0 or not told:
        sys.exit(1)
    return json.loads(told)


def as_each_user(
    output: pathlib.Path, place: pathlib.Path, name: str, measure: Callable[[pathlib.Path, pathlib.Path], object], text: Callable[[str, object], str]
) -> None:
    """Publishes as `name-USER` what `measure` tells of the stage `place` and a home in it, as each user, in the words of `text`."""
    for user in users():
        home = place / user.pw_name
        told = as_user(user, home, lambda home=home: measure(place, home))
        publish(output, f"{name}-{user.pw_name}", text(user.pw_name, told), told)


def environment(home: pathlib.Path) -> dict[str, str]:
    """What every subject is started with."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb"}


def adopt_orphans() -> None:
    """Makes this process the parent of what its children leave behind: PR_SET_CHILD_SUBREAPER, prctl(2)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def wait_for_all(seconds: float = 10) -> bool:
    """Waits until no child is left, adopted ones included; tells whether they ended in time."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.00002)
        except ChildProcessError:
            return True
    return False


def run(command: list[str], variables: dict[str, str], opened: dict[int, str] | None = None, whole: bool = False) -> float:
    """The seconds that a command takes from its start to its end, or with `whole` to the end of the last process that it leaves to this
    one; files are opened for it by descriptor."""
    files = {0: "/dev/null", 1: "/dev/zero", 2: "/dev/null"} | (opened or {})
    actions = [(os.POSIX_SPAWN_OPEN, number, name, os.O_RDWR if number in (1, 2) else os.O_RDONLY, 0) for number, name in files.items()]
    began = time.perf_counter()
    process = os.posix_spawnp(command[0], command, variables, file_actions=actions)
    status = os.waitpid(process, 0)[1]
    if whole and not wait_for_all():
        sys.exit(f"bench: {' '.join(command)} leaves processes behind")
    took = time.perf_counter() - began
    if status != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return took


def take_turns(subjects: dict[str, Callable[[], float]], runs: dict[str, int], rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of each subject. They take turns in rounds, so that what else the machine does meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for name, subject in subjects.items():
        for _ in range(min(3, runs[name])):
            subject()
    for number in range(rounds):
        for name, subject in subjects.items():
            for _ in range(runs[name] * (number + 1) // rounds - runs[name] * number // rounds):
                times[name].append(subject())
    return times


def percentile(values: list[float], part: float) -> float:
    """The value below which `part` of the values are, the next one where there is none between (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(part * len(ordered)) - 1))]


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and percentiles in milliseconds. The 99th of fewer than 100 runs would be the slowest one."""
    told = {"p50": statistics.median(seconds), "p95": percentile(seconds, 0.95)}
    if len(seconds) >= 100:
        told["p99"] = percentile(seconds, 0.99)
    return {name: round(value * 1000, 3) for name, value in told.items()} | {"runs": len(seconds)}


def exponent(points: list[tuple[float, float]]) -> float:
    """The slope of a straight line through the logarithms (least squares): 1 is linear, 0 is constant."""
    logs = [(math.log(x), math.log(y)) for x, y in points if y > 0]
    if len(logs) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*logs)).slope


def table(header: list[str], rows: list[list[object]], words: int = 1) -> str:
    """A Markdown table whose first `words` columns are text and whose others are figures."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * words + "---:|" * (len(header) - words)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def publish(output: pathlib.Path, name: str, text: str, figures: object) -> None:
    """Writes what was measured, for people and for programs, and prints it."""
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{name}.md").write_text(text, encoding="utf-8")
    (output / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(text, flush=True)


def left_out(name: str, why: str) -> None:
    """Says that something is not compared."""
    print(f"bench: NOT COMPARED: {name}: {why}", file=sys.stderr, flush=True)
