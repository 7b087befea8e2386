//! The front door as a person uses it: the built program, throw-away homes, hooks that do or do not protect.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world has failed")]

mod doctor;
mod install;
mod interrupted;
mod log;
mod prefix;
mod refused;
mod shown;
mod vault;
mod world;

#[test]
fn no_test_file_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap();
        assert!(module == "main" || listed.contains(&format!("\nmod {module};")), "{name} is in no module");
    }
}
