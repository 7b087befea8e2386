#!/usr/bin/env python3
"""Where the processor's time of a launch goes, in all its processes, the kernel's share told apart by what it was asked for.

Usage: bench/profile.py OUTPUT-FOLDER, with LOBSTERPOT_BIN_DIR and LOBSTERPOT_BENCH_BARE (`make bench` sets both). Takes perf(1) (linux-perf)
and root, and is said otherwise. BENCH_RUNS sets the launches (300). Results are OUTPUT-FOLDER/profile.md and .json.
"""

import collections
import os
import pathlib
import shutil
import subprocess
import sys

import lab

# Samples a second of each processor.
FREQUENCY = 15_000

# What the kernel was doing, by the first function found on the stack; the rest is named after the program's side.
KINDS = [
    ("making the network namespace", ("copy_net_ns",)),
    ("making processes and the other namespaces", ("kernel_clone",)),
    ("pages that are touched for the first time, or after a fork", ("asm_exc_page_fault",)),
    ("loading programs", ("__x64_sys_execve", "__arm64_sys_execve")),
    ("ending: memory is given back", ("exit_mmap",)),
    ("ending: mounts, files and namespaces are taken down", ("do_exit",)),
    ("mounts", ("open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "mount_setattr", "chroot")),
    ("folders, files and links of the private tree", ("mkdirat", "symlinkat", "mknodat", "linkat", "fchmodat", "write")),
    ("looking at the host", ("newfstatat", "statx", "openat", "openat2", "readlink", "getdents64", "close", "read", "getcwd")),
    ("the sandbox's network and the line to the launcher", ("sendto", "socket", "setsockopt", "bind", "listen", "sendmsg", "recvmsg", "recvfrom", "socketpair")),
    ("filter, Landlock, capabilities, limits", ("seccomp", "landlock", "prctl", "capset", "capget", "prlimit64")),
    ("entering and leaving the kernel, and the other calls", ("entry_SYSCALL_64_after_hwframe", "el0t_64_sync")),
]
OWN = "the launcher's and the command's own instructions"


def is_call(symbol: str, name: str) -> bool:
    """Whether a function of the kernel is the one named, or carries out the system call of that name."""
    return symbol == name or symbol.startswith(("__x64_sys_" + name, "__do_sys_" + name, "__se_sys_" + name, "__arm64_sys_" + name))


def kind_of(stack: list[str]) -> str:
    """What a sample belongs to."""
    for kind, names in KINDS:
        if any(is_call(symbol, name) for symbol in stack for name in names):
            return kind
    return OWN


def tally(script: str) -> collections.Counter:
    """Samples of each kind: perf-script(1) prints a line with the name of the process, and then its stack."""
    found: collections.Counter = collections.Counter()
    for sample in script.split("\n\n"):
        head, *stack = sample.strip("\n").split("\n")
        if head.strip().startswith(("sandbox-exec", "bare")):
            found[kind_of([words[1] for words in map(str.split, stack) if len(words) > 1])] += 1
    return found


def main() -> None:
    """Samples launches."""
    output = pathlib.Path(sys.argv[1])
    if os.geteuid() != 0 or not shutil.which("perf"):
        lab.left_out("where the processor's time goes", "it takes root and perf (linux-perf)")
        return
    with lab.stage(output) as stage:
        home = stage / lab.users()[0].pw_name
        project = home / "code/project"
        launches = f"for i in $(seq {lab.RUNS}); do {stage}/sandbox-exec -- {project}/bare || exit; done"
        words = ["perf", "record", "--quiet", "-a", "-g", "-F", str(FREQUENCY), "-e", "cpu-clock", "-o", str(stage / "samples"), "sh", "-c", launches]
        recorded = subprocess.run(words, cwd=project, env=lab.environment(home), capture_output=True, text=True, check=False)
        if recorded.returncode != 0:
            lab.left_out("where the processor's time goes", f"perf: {recorded.stderr.strip()[-300:]}")
            return
        words = ["perf", "script", "-i", str(stage / "samples"), "-F", "comm,ip,sym"]
        found = tally(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    total = found.total()
    rows = [[kind, f"{count * 100 / total:.0f} %"] for kind, count in found.most_common()]
    lab.publish(output, "profile", lab.table(["what the processors were busy with", "of their time"], rows), found)


if __name__ == "__main__":
    main()
