//! What a run left in its workspace: every name with its kind, mode and content.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Permission bits.
const MODE: u32 = 0o7777;

/// Every name below a folder, and what it is: kind, mode and a digest of the content, as one word each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Looks at a folder; of names that `varies` fits, the content is left out, and names that `comes_and_goes` fits are left out.
    pub(super) fn of(top: &Path, varies: &[&str], comes_and_goes: &[&str]) -> Self {
        let mut found = BTreeMap::new();
        let mut folders = vec![top.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder").flatten() {
                let place = entry.path();
                let name = place.strip_prefix(top).expect("below it").to_string_lossy().into_owned();
                if comes_and_goes.iter().any(|pattern| fits(pattern, &name)) {
                    continue;
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(place.clone());
                }
                let varies = varies.iter().any(|pattern| fits(pattern, &name));
                found.insert(name, describe(&place, varies));
            }
        }
        Self(found)
    }

    /// The names in which two trees differ, with what each has there.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let show = |tree: &Self, name: &String| tree.0.get(name).map_or_else(|| "nothing".to_owned(), String::clone);
        let differ = |name: &&String| self.0.get(*name) != other.0.get(*name);
        names
            .into_iter()
            .filter(differ)
            .map(|name| format!("{name}: {} / {}", show(self, name), show(other, name)))
            .collect()
    }
}

/// One name: what it is, how many names it has, its mode, and its content unless that varies.
fn describe(place: &Path, varies: bool) -> String {
    let facts = fs::symlink_metadata(place).expect("it is there");
    let kind = facts.file_type();
    let mode = facts.mode() & MODE;
    if kind.is_symlink() {
        let target = fs::read_link(place).expect("a link");
        format!("link to {}", if varies { "…".into() } else { target.to_string_lossy() })
    } else if kind.is_file() {
        let content = if varies { "…".to_owned() } else { digest(place) };
        format!("file {mode:o} of {} names, {content}", facts.nlink())
    } else if kind.is_dir() {
        format!("folder {mode:o}")
    } else if kind.is_socket() {
        format!("socket {mode:o}")
    } else {
        format!("special file {mode:o}")
    }
}

/// The length and a digest of a file's content.
fn digest(place: &Path) -> String {
    let content = fs::read(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{} bytes {:016x}", content.len(), hasher.finish())
}

/// Whether a name fits a pattern, in which `*` stands for any characters, `/` among them.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn patterns_stand_for_any_characters() {
    for (pattern, name, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab/c", true),
        ("*.d", "x/y.d", true),
        ("a*b*c", "a1b2c", true),
        ("a*b*c", "a1c", false),
        ("*", "", true),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn trees_differ_by_content_mode_and_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("d")).expect("a folder");
    fs::write(place("d/f"), "one").expect("a file");
    let look = || Tree::of(folder.path(), &["*.log"], &["gone*"]);
    let before = look();
    fs::write(place("gone.txt"), "x").expect("a file");
    assert_eq!(look(), before, "left out");
    fs::write(place("d/f"), "two").expect("a file");
    assert_eq!(look().differences(&before).len(), 1);
    fs::write(place("d/f"), "one").expect("a file");
    fs::set_permissions(place("d/f"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("its mode");
    assert_eq!(look().differences(&before).len(), 1);
    fs::remove_file(place("d/f")).expect("removed");
    std::os::unix::fs::symlink("x", place("d/f")).expect("a link");
    assert_eq!(look().differences(&before).len(), 1);
}
