//! Whether git's index names only what lies in the work tree. `gitformat-index(5)`.
//!
//! git checks a path when it enters the index, and believes the file afterwards: `git checkout .` writes wherever a path that was put
//! there by hand leads, into `../../.bashrc` or `.git/config`. Read entry by entry, with as much memory as the longest path takes.

use std::io::{BufRead, Read, Seek};

use super::offsets::Offsets;

/// The longest path that is held (`PATH_MAX`).
const LONGEST: usize = 4096;
/// Bytes of an entry before the object's name: times, device, inode, mode, owner, size.
const STATUS: usize = 40;
/// The flag of an entry that has more flags.
const EXTENDED: u16 = 0x4000;
/// The part of the flags that is the length of the path, or all of it for longer ones.
const LENGTH: u16 = 0x0fff;

/// What an index that holds together says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    /// The name, in hexadecimal digits, of the index that this one shares entries with.
    pub(super) shared: Option<String>,
}

/// What is wrong with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not hold together; another reader might see something else in it.
    Malformed,
    /// A path in it leads out of the work tree, or into a `.git`.
    Path(Vec<u8>),
}

/// An index, as far as it is read.
struct Rest<R> {
    /// The file.
    file: R,
    /// How many bytes there are before the checksum.
    left: u64,
    /// Where the checksum begins.
    end: u64,
    /// Where entries lie.
    offsets: Offsets,
    /// How many bytes the name of an object takes.
    hash: usize,
}

/// Reads an index of `length` bytes, with object names of `hash` bytes.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(mut file: impl BufRead + Seek, length: u64, hash: usize) -> Result<Sound, Fault> {
    let end = u64::try_from(hash).ok().and_then(|hash| length.checked_sub(hash)).ok_or(Fault::Malformed)?;
    let offsets = Offsets::of(&mut file, length, hash)?;
    let mut rest = Rest { file, left: end, end, offsets, hash };
    let ([b'D', b'I', b'R', b'C'], version) = (rest.exactly::<4>()?, rest.number()?) else {
        return Err(Fault::Malformed);
    };
    if !(2..=4).contains(&version) {
        return Err(Fault::Malformed);
    }
    let mut path = Vec::new();
    for _ in 0..rest.number()? {
        rest.entry(version, &mut path)?;
        if !stays(&path) {
            return Err(Fault::Path(path));
        }
    }
    rest.offsets.end_at(rest.place())?;
    rest.extensions()
}

