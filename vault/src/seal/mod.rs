//! Encrypts a vault's content to its recipients, and decrypts it: the age format, version 1 (<https://c2sp.org/age>).
//!
//! Nothing is given out before the whole file was authenticated. Sizes are measured before anything is parsed.

mod error;
mod layout;

use std::io::{Read, Write};

use age::armor::ArmoredReader;
use age::plugin::{IdentityPluginV1, RecipientPluginV1};
use age::{Decryptor, Encryptor};
use zeroize::Zeroizing;

pub use error::{OpenError, SealError};

use crate::keys::{self, Key, Keys, PassphraseIdentity, Recipient, Recipients, WORK};
use crate::secret::Secret;
use layout::{HeaderFirst, MAGIC, measure};

/// The longest content that is encrypted, in bytes.
pub const LARGEST_CONTENT: usize = 64 * 1024 * 1024;

/// The longest file that is opened, in bytes: the longest content, armored, with its header.
pub const LARGEST_FILE: usize = 96 * 1024 * 1024;

/// How an armored file begins (the age format, ASCII armor).
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// Whether bytes look like an age file, armored or not.
#[must_use]
pub fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || is_armored(bytes)
}

/// Whether bytes look like an armored age file.
fn is_armored(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(ARMOR)
}

/// Encrypts content to recipients: a binary age file. The passphrase of `keys` is used where the recipient is a passphrase.
///
/// # Errors
/// When the content is too long, a passphrase or a plugin is missing, a plugin fails, or labels forbid the mixture.
pub fn seal(content: &Secret, recipients: &Recipients, keys: &Keys) -> Result<Vec<u8>, SealError> {
    seal_with(content, recipients, keys, WORK)
}

/// The same, with another amount of work for a passphrase.
///
/// # Errors
/// As [`seal`].
fn seal_with(content: &Secret, recipients: &Recipients, keys: &Keys, work: u8) -> Result<Vec<u8>, SealError> {
    if content.len() > LARGEST_CONTENT {
        return Err(SealError::TooLarge);
    }
    let plugins = recipient_plugins(recipients)?;
    let passphrase = match recipients.all() {
        [Recipient::Passphrase] => {
            let passphrase = keys.passphrase().ok_or(SealError::PassphraseMissing)?;
            Some(keys::passphrase_recipient(passphrase, work).ok_or(SealError::PassphraseMissing)?)
        }
        _ => None,
    };
    let native = recipients.all().iter().filter_map(|recipient| -> Option<&dyn age::Recipient> {
        match recipient {
            Recipient::X25519(recipient) => Some(recipient),
            Recipient::Ssh(recipient) => Some(recipient.as_ref()),
            Recipient::Hybrid(recipient) => Some(recipient.as_ref()),
            Recipient::Passphrase => passphrase.as_ref().map(|found| found as _),
            Recipient::Plugin(_) => None,
        }
    });
    let encryptor = Encryptor::with_recipients(native.chain(plugins.iter().map(|plugin| plugin as _)))?;
    let mut file = Vec::with_capacity(content.len() + 64 * 1024);
    let mut writer = encryptor.wrap_output(&mut file).map_err(|_| SealError::Failed)?;
    writer.write_all(content.as_bytes()).map_err(|_| SealError::Failed)?;
    writer.finish().map_err(|_| SealError::Failed)?;
    // What is written can be opened again: plugins may have answered with anything.
    measure(&file).map_err(|_| SealError::Header)?;
    Ok(file)
}

/// The programs of the recipients that are plugins', one for each plugin.
///
/// # Errors
/// When one is missing, or others could have put it there.
fn recipient_plugins(recipients: &Recipients) -> Result<Vec<RecipientPluginV1<keys::Alone>>, SealError> {
    let all: Vec<_> = recipients
        .all()
        .iter()
        .filter_map(|recipient| if let Recipient::Plugin(found) = recipient { Some(found.clone()) } else { None })
        .collect();
    let mut names: Vec<&str> = all.iter().map(age::plugin::Recipient::plugin).collect();
    names.sort_unstable();
    names.dedup();
    let mut plugins = Vec::new();
    for name in names {
        keys::check_plugin(name)?;
        plugins.push(RecipientPluginV1::new(name, &all, &[], keys::Alone)?);
    }
    Ok(plugins)
}

/// Decrypts an age file, armored or not.
///
/// # Errors
/// When it is no age file, breaks a bound, is damaged, or is not for these keys.
pub fn open(file: &[u8], keys: &Keys) -> Result<Secret, OpenError> {
    if file.is_empty() {
        return Err(OpenError::Empty);
    }
    if file.len() > LARGEST_FILE {
        return Err(OpenError::TooLarge);
    }
    if !is_armored(file) {
        return open_binary(file, keys);
    }
    let mut binary = Vec::with_capacity(file.len());
    ArmoredReader::new(file.trim_ascii_start()).read_to_end(&mut binary).map_err(|_| OpenError::Armor)?;
    open_binary(&binary, keys)
}

/// Decrypts a binary age file.
///
/// # Errors
/// As [`open`].
fn open_binary(file: &[u8], keys: &Keys) -> Result<Secret, OpenError> {
    let layout = measure(file)?;
    let decryptor =
        Decryptor::new_buffered(HeaderFirst::new(file, layout)).map_err(|error| OpenError::of_header(&error))?;
    let failed = |error| OpenError::of_keys(error, keys, layout);
    // It cannot be longer than the file: what is decrypted is never moved, so that no copy is left behind.
    let mut content = Zeroizing::new(Vec::with_capacity(file.len().saturating_sub(layout.length)));
    let mut reader = if layout.is_for_passphrase {
        let passphrase = keys.passphrase().ok_or(OpenError::PassphraseMissing)?;
        decryptor.decrypt(std::iter::once(&PassphraseIdentity(passphrase) as _)).map_err(failed)?
    } else {
        if keys.all().is_empty() {
            return Err(OpenError::IdentityMissing);
        }
        let plugins = identity_plugins(keys)?;
        let native = keys.all().iter().filter_map(|key| -> Option<&dyn age::Identity> {
            match key {
                Key::X25519(identity) => Some(identity),
                Key::Hybrid(identity) => Some(identity),
                Key::Ssh(identity) => Some(identity.as_ref()),
                Key::Plugin(_) => None,
            }
        });
        decryptor.decrypt(native.chain(plugins.iter().map(|plugin| plugin as _))).map_err(failed)?
    };
    reader.read_to_end(&mut content).map_err(|_| OpenError::Content)?;
    Ok(Secret::from(std::mem::take(&mut *content)))
}

/// The programs of the identities that are plugins', one for each plugin.
///
/// # Errors
/// When one is missing, or others could have put it there.
fn identity_plugins(keys: &Keys) -> Result<Vec<IdentityPluginV1<keys::Alone>>, OpenError> {
    let all: Vec<_> = keys
        .all()
        .iter()
        .filter_map(|key| if let Key::Plugin(found) = key { Some(found.clone()) } else { None })
        .collect();
    let mut names: Vec<&str> = all.iter().map(age::plugin::Identity::plugin).collect();
    names.sort_unstable();
    names.dedup();
    let mut plugins = Vec::new();
    for name in names {
        keys::check_plugin(name)?;
        let plugin = IdentityPluginV1::new(name, &all, keys::Alone);
        plugins.push(plugin.map_err(|_| OpenError::PluginFailed { name: name.to_owned() })?);
    }
    Ok(plugins)
}

#[cfg(test)]
mod tests;
