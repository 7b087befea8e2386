//! Debuggers, tracers and sanitizers.

use super::Workload;
use crate::harness::Scene;

/// What is debugged. With an argument it waits, and lets anybody of its own user trace it where the system restricts that.
const PROGRAM: &str = "#include <stdio.h>\n#include <sys/prctl.h>\n#include <unistd.h>\nint twice(int x) { return 2 * x; }\n\
    int main(int count, char **words) {\n    prctl(0x59616d61, -1, 0, 0, 0);\n    if (count > 1) { puts(words[1]); fflush(stdout); for (;;) usleep(1000); }\n\
    \x20   printf(\"%d\\n\", twice(1) + twice(20));\n    return 0;\n}\n";

/// Writes the program.
fn program(scene: &Scene) {
    scene.write(&scene.at_work("main.c"), PROGRAM);
}

/// The words of the launcher about a refused tracer.
const TOLD: &str = "hint: for one command that traces (strace, gdb): sandbox-exec --profile dev";

#[test]
fn debugger_breaks_shows_the_stack_and_attaches() {
    Workload::shell(
        "gdb: a breakpoint, a backtrace, a variable; attach to a running process",
        "set -e; gcc -g -O0 -o main main.c; \
         gdb -nx -q -batch -ex 'break twice' -ex run -ex bt -ex 'print x' -ex continue -ex 'print x' ./main >first.log 2>&1; \
         grep -oE '(twice|main) \\(|^\\$[12] = .*' first.log; ./main waiting >out & \
         until grep -q waiting out; do sleep 0.02; done; gdb -nx -q -batch -p $! -ex bt -ex detach >second.log 2>&1; \
         grep -o 'main (count=2' second.log; kill $!",
    )
    .tools(&["gdb", "gcc"])
    .prepare(|scene| program(scene))
    .content_varies(&["main", "*.log"])
    .needs_options(&["--profile", "dev"], "tracing takes other processes over")
    .refused_with(TOLD)
    .holds();
}

#[test]
fn system_calls_are_traced() {
    Workload::shell(
        "strace -f: the system calls of a command and its children",
        "strace -f -o trace.log sh -c 'cat main.c >copy' && grep -c 'openat(.*\"main.c\"' trace.log",
    )
    .tools(&["strace"])
    .prepare(|scene| program(scene))
    .content_varies(&["trace.log"])
    .needs_options(&["--profile", "dev"], "tracing takes other processes over")
    .refused_with(TOLD)
    .holds();
}

#[test]
fn address_sanitizer_and_leak_check_run() {
    Workload::shell("gcc -fsanitize=address, with the check for leaks", "gcc -g -fsanitize=address -o main main.c && ./main")
        .tools(&["gcc"])
        .prepare(|scene| program(scene))
        .content_varies(&["main"])
        .needs_options(
            &["--profile", "dev"],
            "it reserves terabytes of addresses, which `limits.memory` counts, and finds leaks by tracing. Without leaks: `--limit memory=off` \
             and `ASAN_OPTIONS=detect_leaks=0`",
        )
        .refused_with("Perhaps you're using ulimit -v")
        .holds();
}
