//! What a test may not leave behind: processes and mounts that know its folder.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Gives everything that refers to `folder` a moment to go.
///
/// # Errors
/// Says what is left.
pub(crate) fn wait_until_gone(folder: &Path) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(4);
    loop {
        let left = processes(folder).or_else(|| mounts(folder));
        match left {
            None => return Ok(()),
            Some(what) if Instant::now() > deadline => return Err(what),
            Some(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A process whose root, working folder or program lies in `folder`.
fn processes(folder: &Path) -> Option<String> {
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let leads_there = ["cwd", "root", "exe"]
            .iter()
            .any(|name| fs::read_link(entry.path().join(name)).is_ok_and(|target| target.starts_with(folder)));
        if leads_there {
            let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default().replace('\0', " ");
            return Some(format!("process {} is left: {command}", entry.file_name().display()));
        }
    }
    None
}

/// A mount of this namespace in `folder`.
fn mounts(folder: &Path) -> Option<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let folder = folder.to_str()?;
    table.lines().find(|line| line.contains(folder)).map(|line| format!("a mount is left: {line}"))
}
