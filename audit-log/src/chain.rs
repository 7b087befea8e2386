//! Whether records follow from one another: pure, over the bytes of the files.

use std::path::{Path, PathBuf};

use crate::record::{Digest, Record, What};

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// How many records follow from one another, from the first on.
    pub records: u64,
    /// Number and digest of the last of them. Kept elsewhere, it tells later whether records at the end are gone.
    pub head: Option<(u64, Digest)>,
    /// What was sealed off.
    pub sealed: Vec<Seal>,
    /// The first place where the chain breaks; what comes after it is not looked at.
    pub broken: Option<Break>,
}

/// Bytes that are no record, sealed off by the record that follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The file.
    pub file: PathBuf,
    /// The line in which they begin; the first is 1.
    pub line: u64,
    /// How many.
    pub bytes: u64,
    /// Whether a crash left them; otherwise whole lines were changed before the seal was set.
    pub torn: bool,
}

/// Where the chain breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The file.
    pub file: PathBuf,
    /// The line; the first is 1.
    pub line: u64,
    /// Why.
    pub why: Why,
}

/// Why a record does not follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is no record, or its bytes are not those that its digest was made of.
    Changed,
    /// It is a whole record, but not the one that comes next: records are missing, were added or moved.
    DoesNotFollow,
    /// The file ends within it, as a crash leaves it. The next record that is written will seal it off.
    Torn,
    /// It seals off other bytes than lie there.
    WrongSeal,
}

/// Follows a chain through its files, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// What was found so far.
    verdict: Verdict,
    /// Bytes that are no record, with the place where they begin and what is wrong with them.
    debris: Option<(Vec<u8>, Break)>,
    /// Whether older records were rotated away, so that the first one here may have any number.
    continued: bool,
}

impl Chain {
    /// A chain whose oldest file is the first of all, or, when `continued`, had others before it.
    pub(crate) fn new(continued: bool) -> Self {
        Self { continued, ..Self::default() }
    }

    /// Follows it through one more file.
    pub(crate) fn follow(&mut self, file: &Path, content: &[u8]) {
        for (line, number) in content.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            if self.verdict.broken.is_some() {
                return;
            }
            self.step(file, number, line);
        }
        // A seal lies in the file of what it seals.
        self.settle();
    }

    /// What was found.
    pub(crate) fn finish(self) -> Verdict {
        self.verdict
    }

    /// Looks at one line.
    fn step(&mut self, file: &Path, number: u64, line: &[u8]) {
        let parsed = Record::parse(line);
        match parsed.as_ref().filter(|(record, _)| self.is_next(record)) {
            Some((record, digest)) => self.take(file, number, record, *digest),
            None => {
                let why = match parsed {
                    Some(_) => Why::DoesNotFollow,
                    None if line.ends_with(b"\n") => Why::Changed,
                    None => Why::Torn,
                };
                let place = Break { file: file.to_owned(), line: number, why };
                self.debris.get_or_insert_with(|| (Vec::new(), place)).0.extend_from_slice(line);
            }
        }
    }

    /// Whether `record` is the next one by its number and what it says of the one before.
    fn is_next(&self, record: &Record) -> bool {
        match self.verdict.head {
            Some((number, digest)) => number.checked_add(1) == Some(record.number) && digest == record.previous,
            None => self.continued || (record.number == 0 && record.previous == Digest::default()),
        }
    }

    /// Takes the next record, when what lies before it is what it says.
    fn take(&mut self, file: &Path, line: u64, record: &Record, digest: Digest) {
        match (self.debris.take(), &record.what) {
            (None, What::Sealed { .. }) => {
                return self.breaks(Break { file: file.to_owned(), line, why: Why::WrongSeal });
            }
            (None, What::Refused { .. } | What::Failed { .. } | What::WayOutEnded { .. }) => {}
            (Some((bytes, place)), What::Sealed { bytes: length, debris, torn }) => {
                if u64::try_from(bytes.len()) != Ok(*length) || Digest::of_debris(&bytes) != *debris {
                    return self.breaks(Break { why: Why::WrongSeal, ..place });
                }
                let seal = Seal { file: place.file, line: place.line, bytes: *length, torn: *torn };
                self.verdict.sealed.push(seal);
            }
            (Some((_, place)), What::Refused { .. } | What::Failed { .. } | What::WayOutEnded { .. }) => {
                return self.breaks(place);
            }
        }
        self.verdict.records += 1;
        self.verdict.head = Some((record.number, digest));
    }

    /// Notes a break when bytes are left that nothing sealed.
    fn settle(&mut self) {
        if let Some((_, place)) = self.debris.take() {
            self.breaks(place);
        }
    }

    /// Notes the first break.
    fn breaks(&mut self, place: Break) {
        self.verdict.broken.get_or_insert(place);
    }
}

/// The last record of `content` and where the bytes after it begin.
pub(crate) fn last_record(content: &[u8]) -> (Option<(u64, Digest)>, usize) {
    let mut end = content.len();
    loop {
        let whole = content.get(..end).unwrap_or_default();
        let Some(feed) = whole.iter().rposition(|byte| *byte == b'\n') else { return (None, 0) };
        let start = whole.get(..feed).and_then(|before| before.iter().rposition(|byte| *byte == b'\n'));
        let start = start.map_or(0, |at| at + 1);
        if let Some((record, digest)) = content.get(start..=feed).and_then(Record::parse) {
            return (Some((record.number, digest)), feed + 1);
        }
        end = feed;
    }
}
