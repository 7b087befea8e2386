//! A pattern with its anchor replaced by a real folder, ready to be compared with paths.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::glob::Segment;

/// What one pattern means on this host: a folder, and wildcards below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResolvedPattern {
    /// The longest part without wildcards.
    prefix: PathBuf,
    /// What follows; empty when there are no wildcards.
    tail: Vec<Segment>,
}

impl ResolvedPattern {
    /// A single path below `base`.
    pub(super) fn plain(base: &Path, rest: &OsStr) -> Self {
        let prefix = if rest.is_empty() { base.to_path_buf() } else { base.join(rest) };
        Self { prefix, tail: Vec::new() }
    }

    /// Wildcards below a folder that is below `base`.
    pub(super) fn wild(base: &Path, head: &str, tail: &[Segment]) -> Self {
        Self { tail: tail.to_vec(), ..Self::plain(base, OsStr::new(head)) }
    }

    /// The path, when there are no wildcards.
    #[must_use]
    pub fn literal(&self) -> Option<&Path> {
        self.tail.is_empty().then_some(self.prefix.as_path())
    }

    /// The longest folder without wildcards; the path itself when there are none.
    #[must_use]
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// What follows [`ResolvedPattern::prefix`]; the first segment is never a literal.
    #[must_use]
    pub fn tail(&self) -> &[Segment] {
        &self.tail
    }

    /// Whether exactly `path` is matched.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        let Ok(rest) = path.strip_prefix(&self.prefix) else { return false };
        if self.tail.is_empty() {
            return rest.as_os_str().is_empty();
        }
        let names: Vec<&OsStr> = rest.iter().collect();
        matches_all(&self.tail, &names)
    }

    /// Whether `path` or a folder above it is matched.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        self.deepest(path).is_some()
    }

    /// How many components the longest match among `path` and the folders above it has.
    #[must_use]
    pub fn deepest(&self, path: &Path) -> Option<usize> {
        let rest = path.strip_prefix(&self.prefix).ok()?;
        let depth = self.prefix.iter().count();
        if self.tail.is_empty() {
            return Some(depth);
        }
        let names: Vec<&OsStr> = rest.iter().collect();
        (1..=names.len())
            .rev()
            .find(|length| names.get(..*length).is_some_and(|head| matches_all(&self.tail, head)))
            .map(|length| depth + length)
    }
}

/// Whether the segments match all names, with `**` taking as few as it can.
fn matches_all(segments: &[Segment], names: &[&OsStr]) -> bool {
    let (mut segment, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (segments.get(segment), names.get(at)) {
            (Some(Segment::AnyDepth), _) => {
                retry = Some((segment, at));
                segment += 1;
                continue;
            }
            (Some(single), Some(name)) if single.matches(name) => {
                (segment, at) = (segment + 1, at + 1);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match retry {
            Some((star, from)) if from < names.len() => {
                retry = Some((star, from + 1));
                (segment, at) = (star + 1, from + 1);
            }
            _ => return false,
        }
    }
}
