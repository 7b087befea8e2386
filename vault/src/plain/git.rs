//! Whether git keeps a file: in the index, or in a commit. git itself looks, in a repository of our own that borrows the objects of
//! the other: so nothing of that repository's configuration is read, and nothing in it is run.

mod tips;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::{geteuid, mkdtemp};

use crate::failure::word;
use tips::{Tips, first_line, small};

/// Where git may be. The search path is not asked: it may be somebody else's.
const PROGRAMS: &[&str] = &["/usr/bin/git", "/usr/local/bin/git", "/bin/git"];

/// How long git may look.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most linked working trees whose references are looked at.
const MOST_TREES: usize = 1000;

/// What git keeps of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trace {
    /// It is in the index: the next commit has it.
    Index(PathBuf),
    /// It is in a commit.
    Commit {
        /// The file, as the repository calls it.
        path: PathBuf,
        /// The last commit that changed it.
        commit: String,
    },
    /// It could not be found out.
    Unknown {
        /// The file, as the repository calls it.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
}

impl Trace {
    /// What a person should know.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Index(path) => format!(
                "git has \"{}\" in its index, and its content among its objects: git rm --cached -- {}; git gc --prune=now",
                path.display(),
                word(path)
            ),
            Self::Commit { path, commit } => format!(
                "git has \"{}\" in its history, last in commit {commit}: everybody with the repository has those values; replace them \
                 where they are issued (`git filter-repo` rewrites the history)",
                path.display()
            ),
            Self::Unknown { path, reason } => {
                format!(
                    "whether git has \"{}\" was not found out ({reason}): git log --all --reflog -- {}",
                    path.display(),
                    word(path)
                )
            }
        }
    }
}

/// A repository that a file lies in.
#[derive(Debug)]
struct Repository {
    /// What belongs to this working tree: HEAD, the index.
    own: PathBuf,
    /// What all its working trees share: objects, references.
    shared: PathBuf,
    /// The file, as the repository calls it.
    path: PathBuf,
}

/// What git keeps of the file at a real path.
pub(super) fn traces(whole: &Path) -> Vec<Trace> {
    let repository = match Repository::around(whole) {
        Ok(Some(repository)) => repository,
        Ok(None) => return Vec::new(),
        Err(path) => return vec![Trace::Unknown { path, reason: "where the repository is cannot be read" }],
    };
    let unknown = |reason| vec![Trace::Unknown { path: repository.path.clone(), reason }];
    let Some(program) = PROGRAMS.iter().map(Path::new).find(|path| path.exists()) else {
        return unknown("git is not installed");
    };
    // What somebody else has put there is not for a parser that runs with the caller's rights.
    let is_own = |path: &Path| fs::metadata(path).is_ok_and(|status| status.uid() == geteuid().as_raw());
    if !is_own(&repository.own) || !is_own(&repository.shared) {
        return unknown("the repository belongs to another user");
    }
    let Some(looker) = Looker::new(program, &repository) else { return unknown("no folder for temporary files") };
    let mut found = Vec::new();
    match looker.is_in_index() {
        Some(true) => found.push(Trace::Index(repository.path.clone())),
        Some(false) => {}
        None => return unknown("git failed to read the index"),
    }
    match looker.tips().and_then(|tips| Some((looker.last_commit(&tips.names)?, tips.is_cut))) {
        Some((commit, false)) if commit.is_empty() => {}
        Some((commit, true)) if commit.is_empty() => found.extend(unknown("not every reference can be read")),
        Some((commit, _)) => found.push(Trace::Commit { path: repository.path.clone(), commit }),
        None => found.extend(unknown("git failed, or did not finish in time")),
    }
    found
}

impl Repository {
    /// The innermost repository around a file; none when there is none.
    ///
    /// # Errors
    /// The file, as the repository would call it, when there is one and nobody can say where.
    fn around(whole: &Path) -> Result<Option<Self>, PathBuf> {
        let is_root = |above: &&Path| fs::symlink_metadata(above.join(".git")).is_ok();
        let Some(root) = whole.ancestors().skip(1).find(is_root) else { return Ok(None) };
        let path = whole.strip_prefix(root).unwrap_or(whole).to_owned();
        match Self::folders(root) {
            Some((own, shared)) => Ok(Some(Self { own, shared, path })),
            None => Err(path),
        }
    }

    /// What belongs to the working tree at `root`, and what it shares with others. None when that cannot be read.
    fn folders(root: &Path) -> Option<(PathBuf, PathBuf)> {
        let dot = root.join(".git");
        // A file says where the repository is (gitrepository-layout(5)).
        let own = match fs::metadata(&dot).ok()?.is_dir() {
            true => dot,
            false => root.join(first_line(&dot).ok()??.strip_prefix("gitdir: ")?),
        };
        let common = first_line(&own.join("commondir")).ok()?;
        let shared = common.map_or_else(|| own.clone(), |common| own.join(common));
        Some((own, shared))
    }

    /// Whether its objects are named by SHA-256, which is the one thing that its configuration is asked for, as text.
    fn is_sha256(&self) -> bool {
        // Without it git fails on whatever is named by the other, which is told.
        let config = small(&self.shared.join("config")).ok().flatten().unwrap_or_default().to_ascii_lowercase();
        config.lines().any(|line| line.trim_start().starts_with("objectformat") && line.contains("sha256"))
    }

