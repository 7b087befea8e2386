//! The program `fs-guard` as it is shipped: every operation, honest and attacked, as root and as an ordinary user.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world has failed")]

mod confinement;
mod crashes;
mod editing;
mod folders;
mod reading;
mod scene;
mod service;
mod writing;

#[test]
fn no_test_file_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli");
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap();
        assert!(module == "main" || listed.contains(&format!("\nmod {module};")), "{name} is in no module");
    }
}
