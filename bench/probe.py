"""Runs inside a sandbox and tells, as JSON, which layers it finds: nothing is believed that it did not try.

Usage: python3 -I probe.py HOME PORT: the home with the canaries, and a port of the host's own loopback interface.
"""

import ctypes
import json
import os
import pathlib
import re
import socket
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_NO_NEW_PRIVS = 38

# landlock_create_ruleset(2) and landlock_restrict_self(2): the same numbers on every architecture.
CREATE_RULESET, RESTRICT_SELF = 444, 446

# How many rulesets can be stacked: LANDLOCK_MAX_NUM_LAYERS in the kernel.
MOST_LAYERS = 16

kernel = ctypes.CDLL(None, use_errno=True)


def namespaces() -> dict[str, str]:
    """The names of the namespaces that this process is in: namespaces(7)."""
    found = {}
    for kind in ("user", "mnt", "pid", "ipc", "net", "uts", "cgroup"):
        try:
            found[kind] = os.readlink(f"/proc/self/ns/{kind}")
        except OSError:
            pass
    return found


def status() -> dict[str, str]:
    """What /proc/self/status says about filters and rights."""
    try:
        text = pathlib.Path("/proc/self/status").read_text()
    except OSError:
        return {}
    wanted = ("Seccomp", "Seccomp_filters", "NoNewPrivs", "CapEff", "CapBnd")
    return {name: found[1] for name in wanted if (found := re.search(rf"^{name}:\s*(\w+)", text, re.M))}


def landlock() -> int | None:
    """How many Landlock rulesets this process is under already: how many fewer than the most can be stacked on it."""
    # Denies execution below no path: nothing that this program needs.
    rights = ctypes.c_uint64(1)
    kernel.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for stacked in range(MOST_LAYERS + 1):
        ruleset = kernel.syscall(CREATE_RULESET, ctypes.byref(rights), ctypes.sizeof(rights), 0)
        if ruleset < 0:
            return None
        refused = kernel.syscall(RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)
        if refused:
            return MOST_LAYERS - stacked
    return None


def reads(path: str) -> bool:
    """Whether a file can be read and has something in it."""
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def changes(path: str) -> bool:
    """Whether an existing file can be opened for writing."""
    try:
        os.close(os.open(path, os.O_WRONLY))
        return True
    except OSError:
        return False


def creates(path: str) -> bool:
    """Whether a file can be created; it is removed again."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        os.unlink(path)
        return True
    except OSError:
        return False


def connects(port: int) -> bool:
    """Whether the host's own loopback interface answers."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False


def makes_user_namespace() -> bool:
    """Whether a process in here can make one, in which it would have every capability."""
    child = os.fork()
    if child == 0:
        os._exit(0 if kernel.unshare(CLONE_NEWUSER) == 0 else 1)
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    """Tries everything; Landlock last, because trying it restricts."""
    home, port = sys.argv[1], int(sys.argv[2])
    told = {
        "namespaces": namespaces(),
        "status": status(),
        "secret": reads(f"{home}/.ssh/id_ed25519"),
        "variable": "BENCH_TOKEN" in os.environ,
        "hook": changes(f"{home}/code/project/.git/hooks/pre-commit"),
        "system": creates(f"{home}/.bashrc"),
        "workspace": creates(f"{home}/code/project/new-file"),
        "loopback": connects(port),
        "user_namespace": makes_user_namespace(),
    }
    told["landlock"] = landlock()
    print("layers " + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
