//! The policy's path rules by the path that they name, so that a path is judged by a few look-ups rather than by every rule.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{Places, Policy, Purpose, ResolvedPattern, Rule, Segment};
use rustc_hash::FxHashMap;

/// Which list of the policy a rule is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// `files.mask`.
    Mask,
    /// `files.protect`.
    Protect,
    /// `files.read`.
    Read,
    /// `files.write`.
    Write,
    /// `files.scratch`.
    Scratch,
}

/// One rule, by its place in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The list.
    pub(super) list: List,
    /// The rule's number in the list.
    pub(super) rule: usize,
    /// Whether it names one path, without wildcards.
    pub(super) literal: bool,
}

/// A rule with wildcards.
#[derive(Clone, Debug)]
pub(super) struct Wild {
    /// The pattern.
    pub(super) pattern: ResolvedPattern,
    /// The rule.
    pub(super) entry: Entry,
}

/// Every rule about paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Rules without wildcards: by the folder, and the names in it.
    pub(super) folders: FxHashMap<OsString, Vec<(OsString, Entry)>>,
    /// Rules with wildcards.
    pub(super) wild: Vec<Wild>,
}

impl Index {
    /// The rules of `policy`. What is protected is protected in every one of `roots`, the folders that may be written.
    pub(super) fn new(policy: &Policy, places: &Places, roots: &[PathBuf]) -> Self {
        let mut index = Self::default();
        let files = &policy.files;
        let around = Places { workspaces: roots.to_vec(), ..places.clone() };
        index.add(List::Mask, &files.mask, places, Purpose::Restrict);
        index.add(List::Protect, &files.protect, &around, Purpose::Restrict);
        index.add(List::Read, &files.read, places, Purpose::Grant);
        index.add(List::Write, &files.write, places, Purpose::Grant);
        index.add(List::Scratch, &files.scratch, places, Purpose::Grant);
        index
    }

    /// Adds one list.
    fn add(&mut self, list: List, rules: &[Rule], places: &Places, purpose: Purpose) {
        let bases = places.all_bases(purpose);
        for (rule, one) in rules.iter().enumerate() {
            one.pattern.resolve_in(&bases, &mut |pattern| self.add_one(pattern, list, rule));
        }
    }

    /// Adds what the rule `rule` of `list` stands for.
    fn add_one(&mut self, pattern: ResolvedPattern, list: List, rule: usize) {
        let entry = Entry { list, rule, literal: pattern.literal().is_some() };
        match pattern.literal() {
            Some(path) => {
                let (folder, name) = split(path);
                let names = match self.folders.get_mut(folder) {
                    Some(names) => names,
                    None => self.folders.entry(folder.to_owned()).or_default(),
                };
                names.push((name.to_owned(), entry));
            }
            // The launcher's scratch folders are those that are named in full.
            None if list == List::Scratch => {}
            None => self.wild.push(Wild { pattern, entry }),
        }
    }

    /// The rules that name exactly `path`.
    pub(super) fn hits<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = Entry> + 'a {
        let (folder, name) = split(path);
        let named = self.folders.get(folder).into_iter().flatten();
        let literal = named.filter(move |(other, _)| other == name).map(|(_, entry)| *entry);
        let wild = self.wild.iter().filter(move |wild| {
            lies_in(path, wild.pattern.prefix()) && may_be_named(name, &wild.pattern) && wild.pattern.matches(path)
        });
        literal.chain(wild.map(|wild| wild.entry))
    }

    /// Rules of `list` that name one path below `folder`, with that path.
    pub(super) fn below<'a>(&'a self, folder: &'a Path, list: List) -> impl Iterator<Item = (PathBuf, Entry)> + 'a {
        let held = self.folders.iter().filter(move |(holder, _)| lies_in(Path::new(holder), folder));
        held.flat_map(move |(holder, names)| {
            let named = names.iter().filter(move |(_, entry)| entry.list == list);
            named.map(move |(name, entry)| (Path::new(holder).join(name), *entry))
        })
    }
}

/// Whether the last segment of `pattern` lets a path end in `name`: settles most cases before the whole path is compared.
fn may_be_named(name: &OsStr, pattern: &ResolvedPattern) -> bool {
    pattern.tail().last().is_none_or(|last: &Segment| last.matches(name))
}

/// The folder that holds `path`, and its name there; the root has neither.
pub(super) fn split(path: &Path) -> (&OsStr, &OsStr) {
    let bytes = path.as_os_str().as_bytes();
    let slash = bytes.iter().rposition(|&byte| byte == b'/').unwrap_or_default();
    let (folder, name) = bytes.split_at(slash);
    let name = name.strip_prefix(b"/").unwrap_or(name);
    let folder = if folder.is_empty() && !name.is_empty() { b"/" } else { folder };
    (OsStr::from_bytes(folder), OsStr::from_bytes(name))
}

/// Whether `path` is `folder` or lies in it. Both must be absolute and clean.
pub(super) fn lies_in(path: &Path, folder: &Path) -> bool {
    let (path, folder) = (path.as_os_str().as_bytes(), folder.as_os_str().as_bytes());
    match path.strip_prefix(folder) {
        Some([]) => true,
        Some([first, ..]) => *first == b'/' || folder == b"/",
        None => false,
    }
}

/// `path` and every folder that holds it, innermost first.
pub(super) fn ancestors(path: &Path) -> impl Iterator<Item = &Path> {
    std::iter::successors(Some(path), |path| {
        let (folder, name) = split(path);
        (!name.is_empty()).then(|| Path::new(folder))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_as_the_standard_library_does() {
        for path in ["/", "/a", "/a/b", "/a/b c/.d"] {
            let path = Path::new(path);
            let (folder, name) = split(path);
            assert_eq!((path.parent().map(Path::as_os_str), path.file_name()), {
                let is_root = name.is_empty();
                ((!is_root).then_some(folder), (!is_root).then_some(name))
            });
            assert!(ancestors(path).eq(path.ancestors()), "{}", path.display());
        }
    }

    #[test]
    fn a_name_that_begins_alike_does_not_lie_inside() {
        assert!(lies_in(Path::new("/a/b"), Path::new("/a")) && lies_in(Path::new("/a"), Path::new("/")));
        assert!(!lies_in(Path::new("/ab"), Path::new("/a")) && !lies_in(Path::new("/"), Path::new("/a")));
    }
}
