#!/usr/bin/env python3
"""table.py USER OUTPUT EXTRAS ROUND.json…: merges hyperfine's rounds into OUTPUT.json and OUTPUT.md, and prints the table."""

import json
import pathlib
import statistics
import sys


def main() -> None:
    """Reads, merges, writes."""
    user, output, extras, *rounds = sys.argv[1:]
    times: dict[str, list[float]] = {}
    for name in rounds:
        for result in json.loads(pathlib.Path(name).read_text(encoding="utf-8"))["results"]:
            times.setdefault(result["command"], []).extend(result["times"])
    more = {}
    for line in pathlib.Path(extras).read_text(encoding="utf-8").splitlines():
        name, calls, peak = line.split("\t")
        more[name] = (calls, peak)
    rows = {name: row(seconds, *more[name]) for name, seconds in times.items()}
    ratios = {
        f"sandbox-exec / {other}": round(rows["sandbox-exec"]["median_ms"] / rows[other]["median_ms"], 2)
        for other in ("bwrap+seccomp", "bwrap", "unshare", "bare")
        if other in rows
    }
    text = markdown(user, rows, ratios)
    pathlib.Path(f"{output}.json").write_text(json.dumps({"user": user, "subjects": rows, "ratios": ratios}, indent=1) + "\n")
    pathlib.Path(f"{output}.md").write_text(text)
    print(text)


def row(seconds: list[float], calls: str, peak: str) -> dict[str, object]:
    """What is told about one subject."""
    deciles = statistics.quantiles(seconds, n=10)
    return {
        "median_ms": round(statistics.median(seconds) * 1000, 3),
        "p10_ms": round(deciles[0] * 1000, 3),
        "p90_ms": round(deciles[8] * 1000, 3),
        "runs": len(seconds),
        "system_calls": calls,
        "peak_kib": peak,
    }


def markdown(user: str, rows: dict[str, dict[str, object]], ratios: dict[str, float]) -> str:
    """The table as a person reads it."""
    lines = [
        f"### /bin/true, as {user}",
        "",
        f"| {'subject':<14} | median ms | p10 ms | p90 ms | system calls | peak KiB |",
        f"|{'-' * 16}|----------:|-------:|-------:|-------------:|---------:|",
    ]
    for name, values in rows.items():
        lines.append(
            f"| {name:<14} | {values['median_ms']:>9.2f} | {values['p10_ms']:>6.2f} | {values['p90_ms']:>6.2f} "
            f"| {values['system_calls']:>12} | {values['peak_kib']:>8} |"
        )
    lines += ["", f"| {'ratio of medians':<28} |      |", f"|{'-' * 30}|-----:|"]
    lines += [f"| {name:<28} | {value:>4.2f} |" for name, value in ratios.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
