//! What is said to whoever is refused.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{ReasonCode, Rule, Verdict};
use nix::errno::Errno;

use super::Refusal;

/// The longest path that the kernel takes.
pub(super) const LONGEST_PATH: usize = 4095;
/// The longest name of a file.
pub(super) const LONGEST_NAME: usize = 255;

/// What to do instead of changing git's own files.
const LET_GIT: &str = "Let git change its own files: run a git command in the shell (git add, git commit, git rebase).";

impl Refusal {
    /// A refusal about `path`.
    pub(super) fn about(path: &Path, verdict: Verdict) -> Self {
        Self { path: Some(path.to_owned()), verdict }
    }

    /// A refusal of what is no path.
    pub(super) fn of_spelling(spelled: &OsStr, what: &str) -> Self {
        let shown: String = spelled.display().to_string().escape_debug().take(200).collect();
        let verdict = Verdict::deny(
            ReasonCode::BadPath,
            None,
            format!("\"{shown}\" is not a path: {what}."),
            "Give the path of a file or folder of the workspace.",
        );
        Self { path: None, verdict }
    }

    /// Nothing is there.
    pub(super) fn not_found(path: &Path) -> Self {
        let message = format!("{} does not exist.", path.display());
        Self::about(path, Verdict::deny(ReasonCode::NotFound, None, message, "List the folder to see what is there."))
    }

    /// A file is where a folder would have to be.
    pub(super) fn not_a_folder(path: &Path) -> Self {
        let message = format!("{} is not a folder.", path.display());
        Self::about(path, Verdict::deny(ReasonCode::NotAFolder, None, message, "Name a file in a folder that exists."))
    }

    /// It is private to each command.
    pub(super) fn scratch(path: &Path) -> Self {
        let message = format!(
            "{} is private to each command and thrown away when it ends, so file tools have nothing there.",
            path.display()
        );
        Self::about(path, Verdict::deny(ReasonCode::Scratch, None, message, "Write in the workspace."))
    }

    /// It is none of the host's files.
    pub(super) fn made(path: &Path) -> Self {
        let message = format!("{} belongs to the kernel or to running programs.", path.display());
        Self::about(path, Verdict::deny(ReasonCode::Special, None, message, "Use the path of the file itself."))
    }

    /// It is no file that could be read or written.
    pub(super) fn special(path: &Path) -> Self {
        let message = format!("{} is a device, a pipe or a socket.", path.display());
        let instead = "Use regular files. A command run in the sandbox may use pipes of its own.";
        Self::about(path, Verdict::deny(ReasonCode::Special, None, message, instead))
    }

    /// Too many links.
    pub(super) fn too_many_links(path: &Path) -> Self {
        let message = format!("{} leads through too many symbolic links.", path.display());
        let instead = "Use the path of the file itself; the links may lead in a circle.";
        Self::about(path, Verdict::deny(ReasonCode::TooManyLinks, None, message, instead))
    }

    /// The kernel refused.
    pub(super) fn of_kernel(path: &Path, errno: Errno) -> Self {
        let shown = path.display();
        if errno == Errno::ENOENT {
            return Self::not_found(path);
        }
        if errno == Errno::ENOTDIR {
            return Self::not_a_folder(path);
        }
        let (code, message, instead) = if errno == Errno::EACCES {
            let message = format!("The file's own permissions do not let {shown} be reached.");
            (ReasonCode::Permission, message, "Do without it, or ask the user to change its permissions.")
        } else if errno == Errno::ENAMETOOLONG {
            (ReasonCode::BadPath, format!("A name in {shown} is too long."), "Give a shorter name.")
        } else {
            let message = format!("{shown} cannot be looked at: {}.", errno.desc());
            (ReasonCode::Unreadable, message, "Try again once; if it stays so, tell the user.")
        };
        Self::about(path, Verdict::deny(code, None, message, instead))
    }

