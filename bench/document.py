#!/usr/bin/env python3
"""Writes what was measured into docs/performance.md, between the marks of each table: `make bench-docs`.

Usage: bench/document.py RESULTS-FOLDER. A mark is `<!-- NAME -->`, its end `<!-- /NAME -->`; NAME is the name of a file of results without
its `.md`, or `machine`. A result that is not there leaves what stands there, and is said.
"""

import json
import os
import pathlib
import platform
import re
import sys

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs/performance.md"


def machine(results: pathlib.Path) -> str:
    """Where it was measured, and with what."""
    kernel = re.match(r"\d+\.\d+", platform.release())
    processor = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    guest = "a virtual machine" if "hypervisor" in pathlib.Path("/proc/cpuinfo").read_text() else "a machine"
    told = results / "versions.json"
    versions = json.loads(told.read_text()) if told.is_file() else {}
    peers = ", ".join(f"{name} {version}" for name, version in versions.items())
    where = f"Measured on Linux {kernel[0] if kernel else '?'} in {guest} with {os.cpu_count()} cores"
    return f"{where}{f' ({processor[1]})' if processor else ''}. {f'Compared with: {peers}.' if peers else ''}\n"


def main() -> None:
    """Replaces what stands between the marks."""
    results = pathlib.Path(sys.argv[1])
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in re.findall(r"^<!-- ([\w-]+) -->$", text, re.M):
        place = results / f"{name}.md"
        if name != "machine" and not place.is_file():
            print(f"bench: not measured, and left as it was: {name}", file=sys.stderr)
            continue
        content = machine(results) if name == "machine" else place.read_text(encoding="utf-8")
        pattern = rf"(?<=^<!-- {name} -->\n).*?(?=^<!-- /{name} -->$)"
        text, count = re.subn(pattern, lambda _, content=content: f"\n{content.strip()}\n\n", text, flags=re.M | re.S)
        if count != 1:
            sys.exit(f"bench: the end of {name} is not in {DOCUMENT.name}")
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
