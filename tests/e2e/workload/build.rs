//! Compilers and build tools.

use super::{Workload, toolchain};
use crate::harness::{Run, Scene, skip};

/// A crate with a build script, a test and a program.
fn small_crate(scene: &mut Scene) {
    scene.write(&scene.at_work("Cargo.toml"), "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    scene.write(
        &scene.at_work("src/lib.rs"),
        "pub fn two() -> i32 { 2 }\n#[test]\nfn is_two() { assert_eq!(two(), 2); }\n",
    );
    scene.write(
        &scene.at_work("src/main.rs"),
        "fn main() { println!(\"two is {} for {}\", demo::two(), env!(\"WHO\")); }\n",
    );
    scene.write(&scene.at_work("build.rs"), "fn main() { println!(\"cargo:rustc-env=WHO=demo\"); }\n");
}

#[test]
fn cargo_builds_and_tests_a_crate() {
    let Some(toolchain) = toolchain::place() else { return skip("no cargo") };
    Workload::new("cargo: build, run and test a crate with a build script", |scene| {
        let script =
            "cargo build -q --offline && target/debug/demo && cargo test --offline -q >log && cargo run -q --offline";
        Run::shell(script).env("PATH", toolchain::search_path(scene))
    })
    .tools(&["gcc"])
    .prepare(move |scene| {
        toolchain::install(scene, &toolchain);
        small_crate(scene);
    })
    .content_varies(&["log", "target/*"])
    .without_names(&["target/debug/incremental/*"])
    .holds();
}

#[test]
fn make_builds_with_a_c_compiler() {
    Workload::shell("make -j: a C program", "make -j4 && ./demo")
        .tools(&["make", "gcc"])
        .prepare(|scene| {
            scene
                .write(&scene.at_work("main.c"), "#include <stdio.h>\nint main(void) { puts(\"built\"); return 0; }\n");
            scene.write(
                &scene.at_work("Makefile"),
                "demo: main.o\n\tgcc -o $@ $^\nmain.o: main.c\n\tgcc -O2 -g -pipe -c -o $@ $<\n",
            );
        })
        .holds();
}
