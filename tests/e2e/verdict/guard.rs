//! What the guard says, and does: `fs-guard serve`.

use super::{Asked, Run, Scene};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The guard's answer about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// It may be done, at this real path.
    Allowed {
        /// The path without links.
        path: PathBuf,
    },
    /// It may not.
    Denied {
        /// The reason's code.
        code: String,
        /// The real path that it is about, when there is one.
        path: Option<PathBuf>,
    },
    /// There is nothing at that path.
    Missing,
}

/// Runs `fs-guard serve` on requests and gives its answers, in order.
pub(super) fn serve(scene: &Scene, flags: &[String], requests: &[Value]) -> Vec<Value> {
    let mut input = Vec::new();
    for (id, request) in requests.iter().enumerate() {
        let mut request = request.clone();
        request["id"] = json!(id);
        let frame = serde_json::to_vec(&request).expect("JSON");
        input.extend(u32::try_from(frame.len()).expect("a short frame").to_be_bytes());
        input.extend(frame);
    }
    let guard = scene.binary("fs-guard");
    let mut words = vec![guard.to_str().expect("UTF-8").to_owned()];
    words.extend(flags.iter().cloned());
    words.push("serve".to_owned());
    let outcome = scene.bare(&Run::new(&words).input(&input));
    assert_eq!(outcome.status, 0, "the guard serves to the end: {outcome}");
    let mut rest = outcome.stdout.as_slice();
    let mut answers = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).expect("a length");
        let (frame, after) = after.split_at_checked(length).expect("a whole frame");
        answers.push(serde_json::from_slice(frame).expect("JSON"));
        rest = after;
    }
    assert_eq!(answers.len(), requests.len(), "one answer for each request: {outcome}");
    answers
}

/// Asks the guard about every path.
pub(super) fn check(scene: &Scene, flags: &[String], asked: &[Asked]) -> Vec<Judged> {
    let requests: Vec<Value> = asked.iter().map(checking).collect();
    serve(scene, flags, &requests).iter().map(judged).collect()
}

/// The request that asks about a path.
fn checking(asked: &Asked) -> Value {
    json!({"op": "check", "path": asked.path, "for": asked.access})
}

/// Reads the answer to [`checking`].
fn judged(answer: &Value) -> Judged {
    if answer["error"]["kind"] == "not-found" {
        return Judged::Missing;
    }
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
    match text("decision").as_str() {
        "allow" => Judged::Allowed { path: PathBuf::from(text("resolved")) },
        "deny" if text("code") == "fs.not-found" => Judged::Missing,
        "deny" => Judged::Denied { code: text("code"), path: answer["resolved"].as_str().map(PathBuf::from) },
        other => panic!("a decision is allow or deny, not {other}: {answer}"),
    }
}

/// Reads every path through the guard and holds that against what it said.
///
/// # Errors
/// The first disagreement.
pub(super) fn read_all(scene: &Scene, flags: &[String], asked: &[Asked], said: &[Judged]) -> Result<(), String> {
    let reading =
        |asked: &Asked| json!({"op": if asked.access == "list" { "list" } else { "read" }, "path": asked.path});
    let wanted: Vec<(&Asked, &Judged)> = asked.iter().zip(said).filter(|(asked, _)| asked.access != "write").collect();
    let requests: Vec<Value> = wanted.iter().map(|(asked, _)| reading(asked)).collect();
    for ((asked, said), answer) in wanted.iter().zip(serve(scene, flags, &requests)) {
        let got = answer["ok"] == true;
        let kind = answer["error"]["kind"].as_str().unwrap_or_default();
        let fits = match said {
            Judged::Allowed { path } if got && asked.access == "read" => {
                fs::read(path).is_ok_and(|expected| expected == data(&answer))
            }
            Judged::Allowed { .. } if got => answer["entries"].is_array(),
            Judged::Allowed { .. } => matches!(kind, "is-directory" | "not-directory" | "too-large"),
            Judged::Denied { .. } | Judged::Missing => !got,
        };
        if !fits {
            return Err(format!("{} {:?}: the guard said {said:?} and did {answer}", asked.access, asked.path));
        }
    }
    Ok(())
}

/// The bytes in an answer; none when there are none.
pub(super) fn data(answer: &Value) -> Vec<u8> {
    STANDARD.decode(answer["data"].as_str().unwrap_or_default()).expect("base64")
}

/// Writes to every path through the guard, asking before each, and sees that what it refused did not change.
///
/// # Errors
/// The first disagreement, or the first change.
pub(super) fn write_all(scene: &Scene, flags: &[String], asked: &[Asked]) -> Result<(), String> {
    let before = contents(&scene.root);
    let wanted: Vec<&Asked> = asked.iter().filter(|asked| asked.access == "write").collect();
    let writing = |asked: &Asked| json!({"op": "write", "path": asked.path, "text": "written\n", "parents": true});
    let requests: Vec<Value> = wanted.iter().flat_map(|asked| [checking(asked), writing(asked)]).collect();
    let answers = serve(scene, flags, &requests);
    let mut written = Vec::new();
    for (asked, pair) in wanted.iter().zip(answers.chunks_exact(2)) {
        let (said, did) = (judged(&pair[0]), &pair[1]);
        let kind = did["error"]["kind"].as_str().unwrap_or_default();
        let fits = match (&said, did["ok"] == true) {
            (Judged::Allowed { path }, true) => {
                written.push(path.clone());
                true
            }
            (Judged::Allowed { .. }, false) => matches!(kind, "is-directory" | "not-directory"),
            (Judged::Denied { .. } | Judged::Missing, wrote) => !wrote,
        };
        if !fits {
            return Err(format!("write {:?}: the guard said {said:?} and did {did}", asked.path));
        }
    }
    let after = contents(&scene.root);
    for path in before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path).map(|found| &found.1) != after.get(*path).map(|found| &found.1))
    {
        // A file that is only hidden may have a second name in the workspace: docs/known-gaps.md.
        let is_second_name = |other: &PathBuf| before.get(other).zip(before.get(path)).is_some_and(|(a, b)| a.0 == b.0);
        if !written.contains(path) && !written.iter().any(is_second_name) {
            return Err(format!("{} changed although nobody was allowed to write it", path.display()));
        }
    }
    for path in written {
        if after.get(&path).is_none_or(|content| content.1 != b"written\n") {
            return Err(format!("{} does not hold what was written", path.display()));
        }
    }
    Ok(())
}

/// Every file below `root` with its inode number and content; the programs put there apart.
fn contents(root: &Path) -> BTreeMap<PathBuf, (u64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let facts = entry.metadata().expect("an entry");
            if facts.is_dir() {
                folders.push(entry.path());
            } else if facts.is_file() && facts.size() < 1 << 16 {
                found.insert(entry.path(), (facts.ino(), fs::read(entry.path()).expect("a file")));
            }
        }
    }
    found
}
