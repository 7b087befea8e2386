//! Ways of writing that leave a choice for every character: here the text is decoded around the places that say so, and searched again.
//!
//! A text without a `%`, a backslash or a wrapped line of Base64 is not decoded at all; one with a few is decoded as far around them as
//! the longest form reaches. What is found there counts only when it has such a place within it, for otherwise it is found without.

use std::fmt;

use memchr::{memchr, memchr_iter};
use zeroize::Zeroizing;

/// How many digits of Base64 stand before the end of a line that is wrapped, at least. Encoders wrap after 60, 64 or 76.
const WRAPPED_AFTER: usize = 16;

/// How many layers are taken off one after another: `\u0025` in JSON, or Base64 wrapped in a string of JSON, is two.
pub(super) const DEPTH: usize = 2;

/// A way of writing over another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// Percent-encoded (RFC 3986), wholly or in part.
    Percent,
    /// With backslashes, as in JSON (RFC 8259), C, shells and `.env` files: `\n`, `\"`, `\u0041`, `\x41`, `\101`.
    Escaped,
    /// Broken into lines, as MIME and PEM do.
    Wrapped,
}

impl Layer {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Percent, Self::Escaped, Self::Wrapped];

    /// As programs read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Escaped => "escaped",
            Self::Wrapped => "wrapped",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Percent => "percent-encoded",
            Self::Escaped => "with escapes",
            Self::Wrapped => "over several lines",
        })
    }
}

/// A place of a text that stands for other bytes.
struct Escape {
    /// Where it begins.
    start: usize,
    /// Where it ends.
    end: usize,
    /// The bytes that it stands for, in the first `count` places.
    bytes: [u8; 4],
    /// How many there are.
    count: usize,
}

/// Where an escape of the text came to be in what was decoded.
struct Step {
    /// Its first byte there.
    decoded: usize,
    /// How many bytes it became.
    count: usize,
    /// Where it begins in the text.
    start: usize,
    /// Where it ends in the text.
    end: usize,
}

/// A part of a text, decoded.
pub(super) struct Decoded {
    /// The bytes.
    pub(super) text: Zeroizing<Vec<u8>>,
    /// Where the part begins in the text.
    origin: usize,
    /// How far the text was copied.
    taken: usize,
    /// The escapes, in order.
    steps: Vec<Step>,
}

impl Decoded {
    /// A part that begins at `origin`.
    fn from(origin: usize) -> Self {
        Self { text: Zeroizing::default(), origin, taken: origin, steps: Vec::new() }
    }

    /// Takes the text up to an escape, and what the escape stands for.
    fn take(&mut self, text: &[u8], escape: &Escape) {
        self.text.extend_from_slice(&text[self.taken..escape.start]);
        self.steps.push(Step { decoded: self.text.len(), count: escape.count, start: escape.start, end: escape.end });
        self.text.extend_from_slice(&escape.bytes[..escape.count]);
        self.taken = escape.end;
    }

    /// Where a byte comes from: the first and the last place (exclusive) of the text that stand for it.
    fn source(&self, at: usize) -> (usize, usize) {
        match self.steps[..self.steps.partition_point(|step| step.decoded <= at)].last() {
            None => (self.origin + at, self.origin + at + 1),
            Some(step) if at < step.decoded + step.count => (step.start, step.end),
            Some(step) => {
                let start = step.end + (at - step.decoded - step.count);
                (start, start + 1)
            }
        }
    }

    /// Where `length` bytes from `start` on come from: place and length in the text. None when there is no escape among them.
    pub(super) fn original(&self, start: usize, length: usize) -> Option<(usize, usize)> {
        let (first, _) = self.source(start);
        let (_, end) = self.source(start + length - 1);
        let is_within = |step: &Step| step.decoded < start + length && step.decoded + step.count > start;
        self.steps.iter().any(is_within).then_some((first, end - first))
    }
}

impl Layer {
    /// Decodes the parts of `text` that have something to decode, `reach` bytes further on both sides.
    pub(super) fn parts(self, text: &[u8], reach: usize, mut each: impl FnMut(&Decoded)) {
        let mut open: Option<Decoded> = None;
        let mut close = |mut part: Decoded| {
            let end = text.len().min(part.taken + reach);
            part.text.extend_from_slice(&text[part.taken..end]);
            each(&part);
        };
        self.escapes(text, |escape| {
            if open.as_ref().is_some_and(|part| escape.start - part.taken > 2 * reach) {
                open.take().into_iter().for_each(&mut close);
            }
            open.get_or_insert_with(|| Decoded::from(escape.start.saturating_sub(reach))).take(text, &escape);
        });
        open.into_iter().for_each(close);
    }

    /// Tells of every escape in order.
    fn escapes(self, text: &[u8], mut each: impl FnMut(Escape)) {
        match self {
            Self::Percent => memchr_iter(b'%', text).filter_map(|at| percent(text, at)).for_each(each),
            Self::Wrapped => memchr_iter(b'\n', text).filter_map(|at| line_end(text, at)).for_each(each),
            Self::Escaped => {
                // One by one: a backslash that is itself escaped begins nothing.
                let mut from = 0;
                while let Some(found) = text.get(from..).and_then(|rest| memchr(b'\\', rest)) {
                    let Some(escape) = backslash(text, from + found) else { return };
                    from = escape.end;
                    each(escape);
                }
            }
        }
    }
}

