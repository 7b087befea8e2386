//! The objects of a repository, as `git cat-file --batch-all-objects --batch` gives them: `ID TYPE SIZE`, a line feed, the content, a line feed.

use std::io::{self, BufRead, BufReader, Read, Take};
use std::process::Stdio;

use super::GitError;
use super::bare::{Git, Patient, read_error};

/// How much of git's answer is read at once.
const PORTION: usize = 1 << 18;

/// How long a heading can be.
const LONGEST_HEADING: u64 = 256;

/// How much of an object is looked at to tell whether it is text.
const HEAD: usize = 8000;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// Its id.
    pub(super) id: String,
    /// What it is: `blob`, `tree`, `commit` or `tag`.
    pub(super) kind: &'static str,
}

/// The content of an object.
pub(super) struct Content<'answer, 'git>(Take<&'answer mut BufReader<&'git mut Patient>>);

impl Content<'_, '_> {
    /// Whether it is text, as far as it is here already.
    pub(super) fn is_text(&mut self) -> bool {
        self.0.fill_buf().is_ok_and(|text| !text[..text.len().min(HEAD)].contains(&0))
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Gives every object that a repository stores to `look`, in the order that is fastest.
///
/// # Errors
/// When git cannot be started, stops early, or `look` fails.
pub(super) fn each(
    git: &Git<'_>,
    mut look: impl FnMut(Object, &mut Content<'_, '_>) -> io::Result<()>,
) -> Result<(), GitError> {
    let arguments = ["cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch"];
    let mut running = git.start(&arguments, None, Stdio::null())?;
    let mut answer = BufReader::with_capacity(PORTION, &mut running.output);
    loop {
        let mut heading = Vec::new();
        Read::take(&mut answer, LONGEST_HEADING).read_until(b'\n', &mut heading).map_err(read_error)?;
        if heading.is_empty() {
            return running.end();
        }
        let (object, size) = object(&heading).ok_or(GitError::Answer)?;
        let mut content = Content(Read::take(&mut answer, size));
        look(object, &mut content).map_err(read_error)?;
        let is_whole = content.0.limit() == 0;
        let mut end = [0];
        if !is_whole || answer.read_exact(&mut end).is_err() || end != *b"\n" {
            return Err(GitError::Stopped);
        }
    }
}

/// The object that a heading announces, and its size.
fn object(heading: &[u8]) -> Option<(Object, u64)> {
    let heading = std::str::from_utf8(heading).ok()?.strip_suffix('\n')?;
    let [id, kind, size] = heading.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let kind = ["blob", "tree", "commit", "tag"].into_iter().find(|known| *known == kind)?;
    let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_id.then_some((Object { id: id.to_owned(), kind }, size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn headings_are_taken_only_in_their_one_form() {
        let id = "a".repeat(40);
        let (found, size) = object(format!("{id} blob 12\n").as_bytes()).unwrap();
        assert_eq!((found.id.as_str(), found.kind, size), (id.as_str(), "blob", 12));
        for heading in
            ["", "\n", "aa blob 12\n", &format!("{id} missing\n"), &format!("{id} blob 12"), &format!("{id} blob -1\n")]
        {
            assert_eq!(object(heading.as_bytes()), None, "{heading}");
        }
    }
}
