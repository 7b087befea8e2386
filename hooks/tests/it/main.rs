//! Drives the built hook as a client does: a payload on standard input, then the answer's command through real shells.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world has failed")]

mod carrying;
mod dialects;
mod documentation;
mod failures;
mod files;
mod golden;
mod places;
mod quoting;
mod starved;
mod support;

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
