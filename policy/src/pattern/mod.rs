//! Path patterns: what may be written in a policy file where a path is expected.
//!
//! A pattern is absolute, or begins with `~/` or `$XDG_CONFIG_HOME/` (and its siblings), or is relative and then means a place
//! under every workspace. It is checked completely when it is read, so that resolving one cannot fail. Names are compared byte
//! by byte: case counts, and look-alike characters are different characters.

mod braces;
mod error;
mod glob;
mod places;
mod resolved;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use error::PatternError;
pub use glob::{Glob, Segment};
pub use places::{Bases, Places, Purpose};
pub use resolved::ResolvedPattern;

/// The folders of a user that a pattern may be relative to, by the environment variables that move them.
pub const XDG_NAMES: [&str; 5] =
    ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];

/// The longest pattern that is accepted: as long as the longest path.
const MAX_LENGTH: usize = 4096;

/// How many paths one pattern may stand for by its brace lists.
const MAX_EXPANSIONS: usize = 64;

/// A checked path pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pattern {
    /// The pattern as written, without doubled or trailing slashes. That of a built-in profile lies in the program itself.
    #[serde(borrow)]
    text: Cow<'static, str>,
    /// What it is relative to.
    anchor: Anchor,
    /// What follows the anchor.
    body: Body,
}

/// What a pattern is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Anchor {
    /// The root of the file system.
    Root,
    /// The home folder.
    Home,
    /// The folder named by the variable at this place of [`XDG_NAMES`].
    Xdg(u8),
    /// Every workspace.
    Workspace,
}

/// What follows a pattern's anchor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
enum Body {
    /// One path: `text` from this byte on.
    Plain(u16),
    /// One path, taken as it is, wildcard characters and all.
    Verbatim(OsString),
    /// One entry for each combination of the brace lists.
    Wild(Vec<Alternative>),
}

/// One of the paths, or sets of paths, that a pattern with wildcards stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Alternative {
    /// The names before the first wildcard, joined.
    #[serde(borrow)]
    head: Cow<'static, str>,
    /// What follows; the first segment is never a literal.
    tail: Vec<Segment>,
}

