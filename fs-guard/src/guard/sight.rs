//! What the sandbox shows at one path: a part of the host, a private folder, or nothing.
//!
//! The launcher makes mounts; this asks the same questions for one path at a time, in the same order: home, `read`, `scratch`,
//! `write`, workspaces; then masks over all of it; then protections in what can be written. See `plan/views.rs` of the launcher.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lobsterpot_policy::HomeView;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlink, readlinkat};
use nix::sys::stat::{Mode, fstat};

use super::Guard;
use super::expand;
use super::facts::{Cause, Facts};
use super::handle::{Found, Kind, look};
use super::index::{Entry, List, ancestors, lies_in, split};

/// What is shown at a path and, where nothing else is said, at everything below it.
#[derive(Clone, Debug)]
pub(super) enum Region {
    /// Not the host's: a folder that the launcher makes.
    Made(Made),
    /// The host's own files.
    Host(Host),
}

/// Why a folder is not the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// It lies on the way to something.
    OnTheWay,
    /// It is private, and thrown away.
    Scratch,
    /// A mask covers it.
    Masked(Entry),
    /// It is of the kernel's making: `/proc`, `/dev` and the like.
    Special,
}

/// A part of the host.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// Whether it may be written.
    pub(super) writing: Writing,
    /// Where it lies on the host when that is elsewhere.
    elsewhere: Option<Rc<Elsewhere>>,
}

/// Whether files may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// They may, because of a rule or because they are in a workspace.
    Allowed(Option<Entry>),
    /// They may only be read, because of a rule or because they are in the home folder.
    ReadOnly(Option<Entry>),
    /// They are protected.
    Protected(Cause),
}

/// A part of the host that is shown at another path.
#[derive(Debug)]
struct Elsewhere {
    /// The path at which it is shown.
    shown: PathBuf,
    /// Where it lies.
    real: PathBuf,
}

/// What begins at a path.
#[derive(Debug)]
pub(super) enum Begin {
    /// Another region, with what lies there when it is the host's.
    Region(Region, Option<Found>),
    /// A symbolic link in the sandbox's own root.
    Link(PathBuf),
}

impl Host {
    /// Where `path` lies on the host.
    pub(super) fn real(&self, path: &Path) -> PathBuf {
        let Some(elsewhere) = &self.elsewhere else { return path.to_owned() };
        match path.strip_prefix(&elsewhere.shown) {
            Ok(rest) if rest.as_os_str().is_empty() => elsewhere.real.clone(),
            Ok(rest) => elsewhere.real.join(rest),
            Err(_) => path.to_owned(),
        }
    }

    /// Whether its paths are those of the host.
    pub(super) fn is_in_place(&self) -> bool {
        self.elsewhere.is_none()
    }

    /// The same, written under other terms.
    pub(super) fn with(&self, writing: Writing) -> Self {
        Self { writing, elsewhere: self.elsewhere.clone() }
    }
}

/// A look at the sandbox.
#[derive(Clone, Debug)]
pub(super) struct Sight<'a> {
    /// The guard.
    pub(super) guard: &'a Guard,
    /// What names do not tell.
    pub(super) facts: Rc<Facts>,
}

