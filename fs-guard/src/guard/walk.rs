//! Resolving a path as a process in the sandbox would: component by component, on descriptors.
//!
//! Links are expanded by hand, so that what they say is looked up in the sandbox's tree and not in the host's. `..` goes back to
//! the folder that was passed before: never to what the kernel takes for its parent. Where the sandbox shows nothing, the way ends.

mod end;

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lobsterpot_policy::Verdict;
use nix::errno::Errno;
use nix::fcntl::readlinkat;
use nix::sys::stat::FileStat;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

pub(super) use end::{End, Parent};

use super::facts::Cause;
use super::handle::{Found, Kind, look};
use super::index::Entry;
use super::sight::{Begin, Host, Made, Region, Sight, Writing};
use super::words::{LONGEST_NAME, intended};
use super::{LastLink, Refusal, Request, Spelling};

/// How many links one path may lead through: `path_resolution(7)`.
const LINKS: usize = 40;

/// One folder on the way.
#[derive(Debug)]
struct Place {
    /// What is shown there.
    region: Region,
    /// The folder, where it is the host's.
    folder: Option<Folder>,
    /// How long its path is.
    length: usize,
    /// Whether it is where something else begins to be shown.
    is_beginning: bool,
}

/// A folder of the host.
#[derive(Debug)]
struct Folder {
    /// A descriptor of it.
    handle: OwnedFd,
    /// Its facts.
    facts: FileStat,
}

/// A walk in progress.
pub(super) struct Walk<'a> {
    /// What is shown where.
    sight: Sight<'a>,
    /// What is asked.
    request: &'a Request,
    /// The folders passed, the root first.
    places: Vec<Place>,
    /// The path of the last of them.
    path: PathBuf,
    /// What is left to go, the next component last.
    rest: Vec<OsString>,
    /// Whether only a folder will do.
    wants_folder: bool,
    /// How many links were followed.
    links: usize,
    /// What forbids to make what a followed link leads to.
    reserved: Option<(PathBuf, Cause)>,
    /// How much is left to go once the outermost link that is being followed has been gone through.
    behind_link: Option<usize>,
}

impl<'a> Walk<'a> {
    /// A walk along `path`, which is absolute.
    pub(super) fn new(sight: Sight<'a>, path: &OsStr, request: &'a Request) -> Self {
        let root = Place { region: Region::Made(Made::OnTheWay), folder: None, length: 1, is_beginning: true };
        let mut walk = Self {
            sight,
            request,
            places: vec![root],
            path: PathBuf::from("/"),
            rest: Vec::new(),
            wants_folder: false,
            links: 0,
            reserved: None,
            behind_link: None,
        };
        walk.add(path);
        walk
    }

    /// Puts the components of `path` in front of what is left to go.
    fn add(&mut self, path: &OsStr) {
        let bytes = path.as_bytes();
        let ends_open = self.rest.is_empty() && (bytes.ends_with(b"/") || bytes.ends_with(b"/.") || bytes == b".");
        self.wants_folder |= ends_open;
        let components = bytes.split(|&byte| byte == b'/').rev().filter(|name| !name.is_empty());
        self.rest.extend(components.map(|name| OsStr::from_bytes(name).to_owned()));
    }

    /// Goes to the end.
    ///
    /// # Errors
    /// What refuses the path.
    pub(super) fn finish(mut self) -> Result<End, Refusal> {
        self.begin_at_root();
        while let Some(name) = self.rest.pop() {
            if name == "." {
                continue;
            }
            if name == ".." {
                self.back();
                continue;
            }
            if name.len() > LONGEST_NAME {
                return Err(Refusal::of_spelling(&name, "a name in it is too long"));
            }
            if let Some(end) = self.step(name)? {
                return Ok(end);
            }
        }
        self.here()
    }

    /// Shows the host's root, should a rule grant it.
    fn begin_at_root(&mut self) {
        let (root, around) = (Path::new("/"), Region::Made(Made::OnTheWay));
        let hits = self.sight.hits(root);
        if let Ok(Some(Begin::Region(region, found))) = self.sight.begin(root, &hits, &around) {
            let folder = found.map(|found| Folder { handle: found.handle, facts: found.facts });
            self.places = vec![Place { region, folder, length: 1, is_beginning: true }];
        }
    }

