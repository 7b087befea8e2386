//! Amounts: sizes, counts and durations as people write them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One limit that a policy may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// Processes and threads.
    Processes,
    /// Bytes of memory.
    Memory,
    /// Bytes in one file.
    FileSize,
    /// Open files per process.
    OpenFiles,
    /// Bytes of a core dump.
    Core,
    /// Bytes in each private temporary file system.
    Tmpfs,
    /// Time until the whole sandbox is ended.
    WallClock,
    /// Time that processes left behind get.
    Grace,
}

/// The value of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Amount {
    /// No limit.
    Off,
    /// A count, or bytes.
    Number(u64),
    /// A time.
    Time(Duration),
}

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnitError {
    /// Not a whole number with an optional unit.
    #[error("\"{text}\" is not a size")]
    Size {
        /// The text.
        text: String,
    },
    /// Not a plain number.
    #[error("\"{text}\" is not a count")]
    Count {
        /// The text.
        text: String,
    },
    /// Not a whole number with a unit of time.
    #[error("\"{text}\" is not a duration")]
    Duration {
        /// The text.
        text: String,
    },
    /// More than can be counted.
    #[error("\"{text}\" is too large")]
    TooLarge {
        /// The text.
        text: String,
    },
    /// A limit that nothing can run under.
    #[error("the limit \"{text}\" would let nothing run")]
    Zero {
        /// The text.
        text: String,
    },
    /// The grace time cannot be unlimited.
    #[error("the grace time cannot be switched off")]
    EndlessGrace,
    /// No limit has this name.
    #[error("there is no limit called \"{text}\"")]
    UnknownLimit {
        /// The name.
        text: String,
    },
}

impl UnitError {
    /// What to write instead.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Size { .. } => "write whole bytes, KiB, MiB, GiB or TiB, such as \"512MiB\", or \"off\"",
            Self::Count { .. } => "write a whole number, or \"off\"",
            Self::Duration { .. } => "write ms, s, m or h, such as \"250ms\" or \"10m\", or \"off\"",
            Self::TooLarge { .. } => "write a smaller amount, or \"off\"",
            Self::Zero { .. } => "write at least 1, or \"off\" for no limit",
            Self::EndlessGrace => {
                "write a time, such as \"250ms\"; to keep processes running, start the command with --keep"
            }
            Self::UnknownLimit { .. } => {
                "the limits are processes, memory, file_size, open_files, core, tmpfs, wall_clock and grace"
            }
        }
    }
}

impl LimitName {
    /// Every limit, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Processes,
        Self::Memory,
        Self::FileSize,
        Self::OpenFiles,
        Self::Core,
        Self::Tmpfs,
        Self::WallClock,
        Self::Grace,
    ];

    /// The name used in policy files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processes => "processes",
            Self::Memory => "memory",
            Self::FileSize => "file_size",
            Self::OpenFiles => "open_files",
            Self::Core => "core",
            Self::Tmpfs => "tmpfs",
            Self::WallClock => "wall_clock",
            Self::Grace => "grace",
        }
    }

    /// Finds a limit by its name; `-` may stand for `_`.
    ///
    /// # Errors
    /// When there is no such limit.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let name = text.replace('-', "_");
        Self::ALL
            .into_iter()
            .find(|limit| limit.name() == name)
            .ok_or_else(|| UnitError::UnknownLimit { text: text.to_owned() })
    }

    /// Reads a size in bytes.
    ///
    /// # Errors
    /// When the text is not a whole number with a known unit, or is too large.
    pub(crate) fn size(text: &str) -> Result<u64, UnitError> {
        size(text)
    }

    /// Reads a value of this limit.
    ///
    /// # Errors
    /// When the text is not an amount of this limit.
    pub(crate) fn amount(self, text: &str) -> Result<Amount, UnitError> {
        if text == "off" {
            return if self == Self::Grace { Err(UnitError::EndlessGrace) } else { Ok(Amount::Off) };
        }
        let amount = match self {
            Self::Processes | Self::OpenFiles => Amount::Number(count(text)?),
            Self::Memory | Self::FileSize | Self::Core | Self::Tmpfs => Amount::Number(size(text)?),
            Self::WallClock | Self::Grace => Amount::Time(duration(text)?),
        };
        let nothing = match amount {
            Amount::Off => false,
            Amount::Number(number) => number == 0 && self != Self::Core,
            Amount::Time(time) => time.is_zero() && self != Self::Grace,
        };
        if nothing { Err(UnitError::Zero { text: text.to_owned() }) } else { Ok(amount) }
    }
}

/// Splits a whole number from its unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit))
}

/// Reads a count.
///
/// # Errors
/// When the text is not a whole number.
fn count(text: &str) -> Result<u64, UnitError> {
    match split(text) {
        Some((number, "")) => Ok(number),
        _ => Err(UnitError::Count { text: text.to_owned() }),
    }
}

/// Reads a size in bytes.
///
/// # Errors
/// When the text is not a whole number with a known unit, or is too large.
fn size(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Size { text: text.to_owned() };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).ok_or_else(|| UnitError::TooLarge { text: text.to_owned() })
}

/// Reads a duration.
///
/// # Errors
/// When the text is not a whole number with a unit of time, or is too large.
fn duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration { text: text.to_owned() };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(|| UnitError::TooLarge { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_in_their_units() {
        assert_eq!(LimitName::Memory.amount("4GiB"), Ok(Amount::Number(4 << 30)));
        assert_eq!(LimitName::Core.amount("0"), Ok(Amount::Number(0)));
        assert_eq!(LimitName::WallClock.amount("10m"), Ok(Amount::Time(Duration::from_secs(600))));
        assert_eq!(LimitName::WallClock.amount("off"), Ok(Amount::Off));
        assert_eq!(LimitName::parse("file-size"), Ok(LimitName::FileSize));
    }

    #[test]
    fn an_overflowing_size_does_not_wrap_to_a_small_or_absent_limit() {
        for text in ["18446744073709551615TiB", "16777216TiB"] {
            assert!(matches!(LimitName::Memory.amount(text), Err(UnitError::TooLarge { .. })), "{text}");
        }
        assert!(LimitName::Memory.amount("99999999999999999999").is_err());
        assert!(LimitName::WallClock.amount("18446744073709551615h").is_err());
    }

    #[test]
    fn ambiguous_or_trailing_units_are_refused() {
        for text in ["4GB", "4 GiB", "4gib", "-1", "+1", "1e9", "", "GiB", "0x10", "4GiB "] {
            assert!(LimitName::Memory.amount(text).is_err(), "{text:?}");
        }
        for text in ["10", "10sec", "1.5s", "s", ""] {
            assert!(LimitName::WallClock.amount(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn nothing_can_be_limited_to_zero_by_mistake_and_grace_cannot_be_endless() {
        assert!(matches!(LimitName::Processes.amount("0"), Err(UnitError::Zero { .. })));
        assert!(matches!(LimitName::WallClock.amount("0s"), Err(UnitError::Zero { .. })));
        assert_eq!(LimitName::Grace.amount("off"), Err(UnitError::EndlessGrace));
    }
}
