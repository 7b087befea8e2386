//! The first line of a Codex transcript: where the session began.
//!
//! Codex tells a hook the folder of the call, and that is the model's `workdir`. The folder of the session stands only in the
//! transcript, which Codex writes before it calls anything. The sandbox hides it, and protects a `.codex` in the workspace;
//! a transcript elsewhere proves nothing.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::getuid;
use serde::Deserialize;

/// The longest first line: it holds the client's instructions to the model.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// The bits that let group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// One line.
#[derive(Deserialize)]
struct Line {
    /// What it is about.
    #[serde(rename = "type")]
    kind: String,
    /// What it says of that.
    payload: Meta,
}

/// What the first line says of a session.
#[derive(Deserialize)]
struct Meta {
    /// Its name.
    id: String,
    /// The folder in which it began.
    cwd: PathBuf,
}

/// The folder in which the session `session` began, as its transcript says.
pub(crate) fn began_in(transcript: &Path, session: &str) -> Option<PathBuf> {
    let sessions = transcript.ancestors().find(|folder| folder.ends_with(".codex/sessions"))?;
    if !sessions.is_absolute() {
        return None;
    }
    let file = File::open(transcript).ok()?;
    let facts = file.metadata().ok()?;
    let own = facts.uid() == getuid().as_raw() || facts.uid() == 0;
    if !facts.is_file() || !own || facts.mode() & WRITABLE_BY_OTHERS != 0 {
        return None;
    }
    first_line(file, session)
}

/// The folder that the first line names, when it is the one about the session `session`.
fn first_line(file: impl Read, session: &str) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    BufReader::new(file.take(LONGEST_LINE)).read_until(b'\n', &mut bytes).ok()?;
    let line: Line = serde_json::from_slice(bytes.strip_suffix(b"\n")?).ok()?;
    (line.kind == "session_meta" && line.payload.id == session).then_some(line.payload.cwd)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::{began_in, first_line};

    /// A first line as the client writes it.
    const LINE: &str = r#"{"timestamp":"t","ordinal":0,"type":"session_meta","payload":{"session_id":"s","id":"s","cwd":"/w","git":{}}}"#;

    #[test]
    fn only_a_whole_first_line_about_this_session_counts() {
        let read = |text: &str| first_line(text.as_bytes(), "s");
        assert_eq!(read(&format!("{LINE}\n{{}}\n")), Some(PathBuf::from("/w")));
        for other in [
            String::new(),
            LINE.to_owned(),
            format!("\n{LINE}\n"),
            format!("{}\n", LINE.replace("session_meta", "response_item")),
            format!("{}\n", LINE.replace(r#""id":"s""#, r#""id":"other""#)),
            format!("{}\n", LINE.replace(r#""cwd":"/w""#, r#""cwd":"/w","cwd":"/etc""#)),
            format!("{}\n", LINE.replace(r#""cwd":"/w","#, "")),
        ] {
            assert_eq!(read(&other), None, "{other:?}");
        }
        assert_eq!(first_line(std::io::repeat(b'x'), "s"), None, "a line without an end is not collected for ever");
    }

    #[test]
    fn a_transcript_that_others_could_have_written_proves_nothing() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join(".codex/sessions/2026/11/21");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("rollout.jsonl");
        assert_eq!(began_in(&file, "s"), None);
        fs::write(&file, format!("{LINE}\n")).unwrap();
        for (mode, expected) in [(0o644, Some("/w")), (0o600, Some("/w")), (0o666, None), (0o664, None)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(began_in(&file, "s"), expected.map(PathBuf::from), "{mode:o}");
        }
        let elsewhere = base.path().join("rollout.jsonl");
        fs::write(&elsewhere, format!("{LINE}\n")).unwrap();
        assert_eq!(began_in(&elsewhere, "s"), None);
        assert_eq!(began_in(&folder, "s"), None);
    }
}