impl Sight<'_> {
    /// The rules that name exactly `path`.
    pub(super) fn hits(&self, path: &Path) -> Vec<Entry> {
        self.guard.index.hits(path).collect()
    }

    /// What begins at `path`, which `hits` name and which lies in `around`; `None` when nothing does.
    ///
    /// # Errors
    /// The kernel's, when a workspace cannot be opened.
    pub(super) fn begin(&self, path: &Path, hits: &[Entry], around: &Region) -> Result<Option<Begin>, Errno> {
        let guard = self.guard;
        if guard.places.workspaces.iter().any(|workspace| workspace == path) {
            let found = Found::of(guard.root.straight(path)?)?;
            let host = Host { writing: Writing::Allowed(None), elsewhere: None };
            return Ok(Some(Begin::Region(Region::Host(host), Some(found))));
        }
        let hit = |list| hits.iter().find(|entry| entry.list == list).copied();
        if let Some(entry) = hit(List::Write)
            && let Some(begin) = self.grant(path, Writing::Allowed(Some(entry)), around)
        {
            return Ok(Some(begin));
        }
        if hit(List::Scratch).is_some() {
            return Ok(Some(Begin::Region(Region::Made(Made::Scratch), None)));
        }
        if let Some(entry) = hit(List::Read)
            && let Some(begin) = self.grant(path, Writing::ReadOnly(Some(entry)), around)
        {
            return Ok(Some(begin));
        }
        if guard.policy.files.home == HomeView::ReadOnly && path == guard.places.home {
            return Ok(self.grant(path, Writing::ReadOnly(None), around));
        }
        Ok(None)
    }

    /// What a rule that grants shows at `path`; `None` when it shows nothing, or nothing new.
    fn grant(&self, path: &Path, writing: Writing, around: &Region) -> Option<Begin> {
        let (real, found) = self.locate(path)?;
        let is_shown = matches!(found.kind(), Kind::File | Kind::Folder);
        if !is_shown || self.covered(path) || self.covered(&real) {
            return None;
        }
        // A command can have made a link where it may write, so nobody has granted what it leads to.
        if matches!(around, Region::Host(Host { writing: Writing::Allowed(_), .. })) && real != path {
            return None;
        }
        if let Some(text) = self.link_into_view(path, &real) {
            return Some(Begin::Link(text));
        }
        if let Region::Host(host) = around {
            let is_no_more = matches!(host.writing, Writing::Allowed(_)) || matches!(writing, Writing::ReadOnly(_));
            if is_no_more && host.real(path) == real && !self.narrows(path, host, writing) {
                return None;
            }
        }
        let elsewhere = (real != path).then(|| Rc::new(Elsewhere { shown: path.to_owned(), real }));
        Some(Begin::Region(Region::Host(Host { writing, elsewhere }), Some(found)))
    }

    /// Whether a rule makes a part of a workspace what it says: the launcher shows the workspace around it afterwards.
    fn narrows(&self, path: &Path, host: &Host, writing: Writing) -> bool {
        let files = &self.guard.policy.files;
        let at_home = files.home == HomeView::ReadOnly && lies_in(path, &self.guard.places.home);
        host.writing == Writing::Allowed(None) && !(at_home && matches!(writing, Writing::ReadOnly(_)))
    }

    /// Where `path` leads on the host, links followed, and what lies there.
    fn locate(&self, path: &Path) -> Option<(PathBuf, Found)> {
        let root = &self.guard.root;
        match root.straight(path) {
            Ok(handle) => Some((path.to_owned(), Found::of(handle).ok()?)),
            Err(Errno::ELOOP) => {
                let handle = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
                let real = real_path(&handle)?;
                // Opened again through no link, so that it is certain to be what lies at that path.
                let again = Found::of(root.straight(&real).ok()?).ok()?;
                let facts = fstat(&handle).ok()?;
                let is_same = (facts.st_dev, facts.st_ino) == (again.facts.st_dev, again.facts.st_ino);
                is_same.then_some((real, again))
            }
            Err(_) => None,
        }
    }

    /// Whether a mask lies on `path` or on a folder that holds it, so that nothing is granted there.
    fn covered(&self, path: &Path) -> bool {
        ancestors(path).any(|path| {
            let masks = self.guard.index.hits(path).any(|entry| entry.list == List::Mask);
            masks || self.facts.masked.contains_key(path.as_os_str())
        })
    }

    /// The text of `path` when it is a symbolic link right below the root whose target is shown anyway, such as `/bin`.
    fn link_into_view(&self, path: &Path, real: &Path) -> Option<PathBuf> {
        let (folder, name) = split(path);
        if folder != "/" || real == path {
            return None;
        }
        let link = look(&self.guard.root.folder().ok()?, name).ok()?;
        let text = readlinkat(&link.handle, Path::new("")).ok()?;
        let is_shown = ancestors(real).filter(|place| *place != path).any(|place| {
            let (hits, around) = (self.hits(place), Region::Made(Made::OnTheWay));
            matches!(self.begin(place, &hits, &around), Ok(Some(Begin::Region(Region::Host(_), _))))
        });
        is_shown.then(|| PathBuf::from(text))
    }

    /// Whether something is shown below `folder`, so that the launcher makes it.
    pub(super) fn is_on_the_way(&self, folder: &Path) -> bool {
        let guard = self.guard;
        if guard.places.workspaces.iter().any(|workspace| lies_in(workspace, folder)) {
            return true;
        }
        if guard.index.below(folder, List::Scratch).next().is_some() {
            return true;
        }
        if guard.policy.files.home == HomeView::ReadOnly && lies_in(&guard.places.home, folder) {
            return true;
        }
        let around = Region::Made(Made::OnTheWay);
        let shows = |path: &Path| matches!(self.begin(path, &self.hits(path), &around), Ok(Some(_)));
        let lists = [List::Read, List::Write];
        if lists.iter().any(|list| guard.index.below(folder, *list).any(|(path, _)| shows(&path))) {
            return true;
        }
        let wild = guard.index.wild.iter().filter(|wild| lists.contains(&wild.entry.list));
        wild.filter(|wild| lies_in(wild.pattern.prefix(), folder) || lies_in(folder, wild.pattern.prefix())).any(
            |wild| {
                let mut found = expand::Found::default();
                expand::all(&wild.pattern, &mut found);
                found.paths.iter().any(|path| path != folder && lies_in(path, folder) && shows(path))
            },
        )
    }

    /// The mask on exactly `path`, which exists and lies in `host`.
    pub(super) fn mask(&self, path: &Path, hits: &[Entry], host: &Host) -> Option<Entry> {
        if self.guard.places.workspaces.iter().any(|workspace| workspace == path) {
            return None;
        }
        let named = hits.iter().find(|entry| entry.list == List::Mask).copied();
        let led = |path: &Path| self.facts.masked.get(path.as_os_str()).copied();
        named.or_else(|| led(path)).or_else(|| if host.is_in_place() { None } else { led(&host.real(path)) })
    }

    /// What protects exactly `path`, which exists and is no link.
    pub(super) fn protection(&self, path: &Path, hits: &[Entry]) -> Option<Cause> {
        if self.facts.pointers.contains(path.as_os_str()) {
            return Some(Cause::Repository);
        }
        let named = hits.iter().find(|entry| entry.list == List::Protect).copied();
        named.map(Cause::Rule).or_else(|| self.facts.protected.get(path.as_os_str()).copied())
    }

    /// Whether `path` is git's own: at or below a `.git`, in whatever case, or in the folder that a workspace's `.git` leads to.
    ///
    /// A command may write there, through git, and what it leaves is judged when it ends. What a file tool writes there would be
    /// judged by nobody, and be taken by the next run for the person's own: a list of steps for `git rebase --continue`, an index.
    pub(super) fn is_gits(&self, path: &Path) -> bool {
        path.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(b".git"))
            || self.facts.repositories.iter().any(|folder| lies_in(path, folder))
    }

    /// What keeps `path` from coming into being.
    ///
    /// Wildcards guard nothing that does not exist, and neither does a mask of the workspace's own. The launcher lets `git init`
    /// make a new `.git` whole, with its hooks; no tool for files has a reason to.
    pub(super) fn reservation(&self, path: &Path, hits: &[Entry]) -> Option<Cause> {
        let guard = self.guard;
        guard.roots.iter().find(|root| lies_in(path, root))?;
        if self.facts.pointers.contains(path.as_os_str()) {
            return Some(Cause::Repository);
        }
        let is_guard = |entry: &Entry| match entry.list {
            List::Protect => entry.literal,
            List::Mask => {
                let rule = guard.policy.files.mask.get(entry.rule);
                entry.literal && rule.is_some_and(|rule| !rule.pattern.is_relative())
            }
            List::Read | List::Write | List::Scratch => false,
        };
        hits.iter().find(|entry| is_guard(entry)).copied().map(Cause::Rule)
    }

    /// The folder that the launcher makes at `path` to tell that it is masked, in a home folder that is hidden.
    pub(super) fn notice(&self, path: &Path, hits: &[Entry]) -> Option<Entry> {
        let (folder, _) = split(path);
        if Path::new(folder) != self.guard.places.home {
            return None;
        }
        let named = hits.iter().find(|entry| entry.list == List::Mask).copied();
        let entry = named.or_else(|| self.facts.masked.get(path.as_os_str()).copied())?;
        path.is_dir().then_some(entry)
    }
}

/// The path of an open file, as the kernel knows it.
fn real_path(handle: &OwnedFd) -> Option<PathBuf> {
    readlink(format!("/proc/self/fd/{}", handle.as_raw_fd()).as_str()).ok().map(PathBuf::from)
}
