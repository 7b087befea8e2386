#!/usr/bin/env python3
"""How the cost of a launch grows: with launches at once, with masks, with rules of a policy, with files in the workspace.

Usage: bench/curves.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR and LOBSTERPOT_BENCH_BARE (`make bench` sets both). BENCH_RUNS sets the runs
of each point (a tenth of it, 300), BENCH_FILES how many files the largest tree has (300,000, which take 1.5 GB). Results are
OUTPUT-FOLDER/curves.md and .json. An exponent of 1 is linear: it is the slope between the points, in logarithms, of what a launch takes
more than at the first point, where that is enough to tell. Launches at once are counted from 8 on, when every core has one.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import lab

# The sizes of each curve.
AT_ONCE = (1, 8, 64)
MASKS = (10, 30, 100, 300, 1000)
RULES = (10, 100, 1000, 10_000)
FILES = [size for size in (10, 100, 1000, 10_000, 100_000, 300_000) if size <= int(os.environ.get("BENCH_FILES", "300000"))]

AT_ONCE_TITLE = "launches at once, until all have ended"

# How many files a folder of the trees has, and how many patterns with ** are looked for in them.
IN_FOLDER, PATTERNS = 100, 200

# What must be added to the first point, as a part of it, before growth is told apart from noise.
TELLING = 0.25

# Above this, growth is called worse than linear: noise of the fit is a tenth.
LINEAR = 1.15


class Scene:
    """The launcher, a home, and policies."""

    def __init__(self, stage: pathlib.Path) -> None:
        """Everything is measured as who runs this."""
        self.stage, self.home = stage, stage / lab.users()[0].pw_name
        self.project = self.home / "code/project"
        self.runs = max(5, lab.RUNS // 10)

    def policy(self, name: str, text: str) -> pathlib.Path:
        """A policy that is believed."""
        place = self.stage / f"{name}.toml"
        place.write_text(text)
        place.chmod(0o600)
        return place

    def words(self, policy: pathlib.Path | None = None, workspace: pathlib.Path | None = None) -> list[str]:
        """The command line of a launch."""
        return [str(self.stage / "sandbox-exec"), *(["--policy", str(policy)] if policy else []), "--workspace", str(workspace or self.project), "--", "/bin/true"]

    def launch(self, words: list[str]) -> float:
        """Seconds of one launch."""
        return lab.run(words, lab.environment(self.home))

    def points(self, words: dict[int, list[str]]) -> dict[int, float]:
        """Median milliseconds at each size; the sizes take turns."""
        seconds = lab.take_turns({size: lambda line=line: self.launch(line) for size, line in words.items()}, dict.fromkeys(words, self.runs))
        return {size: statistics.median(values) * 1000 for size, values in seconds.items()}


def at_once(scene: Scene) -> dict[int, float]:
    """Milliseconds until all of so many launches that were started together have ended."""
    variables = lab.environment(scene.home)
    found = {}
    for count in AT_ONCE:
        times = []
        for _ in range(max(3, scene.runs // 3)):
            began = time.perf_counter()
            running = [subprocess.Popen(scene.words(), env=variables, stdin=subprocess.DEVNULL) for _ in range(count)]
            failed = [process.returncode for process in running if process.wait() != 0]
            times.append(time.perf_counter() - began)
            if failed:
                sys.exit(f"bench: {len(failed)} of {count} launches at once failed")
        found[count] = statistics.median(times) * 1000
    return found


def masks(scene: Scene) -> dict[int, float]:
    """Files that exist, in a folder that is shown, masked by their names."""
    shelf = scene.home / "shelf"
    shelf.mkdir()
    for number in range(max(MASKS)):
        (shelf / f"secret-{number}").write_text(lab.CANARY)
    lines = {}
    for count in MASKS:
        names = ", ".join(f'"~/shelf/secret-{number}"' for number in range(count))
        lines[count] = scene.words(scene.policy(f"masks-{count}", f'[files]\nread = ["~/shelf"]\nmask = [{names}]\n'))
    return scene.points(lines)


def file_rules(scene: Scene) -> dict[int, float]:
    """Rules about paths, of which one in ten exists."""
    shelf = scene.home / "rules"
    lines = {}
    for number in range(0, max(RULES), 10):
        (shelf / f"{number // 100}").mkdir(parents=True, exist_ok=True)
        (shelf / f"{number // 100}/at-{number}").write_text("x")
    for count in RULES:
        names = ", ".join(f'"~/rules/{number // 100}/at-{number}"' for number in range(count))
        lines[count] = scene.words(scene.policy(f"rules-{count}", f"[files]\nread = [{names}]\n"))
    return scene.points(lines)


def host_rules(scene: Scene) -> dict[int, float]:
    """Rules about hosts."""
    lines = {}
    for count in RULES:
        names = ", ".join(f'"host-{number}.example.com:443"' for number in range(count))
        lines[count] = scene.words(scene.policy(f"hosts-{count}", f'[network]\nmode = "allowlist"\nallow = [{names}]\n'))
    return scene.points(lines)


def make_tree(root: pathlib.Path, files: int) -> None:
    """A workspace of so many files, 100 in a folder, 30 folders in a folder."""
    for folder in range((files + IN_FOLDER - 1) // IN_FOLDER):
        place = root / f"package-{folder // 30}/part-{folder % 30}"
        place.mkdir(parents=True)
        for number in range(min(IN_FOLDER, files - folder * IN_FOLDER)):
            os.close(os.open(place / f"source-{number}.txt", os.O_CREAT | os.O_WRONLY))
    (root / "package-0/secrets").mkdir()
    (root / "package-0/secrets/.env-0").touch()


def trees(scene: Scene) -> dict[str, dict[int, float]]:
    """Launches in trees of any size: with the default policy, and with patterns at any depth: first, next, and after a change."""
    texts = ", ".join(f'"**/.env-{number}"' if number % 2 else f'"**/*.key-{number}"' for number in range(PATTERNS))
    policy = scene.policy("patterns", f"[files]\nmask = [{texts}]\n")
    places = {size: scene.stage / f"tree-{size}" for size in FILES}
    found: dict[str, dict[int, float]] = {"first": {}, "changed": {}}
    for size, place in places.items():
        make_tree(place, size)
        time.sleep(0.1)
        found["first"][size] = first_of(scene, scene.words(policy, place)) * 1000
    found["plain"] = scene.points({size: scene.words(None, place) for size, place in places.items()})
    found["next"] = scene.points({size: scene.words(policy, place) for size, place in places.items()})
    for size, place in places.items():
        times = []
        for number in range(scene.runs):
            (place / f"package-0/part-0/new-{number}").touch()
            # The index trusts no folder that was changed in the tick of the clock in which it looked.
            time.sleep(0.03)
            times.append(scene.launch(scene.words(policy, place)))
        found["changed"][size] = statistics.median(times) * 1000
    return found


def first_of(scene: Scene, words: list[str]) -> float:
    """The median of three launches that find no index."""
    times = []
    for _ in range(3):
        shutil.rmtree(scene.home / ".cache/lobsterpot/deep", ignore_errors=True)
        times.append(scene.launch(words))
    return statistics.median(times)


def growth(points: dict[int, float]) -> tuple[str, float | None]:
    """What the exponent between the largest sizes is, in words; none where too little is added to tell."""
    (_, base), *rest = points.items()
    told = [(size, value - base) for size, value in rest if value - base > TELLING * base]
    if not told:
        return "constant", None
    if len(told) < 2:
        told = list(points.items())[-2:]
    slope = lab.exponent(told)
    return told_slope(slope), slope


def growth_at_once(points: dict[int, float]) -> tuple[str, float | None]:
    """As `growth`, where the whole of it grows: nothing is paid only once."""
    slope = lab.exponent(list(points.items())[1:])
    return told_slope(slope), slope


def told_slope(slope: float) -> str:
    """An exponent in words."""
    return f"{slope:.2f}" + ("" if slope <= LINEAR else ", worse than linear")


def row(name: str, points: dict[int, float], grown: tuple[str, float | None]) -> list[object]:
    """A curve as the table has it."""
    return [name, ", ".join(f"{size:,}: {value:.1f}" for size, value in points.items()), grown[0]]


def main() -> None:
    """Measures every curve."""
    output = pathlib.Path(sys.argv[1])
    with lab.stage(output) as stage:
        scene = Scene(stage)
        os.chdir(scene.project)
        curves = {
            AT_ONCE_TITLE: at_once(scene),
            "masked files": masks(scene),
            "rules about files": file_rules(scene),
            "rules about hosts": host_rules(scene),
        }
        names = {"plain": "default policy", "first": f"{PATTERNS} patterns with `**`, first launch", "next": "the next launches", "changed": "after one change"}
        found = trees(scene)
        curves |= {f"files in the workspace: {title}": found[name] for name, title in names.items()}
    grown = {name: growth_at_once(points) if name == AT_ONCE_TITLE else growth(points) for name, points in curves.items()}
    text = lab.table(["what grows", "ms at each size", "exponent"], [row(name, points, grown[name]) for name, points in curves.items()], words=2)
    lab.publish(output, "curves", text, {name: {"ms": points, "exponent": grown[name][1]} for name, points in curves.items()})


if __name__ == "__main__":
    main()
