//! What a command leaves in a git folder for the person's git to go on with.
//!
//! git keeps the state of work that is under way in files, and believes them: a list of things to do may say `exec`, a merge strategy is a
//! program, an index names where files are to be written. Commands must be able to begin such work, and the next ones to go on with it; so
//! nothing is refused, and what is left is looked at when the run has ended. What git itself would not have written for honest work, or
//! what would run a program outside, is set aside. What was there before, and was not changed, is the person's own.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, fstat};

use super::super::sweeper::{give_back, set_aside};
use super::Repository;
use super::index::{self, Fault};
use crate::obstacle::settled;
use crate::report;

/// What can be left, where it lies, and who judges it.
const KINDS: [(&str, Judge); 11] = [
    ("index", of_index),
    ("MERGE_RR", of_resolutions),
    ("rebase-merge/git-rebase-todo", of_list),
    ("rebase-merge/strategy", of_strategy),
    ("rebase-apply/strategy", of_strategy),
    ("rebase-apply/apply-opt", of_options),
    ("sequencer/opts", of_settings),
    ("rebase-merge/msgnum", of_count),
    ("rebase-merge/end", of_count),
    ("rebase-apply/next", of_count),
    ("rebase-apply/last", of_count),
];
/// Judges what a file says; the answer is what would become of it outside.
type Judge = fn(&Repository, File, u64) -> Result<(), &'static str>;
/// The longest file that is read, but for the index.
const LONGEST: u64 = 16 << 20;
/// git's own merge strategies that take no options but those they know, or none; another one is a program `git-merge-NAME`, wherever that leads.
const STRATEGIES: [&[u8]; 4] = [b"ort", b"recursive", b"ours", b"subtree"];
/// Those that hand every option on to `git read-tree`, which writes a file of any name (`--index-output`). Their options stand in other files,
/// and may be given later, so the strategies themselves are not left. In the sandbox they work.
const OPEN_STRATEGIES: [&[u8]; 2] = [b"resolve", b"octopus"];
/// The settings that git keeps of a series of picks.
const SETTINGS: [&[u8]; 15] = [
    b"no-commit",
    b"edit",
    b"allow-empty",
    b"allow-empty-message",
    b"drop-redundant-commits",
    b"keep-redundant-commits",
    b"signoff",
    b"record-origin",
    b"allow-ff",
    b"mainline",
    b"strategy",
    b"gpg-sign",
    b"strategy-option",
    b"allow-rerere-auto",
    b"default-msg-cleanup",
];
/// Options that `git am` passes on to `git apply`, as far as they only say how a patch is to be read.
const OPTIONS: [&str; 9] = [
    "--whitespace=",
    "-C",
    "-p",
    "--directory=",
    "--exclude=",
    "--include=",
    "--reject",
    "--ignore-space-change",
    "--ignore-whitespace",
];

/// Why nothing that cannot be read is left.
const UNREADABLE: &str = "it cannot be read";
/// What a list may do.
const RUNS: &str = "git would run a program that it names";
/// What options may do.
const OPEN: &str = "git would hand on options that can have it write any file";
/// What a path may do.
const LEADS_OUT: &str = "it names files outside of the work tree";

/// What lay there at the start.
#[derive(Debug)]
pub(super) struct Left([Option<Stamp>; KINDS.len()]);

/// What tells a file from another one, and from itself as it was: device and inode number, size, and when it last changed.
type Stamp = (u64, u64, i64, (i64, i64));

impl Left {
    /// Nothing.
    pub(super) const NOTHING: Self = Self([None; KINDS.len()]);

    /// What lies in `folder` now.
    ///
    /// # Errors
    /// When something cannot be looked at.
    pub(super) fn of(folder: &OwnedFd) -> Result<Self, Errno> {
        let mut left = Self::NOTHING;
        for ((name, _), place) in KINDS.iter().zip(&mut left.0) {
            if let Some(file) = settled(open(folder, name, OFlag::O_PATH))? {
                *place = Some(stamp(&fstat(file)?));
            }
        }
        Ok(left)
    }
}

/// Looks at what is left in `repository`, and sets aside what must not be.
pub(super) fn look(repository: &Repository) {
    for ((name, judge), before) in KINDS.iter().zip(&repository.left.0) {
        let status = match status(&repository.folder, Path::new(name)) {
            Ok(Some(status)) => status,
            Ok(None) => continue,
            Err(errno) => {
                report::not_looked_at(&repository.path.join(name), errno);
                continue;
            }
        };
        // What one of these files names can be changed without it.
        let speaks_of_others = *name == "MERGE_RR" || (*name == "index" && may_share(&repository.folder));
        if *before == Some(stamp(&status)) && !speaks_of_others {
            continue;
        }
        let verdict = read(&repository.folder, name).map_err(|_| UNREADABLE);
        let verdict = verdict.and_then(|(file, size)| judge(repository, file, size));
        if let Err(why) = verdict {
            put_aside(repository, Path::new(name), why);
        }
    }
}

