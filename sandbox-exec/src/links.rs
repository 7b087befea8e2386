//! Hard links planted beforehand: a mask or a protection covers a name, and a second name of the same file would not be covered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::Places;
use lobsterpot_policy::enforcers::{HARD_LINK_DEPTH, HARD_LINK_ENTRIES, is_key_store, is_sample};

use crate::host::Kind;
use crate::obstacle::settled_io;
use crate::probe::Probe;
use crate::rules::Rules;
use crate::step::{Failure, Step, Stepped};

/// Finds second names of masked and protected files in the workspaces; keyed by the masked or protected path.
///
/// Only when such a file has more than one name is anything searched.
///
/// # Errors
/// A folder or file that could not be looked at.
pub(crate) fn find(probe: &Probe, rules: &Rules, places: &Places) -> Result<BTreeMap<PathBuf, PathBuf>, Failure> {
    let mut wanted: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
    let masked = rules.mask.iter().flat_map(|rule| rule.found.iter());
    let protected = rules.protect.iter().flat_map(|rule| rule.found.iter());
    for (path, fact) in protected.filter_map(|path| Some((path, probe.facts.get(path.as_os_str())?))) {
        match fact.kind {
            Kind::File if fact.names > 1 => {
                wanted.insert(fact.identity, path.clone());
            }
            Kind::Folder => collect(path, path, HARD_LINK_DEPTH - 1, &mut wanted)?,
            Kind::File | Kind::Socket | Kind::Other => {}
        }
    }
    for (path, fact) in masked.filter_map(|path| Some((path, probe.facts.get(path.as_os_str())?))) {
        match fact.kind {
            Kind::File if fact.names > 1 => {
                wanted.insert(fact.identity, path.clone());
            }
            Kind::Folder if is_key_store(path) => collect(path, path, 0, &mut wanted)?,
            Kind::File | Kind::Folder | Kind::Socket | Kind::Other => {}
        }
    }
    let mut links = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(links);
    }
    for workspace in &places.workspaces {
        search(workspace, &wanted, &mut links)?;
    }
    Ok(links)
}

/// What is right in `folder`; nothing when the sandbox could not list it either.
///
/// # Errors
/// When it cannot be listed.
fn list(folder: &Path, most: usize) -> Result<Vec<DirEntry>, Failure> {
    let Some(entries) = settled_io(std::fs::read_dir(folder)).step_at(Step::Look, folder)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in entries.take(most) {
        found.extend(settled_io(entry).step_at(Step::Look, folder)?);
    }
    Ok(found)
}

/// What `entry` is, while it is there.
///
/// # Errors
/// When it cannot be looked at.
fn look(entry: &DirEntry) -> Result<Option<Metadata>, Failure> {
    settled_io(entry.metadata()).step_at(Step::Look, entry.path())
}

/// Collects the files below `folder` with more than one name.
///
/// # Errors
/// What could not be looked at.
fn collect(
    folder: &Path,
    mask: &Path,
    depth: usize,
    wanted: &mut BTreeMap<(u64, u64), PathBuf>,
) -> Result<(), Failure> {
    for entry in list(folder, HARD_LINK_ENTRIES)? {
        if is_sample(&entry.file_name()) {
            continue;
        }
        let Some(metadata) = look(&entry)? else { continue };
        if metadata.is_dir() && depth < HARD_LINK_DEPTH {
            collect(&entry.path(), mask, depth + 1, wanted)?;
        } else if metadata.is_file() && metadata.nlink() > 1 {
            wanted.insert((metadata.dev(), metadata.ino()), mask.to_owned());
        }
    }
    Ok(())
}

/// Searches `root` for files among `wanted`.
///
/// # Errors
/// What could not be looked at.
fn search(
    root: &Path,
    wanted: &BTreeMap<(u64, u64), PathBuf>,
    links: &mut BTreeMap<PathBuf, PathBuf>,
) -> Result<(), Failure> {
    let mut waiting = vec![root.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        for entry in list(&folder, usize::MAX)? {
            let Some(metadata) = look(&entry)? else { continue };
            let identity = (metadata.dev(), metadata.ino());
            if metadata.is_dir() && seen.insert(identity) {
                waiting.push(entry.path());
            } else if let Some(masked) = wanted.get(&identity).filter(|masked| !entry.path().starts_with(masked)) {
                links.insert(masked.clone(), entry.path());
            }
        }
    }
    Ok(())
}