    /// Goes back to the folder passed before.
    fn back(&mut self) {
        if self.places.len() > 1 {
            self.places.pop();
        }
        let length = self.places.last().map_or(1, |place| place.length);
        let path = std::mem::take(&mut self.path).into_os_string();
        self.path = PathBuf::from(OsStr::from_bytes(path.as_bytes().get(..length).unwrap_or(b"/")));
    }

    /// Takes one step.
    ///
    /// # Errors
    /// What refuses it.
    fn step(&mut self, name: OsString) -> Result<Option<End>, Refusal> {
        let path = self.path.join(&name);
        let hits = self.sight.hits(&path);
        let Some(place) = self.places.last() else { return Err(Refusal::made(&path)) };
        let begin = self.sight.begin(&path, &hits, &place.region);
        match begin.map_err(|errno| Refusal::of_kernel(&path, errno))? {
            Some(Begin::Link(text)) => {
                self.follow(&path, text.as_os_str(), None)?;
                Ok(None)
            }
            Some(Begin::Region(Region::Made(made), _)) => {
                self.enter(path, Region::Made(made), None, true);
                Ok(None)
            }
            Some(Begin::Region(Region::Host(host), found)) => match found {
                Some(found) => self.arrive(path, name, host, found, &hits, true),
                None => Err(Refusal::not_found(&path)),
            },
            None => match place.region.clone() {
                Region::Made(made) => self.step_made(path, &hits, made),
                Region::Host(host) => self.step_host(path, name, host, &hits),
            },
        }
    }

    /// A step in a folder that the launcher makes.
    ///
    /// # Errors
    /// When nothing is shown there.
    fn step_made(&mut self, path: PathBuf, hits: &[Entry], around: Made) -> Result<Option<End>, Refusal> {
        let made = match self.furniture(&path) {
            Some(Begin::Link(text)) => {
                self.follow(&path, text.as_os_str(), None)?;
                return Ok(None);
            }
            Some(Begin::Region(Region::Made(made), _)) => Some(made),
            Some(Begin::Region(Region::Host(_), _)) | None => None,
        };
        let notice = || self.sight.notice(&path, hits).map(Made::Masked);
        let on_the_way = || self.sight.is_on_the_way(&path).then_some(around);
        match made.or_else(notice).or_else(on_the_way) {
            Some(made) => {
                self.enter(path, Region::Made(made), None, false);
                Ok(None)
            }
            None => Err(self.unseen(&path, around)),
        }
    }

    /// A step in a part of the host.
    ///
    /// # Errors
    /// What refuses it.
    fn step_host(&mut self, path: PathBuf, name: OsString, host: Host, hits: &[Entry]) -> Result<Option<End>, Refusal> {
        let Some(folder) = self.places.last().and_then(|place| place.folder.as_ref()) else {
            return Err(Refusal::not_a_folder(&self.path));
        };
        match look(&folder.handle, &name) {
            Ok(found) => self.arrive(path, name, host, found, hits, false),
            Err(Errno::ENOENT) => self.absent(path, name, host, hits).map(Some),
            Err(errno) => Err(Refusal::of_kernel(&path, errno)),
        }
    }

    /// At something that exists.
    ///
    /// # Errors
    /// What refuses it.
    fn arrive(
        &mut self,
        path: PathBuf,
        name: OsString,
        host: Host,
        found: Found,
        hits: &[Entry],
        is_beginning: bool,
    ) -> Result<Option<End>, Refusal> {
        let kind = found.kind();
        if let Some(mask) = self.sight.mask(&path, hits, &host) {
            if kind == Kind::Folder {
                self.enter(path, Region::Made(Made::Masked(mask)), None, true);
                return Ok(None);
            }
            return Err(self.masked(&path, mask));
        }
        if kind == Kind::Link {
            return self.arrive_at_link(path, name, host, found, hits);
        }
        let writing = match (host.writing, self.sight.protection(&path, hits)) {
            (Writing::Allowed(_), Some(cause)) => Writing::Protected(cause),
            (writing, _) => writing,
        };
        let host = host.with(writing);
        if kind == Kind::Folder {
            let folder = Folder { handle: found.handle, facts: found.facts };
            self.enter(path, Region::Host(host), Some(folder), is_beginning);
            return Ok(None);
        }
        if !self.rest.is_empty() || self.wants_folder {
            return Err(Refusal::not_a_folder(&path));
        }
        self.end_at(path, name, host, found, is_beginning).map(Some)
    }