/// Whether an index in `folder` may share entries with another one; a folder that cannot be listed is no reason to think that it does not.
fn may_share(folder: &OwnedFd) -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let mut list = open(folder, "", flags);
    if matches!(list, Err(Errno::EACCES)) {
        give_back(folder.as_fd());
        list = open(folder, "", flags);
    }
    let Ok(mut list) = list.and_then(Dir::from_fd) else { return true };
    list.iter().any(|entry| entry.map_or(true, |entry| entry.file_name().to_bytes().starts_with(b"sharedindex.")))
}

/// What lies at `path` in `folder`, if anything does; the inside may have taken the right to look into the folder around it away.
///
/// # Errors
/// When that cannot be told.
fn status(folder: &OwnedFd, path: &Path) -> Result<Option<FileStat>, Errno> {
    let mut opened = open(folder, path, OFlag::O_PATH);
    if matches!(opened, Err(Errno::EACCES)) {
        for around in [Path::new(""), path.parent().unwrap_or(Path::new(""))] {
            if let Ok(around) = open(folder, around, OFlag::O_PATH) {
                give_back(around.as_fd());
            }
        }
        opened = open(folder, path, OFlag::O_PATH);
    }
    settled(opened)?.map(fstat).transpose()
}

/// Sets a file aside, and says so.
fn put_aside(repository: &Repository, path: &Path, why: &'static str) {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return };
    let place = repository.path.join(path);
    match open(&repository.folder, above, OFlag::O_PATH).and_then(|folder| set_aside(folder.as_fd(), name)) {
        Ok(Some(aside)) => report::left_aside(&place, &place.with_file_name(aside), why),
        Ok(None) => {}
        Err(errno) => report::not_moved_aside(&place, errno),
    }
}

/// Opens what lies at `path` in `folder`, never through a symlink.
///
/// # Errors
/// The kernel's.
fn open(folder: &OwnedFd, path: impl AsRef<Path>, flags: OFlag) -> Result<OwnedFd, Errno> {
    let path = if path.as_ref().as_os_str().is_empty() { Path::new(".") } else { path.as_ref() };
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    openat2(folder, path, how)
}

/// Opens a file to be read, with its size. The inside may have taken that right away; git would be told the same, and a person would
/// give it back.
///
/// # Errors
/// The kernel's; `EINVAL` when it is no ordinary file.
fn read(folder: &OwnedFd, path: &str) -> Result<(File, u64), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = match open(folder, path, flags) {
        Err(Errno::EACCES) => {
            give_back(open(folder, path, OFlag::O_PATH)?.as_fd());
            open(folder, path, flags)
        }
        other => other,
    }?;
    let status = fstat(&file)?;
    let is_file = status.st_mode & libc::S_IFMT == libc::S_IFREG;
    let size = u64::try_from(status.st_size).ok().filter(|_| is_file).ok_or(Errno::EINVAL)?;
    Ok((File::from(file), size))
}

/// What tells it from others.
fn stamp(status: &FileStat) -> Stamp {
    (status.st_dev, status.st_ino, status.st_size, (status.st_ctime, status.st_ctime_nsec))
}

/// The whole of a file that should be small.
///
/// # Errors
/// That it cannot be read.
fn whole(file: File) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let count = file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|_| UNREADABLE)?;
    if u64::try_from(count).is_ok_and(|count| count <= LONGEST) { Ok(bytes) } else { Err(UNREADABLE) }
}

/// The index, and the one that it shares entries with: `git checkout .` writes wherever their paths lead.
///
/// # Errors
/// What would become of it.
fn of_index(repository: &Repository, file: File, size: u64) -> Result<(), &'static str> {
    let seen = |file: File, size| {
        index::read(BufReader::with_capacity(1 << 16, file), size, repository.hash).map_err(|fault| match fault {
            Fault::Malformed => "it does not hold together",
            Fault::Path(_) => LEADS_OUT,
        })
    };
    let Some(shared) = seen(file, size)?.shared else { return Ok(()) };
    match read(&repository.folder, &format!("sharedindex.{shared}")) {
        Ok((file, size)) => seen(file, size).map(drop),
        // Without it git does not take this one.
        Err(Errno::ENOENT) => Ok(()),
        Err(_) => Err(UNREADABLE),
    }
}

