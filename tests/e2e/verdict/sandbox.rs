//! What a process in the sandbox meets.

use super::{Asked, Run, Scene};
use crate::harness::scene::put;
use std::path::PathBuf;

/// The launcher's status when a file of the host is not as it must be.
const NO_INPUT: i32 = 66;

/// What a process met at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Met {
    /// A file or folder, by device and inode number.
    Reached(u64, u64),
    /// What was missing could be made, in the folder with this device and inode number, so that the path ends here.
    Created(u64, u64, PathBuf),
    /// A pipe, a device or a socket.
    Special,
    /// An error.
    Failed(i32),
}

/// Why nobody met anything.
#[derive(Debug)]
pub(super) struct Refused {
    /// The link because of which the launcher does not start.
    pub(super) link: PathBuf,
    /// What the guard must refuse of it, since a process would get at something masked or protected.
    pub(super) harmful: &'static [&'static str],
}

/// Has a sandboxed process try all of `asked`.
///
/// # Errors
/// When the launcher refuses to start because of a link: a second name for a file that is masked or protected, or a protected
/// name that leads to a workspace itself.
pub(super) fn meet(scene: &Scene, flags: &[String], asked: &[Asked]) -> Result<Vec<Met>, Refused> {
    let input: Vec<u8> =
        asked.iter().flat_map(|asked| format!("{}\0{}\0", asked.access, asked.path).into_bytes()).collect();
    // In the workspace: a world may well have all of the home folder masked, by a link.
    let attack = scene.at_work("attack");
    if !attack.exists() {
        put(&scene.attack(), &attack);
    }
    let run = Run::new(&[attack.as_os_str(), "experience".as_ref()]).flags(flags).workspaces(&[]).input(&input);
    let outcome = scene.sandboxed(&run);
    if outcome.status == NO_INPUT {
        let complaint = outcome.err();
        let reasons: [(&str, &[&str]); 2] =
            [("\" is a hard link to", &["read", "write"]), ("\" is a protected name and leads to", &["write"])];
        let link = reasons.into_iter().find_map(|(words, harmful)| {
            let (before, _) = complaint.split_once(words)?;
            Some(Refused { link: PathBuf::from(before.split_once('"')?.1), harmful })
        });
        return Err(link.unwrap_or_else(|| panic!("another refusal: {outcome}")));
    }
    let output = outcome.ok();
    let (_, report) = output.split_once("GOT \n").unwrap_or_else(|| panic!("no report: {output}"));
    let met: Vec<Met> = report.lines().map(one).collect();
    assert_eq!(met.len(), asked.len(), "one answer for each question: {output}");
    Ok(met)
}

/// Reads one line of the report.
fn one(line: &str) -> Met {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).expect("a number");
    match words.first().copied() {
        Some("reached") => Met::Reached(number(1), number(2)),
        Some("created") => Met::Created(number(1), number(2), line.splitn(4, ' ').nth(3).expect("a path").into()),
        Some("special") => Met::Special,
        Some("failed") => Met::Failed(i32::try_from(number(1)).expect("an errno")),
        _ => panic!("not a report: {line}"),
    }
}
