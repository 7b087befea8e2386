//! Compilers and build tools.

use super::{toolchain, works_by};
use crate::harness::{Run, each_scene, skip};

#[test]
fn cargo_builds_and_tests_a_crate() {
    let Some(toolchain) = toolchain::place() else {
        return skip("no cargo");
    };
    each_scene(|scene| {
        let bin = toolchain::install(scene, &toolchain);
        scene.write(
            &scene.at_work("Cargo.toml"),
            "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        );
        scene.write(
            &scene.at_work("src/lib.rs"),
            "pub fn two() -> i32 { 2 }\n#[test]\nfn is_two() { assert_eq!(two(), 2); }\n",
        );
        scene.write(&scene.at_work("src/main.rs"), "fn main() { println!(\"two is {}\", demo::two()); }\n");
        scene.write(&scene.at_work("build.rs"), "fn main() { println!(\"cargo:rustc-env=WHO=demo\"); }\n");
        let path = format!("{}:{}", bin.display(), crate::harness::host::SEARCH_PATH);
        let script = "cargo build --offline && target/debug/demo && cargo test --offline -q && cargo run -q --offline";
        let outcome = scene.sandboxed(&Run::shell(script).env("PATH", &path));
        assert!(outcome.ok().contains("two is 2"), "{outcome}");
        assert!(scene.at_work("target/debug/demo").is_file(), "the build is in the workspace");
    });
}

#[test]
fn make_builds_with_a_c_compiler() {
    works_by(
        &["make", "gcc"],
        |scene| {
            scene
                .write(&scene.at_work("main.c"), "#include <stdio.h>\nint main(void) { puts(\"built\"); return 0; }\n");
            scene.write(
                &scene.at_work("Makefile"),
                "demo: main.o\n\tgcc -o $@ $^\nmain.o: main.c\n\tgcc -O2 -g -pipe -c -o $@ $<\n",
            );
        },
        |_| Run::shell("make -j4 && ./demo | grep -q built"),
    );
}
