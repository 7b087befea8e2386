//! All patterns of a search as one automaton over names: a folder's row tells what the names in it lead to.
//!
//! Rows are made when a walk first needs them. Most folders of a tree share one, in which a name costs one hash look-up, and one
//! comparison for each different wildcard name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use lobsterpot_policy::Segment;
use rustc_hash::FxHashMap;

/// The number of a row.
pub(super) type Row = usize;

/// The row of folders below which nothing can match.
pub(super) const NOWHERE: Row = 0;

/// The row of the folder in which the search begins.
pub(super) const START: Row = 1;

/// A place in a pattern: its number, and how many segments are already matched.
type Position = (u32, usize);

/// The patterns, and the rows that were needed so far.
#[derive(Debug)]
pub(super) struct Automaton<'a> {
    /// The patterns, without the folder in which they begin.
    tails: &'a [&'a [Segment]],
    /// The rows.
    rows: Vec<Names<'a>>,
    /// The rows by the places that they stand for.
    numbers: FxHashMap<Vec<Position>, Row>,
}

/// What the names in a folder lead to.
#[derive(Debug, Default)]
struct Names<'a> {
    /// The places of `**`, which every name leads to again.
    stays: Vec<Position>,
    /// Where plain names lead.
    literals: FxHashMap<&'a OsStr, Vec<Position>>,
    /// Where names with wildcards lead.
    globs: Vec<(&'a Segment, Vec<Position>)>,
    /// The row below a name that nothing is about, once it is known.
    aside: Option<Row>,
}

/// What one name leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The row of the folder of that name.
    pub(super) onward: Row,
    /// The row of what a symlink of that name leads to: `**` does not go through it.
    pub(super) across: Row,
    /// The patterns that are matched.
    pub(super) matched: Vec<u32>,
}

impl<'a> Automaton<'a> {
    /// The automaton of `tails`.
    pub(super) fn new(tails: &'a [&'a [Segment]]) -> Self {
        let mut automaton = Self { tails, rows: Vec::new(), numbers: FxHashMap::default() };
        automaton.row(Vec::new());
        automaton.row((0..).zip(tails).map(|(tail, _)| (tail, 0)).collect());
        automaton
    }

    /// What `name` leads to from a folder of `row`.
    pub(super) fn step(&mut self, row: Row, name: &OsStr) -> Step {
        let Some(names) = self.rows.get(row) else {
            return Step { onward: NOWHERE, across: NOWHERE, matched: Vec::new() };
        };
        let mut hits: Vec<Position> = names.literals.get(name).cloned().unwrap_or_default();
        for (_, next) in names.globs.iter().filter(|(glob, _)| glob.matches(name)) {
            hits.extend(next);
        }
        if hits.is_empty() {
            return Step { onward: self.aside(row), across: NOWHERE, matched: Vec::new() };
        }
        let is_end = |(tail, at): &Position| self.segment(*tail, *at).is_none();
        let mut matched: Vec<u32> = hits.iter().filter(|hit| is_end(hit)).map(|(tail, _)| *tail).collect();
        matched.sort_unstable();
        matched.dedup();
        let onward = names.stays.iter().chain(&hits).copied().collect();
        let (across, onward) = (self.row(hits), self.row(onward));
        Step { onward, across, matched }
    }

    /// The row of the folder at the relative `path` from one of row `start`.
    pub(super) fn row_at(&mut self, start: Row, path: &[u8]) -> Row {
        let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        names.fold(start, |row, name| self.step(row, OsStr::from_bytes(name)).onward)
    }

    /// The plain names that a folder of `row` is searched for.
    pub(super) fn literals(&self, row: Row) -> Vec<&'a OsStr> {
        self.rows.get(row).map(|names| names.literals.keys().copied().collect()).unwrap_or_default()
    }

    /// The row below a name in `row` that nothing is about.
    fn aside(&mut self, row: Row) -> Row {
        let Some(names) = self.rows.get(row) else { return NOWHERE };
        if let Some(aside) = names.aside {
            return aside;
        }
        let stays = names.stays.clone();
        let aside = self.row(stays);
        if let Some(names) = self.rows.get_mut(row) {
            names.aside = Some(aside);
        }
        aside
    }

    /// The row that stands for `positions`, made when it is new.
    fn row(&mut self, mut positions: Vec<Position>) -> Row {
        positions.retain(|(tail, at)| self.segment(*tail, *at).is_some());
        positions.sort_unstable();
        positions.dedup();
        if let Some(row) = self.numbers.get(&positions) {
            return *row;
        }
        let names = self.names(&positions);
        let row = self.rows.len();
        self.rows.push(names);
        self.numbers.insert(positions, row);
        row
    }

    /// What names lead to from `positions`.
    fn names(&self, positions: &[Position]) -> Names<'a> {
        let mut names = Names::default();
        let mut globs: BTreeMap<&'a Segment, Vec<Position>> = BTreeMap::new();
        for &(tail, mut at) in positions {
            // `**` may stand for nothing: what follows it counts here too.
            while let Some(Segment::AnyDepth) = self.segment(tail, at) {
                names.stays.push((tail, at));
                at += 1;
            }
            match self.segment(tail, at) {
                Some(Segment::Literal(name)) => {
                    names.literals.entry(name.as_os_str()).or_default().push((tail, at + 1))
                }
                Some(glob) => globs.entry(glob).or_default().push((tail, at + 1)),
                None => {}
            }
        }
        names.globs = globs.into_iter().collect();
        names
    }

    /// The segment at a place; `None` at the end of the pattern.
    fn segment(&self, tail: u32, at: usize) -> Option<&'a Segment> {
        self.tails.get(usize::try_from(tail).ok()?)?.get(at)
    }
}
