//! Names from outside in what a scan says: a value can be part of one.

use std::fmt::Write as _;

use super::index::Index;
use super::search::search;

/// How many bytes of a name are shown.
const LONGEST_SHOWN: usize = 4096;

impl Index {
    /// A name from outside, fit to be shown: values in it replaced by their names, other than printable characters escaped.
    #[must_use]
    pub fn shown(&self, text: &[u8]) -> String {
        let mut found = Vec::new();
        // All of it, for what is cut off may be the rest of a value.
        search(self, text, &mut |place, _| found.push((place.start, place.start + place.length, place.secret)));
        found.sort_unstable();
        let (mut shown, mut taken) = (String::new(), 0);
        let limit = text.len().min(LONGEST_SHOWN);
        for (start, end, secret) in found.into_iter().filter(|(start, ..)| *start < limit) {
            if start >= taken {
                shown.push_str(&plain(&text[taken..start]));
                let _ = write!(shown, "[{}]", self.name(secret));
            }
            taken = taken.max(end);
        }
        shown.push_str(&plain(&text[taken..limit.max(taken)]));
        shown
    }
}

/// Text without control characters.
fn plain(text: &[u8]) -> String {
    crate::session::shown(&String::from_utf8_lossy(text))
}

#[cfg(test)]
mod tests {
    use super::super::tests::index;

    #[test]
    fn names_are_shown_without_values_and_control_characters() {
        let index = index(&[("KEY", b"x9K2mQ4z8Lp0"), ("LONG", b"x9K2mQ4z8Lp0-and-more")]);
        assert_eq!(index.shown(b"a/x9K2mQ4z8Lp0.txt\n\x1b[2J\xff"), "a/[KEY].txt\\n\\u{1b}[2J\u{fffd}");
        assert_eq!(index.shown(b"x9K2mQ4z8Lp0-and-more!"), "[KEY]!");
        assert_eq!(index.shown(b"eDlLMm1RNHo4THAw.b64"), "[KEY].b64");
    }

    #[test]
    fn a_long_name_is_not_cut_within_a_value() {
        let index = index(&[("KEY", b"x9K2mQ4z8Lp0")]);
        for before in super::LONGEST_SHOWN - 14..=super::LONGEST_SHOWN {
            let shown = index.shown(&[&vec![b'-'; before][..], b"x9K2mQ4z8Lp0", &[b'-'; 99]].concat());
            assert!(!shown.contains('x'), "{before}");
            assert!(shown.len() <= super::LONGEST_SHOWN + "[KEY]".len(), "{before}");
        }
    }
}