impl Pattern {
    /// Reads a pattern as written in a policy file.
    ///
    /// # Errors
    /// When the text is not a pattern; the error says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        check_characters(text)?;
        let (anchor, rest) = split_anchor(text)?;
        let components: Vec<&str> = rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let head = anchor.text();
        let mut clean = String::with_capacity(text.len());
        clean.push_str(head);
        let start = match anchor {
            Anchor::Root | Anchor::Workspace => head.len(),
            Anchor::Home | Anchor::Xdg(_) => head.len() + 1,
        };
        for part in &components {
            if !clean.is_empty() && !clean.ends_with('/') {
                clean.push('/');
            }
            clean.push_str(part);
        }
        if clean.is_empty() {
            clean.push('.');
        }
        let body = if components.iter().any(|part| glob::is_wild(part)) {
            Body::Wild(expand(&components)?)
        } else {
            components.iter().try_for_each(|part| check_component(part))?;
            let start = if components.is_empty() { clean.len() } else { start };
            Body::Plain(u16::try_from(start).unwrap_or(u16::MAX))
        };
        Ok(Self { text: Cow::Owned(clean), anchor, body })
    }

    /// Takes an absolute path as it is: no character in it is special.
    ///
    /// # Errors
    /// When the path is relative, or has `..` or a NUL byte in it.
    pub fn literal(path: &Path) -> Result<Self, PatternError> {
        let text = path.to_string_lossy().into_owned();
        if !path.is_absolute() {
            return Err(PatternError::NotAbsolute { text });
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(PatternError::ControlCharacter { text });
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(PatternError::ParentFolder { text });
        }
        let clean: PathBuf = path.components().collect();
        Ok(Self {
            text: Cow::Owned(clean.to_string_lossy().into_owned()),
            anchor: Anchor::Root,
            body: Body::Verbatim(clean.into_os_string()),
        })
    }

    /// The pattern as written, without doubled or trailing slashes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the pattern is relative to every workspace.
    #[must_use]
    pub const fn is_relative(&self) -> bool {
        matches!(self.anchor, Anchor::Workspace)
    }

    /// Whether the pattern is relative to the home folder, directly or through an XDG variable.
    #[must_use]
    pub const fn is_in_home(&self) -> bool {
        matches!(self.anchor, Anchor::Home | Anchor::Xdg(_))
    }

    /// The paths that the pattern stands for on this host.
    ///
    /// A pattern for [`Purpose::Grant`] means the main value of home and XDG folders; for [`Purpose::Restrict`] it means every
    /// value that they may have. Brace lists become one result each.
    #[must_use]
    pub fn resolve(&self, places: &Places, purpose: Purpose) -> Vec<ResolvedPattern> {
        let mut resolved = Vec::new();
        self.resolve_at(&places.bases(self.anchor, purpose), &mut |pattern| resolved.push(pattern));
        resolved
    }

    /// As [`Pattern::resolve`], for many patterns on the same host: each result is given to `take`.
    pub fn resolve_in(&self, bases: &Bases, take: &mut impl FnMut(ResolvedPattern)) {
        self.resolve_at(bases.of(self.anchor), take);
    }

    /// Gives `take` what the pattern stands for below each of `bases`.
    fn resolve_at(&self, bases: &[PathBuf], take: &mut impl FnMut(ResolvedPattern)) {
        for base in bases {
            match &self.body {
                Body::Plain(start) => {
                    let rest = self.text.get(usize::from(*start)..).unwrap_or_default();
                    take(ResolvedPattern::plain(base, OsStr::new(rest)));
                }
                Body::Verbatim(path) => take(ResolvedPattern::plain(base, path)),
                Body::Wild(alternatives) => {
                    for each in alternatives {
                        take(ResolvedPattern::wild(base, &each.head, &each.tail));
                    }
                }
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Anchor {
    /// How the anchor is written.
    const fn text(self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::Home => "~",
            Self::Xdg(0) => "$XDG_CONFIG_HOME",
            Self::Xdg(1) => "$XDG_DATA_HOME",
            Self::Xdg(2) => "$XDG_CACHE_HOME",
            Self::Xdg(3) => "$XDG_STATE_HOME",
            Self::Xdg(_) => "$XDG_RUNTIME_DIR",
            Self::Workspace => "",
        }
    }
}

/// Refuses what cannot be a path, or cannot have been meant.
///
/// # Errors
/// When the text is empty, too long, or has control characters or outer spaces.
fn check_characters(text: &str) -> Result<(), PatternError> {
    let owned = || text.to_owned();
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    if text.len() > MAX_LENGTH {
        return Err(PatternError::TooLong { length: text.len() });
    }
    if text.chars().any(char::is_control) {
        return Err(PatternError::ControlCharacter { text: text.escape_debug().to_string() });
    }
    if text.trim() != text {
        return Err(PatternError::OuterSpace { text: owned() });
    }
    Ok(())
}

/// Splits a pattern into its anchor and the rest.
///
/// # Errors
/// When the text names another user's home or an unknown variable.
fn split_anchor(text: &str) -> Result<(Anchor, &str), PatternError> {
    if let Some(rest) = text.strip_prefix('/') {
        return Ok((Anchor::Root, rest));
    }
    if let Some(rest) = text.strip_prefix('~') {
        return match rest.strip_prefix('/') {
            Some(rest) => Ok((Anchor::Home, rest)),
            None if rest.is_empty() => Ok((Anchor::Home, rest)),
            None => Err(PatternError::OtherHome { text: text.to_owned() }),
        };
    }
    if let Some(rest) = text.strip_prefix('$') {
        let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
        return match (0..).zip(XDG_NAMES).find(|(_, known)| *known == name) {
            Some((index, _)) => Ok((Anchor::Xdg(index), rest)),
            None => Err(PatternError::UnknownVariable { name: name.to_owned() }),
        };
    }
    Ok((Anchor::Workspace, text))
}

/// Turns components with wildcards into every alternative that they stand for.
///
/// # Errors
/// When a component is malformed, or there are too many alternatives.
fn expand(components: &[&str]) -> Result<Vec<Alternative>, PatternError> {
    let mut expansions = vec![Alternative { head: Cow::Borrowed(""), tail: Vec::new() }];
    for part in components {
        let choices = braces::alternatives(part)?;
        if expansions.len() * choices.len() > MAX_EXPANSIONS {
            return Err(PatternError::TooManyAlternatives { limit: MAX_EXPANSIONS });
        }
        let mut longer = Vec::with_capacity(expansions.len() * choices.len());
        for choice in &choices {
            check_component(choice)?;
            let segment = Segment::parse(choice)?;
            longer.extend(expansions.iter().map(|expansion| expansion.followed_by(&segment)));
        }
        expansions = longer;
    }
    if expansions.iter().any(|expansion| expansion.tail.last() == Some(&Segment::AnyDepth)) {
        return Err(PatternError::TrailingDepth);
    }
    Ok(expansions)
}

impl Alternative {
    /// This, and one component more.
    fn followed_by(&self, segment: &Segment) -> Self {
        let Self { mut head, mut tail } = self.clone();
        match segment {
            Segment::Literal(name) if tail.is_empty() => {
                let longer = head.to_mut();
                if !longer.is_empty() {
                    longer.push('/');
                }
                longer.push_str(&name.to_string_lossy());
            }
            Segment::Literal(_) | Segment::Glob(_) | Segment::AnyDepth => tail.push(segment.clone()),
        }
        Self { head, tail }
    }
}

/// Refuses components that lead elsewhere or nowhere.
///
/// # Errors
/// When the component is empty, `.` or `..`.
fn check_component(part: &str) -> Result<(), PatternError> {
    match part {
        ".." => Err(PatternError::ParentFolder { text: part.to_owned() }),
        "" | "." => Err(PatternError::EmptyAlternative),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
