//! New random values of characters that systems accept.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;

/// The alphabets by name. No character twice.
const ALPHABETS: &[(&str, &str)] = &[
    ("alphanumeric", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
    ("base64url", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    ("digits", "0123456789"),
    ("hex", "0123456789abcdef"),
];

/// The longest generated value, in characters.
pub const LONGEST: u16 = 4096;

/// Why no value was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The alphabet has no such name.
    #[error("there is no alphabet of that name")]
    Alphabet,
    /// The length is none that is made.
    #[error("a generated value has 1 to {LONGEST} characters")]
    Length,
    /// The kernel gives no randomness.
    #[error("the kernel gives no randomness")]
    Randomness,
}

impl Explain for GenerateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Alphabet | Self::Length => Exit::Usage,
            Self::Randomness => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Alphabet => format!("choose one of {}", names().join(", ")),
            Self::Length => "43 characters of alphanumeric are more than 256 bits".to_owned(),
            Self::Randomness => "allow getrandom(2)".to_owned(),
        })
    }
}

/// The names of the alphabets.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ALPHABETS.iter().map(|(name, _)| *name).collect()
}

/// A value of so many characters of an alphabet, each as likely as the others.
///
/// # Errors
/// When there is no such alphabet, the length is none that is made, or the kernel gives no randomness.
pub fn value(length: u16, alphabet: &str) -> Result<Secret, GenerateError> {
    let (_, characters) = ALPHABETS.iter().find(|(name, _)| *name == alphabet).ok_or(GenerateError::Alphabet)?;
    if length == 0 || length > LONGEST {
        return Err(GenerateError::Length);
    }
    let characters = characters.as_bytes();
    // Bytes beyond the last whole multiple would favour the first characters.
    let usable = 256 - 256 % characters.len();
    let mut value = Zeroizing::new(Vec::with_capacity(length.into()));
    let mut random = Zeroizing::new([0; 256]);
    while value.len() < length.into() {
        getrandom::fill(random.as_mut()).map_err(|_| GenerateError::Randomness)?;
        let drawn = random.iter().map(|byte| usize::from(*byte)).filter(|number| *number < usable);
        let wanted = usize::from(length) - value.len();
        value.extend(drawn.filter_map(|number| characters.get(number % characters.len())).take(wanted));
    }
    Ok(Secret::from(value.as_slice()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ALPHABETS, GenerateError, value};

    #[test]
    fn every_character_of_an_alphabet_is_about_as_likely() {
        for (name, characters) in ALPHABETS {
            let mut counts = BTreeMap::new();
            for _ in 0..16 {
                let value = value(4096, name).unwrap();
                for byte in value.as_bytes() {
                    *counts.entry(*byte).or_insert(0_usize) += 1;
                }
            }
            assert_eq!(counts.len(), characters.len(), "{name}");
            let expected = 16 * 4096 / characters.len();
            assert!(counts.values().all(|count| count.abs_diff(expected) < expected / 4), "{name}: {counts:?}");
        }
    }

    #[test]
    fn lengths_and_names_are_kept_to() {
        assert_eq!(value(43, "alphanumeric").unwrap().len(), 43);
        assert!(matches!(value(0, "hex"), Err(GenerateError::Length)));
        assert!(matches!(value(4097, "hex"), Err(GenerateError::Length)));
        assert!(matches!(value(4, "letters"), Err(GenerateError::Alphabet)));
        assert_ne!(value(43, "hex").unwrap(), value(43, "hex").unwrap());
    }
}
