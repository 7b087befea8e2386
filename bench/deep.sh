#!/usr/bin/env bash
# What 200 patterns with ** cost over 300,000 files: at the first launch, at the next ones, and after a change.
#
# Usage: bench/deep.sh, with LOBSTERPOT_BIN_DIR naming the folder of the programs. Needs python3 and 1.5 GB below TMPDIR, which
# must be on a file system of the kernel's own (not NFS or FUSE). BENCH_RUNS sets the runs of each case (41).
set -euo pipefail
launcher=${LOBSTERPOT_BIN_DIR:?name the folder of the programs}/sandbox-exec
command -v python3 >/dev/null || {
    echo "bench: python3 is not installed" >&2
    echo "hint: apt-get install python3" >&2
    exit 2
}
stage=$(mktemp -d "${TMPDIR:-/tmp}/lobsterpot-deep.XXXXXX")
trap 'rm -rf "$stage"' EXIT

python3 - "$launcher" "$stage" "${BENCH_RUNS:-41}" <<'PYTHON'
import os, shutil, statistics, subprocess, sys, time

launcher, stage, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
home = f"{stage}/home"
shelf = f"{home}/.cache/lobsterpot/deep"
environment = {"HOME": home, "PATH": "/usr/bin:/bin"}


def make_tree(root, shape, files):
    """Folders of three levels, `files` files in each of the innermost."""
    outer, middle, inner = shape
    for a in range(outer):
        for b in range(middle):
            for c in range(inner):
                folder = f"{root}/package-{a}/module-{b}/part-{c}"
                os.makedirs(folder)
                for number in range(files):
                    os.close(os.open(f"{folder}/source-{number}.txt", os.O_CREAT))
    os.makedirs(f"{root}/package-0/secrets")
    open(f"{root}/package-0/secrets/.env-0", "w").close()


def make_policy(path, patterns):
    """Half plain names, half wildcards."""
    texts = [f'"**/.env-{number}"' if number % 2 else f'"**/*.key-{number}"' for number in range(patterns)]
    with open(path, "w") as file:
        file.write(f'[files]\nmask = [{", ".join(texts)}]\n')
    os.chmod(path, 0o600)


def launch(tree, policy):
    """Milliseconds that one launch takes."""
    arguments = [launcher, "--policy", policy, "--workspace", tree, "--", "/bin/true"]
    start = time.perf_counter()
    process = os.posix_spawn(launcher, arguments, environment)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    spent = (time.perf_counter() - start) * 1000
    if status != 0:
        sys.exit(f"bench: the launcher ended with {status}: {' '.join(arguments)}")
    return spent


def measure(tree, policies):
    """Runs every case in turn, so that noise meets all alike."""
    times = {case: [] for case in ("no patterns", "next", "after one change")}
    for number in range(runs):
        times["no patterns"].append(launch(tree, policies[0]))
        times["next"].append(launch(tree, policies[200]))
        open(f"{tree}/package-{number % 30}/module-1/part-1/new-{number}", "w").close()
        time.sleep(0.03)
        times["after one change"].append(launch(tree, policies[200]))
    times["first"] = []
    for _ in range(3):
        shutil.rmtree(shelf)
        times["first"].append(launch(tree, policies[200]))
    return {case: (statistics.median(spent), min(spent)) for case, spent in times.items()}


os.mkdir(home)
policies = {}
for patterns in (0, 200):
    policies[patterns] = f"{stage}/policy-{patterns}.toml"
    make_policy(policies[patterns], patterns)
print("| folders | case | median ms | fastest ms | more than without patterns, ms |")
print("|---|---|---|---|---|")
for folders, shape, files in ((300, (30, 3, 3), 1111), (3000, (30, 10, 9), 111), (30000, (100, 30, 9), 11)):
    tree = f"{stage}/tree-{folders}"
    make_tree(tree, shape, files)
    time.sleep(0.1)
    launch(tree, policies[200])
    results = measure(tree, policies)
    base, base_fastest = results["no patterns"]
    for case in ("no patterns", "first", "next", "after one change"):
        median, fastest = results[case]
        more = "" if case == "no patterns" else f"{median - base:.2f} (fastest: {fastest - base_fastest:.2f})"
        print(f"| {folders} | {case} | {median:.2f} | {fastest:.2f} | {more} |", flush=True)
PYTHON