    /// At a symbolic link.
    ///
    /// # Errors
    /// When it may not be followed.
    fn arrive_at_link(
        &mut self,
        path: PathBuf,
        name: OsString,
        host: Host,
        found: Found,
        hits: &[Entry],
    ) -> Result<Option<End>, Refusal> {
        let is_last = self.rest.is_empty();
        if is_last && self.request.last == LastLink::Keep && !self.wants_folder {
            return self.end_at(path, name, host, found, false).map(Some);
        }
        // What such links say is no path: the kernel leads somewhere else.
        if fstatfs(&found.handle).is_ok_and(|system| system.filesystem_type() == PROC_SUPER_MAGIC) {
            return Err(Refusal::made(&path));
        }
        let text = readlinkat(&found.handle, Path::new("")).map_err(|errno| Refusal::of_kernel(&path, errno))?;
        let reserved = if is_last { self.sight.reservation(&path, hits) } else { None };
        self.follow(&path, &text, reserved)?;
        Ok(None)
    }

    /// Goes on where a link leads.
    ///
    /// # Errors
    /// When there were too many, or it says nothing.
    fn follow(&mut self, path: &Path, text: &OsStr, reserved: Option<Cause>) -> Result<(), Refusal> {
        self.links += 1;
        if self.links > LINKS {
            return Err(Refusal::too_many_links(path));
        }
        if text.is_empty() {
            return Err(Refusal::not_found(path));
        }
        if let Some(cause) = reserved {
            self.reserved = Some((path.to_owned(), cause));
        }
        self.behind_link = self.behind_link.filter(|left| self.rest.len() >= *left).or(Some(self.rest.len()));
        if text.as_bytes().starts_with(b"/") {
            self.places.truncate(1);
            self.path = PathBuf::from("/");
        }
        self.add(text);
        Ok(())
    }

    /// Goes into a folder.
    fn enter(&mut self, path: PathBuf, region: Region, folder: Option<Folder>, is_beginning: bool) {
        self.places.push(Place { region, folder, length: path.as_os_str().len(), is_beginning });
        self.path = path;
    }

    /// What every sandbox has at `path`.
    ///
    /// Of the kernel's links only those are understood that say the same to whoever will open the path: the root, and for the guard's
    /// own operations the current folder. A client's own may be another than the one that it tells of.
    fn furniture(&self, path: &Path) -> Option<Begin> {
        let folder = |made| Some(Begin::Region(Region::Made(made), None));
        match path.as_os_str().as_bytes() {
            b"/proc" | b"/proc/self" | b"/proc/thread-self" | b"/dev" | b"/dev/pts" => folder(Made::Special),
            b"/proc/self/root" | b"/proc/thread-self/root" => Some(Begin::Link(PathBuf::from("/"))),
            b"/proc/self/cwd" | b"/proc/thread-self/cwd" if self.request.spelling == Spelling::Literal => {
                let directory = self.request.directory.as_ref().unwrap_or(&self.sight.guard.directory);
                Some(Begin::Link(directory.clone()))
            }
            b"/run" | b"/var" | b"/etc" => folder(Made::OnTheWay),
            b"/var/run" => Some(Begin::Link(PathBuf::from("/run"))),
            _ => None,
        }
    }

    /// The refusal of a masked path.
    fn masked(&self, path: &Path, entry: Entry) -> Refusal {
        let meant = intended(path, self.rest.iter().rev().map(OsString::as_os_str));
        self.sight.guard.caused(&meant, Cause::Rule(entry))
    }

    /// The refusal of what is not shown, in a folder that was `made`. A mask is the better reason, where there is one.
    fn unseen(&self, path: &Path, made: Made) -> Refusal {
        let meant = intended(path, self.rest.iter().rev().map(OsString::as_os_str));
        let verdict = self.sight.guard.judge().path(&meant, self.request.access);
        if verdict.reason == lobsterpot_policy::ReasonCode::Masked {
            return Refusal::about(&meant, verdict);
        }
        match made {
            Made::Masked(entry) => self.masked(path, entry),
            Made::Scratch => Refusal::scratch(&meant),
            Made::Special => Refusal::made(&meant),
            Made::OnTheWay if self.sight.guard.judge().is_scratch(&meant) => Refusal::scratch(&meant),
            Made::OnTheWay => Refusal::about(&meant, Verdict::outside(&meant)),
        }
    }
}
