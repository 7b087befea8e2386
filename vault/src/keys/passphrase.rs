//! Passphrases: where they come from, and how much work they may cost.
//!
//! A passphrase is read from a descriptor that the caller names, never asked for.

use std::fs::File;
use std::io::{self, Read};

use age::{DecryptError, scrypt};
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::SecretString;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;
use crate::sys;

/// The stanza's type.
pub(crate) const TAG: &str = "scrypt";

/// The work that guessing a passphrase costs, as the logarithm of scrypt's N: what `age` takes. 256 MiB and about a second for each guess.
pub const WORK: u8 = 18;

/// The most work that is done to open a file: four times as much, 1 GiB and a few seconds. `rage` measures its machine and takes at
/// most about this much; a file that asks for more was made to stop us.
pub const MOST_WORK: u8 = 20;

/// The longest passphrase, in bytes.
pub(super) const LONGEST: usize = 1024;

/// Why no passphrase was read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The descriptor cannot be read.
    #[error("failed to read the passphrase from descriptor {number}: {reason}")]
    Unreadable {
        /// Its number.
        number: u32,
        /// What the system said.
        reason: io::Error,
    },
    /// There is nothing before the line's end.
    #[error("the passphrase from descriptor {number} is empty")]
    Empty {
        /// Its number.
        number: u32,
    },
    /// It is too long.
    #[error("the passphrase from descriptor {number} is longer than {LONGEST} bytes")]
    TooLong {
        /// Its number.
        number: u32,
    },
    /// It is not text.
    #[error("the passphrase from descriptor {number} is not UTF-8")]
    NotText {
        /// Its number.
        number: u32,
    },
}

impl Explain for PassphraseError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } => Exit::Io,
            Self::Empty { .. } | Self::TooLong { .. } | Self::NotText { .. } => Exit::Data,
        }
    }

    fn hint(&self) -> Option<String> {
        Some("open it for this program, for example `--passphrase-fd 3 3<FILE`".to_owned())
    }
}

/// Reads a passphrase, up to its first line's end; what follows stays for whoever reads next.
///
/// # Errors
/// When nothing can be read, or it is empty, too long or no text.
pub fn read(number: u32) -> Result<Secret, PassphraseError> {
    let unreadable = |reason| PassphraseError::Unreadable { number, reason };
    let raw = i32::try_from(number).map_err(|_| unreadable(io::ErrorKind::InvalidInput.into()))?;
    let mut file = sys::inherited(raw).map_err(unreadable)?;
    let line = line(&mut file, number)?;
    match std::str::from_utf8(&line) {
        Ok("") => Err(PassphraseError::Empty { number }),
        Ok(_) => Ok(Secret::from(line.as_slice())),
        Err(_) => Err(PassphraseError::NotText { number }),
    }
}

/// The bytes up to a line's end or the end, byte by byte so that nothing behind is taken.
///
/// # Errors
/// When nothing can be read, or there are too many.
fn line(file: &mut File, number: u32) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0]);
    loop {
        match file.read(byte.as_mut_slice()) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if line.len() == LONGEST => return Err(PassphraseError::TooLong { number }),
            Ok(_) => line.push(byte[0]),
            Err(reason) if reason.kind() == io::ErrorKind::Interrupted => {}
            Err(reason) => return Err(PassphraseError::Unreadable { number, reason }),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

/// A passphrase as the library wants it.
pub(crate) fn as_age(passphrase: &Secret) -> Option<SecretString> {
    passphrase.as_text().map(|text| SecretString::from(text.to_owned()))
}

/// A passphrase as a recipient, with the work that sealing takes.
pub(crate) fn recipient(passphrase: &Secret, work: u8) -> Option<scrypt::Recipient> {
    let mut recipient = scrypt::Recipient::new(as_age(passphrase)?);
    recipient.set_work_factor(work);
    Some(recipient)
}

/// A passphrase as an identity, which looks at the work that is asked for before anything else is done.
pub(crate) struct Identity<'a>(pub(crate) &'a Secret);

impl age::Identity for Identity<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != TAG {
            return None;
        }
        let [_, work] = stanza.args.as_slice() else { return Some(Err(DecryptError::InvalidHeader)) };
        match factor(work) {
            None => Some(Err(DecryptError::InvalidHeader)),
            Some(required) if required > MOST_WORK => {
                Some(Err(DecryptError::ExcessiveWork { required, target: MOST_WORK }))
            }
            Some(_) => {
                let mut identity = scrypt::Identity::new(as_age(self.0)?);
                identity.set_max_work_factor(MOST_WORK);
                identity.unwrap_stanza(stanza)
            }
        }
    }
}

/// The work factor that a stanza's argument asks for, as large as fits; none when it is no number as age writes them.
fn factor(text: &str) -> Option<u8> {
    let is_number = !text.starts_with('0') && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u8::MAX))
}
