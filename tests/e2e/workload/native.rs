//! C: autotools, CMake, a compiler cache.

use super::Workload;
use crate::harness::Scene;

/// A library, a program and a test, in C.
fn sources(scene: &Scene) {
    for (name, content) in [
        ("two.h", "int two(void);\n"),
        ("two.c", "#include \"two.h\"\nint two(void) { return 2; }\n"),
        (
            "main.c",
            "#include <stdio.h>\n#include \"two.h\"\nint main(void) { printf(\"two is %d\\n\", two()); return 0; }\n",
        ),
        ("check.c", "#include \"two.h\"\nint main(void) { return two() == 2 ? 0 : 1; }\n"),
    ] {
        scene.write(&scene.at_work(name), content);
    }
}

/// What `configure` makes a Makefile of.
const MAKEFILE: &str = "CC = @CC@\nCFLAGS = @CFLAGS@\nprefix = @prefix@\n\
     demo: main.o two.o\n\t$(CC) -o $@ main.o two.o\ncheck: check.o two.o\n\t$(CC) -o checked check.o two.o\n\t./checked\n\
     main.o check.o two.o: two.h\ninstall: demo\n\tmkdir -p $(prefix)/bin\n\tcp demo $(prefix)/bin/demo\n.PHONY: check install\n";

#[test]
fn autoconf_configure_make_check_and_install() {
    Workload::shell(
        "autoconf, ./configure, make -j, make check, make install below the workspace",
        "set -e; autoconf; ./configure -q --prefix=$PWD/installed >log 2>&1; make -s -j4 >>log; make -s check >>log; make -s install >>log; installed/bin/demo",
    )
    .tools(&["autoconf", "make", "gcc"])
    .prepare(|scene| {
        sources(scene);
        scene.write(
            &scene.at_work("configure.ac"),
            "AC_INIT([demo], [1.0])\nAC_CONFIG_SRCDIR([main.c])\nAC_PROG_CC\nAC_CHECK_HEADERS([unistd.h])\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
        );
        scene.write(&scene.at_work("Makefile.in"), MAKEFILE);
    })
    .content_varies(&["log", "config.log", "config.status", "autom4te.cache/*"])
    .holds();
}

#[test]
fn cmake_builds_with_ninja_and_ctest_runs() {
    Workload::shell(
        "cmake with ninja, ctest, cmake --install below the workspace",
        "set -e; cmake -G Ninja -S . -B build --install-prefix $PWD/installed >log; cmake --build build -j4 >>log; \
         ctest --test-dir build >>log; touch two.c; cmake --build build >>log; cmake --install build >>log; installed/bin/demo",
    )
    .tools(&["cmake", "ctest", "ninja", "gcc"])
    .prepare(|scene| {
        sources(scene);
        scene.write(
            &scene.at_work("CMakeLists.txt"),
            "cmake_minimum_required(VERSION 3.18)\nproject(demo C)\nenable_testing()\nadd_library(two SHARED two.c)\nadd_executable(demo main.c)\n\
             target_link_libraries(demo two)\nadd_executable(check check.c)\ntarget_link_libraries(check two)\nadd_test(NAME check COMMAND check)\n\
             install(TARGETS demo two)\nset_target_properties(demo PROPERTIES INSTALL_RPATH $ORIGIN/../lib)\n",
        );
    })
    .content_varies(&["log", "*.log", "*.yaml", "build/.ninja_*", "build/CMakeFiles/*", "build/Testing/*", "*.so"])
    .without_names(&["build/CMakeFiles/CMakeScratch*", "build/Testing/*"])
    .holds();
}

#[test]
fn compiler_cache_keeps_and_finds_objects() {
    Workload::shell(
        "ccache: the second compilation is found, with a cache in the workspace and with its own in the home",
        "set -e; for place in \"$PWD/cache\" ''; do if [ -n \"$place\" ]; then export CCACHE_DIR=$place; else unset CCACHE_DIR; fi; \
         for round in 1 2; do ccache gcc -c -o two.o two.c; done; ccache -s | grep -m1 Hits: | tr -d ' '; done",
    )
    .tools(&["ccache", "gcc"])
    .prepare(|scene| sources(scene))
    .content_varies(&["cache/*"])
    .without_names(&["cache/*"])
    .holds();
}
