//! `docker run --env-file` (docker/cli, `pkg/kvfile`): everything after the first `=` is the value, quotes and blanks as well.

use super::Assignment;
use super::cursor::{Cursor, Head};
use super::error::{Refused, Why};

/// The longest line that docker reads, in bytes, its end not counted (Go's `bufio.MaxScanTokenSize`).
const LONGEST_LINE: usize = 64 * 1024 - 2;

/// What docker reads in a text. It looks variables without `=` up in its own environment: that is refused.
///
/// # Errors
/// When a line has no single meaning.
pub(super) fn read(text: &str) -> Result<Vec<Assignment>, Refused> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    while cursor.peek().is_some() {
        let line = cursor.take_line();
        if line.len() > LONGEST_LINE {
            return Err(cursor.refuse(Why::Invalid));
        }
        let content = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if !content.is_empty() && !content.starts_with('#') {
            let (name, value) = content.split_once('=').ok_or(cursor.refuse(Why::NoEquals))?;
            found.push(Head::new(cursor.line(), name)?.assign(cursor.line(), value));
        }
        cursor.bump();
    }
    Ok(found)
}
