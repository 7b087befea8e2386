//! `docs/compatibility.md`: written from what the workloads declare of themselves, each of which is held to it by its test.
//!
//! This very program is started once more, with [`DECLARE`](super::declare::DECLARE) set: then every workload writes down what it
//! is instead of running. `UPDATE_DOCS=1` writes the file; otherwise it must be what would be written.

use super::declare::DECLARE;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules of workloads, in the order of the document, and their headings.
const SECTIONS: &[(&str, &str)] = &[
    ("git", "Git"),
    ("remote", "Git with a forge"),
    ("rust", "Rust"),
    ("build", "Compilers"),
    ("native", "C: autotools, CMake, ccache"),
    ("language", "Node and Python"),
    ("database", "Data bases"),
    ("browser", "Browsers"),
    ("editor", "What editors start"),
    ("debug", "Debugging"),
    ("programs", "Everyday programs, servers and terminals"),
];

/// Modules here that hold no workloads.
const OTHERS: &[&str] = &["declare", "table", "toolchain", "tree"];

/// What the document begins with.
const BEGINNING: &str = "# Compatibility

What works under the default profile (`agent`), what needs which line of a policy, and what cannot work. This file is written by the
end-to-end suite (`UPDATE_DOCS=1 cargo test -p e2e --test e2e workload::table`) from what the workloads of `tests/e2e/workload` declare, and
a test fails when it says anything else.

Every row is run without a sandbox and then in it, in a fresh home at the same place, as root and as an ordinary user. Compared are the exit
status, standard output, and every name that is left in the workspace: kind, mode, number of links and content. What differs between
two runs *without* a sandbox already (times, random names) is left out. A row that works unchanged was refused nothing: the launcher said no
word. A row that needs something was also run without it, and refused in the words that stand there. What a workload takes from
registries and forges comes from an internet of the suite's own, in which these hosts have their real names, so that the profile's own rules hold.
";

/// One workload's declaration.
#[derive(Debug)]
struct Row(serde_json::Value);

impl Row {
    /// A field as text; empty when it is not there.
    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(serde_json::Value::as_str).unwrap_or_default()
    }

    /// Its test, below `workload::`.
    fn test(&self) -> &str {
        self.text("test")
    }

    /// What it needs: lines and reason of each need.
    fn needs(&self) -> Vec<(Vec<&str>, &str)> {
        let needs = self.0.get("needs").and_then(serde_json::Value::as_array);
        needs
            .into_iter()
            .flatten()
            .map(|need| {
                let lines = need.get("lines").and_then(serde_json::Value::as_array);
                let why = need.get("why").and_then(serde_json::Value::as_str).unwrap_or_default();
                (lines.into_iter().flatten().filter_map(serde_json::Value::as_str).collect(), why)
            })
            .collect()
    }

    /// Whether it belongs to this module.
    fn is_in(&self, module: &str) -> bool {
        self.test().split("::").next() == Some(module)
    }
}

/// Runs this program again for its workloads; what it prints.
fn again(words: &[&str], declarations: &Path) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .arg("workload::")
        .args(OTHERS.iter().flat_map(|module| ["--skip".to_owned(), format!("workload::{module}::")]));
    let output = command.args(words).env(DECLARE, declarations).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "a workload does not declare itself: {text}");
    text
}

/// Every workload, by the name of its test.
fn rows() -> Vec<Row> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let tests = again(&["--list"], file.path()).lines().filter(|line| line.ends_with(": test")).count();
    again(&["--test-threads=2"], file.path());
    let text = std::fs::read_to_string(file.path()).expect("the declarations");
    let mut rows: Vec<Row> = text.lines().map(|line| Row(serde_json::from_str(line).expect("a declaration"))).collect();
    rows.sort_by(|one, other| (one.test(), one.text("title")).cmp(&(other.test(), other.text("title"))));
    let mut declared: Vec<&str> = rows.iter().map(Row::test).collect();
    declared.dedup();
    assert_eq!(declared.len(), tests, "every test here is a workload that declares itself: {declared:?}");
    for row in &rows {
        assert!(SECTIONS.iter().any(|(module, _)| row.is_in(module)), "no section has {}", row.test());
    }
    rows
}

/// A text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Words as code, for a cell.
fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// The document.
fn document(rows: &[Row]) -> String {
    let mut text = BEGINNING.to_owned();
    text.push_str("\n## Works unchanged\n");
    for (module, heading) in SECTIONS {
        let plain = |row: &&Row| row.is_in(module) && row.needs().is_empty() && row.0["cannot"].is_null();
        let mut found = rows.iter().filter(plain).peekable();
        if found.peek().is_some() {
            let _written = write!(text, "\n### {heading}\n\n| work | what differs | test |\n|---|---|---|\n");
        }
        for row in found {
            let (title, note) = (cell(row.text("title")), cell(row.text("note")));
            let _written = writeln!(text, "| {title} | {note} | {} |", code(row.test()));
        }
    }
    text.push_str("\n## Needs a line\n");
    let needy: Vec<&Row> = rows.iter().filter(|row| !row.needs().is_empty()).collect();
    text.push_str("\n| work | line of the policy, or option | why | without it | test |\n|---|---|---|---|---|\n");
    for row in needy {
        let (lines, whys): (Vec<Vec<&str>>, Vec<&str>) = row.needs().into_iter().unzip();
        let lines: Vec<String> = lines.into_iter().flatten().map(code).collect();
        let whys = [whys.join("; "), row.text("note").to_owned()].into_iter().filter(|part| !part.is_empty());
        let whys = cell(&whys.collect::<Vec<_>>().join(". "));
        let (title, lines) = (cell(row.text("title")), lines.join("<br>"));
        let _written =
            writeln!(text, "| {title} | {lines} | {whys} | {} | {} |", code(row.text("says")), code(row.test()));
    }
    text.push_str("\n## Cannot work\n\n| work | why | it says | test |\n|---|---|---|---|\n");
    for row in rows.iter().filter(|row| !row.0["cannot"].is_null()) {
        let (title, why) = (cell(row.text("title")), cell(row.text("cannot")));
        let _written = writeln!(text, "| {title} | {why} | {} | {} |", code(row.text("says")), code(row.test()));
    }
    text
}

/// Where the document lies.
fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

#[test]
fn compatibility_md_says_what_the_workloads_declare() {
    let written = document(&rows());
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(place(), &written).expect("docs/compatibility.md is written");
    }
    let found = std::fs::read_to_string(place()).unwrap_or_default();
    let differs = written.lines().zip(found.lines().chain(std::iter::repeat(""))).find(|(one, other)| one != other);
    assert!(
        found == written,
        "docs/compatibility.md is out of date (UPDATE_DOCS=1 writes it), first here: {differs:#?}"
    );
}
