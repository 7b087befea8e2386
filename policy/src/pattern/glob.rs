//! Wildcards within one path component.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};

use super::error::PatternError;

/// One component of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Segment {
    /// Exactly this name.
    Literal(OsString),
    /// Every name that the wildcards match.
    Glob(Glob),
    /// `**`: any number of components, also none.
    AnyDepth,
}

/// A name with wildcards. `*` matches a leading dot too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Glob {
    /// What must follow what.
    tokens: Vec<Token>,
}

/// One element of a glob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Token {
    /// This byte.
    Byte(u8),
    /// Any one character, or one byte that is not text.
    One,
    /// Any number of bytes.
    Many,
    /// One character in, or not in, one of the ranges.
    Class(Membership, Vec<(char, char)>),
}

/// Whether a class lists what it matches or what it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Membership {
    /// `[…]`.
    In,
    /// `[!…]`.
    NotIn,
}

/// Whether a component has a character that means more than itself.
pub(super) fn is_wild(component: &str) -> bool {
    component.bytes().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'{' | b'}' | b'\\'))
}

impl Segment {
    /// Reads one component, its brace lists already expanded.
    ///
    /// # Errors
    /// When a class, an escape or a `**` is malformed.
    pub(super) fn parse(component: &str) -> Result<Self, PatternError> {
        if component == "**" {
            return Ok(Self::AnyDepth);
        }
        let tokens = tokens(component)?;
        if tokens.windows(2).any(|pair| pair == [Token::Many, Token::Many]) {
            return Err(PatternError::PartialDepth { component: component.to_owned() });
        }
        let bytes: Option<Vec<u8>> =
            tokens.iter().map(|token| if let Token::Byte(byte) = token { Some(*byte) } else { None }).collect();
        Ok(match bytes {
            Some(bytes) => Self::Literal(OsStr::from_bytes(&bytes).to_owned()),
            None => Self::Glob(Glob { tokens }),
        })
    }

    /// Whether one component called `name` is matched. [`Segment::AnyDepth`] matches each.
    #[must_use]
    pub fn matches(&self, name: &OsStr) -> bool {
        match self {
            Self::Literal(literal) => literal == name,
            Self::Glob(glob) => glob.matches(name),
            Self::AnyDepth => true,
        }
    }
}

impl Glob {
    /// Whether `name` is matched. Takes time at most proportional to both lengths multiplied, never more.
    #[must_use]
    pub fn matches(&self, name: &OsStr) -> bool {
        let name = name.as_bytes();
        let (mut token, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.tokens.get(token) {
                Some(Token::Many) => {
                    retry = Some((token, at));
                    token += 1;
                    continue;
                }
                Some(single) => {
                    if let Some(width) = single.width_at(name, at) {
                        (token, at) = (token + 1, at + width);
                        continue;
                    }
                }
                None if at == name.len() => return true,
                None => {}
            }
            match retry {
                Some((star, from)) if from < name.len() => {
                    let next = from + 1;
                    retry = Some((star, next));
                    (token, at) = (star + 1, next);
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    /// How many bytes of `name` from `at` on the token takes; `None` if it does not match there.
    fn width_at(&self, name: &[u8], at: usize) -> Option<usize> {
        let rest = name.get(at..)?;
        let first = *rest.first()?;
        match self {
            Self::Byte(byte) => (*byte == first).then_some(1),
            Self::One => Some(leading_character(rest).map_or(1, char::len_utf8)),
            Self::Many => None,
            Self::Class(membership, ranges) => {
                let Some(character) = leading_character(rest) else {
                    return (*membership == Membership::NotIn).then_some(1);
                };
                let listed = ranges.iter().any(|(low, high)| (*low..=*high).contains(&character));
                (listed == (*membership == Membership::In)).then_some(character.len_utf8())
            }
        }
    }
}

/// The character that `bytes` begins with, if they begin with one.
fn leading_character(bytes: &[u8]) -> Option<char> {
    let head = bytes.get(..bytes.len().min(4))?;
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
    };
    valid.chars().next()
}

/// Splits a component into tokens.
///
/// # Errors
/// When a class or an escape is malformed.
fn tokens(component: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::with_capacity(component.len());
    let mut characters = component.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => tokens.push(Token::Many),
            '?' => tokens.push(Token::One),
            '[' => tokens.push(class(component, &mut characters)?),
            '\\' => {
                let escaped = characters
                    .next()
                    .ok_or_else(|| PatternError::TrailingEscape { component: component.to_owned() })?;
                push_bytes(&mut tokens, escaped);
            }
            other => push_bytes(&mut tokens, other),
        }
    }
    Ok(tokens)
}

/// Adds the bytes of one plain character.
fn push_bytes(tokens: &mut Vec<Token>, character: char) {
    tokens.extend(character.encode_utf8(&mut [0; 4]).bytes().map(Token::Byte));
}

/// Reads a character class after its opening bracket.
///
/// # Errors
/// When the class is not closed, is empty, or has a range the wrong way round.
fn class(component: &str, characters: &mut std::str::Chars<'_>) -> Result<Token, PatternError> {
    let malformed = || PatternError::CharacterClass { component: component.to_owned() };
    let text = characters.as_str();
    let (membership, text) = match text.strip_prefix(['!', '^']) {
        Some(rest) => (Membership::NotIn, rest),
        None => (Membership::In, text),
    };
    let end = text.find(']').ok_or_else(malformed)?;
    let (list, rest) = text.split_at(end);
    *characters = rest.strip_prefix(']').unwrap_or(rest).chars();
    let listed: Vec<char> = list.chars().collect();
    let mut ranges = Vec::new();
    let mut left = listed.as_slice();
    while let Some((first, tail)) = left.split_first() {
        if let ['-', last, tail @ ..] = tail {
            ranges.push((*first, *last));
            left = tail;
        } else {
            ranges.push((*first, *first));
            left = tail;
        }
    }
    if ranges.is_empty() || ranges.iter().any(|(low, high)| low > high) {
        return Err(malformed());
    }
    Ok(Token::Class(membership, ranges))
}
