//! The systemd units that open a vault when a host starts, or a person's manager: what they say, and where they are written.
//!
//! Nothing is started or enabled here: that is `systemctl`'s, and [`Wanted::next_steps`] says how. systemd.unit(5),
//! systemd.service(5), systemd.exec(5) and systemd-creds(1) describe every option that is used.

mod error;
mod file;
mod steps;
mod text;
mod wanted;

#[cfg(test)]
mod tests;

pub use error::UnitsError;
pub use file::{Found, UnitFile};
pub(crate) use file::{is_removable, remove};
pub use wanted::{Account, Credential, Gateway, Options, Scope, Wanted};
