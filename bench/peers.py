"""The subjects: the launcher, and every other way to confine a command that is installed, each with the nearest equal options.

All get: a read-only system, a home of which only tools can be seen where that can be said, a writable project with git's hooks
protected, no network, no capabilities, a filter where there is one. What each then really holds is tried out by probe.py.
"""

import json
import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass, field

import lab

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt")
SHOWN = (".cargo", ".rustup", ".local/bin", ".local/share", ".gitconfig", ".config/git")
HIDDEN = (".ssh", ".aws", ".kube", ".docker", ".gnupg", ".netrc", ".npmrc", ".bash_history", ".config/gh")
PROTECTED = (".git/hooks", ".git/config", ".git/info")
SECRET_SYSTEM = ("/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-")


@dataclass
class Subject:
    """One way to run a command."""

    name: str
    # The words in front of the command.
    words: list[str]
    # What is added to the environment.
    variables: dict[str, str] = field(default_factory=dict)
    # Files that are open in it, by descriptor.
    opened: dict[int, str] = field(default_factory=dict)

    def run(self, command: list[str], home: pathlib.Path, whole: bool = False) -> float:
        """The seconds that a command takes in it, or until the last process of the sandbox has ended."""
        return lab.run([*self.words, *command], lab.environment(home) | self.variables, self.opened, whole)


def subjects(stage: pathlib.Path, home: pathlib.Path) -> list[Subject]:
    """All of them, in the order of the table; who is not installed is said."""
    project = home / "code/project"
    found = [
        Subject("bare", []),
        Subject("`unshare` of all namespaces", ["unshare", "-Urmpinuf", "--mount-proc"]),
        Subject("`sandbox-exec`", [str(stage / "sandbox-exec"), "--"]),
    ]
    for name, make in MAKERS.items():
        subject = make(stage, home, project)
        if isinstance(subject, str):
            lab.left_out(name, subject)
        else:
            found.extend(subject)
    return found


def versions() -> dict[str, str]:
    """What each peer says its version is."""
    told = {}
    for name, command in {"bubblewrap": "bwrap", "firejail": "firejail", "unshare": "unshare"}.items():
        if shutil.which(command):
            words = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout.split()
            told[name] = next((word for word in words if word[0].isdigit()), "?")
    return told


def installed(program: str) -> pathlib.Path | None:
    """A program of the folder of peers, or of PATH."""
    peers = pathlib.Path(os.environ.get("LOBSTERPOT_PEERS", "/nonexistent"))
    for place in (peers / "bin" / program, peers / program / "node_modules/.bin" / program):
        if place.exists():
            return place
    place = shutil.which(program)
    return pathlib.Path(place) if place else None


