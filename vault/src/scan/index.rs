//! What is kept of the values while a scan runs: keyed digests of their forms, and nothing that a value could be read from.
//!
//! A scan reads what others wrote, starts `git`, and may run for hours. The values need not be in memory all that time, so they are not:
//! an [`Index`] is made from them once, and the vault is closed before the first file is opened. It holds, for every form of every value
//! (`forms`), the place and the hash of one *window* of eight bytes, and HMAC-SHA-256 (RFC 2104) of the whole form. The keys of both are
//! random, made for this run and gone with it.
//!
//! - A bit table says for nearly every position of a text that no form's window begins there: one load, one multiplication, one look.
//!   That costs the same for one secret and for a thousand. The hash is multiply-shift (Dietzfelbinger et al., 1997) with a random odd
//!   factor: nobody who does not know it can write a text that is slow to scan.
//! - Where the bit is set, a second hash of sixteen bits decides; where that fits, the digest of the whole form. Only that is an answer.
//!
//! Whoever can read this process's memory while it runs has the keys too, and can test guesses, as with any digest; the two hashes of the
//! window tell them at most 40 of its 64 bits. They cannot read a value that they do not already guess.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::forms::{self, Form};
use super::worth::{self, Unsearched};
use crate::document::Document;
use crate::name::Name;

/// How many bytes of a text are hashed at every position.
pub(super) const WINDOW: usize = 8;

/// How many bits of the table there are for each window, at least: so one position in that many is looked at more closely for nothing.
const BITS_FOR_EACH: usize = 64;

/// The smallest table, as a power of two: 4 KiB, which stays in the fastest cache.
const LEAST_BITS: u32 = 15;

/// The largest table, as a power of two.
const MOST_BITS: u32 = 24;

/// Forms longer than this are first judged by a part of this length, so that a text that repeats a part of one is not slow.
const PART: usize = 128;

/// How many windows of a form are compared for the most telling one.
const CANDIDATES: usize = 1 << 12;

/// HMAC-SHA-256 of a run of bytes.
type Digest = [u8; 32];

/// One form of one value.
struct Mark {
    /// What the table is asked with: the first hash of the window.
    slot: usize,
    /// The second hash of the window.
    tag: u64,
    /// Where the window is within the form.
    at: usize,
    /// How long the form is.
    length: usize,
    /// For long forms, the digest of the [`PART`] of it that begins at the place given.
    part: Option<(usize, Digest)>,
    /// The digest of the form.
    whole: Digest,
    /// Which secret it is.
    secret: usize,
    /// Which form it is.
    form: Form,
}

/// A form of a value that was found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// Where it begins.
    pub(super) start: usize,
    /// How long it is.
    pub(super) length: usize,
    /// Which secret it is.
    pub(super) secret: usize,
    /// Which form it is.
    pub(super) form: Form,
}

/// The keys of one run.
struct Keys {
    /// The odd factor of the first hash.
    slot: u64,
    /// What the window is mixed with for the second hash.
    mixed: u64,
    /// The odd factor of the second hash.
    tag: u64,
    /// HMAC under the run's key.
    mac: Hmac<Sha256>,
}

/// The digests of all values that are searched for.
pub struct Index {
    /// The keys of this run.
    keys: Keys,
    /// One bit for every slot: whether a mark has it.
    table: Vec<u64>,
    /// How far a product is shifted to be a slot.
    shift: u32,
    /// The forms, by slot.
    marks: Vec<Mark>,
    /// The names of the secrets that are searched for.
    names: Vec<Name>,
    /// The secrets that are not.
    unsearched: Vec<(Name, Unsearched)>,
    /// The length of the longest form.
    longest: usize,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} forms of {} secrets)", self.marks.len(), self.names.len())
    }
}

