//! Comments: which map or list each was encrypted in, found by trying, since formats do not say it.

use std::collections::BTreeSet;

use super::error::SopsError;
use super::tree::{Comment, Node, Tree, additional_data};
use super::value::{BEGINNING, COMMENT, DataKey, Sealed};
use crate::secret::Secret;

/// How many combinations of a comment and what it may stand in are tried, beyond what lies near it. A hostile file could have many.
const MOST_TRIALS: usize = 50_000;

/// How long the additional data of a file's maps and lists may be together, in bytes; what comes after that is not tried.
const LONGEST_PLACES: usize = 8 << 20;

/// Decrypts comments. Those that are not encrypted are taken as they are, for older releases of SOPS wrote them so.
///
/// # Errors
/// When one was encrypted, and in no place of this file.
pub(super) fn open(tree: &Tree, key: &DataKey) -> Result<Vec<Secret>, SopsError> {
    let mut places = Places::default();
    if tree.comments.iter().any(is_encrypted) {
        places.visit(
            &tree.root.iter().map(|entry| (Some(&entry.key), &entry.value)).collect::<Vec<_>>(),
            &mut Vec::new(),
        );
    }
    let all: BTreeSet<&str> = places.data.iter().map(String::as_str).collect();
    let mut trials = MOST_TRIALS;
    tree.comments.iter().map(|comment| places.open(comment, key, &all, &mut trials)).collect()
}

/// Whether a comment has the form of an encrypted value.
fn is_encrypted(comment: &Comment) -> bool {
    comment.text.starts_with(BEGINNING)
}

/// What comments can stand in: the maps and lists of a file.
#[derive(Default)]
struct Places {
    /// The additional data of each map and list.
    data: Vec<String>,
    /// The same ones' parents, by place in `data`.
    parents: Vec<Option<usize>>,
    /// How long the additional data are together.
    length: usize,
    /// The lines of values, and the map or list that each stands in.
    values: Vec<(usize, usize)>,
}

impl Places {
    /// Notes a map or list with these members, and what is in it. `around` are the keys that lead to it, and its parents.
    fn visit(&mut self, members: &[(Option<&String>, &Node)], around: &mut Vec<Around>) {
        let keys: Vec<String> = around.iter().filter_map(|around| around.key.clone()).collect();
        let data = additional_data(&keys);
        self.length += data.len();
        if self.length > LONGEST_PLACES {
            return;
        }
        let own = self.data.len();
        self.parents.push(around.last().map(|around| around.place));
        self.data.push(data);
        for (key, node) in members {
            let inside: Vec<_> = match node {
                Node::Map(entries) => entries.iter().map(|entry| (Some(&entry.key), &entry.value)).collect(),
                Node::List(nodes) => nodes.iter().map(|node| (None, node)).collect(),
                Node::Leaf(leaf) => {
                    self.values.push((leaf.line, own));
                    continue;
                }
            };
            around.push(Around { key: key.cloned(), place: own });
            self.visit(&inside, around);
            around.pop();
        }
    }

    /// The additional data of what is around the value at a place in `values`, the innermost first.
    fn near(&self, at: Option<usize>) -> impl Iterator<Item = &str> {
        let innermost = at.and_then(|at| self.values.get(at)).map(|(_, place)| *place);
        std::iter::successors(innermost, |place| self.parents.get(*place).copied().flatten())
            .filter_map(|place| self.data.get(place))
            .map(String::as_str)
    }

    /// Decrypts one comment.
    ///
    /// # Errors
    /// As for all of them.
    fn open(
        &self,
        comment: &Comment,
        key: &DataKey,
        all: &BTreeSet<&str>,
        trials: &mut usize,
    ) -> Result<Secret, SopsError> {
        let failed = || SopsError::Comment { line: comment.line };
        if !is_encrypted(comment) {
            return Ok(Secret::from(comment.text.as_str()));
        }
        let sealed = Sealed::parse(&comment.text).filter(|sealed| sealed.word == COMMENT).ok_or_else(failed)?;
        let next = self.values.partition_point(|(line, _)| *line < comment.line);
        let far = all.iter().copied().take_while(|_| {
            *trials = trials.saturating_sub(1);
            *trials > 0
        });
        let mut candidates = self.near(next.checked_sub(1)).chain(self.near(Some(next))).chain([":"]).chain(far);
        let opened = candidates.find_map(|additional| sealed.open(key, additional));
        opened.map(|bytes| Secret::from(bytes.as_slice())).ok_or_else(failed)
    }
}

/// A step on the way to a map or list.
struct Around {
    /// Its key; none in a list.
    key: Option<String>,
    /// What it stands in, by place in [`Places::data`].
    place: usize,
}
