//! Compilers and build tools.

use super::works_by;
use crate::harness::{Run, Scene, each_scene, skip};
use std::path::PathBuf;
use std::process::Command;

/// The toolchain that builds this very test.
fn toolchain() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let place = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    place.join("bin/cargo").is_file().then_some(place)
}

/// Gives the scene's user a toolchain of their own, by hard links where that is possible.
fn install(scene: &Scene, toolchain: &std::path::Path) -> PathBuf {
    let place = scene.at_home(".rustup/toolchains/e2e");
    scene.mkdir(&place);
    for part in ["bin", "lib"] {
        let linked = ["-al", "-a"].iter().any(|how| {
            Command::new("cp")
                .arg(how)
                .args([toolchain.join(part), place.join(part)])
                .status()
                .is_ok_and(|status| status.success())
        });
        assert!(linked, "the toolchain cannot be copied");
    }
    place.join("bin")
}

#[test]
fn cargo_builds_and_tests_a_crate() {
    let Some(toolchain) = toolchain() else {
        return skip("no cargo");
    };
    each_scene(|scene| {
        let bin = install(scene, &toolchain);
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
