//! Files of a client's own that it shows to its model outside of the workspace: long results, a background task's output,
//! notes, the plan of this session.
//!
//! The policy hides the folders that they lie in, for good reasons. What is allowed here is as narrow as it can be: regular
//! files of the caller's own, with one name each, in a folder that belongs to the call's session or project alone, on a way
//! without symbolic links.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, SFlag, fstat};
use nix::unistd::getuid;

use super::table::Use;
use crate::call::Call;
use crate::client::Client;

/// A folder whose files a client shows.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// The folder.
    folder: PathBuf,
    /// Whether the model may write there.
    writable: Writable,
    /// What its files' names end in.
    ending: &'static str,
    /// Only files made since this file was: the session's transcript.
    since: Option<PathBuf>,
}

/// Whether the model may write in a client's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writable {
    /// It may only read.
    No,
    /// It may make and change files.
    Yes,
}

/// Whether `spelled` is a file of the client's own that this call may use like this.
pub(super) fn permits(call: &Call, spelled: &str, used: Use) -> bool {
    let path = Path::new(spelled);
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !plain || spelled.contains("//") || spelled.contains("/./") || spelled.ends_with('/') {
        return false;
    }
    let write = match used {
        Use::Read => false,
        Use::Write => true,
        Use::List | Use::Search | Use::Match | Use::ReadMatch | Use::Filter | Use::Patch => return false,
    };
    let uid = getuid().as_raw();
    places(call, uid).iter().any(|place| place.permits(path, write, uid).unwrap_or(false))
}

/// The places of the call's session.
fn places(call: &Call, uid: u32) -> Vec<Place> {
    match call.client {
        Client::ClaudeCode => claude_code(call, uid).unwrap_or_default(),
        Client::Gemini => gemini(call).unwrap_or_default(),
        Client::Codex | Client::Copilot | Client::Opencode | Client::Cursor | Client::Cline | Client::OpenClaw => {
            Vec::new()
        }
    }
}

/// Claude Code's places: beside the transcript `CONFIG/projects/PROJECT/SESSION.jsonl`, and in `/tmp/claude-UID`.
fn claude_code(call: &Call, uid: u32) -> Option<Vec<Place>> {
    let transcript = call.transcript.as_deref()?;
    let session = transcript.file_name()?.to_str()?.strip_suffix(".jsonl").filter(|name| is_name(name))?;
    let project = transcript.parent()?;
    let projects = project.parent().filter(|folder| folder.file_name() == Some(OsStr::new("projects")))?;
    let name = project.file_name()?;
    let temporary = Path::new("/tmp").join(format!("claude-{uid}")).join(name).join(session);
    let place = |folder, writable, ending| Place { folder, writable, ending, since: None };
    let plans = projects.parent()?.join("plans");
    Some(vec![
        place(project.join(session).join("tool-results"), Writable::No, ""),
        place(project.join("memory"), Writable::Yes, ".md"),
        place(temporary.join("tasks"), Writable::No, ".output"),
        place(temporary.join("scratchpad"), Writable::Yes, ""),
        Place { since: Some(transcript.to_owned()), ..place(plans, Writable::Yes, ".md") },
    ])
}

/// Gemini CLI's places: beside the transcript `CONFIG/tmp/PROJECT/chats/….jsonl`.
fn gemini(call: &Call) -> Option<Vec<Place>> {
    let session = call.session.as_deref().filter(|name| is_name(name))?;
    let chats =
        call.transcript.as_deref()?.parent().filter(|folder| folder.file_name() == Some(OsStr::new("chats")))?;
    let project = chats.parent()?;
    project.parent().filter(|folder| folder.file_name() == Some(OsStr::new("tmp")))?;
    let place = |folder, writable, ending| Place { folder, writable, ending, since: None };
    Some(vec![
        place(project.join("tool-outputs").join(format!("session-{session}")), Writable::No, ""),
        place(project.join(session).join("plans"), Writable::Yes, ".md"),
    ])
}

/// Whether a session's name is one name, and nothing that leads elsewhere.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl Place {
    /// Whether a file in here may be read or written.
    ///
    /// # Errors
    /// When something on the way is missing, or is not as it must be.
    fn permits(&self, path: &Path, write: bool, uid: u32) -> io::Result<bool> {
        let Ok(below) = path.strip_prefix(&self.folder) else { return Ok(false) };
        let named = below.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with(self.ending));
        if !named || (write && self.writable == Writable::No) {
            return Ok(false);
        }
        let above = below.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let name = below.file_name().unwrap_or_default();
        let folder = open(AT_FDCWD, &self.folder, OFlag::O_DIRECTORY)?;
        let holder = open(&folder, above, OFlag::O_DIRECTORY)?;
        if fstat(&folder)?.st_uid != uid || fstat(&holder)?.st_uid != uid {
            return Ok(false);
        }
        match open(&holder, Path::new(name), OFlag::empty()) {
            Ok(file) => Ok(is_own(&fstat(&file)?, uid) && self.is_recent(file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(write),
            Err(error) => Err(error),
        }
    }

    /// Whether a file was made since the session began, where that matters.
    ///
    /// # Errors
    /// When the file system does not say when a file was made.
    fn is_recent(&self, file: OwnedFd) -> io::Result<bool> {
        let Some(since) = &self.since else { return Ok(true) };
        let begun = since.symlink_metadata()?;
        Ok(begun.uid() == getuid().as_raw() && File::from(file).metadata()?.created()? >= begun.created()?)
    }
}

