//! A random text that must never show up.

use std::fmt;
use std::io::Read;

/// What every canary begins with.
const PREFIX: &str = "CANARY-";

/// A secret of one scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Canary(String);

impl Canary {
    /// A fresh one.
    pub(crate) fn random() -> Self {
        Self(format!("{PREFIX}{}", random_name()))
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// The text in two parts, for command lines that may not hold it whole.
    pub(crate) fn parts(&self) -> [&str; 2] {
        [PREFIX, &self.0[PREFIX.len()..]]
    }

    /// Whether the bytes hold it.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(self.0.len()).any(|window| window == self.0.as_bytes())
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Twenty-four random hexadecimal digits.
pub(crate) fn random_name() -> String {
    let mut bytes = [0_u8; 12];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).expect("random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random System V key or port-like number, from the upper half so that it hits nothing.
pub(crate) fn random_number() -> i32 {
    i32::from_str_radix(&random_name()[..7], 16).expect("seven hexadecimal digits") | 0x4000_0000
}