/// `MERGE_RR`: at the next commit `git rerere` copies what its paths name, symlinks followed, to where the next command reads it.
///
/// # Errors
/// What would become of it.
fn of_resolutions(repository: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?;
    let mut paths = bytes.split(|&byte| byte == 0).filter(|entry| !entry.is_empty()).map(|entry| {
        let tab = entry.iter().position(|&byte| byte == b'\t');
        tab.and_then(|tab| entry.get(tab + 1..)).unwrap_or_default()
    });
    let is_inside = |path: &[u8]| {
        let Some(work) = repository.work.as_ref().filter(|_| index::stays(path) && !path.is_empty()) else {
            return false;
        };
        match open(work, Path::new(OsStr::from_bytes(path)), OFlag::O_PATH | OFlag::O_NOFOLLOW).and_then(fstat) {
            Ok(status) => status.st_mode & libc::S_IFMT == libc::S_IFREG,
            Err(errno) => errno == Errno::ENOENT,
        }
    };
    if paths.all(is_inside) { Ok(()) } else { Err("git would copy files of yours into the repository") }
}

/// What a rebase has to do still: `exec` runs a command.
///
/// # Errors
/// What would become of it.
fn of_list(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let runs = |line: &[u8]| {
        let line = line.trim_ascii_start();
        let end = line.iter().position(|byte| byte.is_ascii_whitespace() || *byte == 0);
        matches!(line.get(..end.unwrap_or(line.len())), Some(b"exec" | b"x"))
    };
    if whole(file)?.split(|&byte| byte == b'\n').any(runs) { Err(RUNS) } else { Ok(()) }
}

/// A merge strategy: all that the file holds but for a line feed at its end, as git takes it.
///
/// # Errors
/// What would become of it.
fn of_strategy(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?;
    let name = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if name.is_empty() { Ok(()) } else { strategy(name) }
}

/// Judges the name of a merge strategy.
///
/// # Errors
/// What would become of it.
fn strategy(name: &[u8]) -> Result<(), &'static str> {
    match name {
        own if STRATEGIES.contains(&own) => Ok(()),
        open if OPEN_STRATEGIES.contains(&open) => Err(OPEN),
        _ => Err(RUNS),
    }
}

/// How far a rebase is, which git's own prompt for shells (`git-sh-prompt`) shows as it stands there, to be expanded.
///
/// # Errors
/// What would become of it.
fn of_count(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?;
    let digits = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if digits.iter().all(u8::is_ascii_digit) { Ok(()) } else { Err("a prompt that shows it would run what it says") }
}

/// What `git am` tells `git apply`, each word in single quotes.
///
/// # Errors
/// What would become of it.
fn of_options(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    let bytes = whole(file)?;
    let is_known = |(number, part): (usize, &[u8])| {
        let is_quoted = number % 2 == 1;
        let is_option = OPTIONS.iter().any(|option| part.starts_with(option.as_bytes()));
        if is_quoted { is_option } else { part.trim_ascii().is_empty() }
    };
    if !bytes.contains(&b'\\') && bytes.split(|&byte| byte == b'\'').enumerate().all(is_known) {
        Ok(())
    } else {
        Err("git would write files outside of the work tree")
    }
}

/// The settings of a series of picks, in the format of `git-config(1)`, of which only what git itself writes is let through: a section of
/// this name, and a known setting with its value on each line. More could be said on one line, or one setting on two.
///
/// # Errors
/// What would become of it.
fn of_settings(_: &Repository, file: File, _: u64) -> Result<(), &'static str> {
    whole(file)?.split(|&byte| byte == b'\n').try_for_each(|line| setting(line.trim_ascii()))
}

