//! Rust: cargo with dependencies, build scripts and macros.

use super::{Workload, toolchain};
use crate::harness::{Run, Scene, skip};

/// A crate that depends on three others: a library, a macro and one with a build script.
fn project(scene: &Scene) {
    for (name, content) in [
        (
            "Cargo.toml",
            "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nlobster-left = \"1\"\nlobster-derive = \"1\"\nlobster-made = \"1\"\n[workspace]\n",
        ),
        ("build.rs", "fn main() { println!(\"cargo:rustc-env=WHO=demo\"); }\n"),
        (
            "src/lib.rs",
            "//! Shouts.\n/// What shouts.\n#[derive(lobster_derive::Shout)]\npub struct Crab;\n\
             #[test]\nfn it_shouts() { assert_eq!(Crab.shout(), \"CRAB\"); }\n",
        ),
        (
            "src/main.rs",
            "fn main() { println!(\"{} {} {} {}\", env!(\"WHO\"), demo::Crab.shout(), lobster_left::WORD, lobster_made::MADE); }\n",
        ),
    ] {
        scene.write(&scene.at_work(name), content);
    }
}

/// Cargo's own work, with the suite's toolchain.
fn cargo(title: &str, script: &'static str) -> Option<Workload> {
    let toolchain = toolchain::place().or_else(|| {
        skip("no cargo");
        None
    })?;
    let workload = Workload::new(title, move |scene| {
        let ca = scene.at_work("ca.pem");
        Run::shell(script).env("PATH", toolchain::search_path(scene)).env("CARGO_HTTP_CAINFO", ca)
    });
    let prepare = move |scene: &mut Scene| {
        toolchain::install(scene, &toolchain);
        project(scene);
    };
    Some(
        workload
            .tools(&["gcc"])
            .prepare(prepare)
            .content_varies(&["log", "target/*"])
            .without_names(&["target/*/incremental/*"]),
    )
}

#[test]
fn cargo_fetches_crates_builds_tests_and_documents() {
    let script = "set -e; cargo build -q; target/debug/demo; cargo test -q >log; sed -i s/demo/again/ build.rs; cargo run -q; \
                  cargo doc -q --no-deps; test -s target/doc/demo/struct.Crab.html";
    if let Some(workload) =
        cargo("cargo: fetch crates, build with macros and build scripts, test, build again, document", script)
    {
        workload
            .online()
            .note("what cargo fetches lies beside the user's own crates for that command only; the next one fetches it again")
            .holds();
    }
}

#[test]
fn cargo_builds_offline_with_crates_that_the_user_has_fetched() {
    let script =
        "set -e; export CARGO_NET_OFFLINE=true; cargo build -q; target/debug/demo; cargo test -q >log; cargo clean -q";
    if let Some(workload) = cargo("cargo: build and test with crates that are in `~/.cargo` already", script) {
        workload
            .online()
            .also_prepare(|scene| {
                let fetch = Run::shell("cargo fetch -q").env("PATH", toolchain::search_path(scene));
                scene.bare(&fetch.env("CARGO_HTTP_CAINFO", scene.at_work("ca.pem"))).ok();
            })
            .holds();
    }
}

#[test]
fn cargo_builds_vendored_crates() {
    let script = "set -e; cargo build -q --offline; target/debug/demo; cargo test -q --offline >log";
    if let Some(workload) = cargo("cargo: build and test with vendored crates", script) {
        workload
            .online()
            .also_prepare(|scene| {
                let vendor = Run::shell("mkdir .cargo && cargo vendor -q >.cargo/config.toml")
                    .env("PATH", toolchain::search_path(scene));
                scene.bare(&vendor.env("CARGO_HTTP_CAINFO", scene.at_work("ca.pem"))).ok();
            })
            .holds();
    }
}
