//! The vault's file: one writer at a time, versions put in place whole, and older or foreign versions noticed.

pub mod folder;
mod lock;
pub mod publication;
pub mod record;
mod vault;

pub use folder::{Facts, Folder, PlaceError};
pub use lock::{Lock, LockError};
pub use publication::{Before, PublishError, publish};
pub use record::{Comparison, Record, RecordError, Sight};
pub use vault::{LARGEST, Look, Published, Site, StoreError, Vault, Writer};

#[cfg(test)]
mod tests;
