//! Where git's index says that its entries lie, for several threads to read them: its extensions `EOIE` and `IEOT`, `gitformat-index(5)`.
//!
//! With `index.threads` git does not read the index from its front: it looks for `EOIE` right before the checksum, whatever that is part of,
//! reads extensions where it points, and entries where the `IEOT` found there points. Were these other places than those that follow from
//! the front, git would see other paths than the ones that were looked at.

use std::io::{Read, Seek, SeekFrom};

use super::index::Fault;

/// Bytes of `EOIE` before its hash: its name, its size, and where the entries end.
const HEAD: u64 = 12;
/// How many entries are kept in mind, of an index that has offsets; four bytes each. The largest known work trees have a tenth.
const MOST: usize = 1 << 23;
/// The version of `IEOT` that there is.
const VERSION: u32 = 1;
/// Bytes of one block in it.
const BLOCK: usize = 8;
/// Stands for where an entry begins that takes part of its path from the one before; no entry begins there.
const DEPENDENT: u32 = 0;

/// What an index says of its own offsets, and where its entries are found to begin.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    /// Where `EOIE` says that the entries end. Without one git looks for no offsets at all.
    end: Option<u32>,
    /// Where entries begin, in their order.
    begins: Vec<u32>,
}

impl Offsets {
    /// Looks for `EOIE` where git looks for it, in an index of `length` bytes with object names of `hash` bytes. Ends at the file's begin.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when the file cannot be read.
    pub(super) fn of(file: &mut (impl Read + Seek), length: u64, hash: usize) -> Result<Self, Fault> {
        let hash = u32::try_from(hash).map_err(|_| Fault::Malformed)?;
        let mut end = None;
        if let Some(place) = length.checked_sub(2 * u64::from(hash) + HEAD) {
            let mut head = [[0; 4]; 3];
            file.seek(SeekFrom::Start(place)).map_err(|_| Fault::Malformed)?;
            file.read_exact(head.as_flattened_mut()).map_err(|_| Fault::Malformed)?;
            let [name, size, offset] = head;
            if &name == b"EOIE" && u32::from_be_bytes(size) == 4 + hash {
                end = Some(u32::from_be_bytes(offset));
            }
        }
        file.rewind().map_err(|_| Fault::Malformed)?;
        Ok(Self { end, begins: Vec::new() })
    }

    /// Notes an entry that begins at `at`; `whole` when its path does not depend on the one before.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when there are too many, or it lies too far back for an offset.
    pub(super) fn note(&mut self, at: u64, whole: bool) -> Result<(), Fault> {
        if self.end.is_none() {
            return Ok(());
        }
        if self.begins.len() >= MOST {
            return Err(Fault::Malformed);
        }
        let at = u32::try_from(at).map_err(|_| Fault::Malformed)?;
        self.begins.push(if whole { at } else { DEPENDENT });
        Ok(())
    }

    /// Checks that the entries end at `at` as `EOIE` says, if there is one.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    pub(super) fn end_at(&self, at: u64) -> Result<(), Fault> {
        if self.end.is_none_or(|end| u64::from(end) == at) { Ok(()) } else { Err(Fault::Malformed) }
    }

    /// Checks an `IEOT` of `size` bytes: its blocks begin at entries, and hold all of them in their order. `next` gives the next number.
    ///
    /// # Errors
    /// [`Fault::Malformed`].
    pub(super) fn check(&self, size: usize, mut next: impl FnMut() -> Result<u32, Fault>) -> Result<(), Fault> {
        let blocks = size.checked_sub(4).filter(|rest| rest % BLOCK == 0).ok_or(Fault::Malformed)? / BLOCK;
        if next()? != VERSION {
            return Err(Fault::Malformed);
        }
        let mut number = 0_usize;
        for _ in 0..blocks {
            let (offset, count) = (next()?, next()?);
            // An empty block may stand behind the last entry.
            let begin = self.begins.get(number).copied().or(self.end.filter(|_| number == self.begins.len()));
            if offset == DEPENDENT || begin != Some(offset) {
                return Err(Fault::Malformed);
            }
            let count = usize::try_from(count).map_err(|_| Fault::Malformed)?;
            number = number.checked_add(count).ok_or(Fault::Malformed)?;
        }
        if number == self.begins.len() { Ok(()) } else { Err(Fault::Malformed) }
    }

    /// Whether git would look for an `IEOT`.
    pub(super) fn are_used(&self) -> bool {
        self.end.is_some()
    }
}
