//! `docs/threats.md` as the suite reads it: each attack's test, its layers, and whether it is stopped without namespaces too.

use super::identity::Identity;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The layers that stop the attack.
    pub(crate) layers: Vec<String>,
    /// What its mark says about a host without namespaces.
    pub(crate) without_namespaces: Promise,
}

/// What is promised of an attack without namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// No mark: it is stopped.
    Stopped,
    /// It succeeds for root, and for nobody else.
    NotForRoot,
    /// It succeeds.
    NotStopped,
}

impl Promise {
    /// The marks behind a test's name.
    const MARKS: [(&str, Self); 2] = [("† (root)", Self::NotForRoot), ("†", Self::NotStopped)];

    /// Whether it holds for somebody.
    pub(crate) fn holds_for(self, identity: Identity) -> bool {
        match self {
            Self::Stopped => true,
            Self::NotForRoot => !identity.is_root(),
            Self::NotStopped => false,
        }
    }
}

/// Layers that are not there without namespaces. (Nor is `egress`, but then there is no network that it could serve.)
const WITH_NAMESPACES: &[&str] = &["mounts", "namespaces", "session"];

impl Row {
    /// Whether the tier without namespaces has a layer that stops the attack.
    pub(crate) fn has_a_layer_without_namespaces(&self) -> bool {
        self.layers.iter().any(|layer| !WITH_NAMESPACES.contains(&layer.as_str()))
    }
}

/// The table: test to row.
pub(crate) fn rows() -> &'static BTreeMap<String, Row> {
    static ROWS: OnceLock<BTreeMap<String, Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/threats.md");
        let table = std::fs::read_to_string(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
        let mut rows = BTreeMap::new();
        for line in table.lines().filter(|line| line.starts_with("| ") && line.contains('`') && line.contains("::")) {
            let (test, row) = row(line);
            assert!(rows.insert(test, row).is_none(), "named twice: {line}");
        }
        rows
    })
}

/// One line of the table.
fn row(line: &str) -> (String, Row) {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [attack, layers, test] = cells.as_slice() else { panic!("three cells: {line}") };
    assert!(!attack.is_empty(), "an attack: {line}");
    let layers = layers.split(',').map(|layer| layer.trim().to_owned()).collect();
    let marked = Promise::MARKS.iter().find_map(|(mark, promise)| Some((test.strip_suffix(mark)?, *promise)));
    let (test, without_namespaces) = marked.unwrap_or((test, Promise::Stopped));
    (test.trim().trim_matches('`').to_owned(), Row { layers, without_namespaces })
}

/// What the row of the test that runs in this thread promises without namespaces.
pub(crate) fn promise_without_namespaces() -> Promise {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or_default();
    rows().get(name.strip_prefix("escape::").unwrap_or(name)).map_or(Promise::Stopped, |row| row.without_namespaces)
}
