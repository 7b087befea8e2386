//! Everything that the launcher says for itself, word by word.
//!
//! Each file in `cases` describes one call of the built program and what it must answer. `UPDATE_GOLDEN=1` writes the answers
//! anew, for a person to review. A case that needs a host on which the sandbox works says so; elsewhere it is skipped with a
//! word on standard error, or fails when `REQUIRE_ALL=1`.
#![forbid(unsafe_code)]

#[cfg(test)]
mod case;
#[cfg(test)]
mod tests;
