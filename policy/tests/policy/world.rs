//! A host in memory: files with owners and modes, and the folders above them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use lobsterpot_policy::{FileFacts, Folder, LoadRequest, Places, Policy, PolicyError, Reader, load};

/// The user's policy file.
pub(crate) const USER: &str = "/home/me/.config/lobsterpot/policy.toml";

/// The system's policy file.
pub(crate) const SYSTEM: &str = "/etc/lobsterpot/policy.toml";

/// The workspace's policy file.
pub(crate) const WORKSPACE: &str = "/home/me/work/.lobsterpot.toml";

/// Files by path.
#[derive(Default)]
pub(crate) struct World {
    /// What reading a path gives.
    files: BTreeMap<PathBuf, FileFacts>,
}

impl Reader for World {
    fn read(&self, path: &Path) -> io::Result<Option<FileFacts>> {
        Ok(self.files.get(path).cloned())
    }
}

impl World {
    /// A host with one well-kept file.
    pub(crate) fn with(path: &str, text: &str) -> Self {
        Self::default().and(path, text)
    }

    /// The same host with one more well-kept file.
    pub(crate) fn and(self, path: &str, text: &str) -> Self {
        self.and_changed(path, text, |_| ())
    }

    /// The same host with a file that is not as it should be.
    pub(crate) fn and_changed(mut self, path: &str, text: &str, change: impl FnOnce(&mut FileFacts)) -> Self {
        let uid = if path.starts_with("/home/me") { 1000 } else { 0 };
        let owner = |folder: &Path| if folder.starts_with("/home/me") { 1000 } else { 0 };
        let above = Path::new(path).ancestors().skip(1);
        let mut parents: Vec<Folder> =
            above.map(|folder| Folder { path: folder.into(), mode: 0o755, uid: owner(folder) }).collect();
        parents.reverse();
        let mut facts =
            FileFacts { bytes: text.into(), mode: 0o644, uid, resolved_path: path.into(), symlink: false, parents };
        change(&mut facts);
        self.files.insert(path.into(), facts);
        self
    }

    /// Loads with all standard files.
    ///
    /// # Errors
    /// When one of them is refused.
    pub(crate) fn load(&self) -> Result<Policy, PolicyError> {
        load(&request(), self)
    }
}

/// The usual host's folders.
pub(crate) fn places() -> Places {
    Places {
        home: "/home/me".into(),
        homes: vec!["/home/me".into()],
        uid: 1000,
        workspaces: vec!["/home/me/work".into()],
        ..Places::default()
    }
}

/// A request that names all standard files.
pub(crate) fn request() -> LoadRequest {
    LoadRequest {
        system: Some(SYSTEM.into()),
        user: Some(USER.into()),
        workspace_files: vec![WORKSPACE.into()],
        places: places(),
        ..LoadRequest::default()
    }
}
