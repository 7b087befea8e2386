"""The two network namespaces: the machine that sandboxes are started on, and everything else, with a wire between them."""

import ctypes
import os
import pathlib
import subprocess

import names

CLONE_NEWNET = 0x40000000


def run(*words: str, check: bool = True) -> None:
    """Runs a command of the system."""
    subprocess.run(words, check=check, capture_output=True)


def leave() -> None:
    """Puts this process into a network namespace of its own (unshare(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")


def lay(internet: int) -> None:
    """Lays the wire, and makes this side a machine whose every way leads to the process `internet`."""
    run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(internet))
    for device in ("lo", "wire"):
        run("ip", "link", "set", device, "up")
    for address, length in names.OWN:
        plain = ["nodad"] if ":" in address else []
        run("ip", "address", "add", f"{address}/{length}", "dev", "wire", *plain, check=":" not in address)
    for gateway, _ in names.WIRE:
        source = [] if ":" in gateway else ["src", "192.168.77.2"]
        run("ip", "route", "add", "default", "via", gateway, *source, check=":" not in gateway)
    # Group 0 is the only one that a user namespace is sure to have.
    everybody = "0 0" if os.environ.get("WORLD_UID") else "0 2147483647"
    pathlib.Path("/proc/sys/net/ipv4/ping_group_range").write_text(everybody)


def everywhere() -> None:
    """Makes every address but the other side's local on this side."""
    for device in ("lo", "wire"):
        run("ip", "link", "set", device, "up")
    for address, length in names.WIRE:
        plain = ["nodad"] if ":" in address else []
        run("ip", "address", "add", f"{address}/{length}", "dev", "wire", *plain, check=":" not in address)
    for address, _ in names.OWN:
        run("ip", "route", "add", address, "dev", "wire", check=False)
    # In the main table: the local one would win over the way back.
    run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "main")
    run("ip", "-6", "route", "add", "local", "::/0", "dev", "lo", "table", "main", check=False)
    run("ip", "-6", "route", "add", "blackhole", names.SILENT, check=False)
