//! The YAML format: one document of block or flow maps, lists and scalars. What could mean several things is refused: anchors and
//! aliases, tags, merge keys, several documents, keys that are no text, a key that is there twice.

mod emit;
mod scalar;

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

pub(super) use emit::emit;

use super::error::SopsError;
use super::read::place;
use super::tree::{Comment, Entry, Leaf, Node, Scalar, Tree};
use super::{DEEPEST, MOST_NODES};

/// What a document is called in errors.
const FORMAT: &str = "YAML";

/// Reads a file.
///
/// # Errors
/// When it is not YAML, no map, or has what is not read.
pub(super) fn parse(text: &str) -> Result<Tree, SopsError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        // The parser's own message may repeat what it read.
        let (event, span) =
            event.map_err(|error| SopsError::Syntax { format: FORMAT, line: error.marker().line().max(1) })?;
        builder.take(event, span)?;
    }
    match builder.root {
        Some(Node::Map(entries)) => Tree::of_document(entries, comments(text, &builder.scalars)?),
        Some(Node::List(_) | Node::Leaf(_)) | None => Err(SopsError::Syntax { format: "a YAML mapping", line: 1 }),
    }
}

/// A map or list that is not complete yet.
enum Open {
    /// A map.
    Map {
        /// What is in it.
        entries: Vec<Entry>,
        /// Its keys.
        seen: HashSet<String>,
        /// The key whose value comes next.
        key: Option<String>,
    },
    /// A list.
    List(Vec<Node>),
}

/// The document while it is read.
#[derive(Default)]
struct Builder {
    /// The maps and lists that are open, the outermost first.
    open: Vec<Open>,
    /// The document, once it is complete.
    root: Option<Node>,
    /// How many documents have begun.
    documents: usize,
    /// How many maps, lists and scalars there were.
    count: usize,
    /// Where scalars are: what looks like a comment in one is none.
    scalars: Vec<Span>,
}

impl Builder {
    /// Takes what comes next.
    ///
    /// # Errors
    /// When it is not read, or there is too much.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SopsError> {
        let line = span.start.line();
        let unsupported = |what| SopsError::Unsupported { line, what };
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::SequenceEnd
            | Event::MappingEnd => (0, false),
        };
        if anchor > 0 {
            return Err(unsupported("a YAML anchor"));
        }
        if tag {
            return Err(unsupported("a YAML tag"));
        }
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 { Err(unsupported("a second YAML document")) } else { Ok(()) }
            }
            Event::Alias(_) => Err(unsupported("a YAML alias")),
            Event::Scalar(text, style, ..) => self.scalar(&text, style, span),
            Event::SequenceStart(..) => self.begin(Open::List(Vec::new()), line),
            Event::MappingStart(..) => {
                self.begin(Open::Map { entries: Vec::new(), seen: HashSet::new(), key: None }, line)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::Map { entries, .. }) => self.put(Node::Map(entries)),
                Some(Open::List(nodes)) => self.put(Node::List(nodes)),
                None => Ok(()),
            },
        }
    }

    /// A map or list begins.
    ///
    /// # Errors
    /// When it is too deep, too much, or stands where a key belongs.
    fn begin(&mut self, open: Open, line: usize) -> Result<(), SopsError> {
        self.count()?;
        if matches!(self.open.last(), Some(Open::Map { key: None, .. })) {
            return Err(SopsError::Unsupported { line, what: "a key that is no text" });
        }
        if self.open.len() >= DEEPEST {
            return Err(SopsError::TooDeep);
        }
        self.open.push(open);
        Ok(())
    }

    /// A scalar: a key, or a value.
    ///
    /// # Errors
    /// When it is too much, or is no key where one belongs.
    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), SopsError> {
        self.count()?;
        if span.start.line() < span.end.line() {
            self.scalars.push(span);
        }
        let line = span.start.line();
        let scalar = match style {
            ScalarStyle::Plain => scalar::resolve(text),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Literal | ScalarStyle::Folded => {
                Scalar::text(text)
            }
        };
        let Some(Open::Map { seen, key: next @ None, .. }) = self.open.last_mut() else {
            return self.put(Node::Leaf(Leaf { line, scalar }));
        };
        let Scalar::Text(key) = scalar else {
            return Err(SopsError::Unsupported { line, what: "a key that is no text" });
        };
        if !seen.insert(key.as_str().to_owned()) {
            return Err(SopsError::Duplicate { place: place(&[key.as_str().to_owned()], line) });
        }
        *next = Some(key.as_str().to_owned());
        Ok(())
    }

    /// Puts what is complete where it belongs.
    ///
    /// # Errors
    /// When there is more than one document.
    fn put(&mut self, node: Node) -> Result<(), SopsError> {
        match self.open.last_mut() {
            Some(Open::Map { entries, key, .. }) => {
                if let Some(key) = key.take() {
                    entries.push(Entry { key, value: node });
                }
            }
            Some(Open::List(nodes)) => nodes.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }

    /// Counts one more.
    ///
    /// # Errors
    /// When there are too many.
    fn count(&mut self) -> Result<(), SopsError> {
        self.count += 1;
        if self.count > 2 * MOST_NODES { Err(SopsError::TooMany) } else { Ok(()) }
    }
}

/// The comments that have a line of their own. `scalars` are those of several lines, in order.
///
/// # Errors
/// When there are too many.
fn comments(text: &str, scalars: &[Span]) -> Result<Vec<Comment>, SopsError> {
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.split('\n')) {
        let bare = content.trim_start_matches(' ');
        let Some(comment) = bare.strip_prefix('#') else { continue };
        let at = (line, content.len() - bare.len());
        let before = scalars.partition_point(|span| (span.start.line(), span.start.col()) <= at);
        let inside = before.checked_sub(1).and_then(|last| scalars.get(last));
        if inside.is_some_and(|span| at < (span.end.line(), span.end.col())) {
            continue;
        }
        found.push(Comment { line, text: comment.trim_end_matches('\r').to_owned() });
        if found.len() > MOST_NODES {
            return Err(SopsError::TooMany);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