impl<R: BufRead> Rest<R> {
    /// Reads one entry; `path` is the one before, and becomes this one's.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn entry(&mut self, version: u32, path: &mut Vec<u8>) -> Result<(), Fault> {
        let begin = self.place();
        self.skip(STATUS + self.hash)?;
        let flags = u16::from_be_bytes(self.exactly()?);
        let mut length = STATUS + self.hash + 2;
        if flags & EXTENDED != 0 {
            self.skip(2)?;
            length += 2;
        }
        let kept = if version == 4 { path.len().checked_sub(self.distance()?) } else { Some(0) };
        path.truncate(kept.ok_or(Fault::Malformed)?);
        self.offsets.note(begin, path.is_empty() || version < 4)?;
        self.name(path)?;
        // git goes by this length, and only for long paths by the end of the name.
        let said = usize::from(flags & LENGTH);
        if path.len() > LONGEST || said != path.len().min(usize::from(LENGTH)) {
            return Err(Fault::Malformed);
        }
        // Up to eight zeros, of which one is read, so that the next entry begins at a multiple of eight.
        let padding = if version == 4 { 0 } else { 7 - (length + path.len()) % 8 };
        for _ in 0..padding {
            if self.exactly()? != [0] {
                return Err(Fault::Malformed);
            }
        }
        Ok(())
    }

    /// Reads what ends with a zero, and appends it to `path`.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn name(&mut self, path: &mut Vec<u8>) -> Result<(), Fault> {
        let before = path.len();
        let limit = u64::try_from(LONGEST + 1).map_err(|_| Fault::Malformed)?;
        let count = (&mut self.file).take(limit.min(self.left)).read_until(0, path).map_err(|_| Fault::Malformed)?;
        self.spend(count)?;
        if path.len() == before || path.pop() != Some(0) { Err(Fault::Malformed) } else { Ok(()) }
    }

    /// How many bytes of the path before are not this one's, as packs write offsets: seven bits a byte, and one more for each byte.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn distance(&mut self) -> Result<usize, Fault> {
        let [mut byte] = self.exactly()?;
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            if value > LONGEST {
                return Err(Fault::Malformed);
            }
            [byte] = self.exactly()?;
            value = ((value + 1) << 7) + usize::from(byte & 0x7f);
        }
        Ok(value)
    }

    /// Reads the extensions after the entries.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn extensions(mut self) -> Result<Sound, Fault> {
        let mut shared = None;
        while self.left > 0 {
            let name = self.exactly::<4>()?;
            let size = usize::try_from(self.number()?).map_err(|_| Fault::Malformed)?;
            if &name == b"IEOT" && self.offsets.are_used() {
                self.table(size)?;
                continue;
            }
            let Some(more) = size.checked_sub(self.hash).filter(|_| &name == b"link") else {
                self.skip(size)?;
                continue;
            };
            let mut base = Vec::with_capacity(self.hash);
            for _ in 0..self.hash {
                base.extend(self.exactly::<1>()?);
            }
            self.skip(more)?;
            if base.iter().any(|&byte| byte != 0) {
                shared = Some(base.iter().map(|byte| format!("{byte:02x}")).collect());
            }
        }
        Ok(Sound { shared })
    }

    /// Reads a table of offsets.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn table(&mut self, size: usize) -> Result<(), Fault> {
        let offsets = std::mem::take(&mut self.offsets);
        let checked = offsets.check(size, || self.number());
        self.offsets = offsets;
        checked
    }

    /// How many bytes from the front have been read.
    fn place(&self) -> u64 {
        self.end.saturating_sub(self.left)
    }

    /// Reads a number of four bytes.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn number(&mut self) -> Result<u32, Fault> {
        self.exactly().map(u32::from_be_bytes)
    }

    /// Reads that many bytes.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.spend(N)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).map_err(|_| Fault::Malformed)?;
        Ok(bytes)
    }

    /// Passes over that many bytes.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    fn skip(&mut self, mut count: usize) -> Result<(), Fault> {
        self.spend(count)?;
        while count > 0 {
            let there = self.file.fill_buf().map_err(|_| Fault::Malformed)?.len().min(count);
            if there == 0 {
                return Err(Fault::Malformed);
            }
            self.file.consume(there);
            count -= there;
        }
        Ok(())
    }

    /// Counts bytes that are read.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when there are not so many.
    fn spend(&mut self, count: usize) -> Result<(), Fault> {
        self.left = u64::try_from(count).ok().and_then(|count| self.left.checked_sub(count)).ok_or(Fault::Malformed)?;
        Ok(())
    }
}