impl Index {
    /// The index of all values of a vault; of `plain` ones as well, if wanted.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn of(document: &Document, plain: bool) -> Result<Self, getrandom::Error> {
        let mut index = Self {
            keys: Keys::new()?,
            table: Vec::new(),
            shift: 0,
            marks: Vec::new(),
            names: Vec::new(),
            unsearched: Vec::new(),
            longest: WINDOW,
        };
        for (name, entry) in &document.secrets {
            match worth::objection(entry.value.as_bytes(), plain) {
                Some(objection) => index.unsearched.push((name.clone(), objection)),
                None => index.add(name, entry.value.as_bytes()),
            }
        }
        index.finish();
        Ok(index)
    }

    /// Adds the forms of a value. Slots are whole products until the size of the table is known.
    fn add(&mut self, name: &Name, value: &[u8]) {
        let secret = self.names.len();
        self.names.push(name.clone());
        for (form, written) in forms::of(value) {
            let at = telling_window(&written);
            let Some(window) = window_at(&written, at) else { continue };
            let part = (written.len() > PART).then(|| {
                let begin = at.min(written.len() - PART);
                (begin, self.keys.digest(&written[begin..begin + PART]))
            });
            self.marks.push(Mark {
                slot: usize::try_from(self.keys.product(window) >> (u64::BITS - MOST_BITS)).unwrap_or(0),
                tag: self.keys.tag(window),
                at,
                length: written.len(),
                part,
                whole: self.keys.digest(&written),
                secret,
                form,
            });
            self.longest = self.longest.max(written.len());
        }
    }

    /// Sizes the table, and fills it.
    fn finish(&mut self) {
        let wanted = (self.marks.len() * BITS_FOR_EACH).next_power_of_two().ilog2();
        let bits = wanted.clamp(LEAST_BITS, MOST_BITS);
        self.shift = u64::BITS - bits;
        self.table = vec![0; (1 << bits) / 64];
        for mark in &mut self.marks {
            mark.slot >>= MOST_BITS - bits;
            self.table[mark.slot / 64] |= 1 << (mark.slot % 64);
        }
        self.marks.sort_by_key(|mark| (mark.slot, mark.tag));
    }

    /// Tells `each` of every form in `text`, in the order of windows.
    pub(super) fn matches(&self, text: &[u8], mut each: impl FnMut(Match)) {
        for (position, window) in text.windows(WINDOW).enumerate() {
            let Some(window) = window.first_chunk::<WINDOW>() else { continue };
            let window = u64::from_le_bytes(*window);
            let slot = usize::try_from(self.keys.product(window) >> self.shift).unwrap_or(0);
            if self.table.get(slot / 64).is_some_and(|bits| bits >> (slot % 64) & 1 == 1) {
                self.judge(text, position, window, slot, &mut each);
            }
        }
    }

    /// Tells of the forms whose window is at a position, whose bit was set.
    #[cold]
    fn judge(&self, text: &[u8], position: usize, window: u64, slot: usize, each: &mut impl FnMut(Match)) {
        let tag = self.keys.tag(window);
        let first = self.marks.partition_point(|mark| (mark.slot, mark.tag) < (slot, tag));
        for mark in self.marks[first..].iter().take_while(|mark| (mark.slot, mark.tag) == (slot, tag)) {
            let Some(start) = position.checked_sub(mark.at) else { continue };
            let Some(candidate) = text.get(start..).and_then(|rest| rest.get(..mark.length)) else { continue };
            let may_be =
                mark.part.as_ref().is_none_or(|(at, part)| self.keys.digest(&candidate[*at..*at + PART]) == *part);
            if may_be && self.keys.digest(candidate) == mark.whole {
                each(Match { start, length: mark.length, secret: mark.secret, form: mark.form });
            }
        }
    }

    /// The name of a secret.
    pub(super) fn name(&self, secret: usize) -> &Name {
        &self.names[secret]
    }

    /// How many secrets are searched for.
    #[must_use]
    pub const fn searched(&self) -> usize {
        self.names.len()
    }

    /// The secrets that are not searched for, and why.
    #[must_use]
    pub fn unsearched(&self) -> &[(Name, Unsearched)] {
        &self.unsearched
    }

    /// The length of the longest form, in bytes.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }
}

impl Keys {
    /// New keys.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    fn new() -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 64]);
        getrandom::fill(key.as_mut())?;
        let mut random = [getrandom::u64()?, getrandom::u64()?, getrandom::u64()?];
        let keys = match <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_ref()) {
            Ok(mac) => Self { slot: random[0] | 1, mixed: random[1], tag: random[2] | 1, mac },
            Err(_) => unreachable!("HMAC takes keys of every length"),
        };
        random.zeroize();
        Ok(keys)
    }

    /// The product whose upper bits are the slot of a window.
    const fn product(&self, window: u64) -> u64 {
        window.wrapping_mul(self.slot)
    }

    /// The second hash of a window.
    const fn tag(&self, window: u64) -> u64 {
        (window ^ self.mixed).wrapping_mul(self.tag) >> 48
    }

    /// The digest of a run of bytes.
    fn digest(&self, bytes: &[u8]) -> Digest {
        self.mac.clone().chain_update(bytes).finalize().into_bytes().into()
    }
}

/// The window of `text` at a position.
fn window_at(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk::<WINDOW>().map(|window| u64::from_le_bytes(*window))
}

/// Where the window of a form is that other texts are least likely to have: the first one with the most different bytes, of the kinds of
/// character that change most. Ends of known prefixes (`sk-ant-`, `postgres://`) would be met far more often.
fn telling_window(form: &[u8]) -> usize {
    let mut best = (0, 0);
    for (at, window) in form.windows(WINDOW).take(CANDIDATES).enumerate() {
        let distinct = (0..WINDOW).filter(|&here| !window[..here].contains(&window[here])).count();
        let changes = window.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
        if distinct + changes > best.0 {
            best = (distinct + changes, at);
        }
    }
    best.1
}

/// What kind of character a byte is.
const fn kind(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        b' '..=b'~' => 3,
        _ => 4,
    }
}
