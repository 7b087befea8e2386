//! The vault's file: one writer at a time, versions put in place whole, and older or foreign versions noticed.

pub mod folder;
mod lock;
pub mod publication;
pub mod record;

pub use folder::{Facts, Folder, PlaceError};
pub use lock::{Lock, LockError};
pub use publication::{Before, PublishError, publish};
pub use record::{Comparison, Record, RecordError, Sight};

#[cfg(test)]
mod tests;