/// Whether `path` stays in the work tree and out of every `.git`, as git itself asks of paths that enter the index. A folder of a
/// sparse index ends with a slash; an entry that stands for one of a shared index has no path.
pub(super) fn stays(path: &[u8]) -> bool {
    let is_plain =
        |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.eq_ignore_ascii_case(b".git") && !name.contains(&0);
    path.is_empty() || path.strip_suffix(b"/").unwrap_or(path).split(|&byte| byte == b'/').all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An index of version 2 with these paths, and these extensions.
    fn index(paths: &[&[u8]], extensions: &[u8]) -> Vec<u8> {
        let count = u32::try_from(paths.len()).expect("few");
        let mut bytes = [b"DIRC".as_slice(), &2_u32.to_be_bytes(), &count.to_be_bytes()].concat();
        for path in paths {
            let begin = bytes.len();
            bytes.extend([7; 60]);
            bytes.extend(u16::try_from(path.len().min(0xfff)).expect("short").to_be_bytes());
            bytes.extend(*path);
            bytes.resize(begin + (bytes.len() - begin + 8) / 8 * 8, 0);
        }
        bytes.extend(extensions);
        bytes.extend([9; 20]);
        bytes
    }

    /// What is read of it.
    ///
    /// # Errors
    /// As [`read`].
    fn seen(bytes: &[u8]) -> Result<Sound, Fault> {
        read(std::io::Cursor::new(bytes), u64::try_from(bytes.len()).expect("a length"), 20)
    }

    /// What git itself writes, in all its versions.
    #[test]
    fn what_git_writes_is_sound() {
        let folder = tempfile::tempdir().expect("a folder");
        let git = |words: &[&str]| {
            let mut command = std::process::Command::new("git");
            let done = command.args(words).current_dir(folder.path()).env("HOME", folder.path()).output();
            done.is_ok_and(|done| done.status.success())
        };
        if !git(&["init", "-q", "."]) {
            return eprintln!("SKIP: git is not installed");
        }
        for name in ["a", "b/c", "b/long-name-in-a-folder", "b/long-name-in-another", "ü/x"] {
            let place = folder.path().join(name);
            std::fs::create_dir_all(place.parent().expect("a parent")).expect("a folder");
            std::fs::write(place, name).expect("a file");
        }
        assert!(git(&["add", "."]) && git(&["add", "--intent-to-add", "."]));
        for version in ["2", "3", "4"] {
            assert!(git(&["update-index", "--index-version", version]) && git(&["status"]));
            let bytes = std::fs::read(folder.path().join(".git/index")).expect("an index");
            assert_eq!(seen(&bytes), Ok(Sound { shared: None }), "{version}");
        }
        assert!(git(&["update-index", "--split-index"]));
        let bytes = std::fs::read(folder.path().join(".git/index")).expect("an index");
        let shared = seen(&bytes).expect("sound").shared.expect("shared");
        assert!(folder.path().join(format!(".git/sharedindex.{shared}")).exists());
    }

    /// What git itself writes for several threads to read.
    #[test]
    fn offsets_that_git_writes_are_sound_and_any_other_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let git = |words: &[&str]| {
            let settings = ["index.threads=2", "index.recordEndOfIndexEntries=true", "index.recordOffsetTable=true"];
            let settings = settings.iter().flat_map(|setting| ["-c", setting]);
            let mut command = std::process::Command::new("git");
            let done =
                command.args(settings).args(words).current_dir(folder.path()).env("HOME", folder.path()).output();
            done.is_ok_and(|done| done.status.success())
        };
        if !git(&["init", "-q", "."]) {
            return eprintln!("SKIP: git is not installed");
        }
        for number in 0..300 {
            let place = folder.path().join(format!("folder-{}", number % 7));
            std::fs::create_dir_all(&place).expect("a folder");
            std::fs::write(place.join(format!("file-{number}")), "x").expect("a file");
        }
        assert!(git(&["add", "."]));
        for version in ["2", "4"] {
            assert!(git(&["update-index", "--index-version", version]));
            assert!(git(&["update-index", "--force-write-index"]));
            let bytes = std::fs::read(folder.path().join(".git/index")).expect("an index");
            assert_eq!(seen(&bytes), Ok(Sound { shared: None }), "{version}");
            let table = bytes.windows(4).position(|part| part == b"IEOT").expect("a table of offsets");
            let size = usize::from(bytes[table + 7]);
            assert!(size > 4 + 8, "one block says little");
            let end = bytes.len() - 20 - 32;
            assert_eq!(bytes.get(end..end + 4), Some(b"EOIE".as_slice()));
            // The last bytes of the numbers: version, offsets and counts; where the entries end.
            for at in (table + 11..table + 8 + size).step_by(4).chain([end + 11]) {
                for bit in [1, 8, 0x80] {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= bit;
                    assert_eq!(seen(&bytes), Err(Fault::Malformed), "{version}: {at}");
                }
            }
        }
        assert!(git(&["update-index", "--split-index"]) && git(&["add", "."]));
        let bytes = std::fs::read(folder.path().join(".git/index")).expect("an index");
        assert!(seen(&bytes).expect("sound").shared.is_some());
    }

    /// An extension, and what follows it.
    fn extension(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let size = u32::try_from(data.len()).expect("short");
        [name.as_slice(), &size.to_be_bytes(), data].concat()
    }

    /// `EOIE` with where the entries end.
    fn end_of_entries(offset: usize) -> Vec<u8> {
        let offset = u32::try_from(offset).expect("near");
        extension(b"EOIE", &[offset.to_be_bytes().as_slice(), &[5; 20]].concat())
    }

    #[test]
    fn end_of_entries_hidden_in_another_extension_is_seen_as_git_sees_it() {
        let end = index(&[b"a"], b"").len() - 20;
        assert!(seen(&index(&[b"a"], &end_of_entries(end))).is_ok());
        for offset in [12, end - 8, end + 8] {
            let hidden = extension(b"TREE", &[extension(b"link", &[1; 20]), end_of_entries(offset)].concat());
            assert_eq!(seen(&index(&[b"a"], &hidden)), Err(Fault::Malformed), "{offset}");
            assert_eq!(seen(&index(&[b"a"], &end_of_entries(offset))), Err(Fault::Malformed), "{offset}");
        }
    }

    #[test]
    fn block_of_entries_begins_at_no_entry_that_takes_its_path_from_the_one_before() {
        // Version 4: `safe`, and `safe.git/x`, of which a thread that begins there would see `.git/x` alone.
        let entry =
            |distance: u8, name: &[u8], length: u8| [[7; 60].as_slice(), &[0, length, distance], name, b"\0"].concat();
        let make = |distance, name: &[u8]| {
            let (first, second) = (entry(0, b"safe", 4), entry(distance, name, 10));
            let head = [b"DIRC".as_slice(), &4_u32.to_be_bytes(), &2_u32.to_be_bytes()].concat();
            let (begin, end) = (head.len() + first.len(), head.len() + first.len() + second.len());
            let numbers = [1, 12, 1, u32::try_from(begin).expect("near"), 1];
            let table: Vec<u8> = numbers.iter().flat_map(|number: &u32| number.to_be_bytes()).collect();
            [head, first, second, extension(b"IEOT", &table), end_of_entries(end), vec![9; 20]].concat()
        };
        assert_eq!(seen(&make(0, b".git/x")), Err(Fault::Malformed));
        assert_eq!(seen(&make(4, b"safe.git/x")), Ok(Sound { shared: None }));
    }

    #[test]
    fn paths_out_of_the_work_tree_are_found_wherever_they_stand() {
        for path in ["../x", "a/../../x", "/etc/x", ".git/config", "a/.GIT/hooks/x", "a//b", "..", "./x", "/"] {
            let bytes = index(&[b"a", path.as_bytes(), b"z"], b"");
            assert_eq!(seen(&bytes), Err(Fault::Path(path.into())), "{path}");
        }
        for path in ["a", ".gitignore", "..a", "a/...", ".github/x", "sparse/", ""] {
            assert_eq!(seen(&index(&[path.as_bytes()], b"TREE\0\0\0\x01x")), Ok(Sound { shared: None }), "{path}");
        }
    }

    #[test]
    fn index_that_another_reader_would_see_otherwise_does_not_hold_together() {
        let sound = index(&[b"some/path"], b"");
        assert!(seen(&sound).is_ok());
        for at in [0, 4, 11, 72, 73, 74 + 9, sound.len() - 21] {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            assert!(seen(&bytes).is_err(), "{at}");
        }
        assert!(seen(&sound[..sound.len() - 1]).is_err());
        assert!(seen(&index(&[b"a"], b"TREE\xff\xff\xff\xff")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_have_it_fail_in_another_way(bytes in prop::collection::vec(any::<u8>(), 0..400), version in 2_u8..5) {
            let mut index = index(&[b"a/b", b"a/c"], &bytes);
            index[7] = version;
            drop(seen(&index));
            drop(seen(&bytes));
        }
    }
}