    /// Whether its references are in tables, which are git's alone to read (gitformat-reftable of git 2.45).
    fn has_tables(&self) -> bool {
        self.shared.join("reftable").is_dir()
    }

    /// Every commit that a reference names, or named, in any of its working trees.
    fn tips(&self) -> Tips {
        let mut tips = Tips::default();
        let trees = tips.entries(&self.shared.join("worktrees"));
        tips.is_cut |= trees.len() > MOST_TREES;
        let trees = trees.into_iter().map(|tree| tree.path()).take(MOST_TREES);
        for folder in [self.own.clone(), self.shared.clone()].into_iter().chain(trees) {
            for name in ["HEAD", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "packed-refs"] {
                tips.collect(&folder.join(name));
            }
            for name in ["refs", "logs"] {
                tips.walk(&folder.join(name), 0);
            }
        }
        tips
    }
}

/// git, looking into a repository from outside.
#[derive(Debug)]
struct Looker<'a> {
    /// The program.
    program: &'a Path,
    /// The repository that is looked into.
    repository: &'a Repository,
    /// The repository of our own.
    home: PathBuf,
}

impl<'a> Looker<'a> {
    /// Makes the repository of our own. None when it cannot be made.
    fn new(program: &'a Path, repository: &'a Repository) -> Option<Self> {
        let home = mkdtemp(&std::env::temp_dir().join("lobsterpot-git-XXXXXX")).ok()?;
        let looker = Self { program, repository, home };
        let version = if repository.is_sha256() { "1\n[extensions]\n\tobjectformat = sha256" } else { "0" };
        let config = format!("[core]\n\tbare = true\n\trepositoryformatversion = {version}\n");
        fs::create_dir(looker.home.join("refs")).ok()?;
        fs::create_dir(looker.home.join("objects")).ok()?;
        fs::write(looker.home.join("HEAD"), "ref: refs/heads/none\n").ok()?;
        fs::write(looker.home.join("config"), config).ok()?;
        Some(looker)
    }

    /// Every commit that is stored, for want of references that can be read. None when git fails.
    fn commits(&self) -> Option<BTreeSet<String>> {
        let mut command = self.git();
        command.args(["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)"]);
        let output = String::from_utf8(finish(command.spawn().ok()?, Vec::new())?).ok()?;
        Some(output.lines().filter_map(|line| line.strip_prefix("commit ")).map(str::to_owned).collect())
    }

    /// A command of git that takes nothing from the environment or from configuration, fetches nothing and asks nobody.
    fn git(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .env_clear()
            .env("GIT_DIR", &self.home)
            .env("GIT_OBJECT_DIRECTORY", self.repository.shared.join("objects"))
            .env("GIT_INDEX_FILE", self.repository.own.join("index"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(&self.home)
            .args(["--no-pager", "--no-replace-objects"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let shallow = self.repository.shared.join("shallow");
        if fs::symlink_metadata(&shallow).is_ok_and(|status| status.is_file()) {
            command.env("GIT_SHALLOW_FILE", shallow);
        }
        command
    }

    /// Whether the index has the file. None when git fails.
    fn is_in_index(&self) -> Option<bool> {
        if !self.repository.own.join("index").try_exists().ok()? {
            return Some(false);
        }
        let mut command = self.git();
        command.args(["ls-files", "--cached", "-z", "--"]).arg(&self.repository.path);
        Some(!finish(command.spawn().ok()?, Vec::new())?.is_empty())
    }

    /// Where the history is looked at from. None when git fails.
    fn tips(&self) -> Option<Tips> {
        if !self.repository.has_tables() {
            return Some(self.repository.tips());
        }
        Some(Tips { names: self.commits()?, is_cut: false })
    }

    /// The last commit that changed the file, of all that `tips` lead to. Empty when there is none; none when git fails.
    fn last_commit(&self, tips: &BTreeSet<String>) -> Option<String> {
        if tips.is_empty() {
            return Some(String::new());
        }
        let mut command = self.git();
        command.args(["rev-list", "--ignore-missing", "--full-history", "--max-count=1", "--stdin", "--"]);
        // As an argument, for a line of the input cannot hold every name.
        command.arg(&self.repository.path);
        let mut input = Vec::new();
        for tip in tips {
            input.extend_from_slice(tip.as_bytes());
            input.push(b'\n');
        }
        let output = String::from_utf8(finish(command.spawn().ok()?, input)?).ok()?;
        Some(output.trim().chars().take(12).collect())
    }
}

impl Drop for Looker<'_> {
    fn drop(&mut self) {
        // It is our own, and there is nothing of anybody in it.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Feeds a program, waits for it as long as [`PATIENCE`] lasts, and gives what it printed. None when it failed or was ended.
fn finish(mut child: Child, input: Vec<u8>) -> Option<Vec<u8>> {
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let writer = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    let reader = thread::spawn(move || {
        let mut output = Vec::new();
        stdout?.read_to_end(&mut output).ok().map(|_| output)
    });
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
        }
    };
    // git may end before it has read all that it was told.
    let _ = writer.join();
    let output = reader.join().ok().flatten();
    output.filter(|_| status.is_some_and(|status| status.success()))
}

#[cfg(test)]
mod tests;