/// The escape at a percent sign.
fn percent(text: &[u8], at: usize) -> Option<Escape> {
    let byte = number(text.get(at + 1..at + 3)?, 16)?;
    Some(Escape { start: at, end: at + 3, bytes: [u8::try_from(byte).ok()?, 0, 0, 0], count: 1 })
}

/// The escape at a backslash; none at the end of the text.
fn backslash(text: &[u8], at: usize) -> Option<Escape> {
    let one = |byte: u8, length: usize| Escape { start: at, end: at + length, bytes: [byte, 0, 0, 0], count: 1 };
    let digits = |from: usize, count: usize, base: u32| {
        text.get(at + from..at + from + count).and_then(|digits| number(digits, base))
    };
    let narrow = |number: u32| u8::try_from(number).ok();
    let next = *text.get(at + 1)?;
    Some(match next {
        b'n' => one(b'\n', 2),
        b'r' => one(b'\r', 2),
        b't' => one(b'\t', 2),
        b'b' => one(8, 2),
        b'f' => one(12, 2),
        b'\n' => Escape { start: at, end: at + 2, bytes: [0; 4], count: 0 },
        b'u' => unicode(text, at).unwrap_or_else(|| one(next, 2)),
        b'x' => digits(2, 2, 16).and_then(narrow).map_or_else(|| one(next, 2), |byte| one(byte, 4)),
        b'0'..=b'3' => digits(1, 3, 8).and_then(narrow).map_or_else(|| one(next, 2), |byte| one(byte, 4)),
        _ => one(next, 2),
    })
}

/// The character that `\u` and four digits stand for, or two of these as a surrogate pair.
fn unicode(text: &[u8], at: usize) -> Option<Escape> {
    let unit = |at: usize| {
        text.get(at..at + 6).filter(|text| text.starts_with(b"\\u")).and_then(|text| number(&text[2..], 16))
    };
    let first = unit(at)?;
    let (code, end) = match (first, unit(at + 6)) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), at + 12)
        }
        _ => (first, at + 6),
    };
    let mut bytes = [0; 4];
    let count = char::from_u32(code)?.encode_utf8(&mut bytes).len();
    Some(Escape { start: at, end, bytes, count })
}

/// The break at a line feed, when a line of digits is wrapped there: with the carriage return before it and the blanks after it.
fn line_end(text: &[u8], at: usize) -> Option<Escape> {
    let start = if at > 0 && text[at - 1] == b'\r' { at - 1 } else { at };
    let before = text.get(start.checked_sub(WRAPPED_AFTER)?..start)?;
    let blanks = text[at + 1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let end = at + 1 + blanks;
    let is_wrapped =
        before.iter().rev().all(|&byte| is_digit(byte)) && text.get(end).is_some_and(|&byte| is_digit(byte));
    is_wrapped.then_some(Escape { start, end, bytes: [0; 4], count: 0 })
}

/// Whether a byte is a digit of Base64, of either alphabet.
const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The number that digits stand for.
fn number(digits: &[u8], base: u32) -> Option<u32> {
    digits.iter().try_fold(0, |sum, &digit| Some(sum * base + char::from(digit).to_digit(base)?))
}

#[cfg(test)]
mod tests {
    use super::{Decoded, Layer};

    /// The decoded parts of a text.
    fn parts(layer: Layer, text: &str, reach: usize) -> Vec<String> {
        let mut found = Vec::new();
        layer.parts(text.as_bytes(), reach, |part: &Decoded| {
            found.push(String::from_utf8_lossy(&part.text).into_owned());
        });
        found
    }

    #[test]
    fn escapes_are_decoded_as_json_c_and_shells_write_them() {
        let text = r#"a\n\"\\\/\u0041\u00e4\ud83d\ude00\x41\101\$z"#;
        assert_eq!(parts(Layer::Escaped, text, 9), ["a\n\"\\/A\u{e4}\u{1f600}AA$z"]);
    }

    #[test]
    fn broken_escapes_stand_for_themselves() {
        assert_eq!(parts(Layer::Percent, "100% %zz %4", 9), [""; 0]);
        assert_eq!(parts(Layer::Escaped, r"\ud800x\u12\", 9), ["\\ud800xu12\\"].map(|text| text.replacen('\\', "", 1)));
    }

    #[test]
    fn only_lines_of_digits_are_joined() {
        let text = "key: abcdefghijklmnopqrst\r\n  uvw\nxyz and\nmore";
        assert_eq!(parts(Layer::Wrapped, text, 99), ["key: abcdefghijklmnopqrstuvw\nxyz and\nmore"]);
        assert_eq!(parts(Layer::Wrapped, "short\nlines\nonly\n", 9), [""; 0]);
    }

    #[test]
    fn only_what_is_near_an_escape_is_decoded() {
        let text = format!("{}%41{}%42{}", "-".repeat(50), "-".repeat(50), "-".repeat(50));
        assert_eq!(parts(Layer::Percent, &text, 3), ["---A---", "---B---"]);
        assert_eq!(parts(Layer::Percent, &text, 30).len(), 1);
    }

    #[test]
    fn places_lead_back_to_the_text() {
        let mut found = Vec::new();
        Layer::Percent.parts(b"0123%41%4256789", 99, |part| {
            found = vec![part.original(0, 4), part.original(3, 2), part.original(5, 3), part.original(6, 3)];
        });
        assert_eq!(found, [None, Some((3, 4)), Some((7, 5)), None]);
    }
}
