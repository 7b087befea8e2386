//! How folders are reached, and what is in them: asked once for each, and answered from the listing of the folder around it where
//! there is one, so that most of the names in a policy cost no call of the kernel.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use rustc_hash::FxHashMap;

use super::facts::settled_io;
use super::handle::Root;
use super::index::split;

/// The names in a folder, and whether each is a symbolic link.
pub(super) type Listing = FxHashMap<OsString, Link>;

/// Whether a name is a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// The file system does not tell.
    Unknown,
}

/// How a folder is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Without a symbolic link.
    Straight,
    /// Through one, or nobody knows.
    Crooked,
    /// Not at all: it does not exist.
    Missing,
}

/// What is known of folders.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// What is in them; `None` when they cannot be listed.
    listings: FxHashMap<OsString, Option<Rc<Listing>>>,
    /// How they are reached.
    ways: FxHashMap<OsString, Way>,
    /// One that could not be listed, for a reason that the sandbox would not meet.
    pub(super) unlisted: Option<PathBuf>,
}

impl Survey {
    /// How `folder` is reached, if that is known without asking the kernel.
    pub(super) fn known(&self, folder: &Path) -> Option<Way> {
        if let Some(way) = self.ways.get(folder.as_os_str()) {
            return Some(*way);
        }
        let (holder, name) = split(folder);
        if name.is_empty() {
            return None;
        }
        match self.known(Path::new(holder))? {
            Way::Missing => Some(Way::Missing),
            // Whatever it is, it lies behind a link, or is not there.
            Way::Crooked => None,
            Way::Straight => match self.listings.get(holder)?.as_ref()?.get(name) {
                None => Some(Way::Missing),
                Some(Link::No) => Some(Way::Straight),
                Some(Link::Yes) => Some(Way::Crooked),
                Some(Link::Unknown) => None,
            },
        }
    }

    /// How `folder` is reached.
    pub(super) fn way(&mut self, root: &Root, folder: &Path) -> Way {
        let way = self.known(folder).unwrap_or_else(|| match root.straight(folder) {
            Ok(_) => Way::Straight,
            Err(Errno::ENOENT | Errno::ENOTDIR) => Way::Missing,
            Err(_) => Way::Crooked,
        });
        self.ways.insert(folder.as_os_str().to_owned(), way);
        way
    }

    /// What is in `folder`; `None` when it cannot be listed.
    pub(super) fn list(&mut self, folder: &Path) -> Option<Rc<Listing>> {
        if let Some(listing) = self.listings.get(folder.as_os_str()) {
            return listing.clone();
        }
        let listing = names_in(folder).unwrap_or_else(|_| {
            self.unlisted.get_or_insert_with(|| folder.to_owned());
            None
        });
        let listing = listing.map(Rc::new);
        self.listings.insert(folder.as_os_str().to_owned(), listing.clone());
        listing
    }
}

/// The names in `folder`; `None` when the caller may not list it, or it is not there.
///
/// # Errors
/// When nobody knows.
fn names_in(folder: &Path) -> Result<Option<Listing>, Errno> {
    let mut names = Listing::default();
    let Some(entries) = settled_io(std::fs::read_dir(folder))? else { return Ok(None) };
    for entry in entries {
        let Some(entry) = settled_io(entry)? else { return Ok(None) };
        let link = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => Link::Yes,
            Ok(_) => Link::No,
            Err(_) => Link::Unknown,
        };
        names.insert(entry.file_name(), link);
    }
    Ok(Some(names))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_listing_answers_as_the_kernel_does() {
        let tree = tempfile::tempdir().unwrap();
        let base = tree.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("a/b")).unwrap();
        std::fs::write(base.join("a/file"), "").unwrap();
        symlink("a", base.join("link")).unwrap();
        symlink("nowhere", base.join("dangling")).unwrap();
        let root = Root::open().unwrap();
        let mut listed = Survey::default();
        assert_eq!(listed.way(&root, &base), Way::Straight);
        assert_eq!(listed.list(&base).unwrap().len(), 3);
        // Only what lies right below is answered from the listing.
        assert_eq!(listed.known(&base.join("none/x/y")), Some(Way::Missing));
        assert_eq!((listed.known(&base.join("a/b")), listed.known(&base.join("link/b"))), (None, None));
        for name in ["a", "a/b", "a/file", "a/file/x", "a/none/x", "link", "link/b", "dangling", "none", "none/x/y"] {
            let asked = Survey::default().way(&root, &base.join(name));
            assert_eq!(listed.way(&root, &base.join(name)), asked, "{name}");
        }
    }
}
