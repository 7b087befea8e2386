//! The kernel's keyrings (keyrings(7), keyctl(2)): reads, keeps and removes the identity as a key of type `user`.
//!
//! The session keyring is searched, then the user keyring. No helper program is ever started for it: a search makes no upcall.

use std::ffi::CStr;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::geteuid;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Explain;
use crate::secret::Secret;

/// How the key is called, with `user` as its type.
pub(crate) const DESCRIPTION: &str = "lobsterpot-vault:identity";

/// The same, as the kernel wants it.
const NAME: &CStr = c"lobsterpot-vault:identity";
/// The key's type: bytes that programs may read back.
const TYPE: &CStr = c"user";
/// The largest payload of that type, in bytes.
const LARGEST: usize = 32_767;
/// What a caller without possession of the key may do: see that it is there, read it, find it. Only the same user's programs.
const PERMISSIONS: libc::c_long = 0x3f0b_0000;
/// What neither the group nor others may do at all.
const OF_OTHERS: u32 = 0x0000_3f3f;

/// The session keyring.
const SESSION: libc::c_long = -3;
/// The user keyring.
const USER: libc::c_long = -4;

/// `KEYCTL_REVOKE` and what follows: the operations of keyctl(2).
const REVOKE: libc::c_long = 3;
/// Sets a key's permissions.
const SETPERM: libc::c_long = 5;
/// Tells a key's type, owner, permissions and name.
const DESCRIBE: libc::c_long = 6;
/// Removes a key from a keyring.
const UNLINK: libc::c_long = 9;
/// Finds a key in a keyring and those linked to it.
const SEARCH: libc::c_long = 10;
/// Reads a key's payload.
const READ: libc::c_long = 11;
/// Lets a key expire.
const SET_TIMEOUT: libc::c_long = 15;

/// A key's number.
type Key = libc::c_long;

/// Why the keyring does not give, keep or remove the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The key is there, and the kernel does not give it.
    #[error("the kernel keyring has {DESCRIPTION}, but does not give it: {reason}")]
    Refused {
        /// What the system said.
        reason: Errno,
    },
    /// It belongs to somebody else.
    #[error("the key {DESCRIPTION} in the kernel keyring belongs to user {owner}")]
    Owner {
        /// The key's number.
        key: i64,
        /// Whom it belongs to.
        owner: u32,
    },
    /// Others may use it.
    #[error("the key {DESCRIPTION} in the kernel keyring is open to others (permissions {permissions:#010x})")]
    Loose {
        /// The key's number.
        key: i64,
        /// Its permissions.
        permissions: u32,
    },
    /// There is nothing in it.
    #[error("the key {DESCRIPTION} in the kernel keyring is empty")]
    Empty,
    /// The identity is too long for a keyring.
    #[error("the identity is longer than the {LARGEST} bytes that a key in the kernel keyring holds")]
    TooLong,
    /// There is one already.
    #[error("the kernel keyring has {DESCRIPTION} already")]
    Exists,
    /// The keyring takes nothing.
    #[error("the kernel keyring does not take the identity: {reason}")]
    Full {
        /// What the system said.
        reason: Errno,
    },
    /// The key cannot be removed.
    #[error("failed to remove {DESCRIPTION} from the kernel keyring: {reason}")]
    Stays {
        /// What the system said.
        reason: Errno,
    },
}

impl Explain for KeyringError {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } | Self::Owner { .. } | Self::Loose { .. } => Exit::Denied,
            Self::Empty | Self::TooLong => Exit::Data,
            Self::Exists => Exit::Exists,
            Self::Full { .. } => Exit::Unavailable,
            Self::Stays { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Refused { .. } | Self::Empty | Self::Stays { .. } => {
                format!("`keyctl purge user {DESCRIPTION}` removes it, then put it there again")
            }
            Self::Owner { key, .. } => format!("`keyctl unlink {key}`"),
            Self::Loose { key, .. } => format!("`keyctl setperm {key} {PERMISSIONS:#010x}`"),
            Self::TooLong => "keep it in a file".to_owned(),
            Self::Exists => {
                format!("keep it: what it opens is lost without it; `keyctl purge user {DESCRIPTION}` removes it")
            }
            Self::Full { .. } => "see keyrings(7) for quotas; or keep it in a file".to_owned(),
        })
    }
}

/// Reads the identity; none when no keyring has it, or when there are no keyrings here.
///
/// # Errors
/// When it is there, and is not given or not kept as it has to be.
pub(crate) fn read() -> Result<Option<Secret>, KeyringError> {
    let Some(key) = find()? else { return Ok(None) };
    judge(key)?;
    let mut payload = Zeroizing::new(vec![0_u8; LARGEST]);
    let size = fill(READ, key, &mut payload).map_err(|reason| KeyringError::Refused { reason })?;
    match payload.get(..size) {
        None => Err(KeyringError::TooLong),
        Some([]) => Err(KeyringError::Empty),
        Some(bytes) => Ok(Some(Secret::from(bytes))),
    }
}