/// Judges a line of them.
///
/// # Errors
/// What would become of it.
fn setting(line: &[u8]) -> Result<(), &'static str> {
    if matches!(line, b"" | b"[options]") {
        return Ok(());
    }
    let equals = line.iter().position(|&byte| byte == b'=').filter(|_| !line.ends_with(b"\\")).ok_or(RUNS)?;
    let (key, value) = line.split_at_checked(equals).ok_or(RUNS)?;
    let (key, value) = (key.trim_ascii(), value.strip_prefix(b"=").unwrap_or(value).trim_ascii());
    match key {
        b"strategy" => strategy(value),
        known if SETTINGS.contains(&known) => Ok(()),
        _ => Err(RUNS),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    /// What is said of a file that holds `text`.
    ///
    /// # Errors
    /// What would become of it.
    fn verdict(judge: Judge, text: impl AsRef<[u8]>) -> Result<(), &'static str> {
        let place = tempfile::tempdir().expect("a folder");
        let folder = || OwnedFd::from(File::open(place.path()).expect("the folder"));
        let (path, left) = (place.path().to_owned(), Left::NOTHING);
        let repository = Repository { path, folder: folder(), identity: (0, 0), work: None, hash: 20, left };
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_ref()).and_then(|()| file.rewind()).expect("written");
        judge(&repository, file, 0)
    }

    #[test]
    fn settings_of_picks_with_another_strategy_are_found_however_they_are_written() {
        for text in [
            "[options]\n\tstrategy = x/run\n",
            "[strategy-a][options] strategy = x/run\n",
            "[options] strategy = x/run\n",
            "[options]\n\tstrategy-option = a\\\n\\\n\tstrategy = x/run\n",
            "[options]\n\tedit = true\\\r\n = b\n",
            "[options]\nSTRATEGY = x/run",
            "[options]\nstrategy\n",
            "[options]\nstrategy = \"ort\" x\n",
            "[options]\nstrategy = ort\nstrategy = x/run\n",
            "[options]\nstrategy =\n",
            "[include]\npath = x\n",
            "[options \"x\"]\n",
        ] {
            assert_eq!(verdict(of_settings, text), Err(RUNS), "{text}");
        }
        let all = "[options]\n\tedit = true\n\tallow-empty = true\n\tkeep-redundant-commits = true\n\tmainline = 1\n\
                   \tdrop-redundant-commits = true\n\tstrategy = ort\n\tstrategy-option = patience\n\tgpg-sign = a b\n\
                   \tstrategy-option = \"subtree=a b;\\\"x\\\\y\\tz#\"\n\tallow-rerere-auto = false\n\
                   \tdefault-msg-cleanup = scissors\n\tsignoff = true\n\trecord-origin = true\n\tallow-ff = true\n\
                   [options]\n\tno-commit = true\n\tallow-empty-message = true\n";
        assert_eq!(verdict(of_settings, all), Ok(()));
        assert_eq!(verdict(of_settings, ""), Ok(()));
    }

    #[test]
    fn settings_that_git_writes_of_picks_are_let_through() {
        let place = tempfile::tempdir().expect("a folder");
        let git = |words: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words);
            let done = command.current_dir(place.path()).env("HOME", place.path()).output();
            done.is_ok_and(|done| done.status.success())
        };
        if !git(&["init", "-q", "-b", "main", "."]) {
            return eprintln!("SKIP: git is not installed");
        }
        for (branch, text) in [("main", "0"), ("side", "1"), ("side", "2"), ("other", "3")] {
            assert!(git(&["checkout", "-q", "-B", branch]), "{branch}");
            std::fs::write(place.path().join("f"), text).expect("a file");
            assert!(git(&["add", "f"]) && git(&["commit", "-q", "-m", text]), "{text}");
        }
        assert!(git(&["checkout", "-q", "main"]));
        std::fs::write(place.path().join("f"), "4").expect("a file");
        assert!(git(&["commit", "-q", "-a", "-m", "4"]));
        let words = "cherry-pick --strategy=ort -X patience -X subtree=;# --signoff -x --allow-empty --rerere-autoupdate --edit \
                     --cleanup=scissors side other";
        assert!(!git(&words.split(' ').collect::<Vec<_>>()), "a conflict");
        let text = std::fs::read(place.path().join(".git/sequencer/opts")).expect("settings");
        assert!(text.windows(5).any(|part| part == b"= ort"), "{}", text.escape_ascii());
        assert_eq!(verdict(of_settings, &text), Ok(()), "{}", text.escape_ascii());
    }

    #[test]
    fn strategy_of_another_name_in_a_later_line_is_found() {
        for text in ["ours\n/run\n", "ours\n\n", "ours\0/run", " ours", "x/run", "ours\n/run", "\n/run"] {
            assert_eq!(verdict(of_strategy, text), Err(RUNS), "{text}");
        }
        for text in ["ours\n", "ort", "recursive\n", "subtree\n", ""] {
            assert_eq!(verdict(of_strategy, text), Ok(()), "{text}");
        }
    }

    #[test]
    fn strategies_that_hand_any_option_on_are_not_left() {
        for name in ["resolve", "octopus"] {
            assert_eq!(verdict(of_strategy, format!("{name}\n")), Err(OPEN));
            assert_eq!(verdict(of_settings, format!("[options]\n\tstrategy = {name}\n")), Err(OPEN));
        }
    }

    #[test]
    fn count_that_a_prompt_shows_is_digits_and_nothing_else() {
        for text in ["$(id)\n", "1$(id)", "1\n$(id)\n", "`id`", "1\n\n", " 1", "1\0", "\\w"] {
            assert!(verdict(of_count, text).is_err(), "{text}");
        }
        for text in ["1\n", "12", "340\n"] {
            assert_eq!(verdict(of_count, text), Ok(()), "{text}");
        }
    }
}
