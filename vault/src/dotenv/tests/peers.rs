//! Thousands of generated files, read here and by the real programs: where a reader gives an answer, it is theirs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::generate::files;
use super::pairs;
use crate::dotenv::Dialect;

/// What one program read in one file; none when it refused.
type Answer = Option<BTreeMap<String, String>>;

/// The files of one run, those that a reader of ours reads, with its answers.
struct Corpus {
    /// Where the files are.
    folder: tempfile::TempDir,
    /// Their texts, with what was read in them.
    read: Vec<(String, Answer)>,
}

impl Corpus {
    /// Generates files and keeps those that a dialect's reader reads.
    fn new(dialect: Dialect) -> Self {
        let count = std::env::var("DOTENV_CASES").map_or(4000, |text| text.parse().unwrap());
        let seed = std::env::var("DOTENV_SEED").map_or(7, |text| text.parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let ours = |text: String| Some((text.clone(), Some(pairs(&text, dialect).ok()?.into_iter().collect())));
        let read: Vec<_> = files(seed, count).into_iter().filter_map(ours).collect();
        assert!(read.len() * 12 > count, "{dialect} reads too little of it to learn anything: {}", read.len());
        let corpus = Self { folder, read };
        for (index, (text, _)) in corpus.read.iter().enumerate() {
            fs::write(corpus.path(index), text).unwrap();
        }
        corpus
    }

    /// The file of a number.
    fn path(&self, index: usize) -> PathBuf {
        self.folder.path().join(index.to_string())
    }

    /// Compares with a program that takes the names of files from standard input and prints a JSON array.
    fn compare_with(&self, command: &mut Command) {
        let paths: String = (0..self.read.len()).map(|index| format!("{}\n", self.path(index).display())).collect();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(paths.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        let theirs: Vec<Answer> = serde_json::from_slice(&output.stdout).unwrap();
        self.compare(&theirs);
    }

    /// Compares all answers.
    fn compare(&self, theirs: &[Answer]) {
        assert_eq!(theirs.len(), self.read.len());
        for ((text, ours), theirs) in self.read.iter().zip(theirs) {
            assert_eq!(ours, theirs, "{text:?}");
        }
    }
}

/// Where a script of the test is.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers").join(name)
}

/// Says that a program is not there. An error where everything is required.
fn skip(what: &str) {
    assert!(std::env::var_os("REQUIRE_ALL").is_none_or(|value| value.is_empty()), "{what} is not there");
    writeln!(std::io::stderr(), "SKIP: {what} is not there").unwrap();
}

/// Where `tests/peers/install` has put the peers.
fn peers() -> PathBuf {
    std::env::var_os("LOBSTERPOT_PEERS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers"), PathBuf::from)
}

/// Whether Node.js is there; says so when it is not.
fn has_node() -> bool {
    let is_there = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        skip("node");
    }
    is_there
}

#[test]
fn node_reads_the_same() {
    if !has_node() {
        return;
    }
    Corpus::new(Dialect::Node).compare_with(Command::new("node").arg(script("node.js")));
}

#[test]
fn the_npm_package_reads_the_same() {
    if !has_node() {
        return;
    }
    let package = peers().join("node_modules/dotenv");
    if !package.is_dir() {
        return skip("npm dotenv");
    }
    Corpus::new(Dialect::Dotenv).compare_with(Command::new("node").arg(script("npm.js")).arg(package));
}

#[test]
fn python_dotenv_reads_the_same() {
    let python = peers().join("venv/bin/python3");
    if !python.exists() {
        return skip("python-dotenv");
    }
    Corpus::new(Dialect::Python).compare_with(Command::new(python).env_clear().arg(script("python.py")));
}

#[test]
fn systemd_reads_the_same() {
    let answer = Command::new("python3").arg(script("systemd.py")).stdin(Stdio::null()).output();
    if !answer.is_ok_and(|output| output.status.success()) {
        return skip("libsystemd-shared");
    }
    Corpus::new(Dialect::Systemd).compare_with(Command::new("python3").arg(script("systemd.py")));
}

#[test]
fn dotenvy_reads_the_same() {
    let corpus = Corpus::new(Dialect::Dotenvy);
    let read = |text: &str| dotenvy::Iter::new(text.as_bytes()).collect::<Result<_, _>>().ok();
    let theirs: Vec<Answer> = corpus.read.iter().map(|(text, _)| read(text)).collect();
    corpus.compare(&theirs);
}

/// Each file in a shell of its own that finds no program; two NULs after each.
const BASH: &str = r#"
while IFS= read -r path; do
    (set -a; . "$path" || printf 'failed=\0'; exec /usr/bin/env -0)
    printf '\0'
done
"#;

#[test]
fn bash_assigns_the_same_and_does_nothing_else() {
    let corpus = Corpus::new(Dialect::Bash);
    let paths: String = (0..corpus.read.len()).map(|index| format!("{}\n", corpus.path(index).display())).collect();
    let list = corpus.folder.path().join("list");
    fs::write(&list, paths).unwrap();
    let output = Command::new("/bin/bash")
        .args(["--noprofile", "--norc", "-c", BASH])
        .env_clear()
        .env("PATH", "/nonexistent")
        .stdin(fs::File::open(list).unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    let its_own =
        |pair: &&str| !["PATH=/nonexistent", "SHLVL=1", "_=/usr/bin/env"].contains(pair) && !pair.starts_with("PWD=/");
    let answer = |block: &str| {
        let pairs = block.split('\0').filter(|pair| !pair.is_empty()).filter(its_own);
        Some(pairs.map(|pair| pair.split_once('=').map(|(name, value)| (name.into(), value.into())).unwrap()).collect())
    };
    let mut theirs: Vec<Answer> = text.split("\0\0").map(answer).collect();
    theirs.pop();
    corpus.compare(&theirs);
}