/// Keeps the identity in the user keyring, for this user's programs, until the machine stops or a time has passed.
///
/// # Errors
/// When there is one already, it is too long, or the kernel does not take it.
pub fn put(identity: &Secret, lifetime: Option<Duration>) -> Result<(), KeyringError> {
    if identity.is_empty() {
        return Err(KeyringError::Empty);
    }
    if identity.len() > LARGEST {
        return Err(KeyringError::TooLong);
    }
    if find()?.is_some() {
        return Err(KeyringError::Exists);
    }
    let full = |reason| KeyringError::Full { reason };
    let bytes = identity.as_bytes();
    // SAFETY: both names end with NUL, and the payload is as long as it is said to be (add_key(2)).
    let key =
        unsafe { libc::syscall(libc::SYS_add_key, TYPE.as_ptr(), NAME.as_ptr(), bytes.as_ptr(), bytes.len(), USER) };
    let key = Errno::result(key).map_err(full)?;
    control(SETPERM, key, PERMISSIONS).map_err(full)?;
    if let Some(lifetime) = lifetime {
        let seconds = libc::c_long::from(u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).max(1));
        control(SET_TIMEOUT, key, seconds).map_err(full)?;
    }
    Ok(())
}

/// Removes the identity from the keyrings, and says whether there was one. Programs that hold it by number lose it too.
///
/// # Errors
/// When the kernel does not remove it.
pub fn remove() -> Result<bool, KeyringError> {
    let Some(key) = find()? else { return Ok(false) };
    let stays = |reason| KeyringError::Stays { reason };
    control(REVOKE, key, 0).map_err(stays)?;
    for keyring in [SESSION, USER] {
        // It is in one of them; a revoked key goes by itself in any case.
        let _ = control(UNLINK, key, keyring);
    }
    Ok(true)
}

/// The key's number; none when no keyring has it, or when there are no keyrings here.
///
/// # Errors
/// When there is one that has expired or was revoked, or that may not be found.
fn find() -> Result<Option<Key>, KeyringError> {
    for keyring in [SESSION, USER] {
        match search(keyring) {
            Ok(key) => return Ok(Some(key)),
            // No such key; no keyrings in this kernel, or a filter around us (no search ends with EPERM in the kernel itself).
            Err(Errno::ENOKEY | Errno::ENOSYS | Errno::EPERM) => {}
            Err(reason) => return Err(KeyringError::Refused { reason }),
        }
    }
    Ok(None)
}

/// Whether the key belongs to the caller or to root, and is closed to others.
///
/// # Errors
/// When it is not.
fn judge(key: Key) -> Result<(), KeyringError> {
    let mut text = [0_u8; 512];
    fill(DESCRIBE, key, &mut text).map_err(|reason| KeyringError::Refused { reason })?;
    let (owner, permissions) = described(&text).ok_or(KeyringError::Refused { reason: Errno::EINVAL })?;
    if owner != 0 && owner != geteuid().as_raw() {
        return Err(KeyringError::Owner { key, owner });
    }
    if permissions & OF_OTHERS != 0 {
        return Err(KeyringError::Loose { key, permissions });
    }
    Ok(())
}

/// Owner and permissions in the kernel's description of a key: `type;uid;gid;permissions in hex;name`.
fn described(text: &[u8]) -> Option<(u32, u32)> {
    let text = CStr::from_bytes_until_nul(text).ok()?.to_str().ok()?;
    let mut fields = text.split(';').skip(1);
    let owner = fields.next()?.parse().ok()?;
    let permissions = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
    Some((owner, permissions))
}

/// Looks for the key in a keyring and those that are linked to it.
///
/// # Errors
/// As keyctl_search(3) says.
fn search(keyring: Key) -> Result<Key, Errno> {
    // SAFETY: both names end with NUL; nothing is written (keyctl_search(3)).
    let key = unsafe { libc::syscall(libc::SYS_keyctl, SEARCH, keyring, TYPE.as_ptr(), NAME.as_ptr(), 0) };
    Errno::result(key)
}

/// Carries out an operation that takes a key and a number.
///
/// # Errors
/// As keyctl(2) says.
fn control(operation: libc::c_long, key: Key, argument: libc::c_long) -> Result<libc::c_long, Errno> {
    // SAFETY: the operations that this is called with take numbers alone (keyctl(2)).
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, operation, key, argument) })
}

/// Carries out an operation that writes into a buffer; returns how much there is, which may be more than the buffer holds.
///
/// # Errors
/// As keyctl(2) says.
fn fill(operation: libc::c_long, key: Key, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the operations that this is called with write at most as many bytes as the buffer has (keyctl(2)).
    let size = unsafe { libc::syscall(libc::SYS_keyctl, operation, key, buffer.as_mut_ptr(), buffer.len()) };
    usize::try_from(Errno::result(size)?).map_err(|_| Errno::EIO)
}

/// What tests do to keyrings.
#[cfg(test)]
pub(crate) mod probe {
    use super::{Errno, Key, NAME, REVOKE, SESSION, SETPERM, TYPE, control};

    /// `KEYCTL_JOIN_SESSION_KEYRING`.
    const JOIN: libc::c_long = 1;

    /// Gives this thread an empty session keyring of its own. False where there are no keyrings.
    pub(crate) fn join() -> bool {
        control(JOIN, 0, 0).is_ok()
    }

    /// Puts a key into the session keyring.
    pub(crate) fn add(payload: &[u8]) -> Key {
        // SAFETY: both names end with NUL, and the payload is as long as it is said to be (add_key(2)).
        let key = unsafe {
            libc::syscall(libc::SYS_add_key, TYPE.as_ptr(), NAME.as_ptr(), payload.as_ptr(), payload.len(), SESSION)
        };
        Errno::result(key).unwrap()
    }

    /// Changes who may do what with a key.
    pub(crate) fn permit(key: Key, permissions: libc::c_long) {
        control(SETPERM, key, permissions).unwrap();
    }

    /// Revokes a key.
    pub(crate) fn revoke(key: Key) {
        control(REVOKE, key, 0).unwrap();
    }
}
