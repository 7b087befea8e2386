//! The ways in which a value may be written down, as far as each is one run of bytes that the value alone decides.
//!
//! Ways that leave a choice for every single character (percent-encoding, escapes of JSON, lines that are wrapped) are not here but in
//! `layers`: there the place is decoded, not the value encoded.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// How a value is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Form {
    /// As it is.
    Raw,
    /// Base64 (RFC 4648), alone or within something longer, padded or not.
    Base64,
    /// Base64 with `-` and `_` (RFC 4648, section 5).
    Base64Url,
    /// Hexadecimal digits of either case.
    Hex,
    /// As it is, with `+` for blanks, as in the query of an address.
    Query,
    /// Quoted for a shell: its single quotes written `'\''` or `'"'"'`.
    Shell,
}

impl Form {
    /// As programs read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Hex => "hex",
            Self::Query => "query",
            Self::Shell => "shell",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Bytes that are found where a value is written down.
pub(super) type Written = Zeroizing<Vec<u8>>;

/// Every form of `value`, each run of bytes once.
pub(super) fn of(value: &[u8]) -> Vec<(Form, Written)> {
    let mut forms: Vec<(Form, Written)> = Vec::new();
    let mut add = |form: Form, written: Written| {
        if !forms.iter().any(|(_, known)| *known == written) {
            forms.push((form, written));
        }
    };
    add(Form::Raw, Zeroizing::new(value.to_vec()));
    for before in 0..3 {
        add(Form::Base64, base64(value, before, &STANDARD_NO_PAD));
        add(Form::Base64Url, base64(value, before, &URL_SAFE_NO_PAD));
    }
    add(Form::Hex, hex(value, b"0123456789abcdef"));
    add(Form::Hex, hex(value, b"0123456789ABCDEF"));
    add(Form::Query, replaced(value, b' ', b"+"));
    add(Form::Shell, replaced(value, b'\'', br"'\''"));
    add(Form::Shell, replaced(value, b'\'', br#"'"'"'"#));
    forms
}

/// The digits of a value in Base64 when `before` bytes (0 to 2, plus any multiple of 3) come before it, without those digits that
/// other bytes have a part in.
fn base64(value: &[u8], before: usize, alphabet: &impl Engine) -> Written {
    let mut padded = Zeroizing::new(Vec::with_capacity(value.len() + before));
    padded.resize(before, 0);
    padded.extend_from_slice(value);
    let digits = Zeroizing::new(alphabet.encode(&*padded).into_bytes());
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    Zeroizing::new(digits[first..last].to_vec())
}

/// A value in hexadecimal digits.
fn hex(value: &[u8], digits: &[u8; 16]) -> Written {
    let digit = |number: u8| digits[usize::from(number & 15)];
    Zeroizing::new(value.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect())
}

/// A value with one byte written as others.
fn replaced(value: &[u8], byte: u8, by: &[u8]) -> Written {
    let count = value.iter().filter(|&&found| found == byte).count();
    // Reserved whole, for memory that is moved leaves a copy behind.
    let mut written = Zeroizing::new(Vec::with_capacity(value.len() + count * by.len()));
    for found in value {
        if *found == byte { written.extend_from_slice(by) } else { written.push(*found) }
    }
    written
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::{Form, of};

    /// Whether one of the forms of a kind is within `text`.
    fn is_within(value: &[u8], form: Form, text: &str) -> bool {
        of(value).iter().any(|(found, written)| {
            *found == form && text.as_bytes().windows(written.len()).any(|part| part == written.as_slice())
        })
    }

    proptest! {
        #[test]
        fn a_value_is_within_every_base64_text_that_holds_it(
            value in prop::collection::vec(any::<u8>(), 8..80),
            before in prop::collection::vec(any::<u8>(), 0..9),
            after in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let whole = [before, value.clone(), after].concat();
            prop_assert!(is_within(&value, Form::Base64, &STANDARD.encode(&whole)));
            let url = URL_SAFE.encode(&whole);
            prop_assert!(is_within(&value, Form::Base64Url, &url) || is_within(&value, Form::Base64, &url));
        }
    }

    #[test]
    fn each_run_of_bytes_is_listed_once() {
        let forms = of(b"0123 '0123");
        let mut runs: Vec<_> = forms.iter().map(|(_, written)| written.to_vec()).collect();
        runs.sort();
        runs.dedup();
        assert_eq!(runs.len(), forms.len());
        assert!(forms.iter().any(|(form, written)| *form == Form::Query && written.as_slice() == b"0123+'0123"));
        assert!(forms.iter().any(|(form, written)| *form == Form::Shell && written.as_slice() == br"0123 '\''0123"));
    }
}