    /// It may be read but not written.
    pub(super) fn read_only(path: &Path, rule: Option<&Rule>) -> Self {
        let verdict = Verdict::read_only(path, rule.map(Rule::label));
        Self::about(path, Verdict { instead: "Write in the workspace.".to_owned(), ..verdict })
    }

    /// It is protected, because of `rule` or of a `.git` that leads there.
    pub(super) fn protected(path: &Path, rule: Option<&Rule>) -> Self {
        let otherwise = match rule {
            Some(_) => "what is written there takes effect outside of the sandbox",
            None => "the workspace's .git leads there, and git obeys it",
        };
        Self::about(path, Verdict::protected(path, rule, otherwise))
    }

    /// It is git's own.
    pub(super) fn of_git(path: &Path) -> Self {
        let message = format!("{} belongs to git, so file tools may read it but not change it.", path.display());
        Self::about(path, Verdict::deny(ReasonCode::Protected, None, message, LET_GIT))
    }

    /// It is a second name of `own`, which is git's.
    pub(super) fn also_of_git(path: &Path, own: &Path) -> Self {
        let message =
            format!("{} is, or may be, the same file as {}, which belongs to git.", path.display(), own.display());
        Self::about(own, Verdict::deny(ReasonCode::Protected, None, message, LET_GIT))
    }

    /// It holds what is protected or hidden, or is held in its place by the sandbox.
    pub(super) fn held(path: &Path, rule: Option<&Rule>) -> Self {
        let message =
            format!("{} cannot be moved or removed: it is, or holds, what is protected or hidden.", path.display());
        let instead = "Leave it where it is, and change only what else is in it.";
        Self::about(path, Verdict::deny(ReasonCode::Protected, rule.map(Rule::label), message, instead))
    }

    /// A folder is too large to know what is hidden in it.
    pub(super) fn unsearched(folder: &Path) -> Self {
        let message = format!("{} holds too much to find out what is hidden in it.", folder.display());
        let instead = "Name a smaller folder, or ask the user for rules without `**`.";
        Self::about(folder, Verdict::deny(ReasonCode::SearchTooWide, None, message, instead))
    }

    /// A pattern goes up again behind a wildcard.
    pub(super) fn climbing(pattern: &OsStr) -> Self {
        let message = format!("{} goes up again behind a wildcard, so nobody can tell where.", pattern.display());
        let instead = "Write the pattern without `..`, and name the folder to search in.";
        Self { path: None, verdict: Verdict::deny(ReasonCode::SearchTooWide, None, message, instead) }
    }

    /// A search below `folder` would read what is hidden.
    pub(super) fn too_wide(folder: &Path, hidden: &[&PathBuf]) -> Self {
        let mut names: Vec<String> = hidden.iter().take(3).map(|path| path.display().to_string()).collect();
        if hidden.len() > names.len() {
            names.push(format!("{} more", hidden.len() - names.len()));
        }
        let message = format!("A search in {} would read what is hidden: {}.", folder.display(), names.join(", "));
        let instead = "Search with a shell command (grep, rg), which runs where these are hidden, or in a smaller folder, or \
                       for names such as *.rs.";
        Self::about(folder, Verdict::deny(ReasonCode::SearchTooWide, None, message, instead))
    }

    /// It is a second name of a hidden or protected file.
    pub(super) fn hard_link(path: &Path, of: &Path) -> Self {
        let message = format!("{} is the same file as {}, which is hidden or protected.", path.display(), of.display());
        let instead = "Do without it, and tell the user about this second name.";
        Self::about(path, Verdict::deny(ReasonCode::HardLink, None, message, instead))
    }
}

/// `path` with `rest` behind it, `.` and `..` taken literally: where somebody meant to go, for messages only.
pub(super) fn intended<'a>(path: &Path, rest: impl Iterator<Item = &'a OsStr>) -> PathBuf {
    let mut path = path.to_owned();
    for name in rest.take(256) {
        match name {
            name if name == "." => {}
            name if name == ".." => drop(path.pop()),
            name => path.push(name),
        }
    }
    path
}
