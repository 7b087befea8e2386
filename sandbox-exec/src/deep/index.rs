//! What one search leaves for the next: every folder with its stamp and what matched in it, as bytes.
//!
//! Reading accepts only what [`encode`] writes: a byte too many or too few, a parent that comes later, a text without its end, and
//! the whole is as if it were not there. The checksum is against accidents; who may write the file is the shelf's concern.

use std::borrow::Cow;
use std::ffi::{CStr, OsStr};
use std::hash::Hasher;
use std::os::unix::ffi::OsStrExt;

use rustc_hash::FxHasher;

/// What an index begins with. The number is the format's version.
const MAGIC: &[u8; 8] = b"lobdeep1";

/// The code of a symlink among a folder's finds; every other code is the number of a pattern.
const LINK: u32 = u32::MAX;

/// The state of a folder when it was listed. Every change of the names in it changes this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The file system.
    pub(super) device: u64,
    /// The folder on it.
    pub(super) inode: u64,
    /// When it was last changed: seconds.
    pub(super) seconds: i64,
    /// When it was last changed: nanoseconds.
    pub(super) nanoseconds: u32,
}

/// One folder that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder<'a> {
    /// The path, relative to where the search begins; empty for that folder itself.
    pub(super) path: Cow<'a, CStr>,
    /// The number of the folder that holds it, which comes earlier; its own for the first.
    pub(super) parent: u32,
    /// Its state; `None` when it must be listed again in any case.
    pub(super) stamp: Option<Stamp>,
    /// What was found right in it.
    pub(super) finds: Finds<'a>,
}

/// What was found in a folder: matches and symlinks that a pattern goes through, encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Finds<'a>(Cow<'a, [u8]>);

/// One of a folder's finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Find<'a> {
    /// A name that a pattern matches.
    Match(u32, &'a OsStr),
    /// A symlink whose target a pattern goes on in.
    Link(&'a OsStr),
}

impl Finds<'_> {
    /// Adds the match of pattern `tail`.
    pub(super) fn push_match(&mut self, tail: u32, name: &OsStr) {
        self.push(tail, name);
    }

    /// Adds a symlink that a pattern goes through.
    pub(super) fn push_link(&mut self, name: &OsStr) {
        self.push(LINK, name);
    }

    /// Adds a find by its code.
    fn push(&mut self, code: u32, name: &OsStr) {
        let bytes = self.0.to_mut();
        bytes.extend(code.to_le_bytes());
        push_text(bytes, name.as_bytes());
    }

    /// What was found.
    pub(super) fn iter(&self) -> impl Iterator<Item = Find<'_>> {
        let mut left = Reader(&self.0);
        std::iter::from_fn(move || left.find())
    }

    /// Whether these are finds of a search for `patterns` patterns, to the last byte.
    fn is_sound(&self, patterns: u32) -> bool {
        let mut left = Reader(&self.0);
        while let Some(find) = left.find() {
            let is_known = !matches!(find, Find::Match(tail, _) if tail >= patterns);
            let (Find::Match(_, name) | Find::Link(name)) = find;
            let is_name = !name.is_empty() && !name.as_bytes().iter().any(|byte| matches!(byte, b'/' | 0));
            if !is_known || !is_name || name == "." || name == ".." {
                return false;
            }
        }
        left.0.is_empty()
    }
}

/// The index of `folders`, found by the search that `key` describes.
pub(super) fn encode(key: &[u8], folders: &[Folder<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + folders.len() * 96 + 64);
    bytes.extend(MAGIC);
    bytes.extend([0; 8]);
    push_text(&mut bytes, key);
    for folder in folders {
        bytes.extend(folder.parent.to_le_bytes());
        // No file has inode number 0.
        let stamp = folder.stamp.unwrap_or(Stamp { device: 0, inode: 0, seconds: 0, nanoseconds: 0 });
        bytes.extend(stamp.device.to_le_bytes());
        bytes.extend(stamp.inode.to_le_bytes());
        bytes.extend(stamp.seconds.to_le_bytes());
        bytes.extend(stamp.nanoseconds.to_le_bytes());
        push_text(&mut bytes, folder.path.to_bytes_with_nul());
        push_text(&mut bytes, &folder.finds.0);
    }
    let sum = checksum(bytes.get(16..).unwrap_or_default()).to_le_bytes();
    for (place, byte) in bytes.iter_mut().skip(8).zip(sum) {
        *place = byte;
    }
    bytes
}