/// Opens a name for looking at, on a way without links.
///
/// # Errors
/// When nothing is there, or a link is on the way.
fn open(folder: impl AsFd, path: &Path, kind: OFlag) -> io::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | kind)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    Ok(openat2(folder, path, how)?)
}

/// Whether a file is a regular one of the caller's, with no second name.
fn is_own(facts: &FileStat, uid: u32) -> bool {
    facts.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits() && facts.st_uid == uid && facts.st_nlink == 1
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::wire::Fields;

    /// A call of Claude Code whose transcript lies below `home`.
    fn call(client: Client, home: &Path, transcript: &str) -> Call {
        Call {
            session: Some("s-1".to_owned()),
            transcript: Some(home.join(transcript)),
            ..Call::of(client, "Read".to_owned(), Fields::default(), home.into())
        }
    }

    /// Makes a file with the folders above it.
    fn file(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }

    /// Whether a call may use a path below `home` like this.
    fn may(call: &Call, path: &Path, used: Use) -> bool {
        permits(call, path.to_str().unwrap(), used)
    }

    #[test]
    fn a_session_reads_its_own_results_and_nobody_elses() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let projects = home.join(".claude/projects");
        let call = call(Client::ClaudeCode, &home, ".claude/projects/-w/s-1.jsonl");
        file(&projects.join("-w/s-1.jsonl"));
        let own = projects.join("-w/s-1/tool-results/r.txt");
        let others = [
            projects.join("-w/s-2/tool-results/r.txt"),
            projects.join("-other/s-1/tool-results/r.txt"),
            projects.join("-w/s-2.jsonl"),
            projects.join("-w/s-1/subagents/x.jsonl"),
            home.join(".claude/.credentials.json"),
            home.join(".claude/settings.json"),
        ];
        for path in others.iter().chain([&own]) {
            file(path);
        }
        assert!(may(&call, &own, Use::Read));
        assert!(!may(&call, &own, Use::Write) && !may(&call, &own, Use::Search));
        for path in &others {
            assert!(!may(&call, path, Use::Read), "{}", path.display());
        }
        let climbing = format!("{}/../../s-2/tool-results/r.txt", own.parent().unwrap().display());
        assert!(!permits(&call, &climbing, Use::Read));
    }

    #[test]
    fn a_link_or_a_second_name_in_a_clients_folder_leads_nowhere() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let call = call(Client::ClaudeCode, &home, ".claude/projects/-w/s-1.jsonl");
        let secret = home.join("secret.md");
        fs::write(&secret, "x").unwrap();
        let memory = home.join(".claude/projects/-w/memory");
        file(&memory.join("MEMORY.md"));
        assert!(may(&call, &memory.join("MEMORY.md"), Use::Write));
        assert!(may(&call, &memory.join("new.md"), Use::Write));
        assert!(!may(&call, &memory.join("new.sh"), Use::Write));
        symlink(&secret, memory.join("link.md")).unwrap();
        symlink(&home, memory.join("folder")).unwrap();
        fs::hard_link(&secret, memory.join("second.md")).unwrap();
        fs::create_dir(memory.join("dir.md")).unwrap();
        for name in ["link.md", "folder/secret.md", "folder/new.md", "second.md", "dir.md"] {
            assert!(!may(&call, &memory.join(name), Use::Read), "{name}");
            assert!(!may(&call, &memory.join(name), Use::Write), "{name}");
        }
    }

    #[test]
    fn a_plan_of_an_earlier_session_stays_hidden() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let call = call(Client::ClaudeCode, &home, ".claude/projects/-w/s-1.jsonl");
        let (old, new) = (home.join(".claude/plans/old.md"), home.join(".claude/plans/new.md"));
        file(&old);
        std::thread::sleep(std::time::Duration::from_millis(20));
        file(&home.join(".claude/projects/-w/s-1.jsonl"));
        assert!(may(&call, &new, Use::Write), "a plan that does not exist yet");
        file(&new);
        assert!(may(&call, &new, Use::Read) && may(&call, &new, Use::Write));
        assert!(!may(&call, &old, Use::Read) && !may(&call, &old, Use::Write));
    }

    #[test]
    fn a_payload_with_an_odd_session_opens_nothing() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        file(&home.join(".gemini/tmp/p/tool-outputs/session-s-1/t.txt"));
        file(&home.join(".gemini/oauth_creds.json"));
        let mut gemini = call(Client::Gemini, &home, ".gemini/tmp/p/chats/c.jsonl");
        assert!(may(&gemini, &home.join(".gemini/tmp/p/tool-outputs/session-s-1/t.txt"), Use::Read));
        for session in [None, Some(""), Some(".."), Some("../.."), Some("s-1/../../..")] {
            gemini.session = session.map(str::to_owned);
            assert_eq!(places(&gemini, 0), [], "{session:?}");
        }
        for transcript in ["", "c.jsonl", ".gemini/oauth_creds.json", ".claude/projects/-w/...jsonl"] {
            assert_eq!(places(&call(Client::ClaudeCode, &home, transcript), 0), [], "{transcript}");
        }
    }
}
