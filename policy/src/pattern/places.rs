//! The host's folders that patterns are relative to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Anchor, XDG_NAMES};

/// What `~`, the XDG variables and relative patterns mean on this host. Every path is absolute and free of symbolic links.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// The home folder that grants mean.
    pub home: PathBuf,
    /// Every home folder that restrictions must cover: what `$HOME` says and what the user database says.
    pub homes: Vec<PathBuf>,
    /// The values of `XDG_CONFIG_HOME` and its siblings by name, the one that grants mean first. Defaults need not be listed.
    pub xdg: BTreeMap<String, Vec<PathBuf>>,
    /// The caller's user id.
    pub uid: u32,
    /// The workspaces.
    pub workspaces: Vec<PathBuf>,
}

/// What a pattern is resolved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To allow something: the main value of every folder.
    Grant,
    /// To forbid something: every value that a folder may have.
    Restrict,
}

/// The folders that every kind of pattern is relative to on one host, worked out once for all the rules of a policy.
#[derive(Debug, Clone)]
pub struct Bases {
    /// For the root, the home folder, the workspaces, and the XDG variables in their order.
    folders: [Vec<PathBuf>; 3 + XDG_NAMES.len()],
}

impl Bases {
    /// The folders that `anchor` stands for.
    pub(super) fn of(&self, anchor: Anchor) -> &[PathBuf] {
        let place = match anchor {
            Anchor::Root => 0,
            Anchor::Home => 1,
            Anchor::Workspace => 2,
            Anchor::Xdg(index) => 3 + usize::from(index),
        };
        self.folders.get(place).map_or(&[], Vec::as_slice)
    }
}

impl Places {
    /// What patterns are relative to.
    #[must_use]
    pub fn all_bases(&self, purpose: Purpose) -> Bases {
        let of = |anchor| self.bases(anchor, purpose);
        let xdg = |index| of(Anchor::Xdg(index));
        Bases {
            folders: [
                of(Anchor::Root),
                of(Anchor::Home),
                of(Anchor::Workspace),
                xdg(0),
                xdg(1),
                xdg(2),
                xdg(3),
                xdg(4),
            ],
        }
    }

    /// A variable's value with a leading `~/` or `$XDG_…/` replaced by the folder that grants mean; anything else as it is.
    #[must_use]
    pub fn expand(&self, value: &str) -> OsString {
        let anchored = value.starts_with("~/") || value.starts_with("$XDG_");
        let split = if anchored { super::split_anchor(value).ok() } else { None };
        let base =
            split.and_then(|(anchor, rest)| Some((self.bases(anchor, Purpose::Grant).into_iter().next()?, rest)));
        match base {
            None => OsString::from(value),
            Some((base, "")) => base.into_os_string(),
            Some((base, rest)) => base.join(rest).into_os_string(),
        }
    }

    /// The folders that `anchor` stands for.
    pub(super) fn bases(&self, anchor: Anchor, purpose: Purpose) -> Vec<PathBuf> {
        match anchor {
            Anchor::Root => vec![PathBuf::from("/")],
            Anchor::Home => self.home_folders(purpose).map(Path::to_path_buf).collect(),
            Anchor::Xdg(index) => self.xdg_folders(usize::from(index), purpose),
            Anchor::Workspace => self.workspaces.clone(),
        }
    }

    /// The home folders, each once.
    pub(crate) fn home_folders(&self, purpose: Purpose) -> impl Iterator<Item = &Path> {
        let others = match purpose {
            Purpose::Grant => [].as_slice(),
            Purpose::Restrict => self.homes.as_slice(),
        };
        let main = (!self.home.as_os_str().is_empty()).then_some(self.home.as_path());
        main.into_iter().chain(others.iter().filter(|home| **home != self.home).map(PathBuf::as_path))
    }

    /// The values of one XDG variable, each once.
    fn xdg_folders(&self, index: usize, purpose: Purpose) -> Vec<PathBuf> {
        let name = XDG_NAMES.get(index).copied().unwrap_or_default();
        let stated = self.xdg.get(name).into_iter().flatten().filter(|folder| folder.is_absolute()).cloned();
        let default: Vec<PathBuf> = match name {
            "XDG_CONFIG_HOME" => self.home_folders(purpose).map(|home| home.join(".config")).collect(),
            "XDG_DATA_HOME" => self.home_folders(purpose).map(|home| home.join(".local/share")).collect(),
            "XDG_CACHE_HOME" => self.home_folders(purpose).map(|home| home.join(".cache")).collect(),
            "XDG_STATE_HOME" => self.home_folders(purpose).map(|home| home.join(".local/state")).collect(),
            _ => vec![PathBuf::from(format!("/run/user/{}", self.uid))],
        };
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in stated.chain(default) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        if purpose == Purpose::Grant {
            folders.truncate(1);
        }
        folders
    }
}
