//! What an age file's header looks like from outside, measured before anything of it is parsed.

use std::io::{self, BufRead, Read};

use super::OpenError;
use crate::keys::{HYBRID_TAG, PASSPHRASE_TAG};

/// How every version of the format begins.
pub(super) const MAGIC: &[u8] = b"age-encryption.org/";
/// The first line of the version that we know.
const VERSION: &[u8] = b"age-encryption.org/v1\n";

/// The longest header, in bytes. Sixty-four post-quantum recipients take half of it.
pub(super) const LONGEST_HEADER: usize = 256 * 1024;
/// The most stanzas in a header: twice as many as a vault has recipients, for plugins may need more than one each.
pub(super) const MOST_STANZAS: usize = 128;

/// The characters of a body's line that is not its last.
const WRAPPED: usize = 64;

/// The measures of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// How many bytes the header has, with its last line's end.
    pub(super) length: usize,
    /// Whether a stanza is for a passphrase.
    pub(super) is_for_passphrase: bool,
    /// Whether a stanza is for a post-quantum recipient.
    pub(super) is_post_quantum: bool,
}

/// Whether a stanza's body goes on. The library takes stanzas whose body is missing, as early releases wrote them; the format's
/// text and other programs do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Another line has to come.
    Wanted,
    /// Its last line, which is short, has been there.
    Complete,
}

impl Body {
    /// What comes after a line of a body.
    ///
    /// # Errors
    /// When the line is too long for one.
    const fn after(line: &[u8]) -> Result<Self, OpenError> {
        match line.len() {
            0..WRAPPED => Ok(Self::Complete),
            WRAPPED => Ok(Self::Wanted),
            _ => Err(OpenError::Header),
        }
    }
}

/// Measures the header of a binary age file. Whether it is valid is for the parser to say.
///
/// # Errors
/// When it is of another version, has no end, is too long, or has too many stanzas.
pub(super) fn measure(bytes: &[u8]) -> Result<Layout, OpenError> {
    if !bytes.starts_with(MAGIC) {
        return Err(OpenError::Foreign);
    }
    if !bytes.starts_with(VERSION) {
        let is_version =
            bytes.get(MAGIC.len()).is_none_or(|&byte| byte == b'v') && !bytes.starts_with(b"age-encryption.org/v1");
        return Err(if is_version { OpenError::Version } else { OpenError::Header });
    }
    let mut layout = Layout { length: VERSION.len(), is_for_passphrase: false, is_post_quantum: false };
    let (mut stanzas, mut body) = (0, Body::Complete);
    let head = &bytes[..bytes.len().min(LONGEST_HEADER)];
    for line in head[VERSION.len()..].split_inclusive(|&byte| byte == b'\n') {
        layout.length += line.len();
        let Some(line) = line.strip_suffix(b"\n") else { break };
        if body == Body::Wanted {
            body = Body::after(line)?;
            continue;
        }
        if line.starts_with(b"---") {
            return Ok(layout);
        }
        let stanza = line.strip_prefix(b"-> ").ok_or(OpenError::Header)?;
        stanzas += 1;
        if stanzas > MOST_STANZAS {
            return Err(OpenError::Stanzas);
        }
        let tag = stanza.split(|&byte| byte == b' ').next().unwrap_or_default();
        layout.is_for_passphrase |= tag == PASSPHRASE_TAG.as_bytes();
        layout.is_post_quantum |= tag == HYBRID_TAG.as_bytes();
        body = Body::Wanted;
    }
    Err(if bytes.len() > LONGEST_HEADER { OpenError::HeaderLength } else { OpenError::Truncated })
}

/// A file whose header is handed over in one piece. The library's parser begins anew with every line that it is given, which would
/// take time that grows with the square of the header's length.
pub(super) struct HeaderFirst<'a> {
    /// What is left of the file.
    rest: &'a [u8],
    /// How many bytes of the header are left.
    header: usize,
}

impl<'a> HeaderFirst<'a> {
    /// The whole of a file that was measured.
    pub(super) const fn new(bytes: &'a [u8], layout: Layout) -> Self {
        Self { rest: bytes, header: layout.length }
    }
}

impl Read for HeaderFirst<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.rest.read(buffer)?;
        self.header = self.header.saturating_sub(read);
        Ok(read)
    }
}

impl BufRead for HeaderFirst<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.rest)
    }

    fn consume(&mut self, amount: usize) {
        self.rest = self.rest.get(amount..).unwrap_or_default();
        self.header = self.header.saturating_sub(amount);
    }

    fn read_until(&mut self, end: u8, line: &mut Vec<u8>) -> io::Result<usize> {
        if self.header == 0 {
            return self.rest.read_until(end, line);
        }
        let (header, rest) = self.rest.split_at_checked(self.header).unwrap_or((self.rest, &[]));
        line.extend_from_slice(header);
        (self.rest, self.header) = (rest, 0);
        Ok(header.len())
    }
}