def bubblewrap(stage: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """Own /proc and /dev, every namespace, the home built from what is shown. No Landlock, no limits, no supervisor."""
    if not installed("bwrap"):
        return "bubblewrap is not installed"
    words = "bwrap --unshare-all --unshare-user --die-with-parent --cap-drop ALL --clearenv".split()
    words += ["--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "HOME", str(home)]
    for path in filter(os.path.lexists, SYSTEM):
        words += ["--symlink", os.readlink(path), path] if os.path.islink(path) else ["--ro-bind", path, path]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/tmp", "/var/tmp", "/dev/shm", str(home)):
        words += ["--tmpfs", path]
    for path in (str(home / name) for name in SHOWN):
        words += ["--ro-bind", path, path]
    for path in filter(os.path.isfile, SECRET_SYSTEM):
        words += ["--ro-bind", "/dev/null", path]
    words += ["--bind", str(project), str(project)]
    for path in (str(project / name) for name in PROTECTED):
        words += ["--ro-bind", path, path]
    words += ["--remount-ro", str(home), "--chdir", str(project)]
    return [
        Subject("bubblewrap", words),
        Subject("bubblewrap, with a seccomp filter", [*words, "--seccomp", "9"], opened={9: str(stage / "filter.bpf")}),
    ]


def firejail(_: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """No profile: options that say the same. A set-user-id program."""
    if not installed("firejail"):
        return "it is not installed"
    words = "firejail --quiet --noprofile --net=none --ipc-namespace --caps.drop=all --nonewprivs --noroot --nogroups --seccomp".split()
    words += ["--restrict-namespaces", "--private-dev", "--private-tmp", "--rmenv=BENCH_TOKEN", f"--read-only={home}"]
    words += [f"--blacklist={home / name}" for name in HIDDEN] + [f"--read-write={project}"]
    words += [f"--read-only={project / name}" for name in PROTECTED]
    return [Subject("firejail", [*words, "--"])]


def minijail(_: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """Namespaces and mounts; it has no filter of its own to offer."""
    if not installed("minijail0"):
        return "it is in no package here"
    words = ["minijail0", "-U", "-m", "-M", "-v", "-p", "-e", "-l", "-N", "-n", "-c", "0", "--uts", "-P", "/var/empty"]
    for path in filter(os.path.lexists, SYSTEM):
        words += ["-b", f"{os.path.realpath(path)},{path}"]
    words += ["-b", f"{project},{project},1"] + [f"-b{project / name},{project / name}" for name in PROTECTED]
    return [Subject("minijail", [*words, "--"])]


def srt(stage: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """Anthropic's sandbox-runtime, which reads its settings from a file and starts bubblewrap and two socat."""
    program = installed("srt")
    if not program or not all(map(shutil.which, ("node", "socat", "bwrap", "rg"))):
        return "it, or the node, socat, bwrap and ripgrep that it needs, is not installed"
    settings = home / "srt.json"
    files = {"denyRead": [str(home / name) for name in HIDDEN], "allowWrite": [str(project)], "denyWrite": [str(project / name) for name in PROTECTED]}
    settings.write_text(json.dumps({"network": {"allowedDomains": [], "deniedDomains": []}, "filesystem": files}))
    return [Subject("`srt` (Anthropic)", [str(program), "--settings", str(settings)])]


def codex(stage: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """OpenAI's `codex sandbox`, whose helper is asked for bubblewrap with a filter; its own rule for a writable workspace."""
    program = installed("codex")
    if not program:
        return "it is not installed"
    (home / ".codex").mkdir(exist_ok=True)
    return [Subject("`codex sandbox` (OpenAI)", [str(program), "sandbox", "-c", 'sandbox_mode="workspace-write"', "--"], {"CODEX_HOME": str(home / ".codex")})]


def sandboxer(_: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """The Landlock crate's own example: one layer, without namespaces."""
    program = installed("sandboxer")
    if not program:
        return "it is not installed"
    readable = [*filter(os.path.exists, SYSTEM), "/proc", "/dev/urandom", *(str(home / name) for name in SHOWN)]
    variables = {"LL_FS_RO": ":".join(readable), "LL_FS_RW": f"{project}:/dev/null:/dev/zero:/tmp", "LL_TCP_BIND": "", "LL_TCP_CONNECT": "", "LL_SCOPED": "a:s"}
    return [Subject("`sandboxer` of the landlock crate", [str(program)], variables)]


def birdcage(_: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """The example program of the library."""
    program = installed("sandbox")
    if not program:
        return "it is not installed"
    words = [str(program)]
    for path in filter(os.path.exists, SYSTEM):
        words += ["-e", path]
    for path in (home / name for name in SHOWN):
        words += ["-r", str(path)]
    words += ["-r", "/proc", "-w", str(project), "--allow-env", "PATH", "--allow-env", "HOME"]
    return [Subject("birdcage", [*words, "--"])]


def hakoniwa(_: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """Namespaces, a new root, Landlock and its default filter."""
    program = installed("hakoniwa")
    if not program:
        return "it is not installed"
    words = [str(program), "run", "--unshare-all", "--rootfs", "/", "--devfs", "/dev", "--tmpfs", "/tmp"]
    for path in (home / name for name in SHOWN):
        words += ["--bindmount-ro", str(path)]
    words += ["--bindmount-rw", str(project)]
    for path in (project / name for name in PROTECTED):
        words += ["--bindmount-ro", str(path)]
    words += ["--seccomp", "podman", "-e", f"PATH={os.environ['PATH']}", "-e", f"HOME={home}", "-w", str(project)]
    return [Subject("hakoniwa", [*words, "--"])]


def sandlock(_: pathlib.Path, home: pathlib.Path, project: pathlib.Path) -> list[Subject] | str:
    """Landlock, a filter and a supervisor, without namespaces."""
    program = installed("sandlock")
    if not program:
        return "it is not installed"
    words = [str(program), "run"]
    for path in [*filter(os.path.exists, SYSTEM), "/proc", "/dev/urandom", *(str(home / name) for name in SHOWN)]:
        words += ["-r", path]
    return [Subject("sandlock", [*words, "-w", str(project), "-w", "/dev/null", "-w", "/dev/zero", "--"])]


MAKERS = {
    "bubblewrap": bubblewrap,
    "firejail": firejail,
    "minijail": minijail,
    "srt": srt,
    "codex": codex,
    "landlock's sandboxer": sandboxer,
    "birdcage": birdcage,
    "hakoniwa": hakoniwa,
    "sandlock": sandlock,
}
