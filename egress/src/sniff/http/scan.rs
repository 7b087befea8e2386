//! Where a head, a trailer or a line ends, when every line ends in CR LF and nothing else ends one.

use thiserror::Error;

/// Why lines cannot be told apart for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum LineError {
    /// A line feed or carriage return alone, which some servers take for the end of a line.
    #[error("a line does not end in CR LF")]
    End,
    /// A NUL byte.
    #[error("a line has a NUL byte in it")]
    Nul,
    /// A blank line where a head begins.
    #[error("a blank line comes before the request")]
    Blank,
}

/// Finds the blank line at the end of a head, and remembers how far it has looked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scan {
    /// How many bytes were looked at.
    looked: usize,
}

impl Scan {
    /// The length of the head with its blank line; `None` while it is incomplete. `bytes` begins with the bytes of the last call.
    ///
    /// # Errors
    /// When a byte is found that some servers would take for the end of a line, or a NUL byte, or a blank line in front.
    pub(crate) fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, LineError> {
        while let Some(byte) = bytes.get(self.looked) {
            let before = bytes.get(..self.looked).unwrap_or_default();
            match (byte, before.last()) {
                (b'\n', Some(b'\r')) if before.len() == 1 => return Err(LineError::Blank),
                (b'\n', Some(b'\r')) if before.ends_with(b"\r\n\r") => return Ok(Some(self.looked + 1)),
                (b'\n', Some(b'\r')) => {}
                (b'\n', _) | (_, Some(b'\r')) => return Err(LineError::End),
                (0, _) => return Err(LineError::Nul),
                (_, _) => {}
            }
            self.looked += 1;
        }
        Ok(None)
    }
}
