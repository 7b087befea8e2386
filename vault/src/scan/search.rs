//! Searches texts: as they are and with layers taken off, whole or as a stream in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use memchr::memchr_iter;
use zeroize::Zeroizing;

use super::forms::Form;
use super::index::{Index, Match};
use super::layers::{DEPTH, Layer};

/// How much of a stream is searched at once, at least.
const PORTION: usize = 1 << 18;

/// How many times longer than its form a value can be for being written with escapes: `\u0041` for `A`.
const STRETCH: usize = 6;

/// How far back a portion may end earlier, so that no escape is cut.
const STEP_BACK: usize = 1 << 12;

/// How a value is written down: its form, and the layers over it, the outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Writing {
    /// The form.
    pub form: Form,
    /// The layers.
    layers: [Option<Layer>; DEPTH],
}

impl Writing {
    /// The layers over the form, the outermost first.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + '_ {
        self.layers.iter().copied().flatten()
    }
}

/// Tells `each` of every value in a text: with the place in the text, and how it is written.
pub(super) fn search(index: &Index, text: &[u8], each: &mut dyn FnMut(Match, Writing)) {
    look(index, text, [None; DEPTH], each);
}

/// Searches a text that has had `layers` taken off.
fn look(index: &Index, text: &[u8], layers: [Option<Layer>; DEPTH], each: &mut dyn FnMut(Match, Writing)) {
    index.matches(text, |found| each(found, Writing { form: found.form, layers }));
    let Some(depth) = layers.iter().position(Option::is_none) else { return };
    for layer in Layer::ALL {
        let mut inner = layers;
        inner[depth] = Some(layer);
        layer.parts(text, index.longest(), |part| {
            look(index, &part.text, inner, &mut |found, writing| {
                if let Some((start, length)) = part.original(found.start, found.length) {
                    each(Match { start, length, ..found }, writing);
                }
            });
        });
    }
}

/// Where a value was first seen in a stream, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// How many bytes come before it.
    pub(super) offset: u64,
    /// Its line, from 1.
    pub(super) line: u64,
    /// How often it is there.
    pub(super) count: u64,
}

/// What was found in one stream: by secret and writing.
pub(super) type Findings = BTreeMap<(usize, Writing), Seen>;

/// Where a stream begins within a file, and how far it was read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    /// Bytes before it.
    pub(super) offset: u64,
    /// Line feeds before it.
    pub(super) lines: u64,
}

/// Searches streams, one after another, in one piece of memory.
pub(super) struct Searcher<'index> {
    /// What is searched for.
    index: &'index Index,
    /// The portion that is searched, and what comes after it as far as a value can reach.
    buffer: Zeroizing<Vec<u8>>,
    /// How far a value can reach.
    reach: usize,
}

impl<'index> Searcher<'index> {
    /// A searcher for the values of an index.
    pub(super) fn new(index: &'index Index) -> Self {
        let reach = index.longest() * STRETCH;
        Self { index, buffer: Zeroizing::new(vec![0; reach + PORTION.max(reach)]), reach }
    }

    /// What it searches for.
    pub(super) const fn index(&self) -> &'index Index {
        self.index
    }

    /// How far a value can reach, in bytes.
    pub(super) const fn reach(&self) -> usize {
        self.reach
    }

    /// Searches a stream to its end, adds what is there to `findings`, and moves `position` there.
    ///
    /// # Errors
    /// When it cannot be read; what was read until then has been searched.
    pub(super) fn stream(
        &mut self,
        source: &mut impl Read,
        position: &mut Position,
        findings: &mut Findings,
    ) -> io::Result<()> {
        let mut filled = 0;
        loop {
            let end = fill(source, &mut self.buffer, &mut filled);
            let text = &self.buffer[..filled];
            let limit = match end {
                Ok(false) => whole_escapes(text, filled - self.reach),
                Ok(true) | Err(_) => filled,
            };
            self.portion(text, limit, *position, findings);
            position.offset += wide(limit);
            position.lines += wide(memchr_iter(b'\n', &text[..limit]).count());
            if end? {
                return Ok(());
            }
            self.buffer.copy_within(limit..filled, 0);
            filled -= limit;
        }
    }

    /// Searches a portion for values that begin before `limit`.
    fn portion(&self, text: &[u8], limit: usize, position: Position, findings: &mut Findings) {
        let mut found = BTreeSet::new();
        search(self.index, text, &mut |place, writing| {
            if place.start < limit {
                found.insert((place.start, place.secret, writing));
            }
        });
        let (mut counted, mut lines) = (0, position.lines);
        for (start, secret, writing) in found {
            lines += wide(memchr_iter(b'\n', &text[counted..start]).count());
            counted = start;
            let first = Seen { offset: position.offset + wide(start), line: lines + 1, count: 0 };
            findings.entry((secret, writing)).or_insert(first).count += 1;
        }
    }
}

/// Reads until the buffer is full (false) or the stream ends (true).
///
/// # Errors
/// When the stream cannot be read.
fn fill(source: &mut impl Read, buffer: &mut [u8], filled: &mut usize) -> io::Result<bool> {
    while *filled < buffer.len() {
        match source.read(&mut buffer[*filled..]) {
            Ok(0) => return Ok(true),
            Ok(count) => *filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// The last place up to `limit` before which no escape is near, so that the next portion does not begin within one.
fn whole_escapes(text: &[u8], limit: usize) -> usize {
    let longest = 12;
    let is_clear =
        |end: &usize| !text[end.saturating_sub(longest)..*end].iter().any(|byte| matches!(byte, b'\\' | b'%'));
    (limit.saturating_sub(STEP_BACK).max(1)..=limit).rev().find(is_clear).unwrap_or(limit)
}

/// A length as a number of bytes of a file.
pub(super) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
