//! Compiles the seccomp filters, one BPF program per variant, and the tables that explain them.
//!
//! In: `seccomp/*.toml` (what is allowed and refused, with reasons) and `build/<arch>.tbl` (the kernel's numbers).
//! Out: `$OUT_DIR/seccomp.rs`. A rule without effect, a call without a verdict or a misspelt name stops the build.
#![expect(clippy::missing_errors_doc, reason = "every error stops the build, with a message for the developer")]

#[path = "build/block.rs"]
mod block;
#[path = "build/check.rs"]
mod check;
#[path = "build/data.rs"]
mod data;
#[path = "build/graph.rs"]
mod graph;
#[path = "build/program.rs"]
mod program;
#[path = "build/source.rs"]
mod source;
#[path = "build/table.rs"]
mod table;
#[path = "src/seccomp/variant.rs"]
mod variant;

use std::path::Path;

/// What a step of the build yields: its value, or a message that names file and remedy.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Reads the data, checks it, compiles it and writes the generated source.
fn main() -> Outcome<()> {
    let root = std::env::var("CARGO_MANIFEST_DIR")?;
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH")?;
    let out = std::env::var("OUT_DIR")?;
    let (root, out) = (Path::new(&root), Path::new(&out));
    watch();

    let tables = table::read_all(&root.join("build"))?;
    let policy = data::read(&root.join("seccomp"))?;
    check::names(&policy, &tables)?;
    let table = table::of_arch(&tables, &arch)?;
    check::verdicts(&policy, table)?;

    let mut programs = vec![Vec::new(); variant::Variant::COUNT];
    for variant in variant::Variant::all() {
        programs[variant.index()] = program::compile(&policy, table, variant)?;
    }
    std::fs::write(out.join("seccomp.rs"), source::render(&policy, table, &programs))?;
    Ok(())
}

/// Tells cargo to run this again only when the data or the compiler changes.
fn watch() {
    for path in ["build.rs", "build", "seccomp", "src/seccomp/variant.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
}