/// The folders of the index `bytes`, when it is sound and `key` describes the search that found them, for `patterns` patterns.
pub(super) fn decode<'a>(bytes: &'a [u8], key: &[u8], patterns: u32) -> Option<Vec<Folder<'a>>> {
    let mut left = Reader(bytes);
    let is_ours = left.take(MAGIC.len())? == MAGIC;
    let sum = left.number(u64::from_le_bytes)?;
    if !is_ours || sum != checksum(left.0) || left.text()? != key {
        return None;
    }
    let mut folders: Vec<Folder<'a>> = Vec::with_capacity(left.0.len() / 96);
    while !left.0.is_empty() {
        let number = u32::try_from(folders.len()).ok()?;
        let folder = left.folder()?;
        let is_first = folder.path.is_empty();
        if is_first != (number == 0) || !is_first && folder.parent >= number || !folder.finds.is_sound(patterns) {
            return None;
        }
        folders.push(folder);
    }
    let is_below = |folder: &Folder<'_>| {
        let holder = folders.get(usize::try_from(folder.parent).ok()?)?;
        Some(lies_right_in(folder.path.to_bytes(), holder.path.to_bytes()))
    };
    let is_sound = !folders.is_empty() && folders.iter().skip(1).all(|folder| is_below(folder) == Some(true));
    is_sound.then_some(folders)
}

/// Whether the relative path `path` is a name in the relative path `folder`.
fn lies_right_in(path: &[u8], folder: &[u8]) -> bool {
    let name = match path.strip_prefix(folder) {
        Some(name) if folder.is_empty() => Some(name),
        Some(rest) => rest.strip_prefix(b"/"),
        None => None,
    };
    name.is_some_and(|name| !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/'))
}

/// A number that a damaged file does not have by chance.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

/// Appends `text` with its length in front.
fn push_text(bytes: &mut Vec<u8>, text: &[u8]) {
    // What is longer than that cannot be a path, and a key or list as long would not be kept.
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(text);
}

/// Bytes that are still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next `length` bytes.
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    /// The next number.
    fn number<const N: usize, T>(&mut self, convert: fn([u8; N]) -> T) -> Option<T> {
        let (taken, left) = self.0.split_first_chunk::<N>()?;
        self.0 = left;
        Some(convert(*taken))
    }

    /// The next text.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.number(u32::from_le_bytes)?;
        self.take(usize::try_from(length).ok()?)
    }

    /// The next folder.
    fn folder(&mut self) -> Option<Folder<'a>> {
        let parent = self.number(u32::from_le_bytes)?;
        let device = self.number(u64::from_le_bytes)?;
        let inode = self.number(u64::from_le_bytes)?;
        let seconds = self.number(i64::from_le_bytes)?;
        let nanoseconds = self.number(u32::from_le_bytes)?;
        let path = CStr::from_bytes_with_nul(self.text()?).ok()?;
        let finds = Finds(Cow::Borrowed(self.text()?));
        let stamp = (inode != 0).then_some(Stamp { device, inode, seconds, nanoseconds });
        Some(Folder { path: Cow::Borrowed(path), parent, stamp, finds })
    }

    /// The next find.
    fn find(&mut self) -> Option<Find<'a>> {
        let code = self.number(u32::from_le_bytes)?;
        let name = OsStr::from_bytes(self.text()?);
        Some(if code == LINK { Find::Link(name) } else { Find::Match(code, name) })
    }
}
