//! What a test may not leave behind: processes and mounts that know its folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the kernel may take to end processes and to take mounts away, for a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Gives everything that refers to `folder` a moment to go.
///
/// # Errors
/// Says what is left.
pub(crate) fn wait_until_gone(folder: &Path) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = processes(folder).or_else(|| mounts(folder));
        match left {
            None => return Ok(()),
            Some(what) if Instant::now() > deadline => return Err(what),
            Some(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Ends what a failed test has left running in its own folder. A launcher takes its sandbox with it.
pub(crate) fn end(folder: &Path) {
    for process in within(folder) {
        let number = process.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        if let Some(number) = number {
            // One that has ended meanwhile is none the less ended.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(number), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// A process whose root, working folder or program lies in `folder`.
fn processes(folder: &Path) -> Option<String> {
    let process = within(folder).next()?;
    let command = fs::read_to_string(process.join("cmdline")).unwrap_or_default().replace('\0', " ");
    Some(format!("process {} is left: {command}", process.display()))
}

/// The folders in `/proc` of all processes whose root, working folder or program lies in `folder`.
fn within(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(move |process| {
        let leads_there = |name| fs::read_link(process.join(name)).is_ok_and(|target| target.starts_with(folder));
        ["cwd", "root", "exe"].into_iter().any(leads_there)
    })
}

/// A mount of this namespace in `folder`.
fn mounts(folder: &Path) -> Option<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let folder = folder.to_str()?;
    table.lines().find(|line| line.contains(folder)).map(|line| format!("a mount is left: {line}"))
}
