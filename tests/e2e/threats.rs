//! Holds the suite and `docs/threats.md` together: no attack without a row, no row without a test, no file forgotten.

use crate::harness::table::{Promise, rows};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers that a row may name.
const LAYERS: &[&str] = &[
    "absent names",
    "capabilities",
    "descriptors",
    "egress",
    "environment",
    "file guard",
    "hard-link check",
    "hooks",
    "Landlock",
    "limits",
    "mounts",
    "namespaces",
    "printable words",
    "protected files",
    "seccomp",
    "session",
    "socket supervision",
    "supervisor",
    "tool policy",
    "vault",
];

/// The suite's source folder.
fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e")
}

/// A file of the repository as text.
fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every test that attacks, in the source: `module::name` in the escape suite, `verdict::name`, `vault::module::name`,
/// `clients::module::name`.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (folder, prefix) in [("escape", ""), ("verdict", ""), ("vault", "vault::"), ("../clients", "clients::")] {
        for entry in fs::read_dir(suite().join(folder)).expect("a suite").flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let module = if folder == "verdict" { folder.to_owned() } else { stem };
            let source = text(&path);
            let after = source.split("#[test]").skip(1);
            let names = after.filter_map(|rest| rest.trim_start().strip_prefix("fn ")?.split('(').next());
            let attacks = names.filter(|name| !name.starts_with("work_"));
            found.extend(attacks.map(|name| format!("{prefix}{module}::{name}")));
        }
    }
    found
}

#[test]
fn every_attack_is_in_the_table_and_every_row_has_its_test() {
    let (tests, rows) = (tests(), rows());
    let named: BTreeSet<String> = rows.keys().cloned().collect();
    assert_eq!(
        tests.difference(&named).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "attacks that docs/threats.md lacks"
    );
    assert_eq!(named.difference(&tests).collect::<Vec<_>>(), Vec::<&String>::new(), "rows without a test");
    assert!(tests.len() >= 60, "the suite makes at least sixty attacks: {}", tests.len());
}

#[test]
fn rows_name_layers_that_exist_and_every_layer_is_attacked() {
    let used: BTreeSet<String> = rows().values().flat_map(|row| row.layers.clone()).collect();
    let known: BTreeSet<String> = LAYERS.iter().map(|layer| (*layer).to_owned()).collect();
    assert_eq!(used, known);
}

#[test]
fn mark_of_a_row_follows_from_its_layers() {
    for (test, row) in rows() {
        let is_escape = test.split("::").count() == 2 && !test.starts_with("verdict::");
        if !is_escape {
            assert_eq!(row.without_namespaces, Promise::Stopped, "{test} is never run without namespaces");
        } else if row.without_namespaces != Promise::NotForRoot {
            let promised = row.without_namespaces == Promise::Stopped;
            assert_eq!(promised, row.has_a_layer_without_namespaces(), "the mark of {test}: {row:?}");
        }
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let mut folders = vec![suite()];
    while let Some(folder) = folders.pop() {
        let top = if folder == suite() { "main.rs" } else { "mod.rs" };
        let declared = text(&folder.join(top));
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let is_module = path.is_dir() || path.extension().is_some_and(|extension| extension == "rs");
            if is_module && !["main", "mod"].contains(&name.as_str()) {
                let line = format!("mod {name};");
                assert!(
                    declared.lines().any(|declared| declared.ends_with(&line)),
                    "{} is not compiled",
                    path.display()
                );
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}
