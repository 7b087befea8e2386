//! Post-quantum hybrid recipients and identities of age: `age1pq1…` and `AGE-SECRET-KEY-PQ-1…`.
//!
//! A stanza `mlkem768x25519` holds what HPKE (RFC 9180, base mode) encapsulated with X-Wing (ML-KEM-768 with X25519) and the file
//! key sealed with it: HKDF-SHA256, ChaCha20-Poly1305, the info below, no associated data. An attacker needs to break both the
//! lattice and the curve. The age format: <https://c2sp.org/age>.

use std::collections::HashSet;
use std::convert::Infallible;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, XWing};
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng};
use zeroize::Zeroizing;

use super::encoding::{decode, encode, is_worthless};

/// What a recipient's text begins with, before the separator.
const RECIPIENT: &str = "age1pq";
/// What an identity's text begins with, before the separator, in lower case.
const IDENTITY: &str = "age-secret-key-pq-";
/// The stanza's type.
pub(crate) const TAG: &str = "mlkem768x25519";
/// What the keys of a stanza are bound to.
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// The label that keeps recipients which a quantum computer could break out of the same file.
const LABEL: &str = "postquantum";
/// The bytes of an identity: the seed of X-Wing's key pair.
const SEED: usize = 32;
/// The bytes of an encapsulation: ML-KEM-768's 1,088, then the X25519 share.
const ENCAPSULATION: usize = 1120;
/// The bytes of a public key: ML-KEM-768's 1,184, then X25519's.
const PUBLIC: usize = 1216;
/// The bytes of a stanza's body: the file key and its tag.
const BODY: usize = FILE_KEY_BYTES + 16;
/// The bytes of randomness that one encapsulation takes.
const RANDOMNESS: usize = 64;

/// X-Wing's public keys.
type PublicKey = <XWing as Kem>::PublicKey;
/// X-Wing's private keys.
type PrivateKey = <XWing as Kem>::PrivateKey;
/// What X-Wing encapsulates.
type Encapsulated = <XWing as Kem>::EncappedKey;

/// The X25519 part at the end of a public key or an encapsulation.
fn share(bytes: &[u8]) -> Option<&[u8; 32]> {
    bytes.last_chunk()
}

/// A post-quantum hybrid recipient.
#[derive(Clone)]
pub(crate) struct Recipient(PublicKey);

impl Recipient {
    /// Reads `age1pq1…`; none when it is not one, or when its X25519 part protects nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = decode(RECIPIENT, text).filter(|bytes| bytes.len() == PUBLIC)?;
        if share(&bytes).is_none_or(is_worthless) {
            return None;
        }
        PublicKey::from_bytes(&bytes).ok().map(Self)
    }

    /// The recipient as text.
    pub(super) fn text(&self) -> Option<String> {
        encode(RECIPIENT, &self.0.to_bytes())
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let failed = |reason: &str| EncryptError::Io(std::io::Error::other(reason.to_owned()));
        let mut randomness = Drawn::new().map_err(|_| failed("the kernel gives no randomness"))?;
        let (encapsulated, body) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.0,
            INFO,
            file_key.expose_secret(),
            &[],
            &mut randomness,
        )
        .map_err(|_| failed("the file key cannot be encapsulated"))?;
        if randomness.exhausted {
            return Err(failed("the encapsulation took more randomness than there is"));
        }
        let stanza =
            Stanza { tag: TAG.to_owned(), args: vec![BASE64_STANDARD_NO_PAD.encode(encapsulated.to_bytes())], body };
        Ok((vec![stanza], HashSet::from([LABEL.to_owned()])))
    }
}

/// A post-quantum hybrid identity.
#[derive(Clone)]
pub(crate) struct Identity(Zeroizing<[u8; SEED]>);

impl Identity {
    /// Draws a new one.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = Zeroizing::new([0; SEED]);
        getrandom::fill(seed.as_mut_slice())?;
        Ok(Self(seed))
    }

    /// Reads `AGE-SECRET-KEY-PQ-1…`; none when it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = decode(IDENTITY, text)?;
        let mut seed = Zeroizing::new([0; SEED]);
        (bytes.len() == SEED).then(|| seed.copy_from_slice(&bytes))?;
        Some(Self(seed))
    }

    /// The identity as text.
    pub(super) fn text(&self) -> Option<Zeroizing<String>> {
        let lower = Zeroizing::new(encode(IDENTITY, self.0.as_slice())?);
        Some(Zeroizing::new(lower.to_uppercase()))
    }

    /// What opens encapsulations; takes a key generation.
    fn private(&self) -> Option<PrivateKey> {
        PrivateKey::from_bytes(self.0.as_slice()).ok()
    }

    /// The public part; takes a key generation.
    pub(super) fn recipient(&self) -> Option<Recipient> {
        self.private().map(|key| Recipient(XWing::sk_to_pk(&key)))
    }

    /// The file key in a stanza of our kind; none when it was sealed for somebody else.
    ///
    /// # Errors
    /// When the stanza is not as the format says.
    fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, DecryptError> {
        let [argument] = stanza.args.as_slice() else { return Err(DecryptError::InvalidHeader) };
        let bytes = BASE64_STANDARD_NO_PAD.decode(argument).map_err(|_| DecryptError::InvalidHeader)?;
        if bytes.len() != ENCAPSULATION || stanza.body.len() != BODY || share(&bytes).is_none_or(is_worthless) {
            return Err(DecryptError::InvalidHeader);
        }
        let encapsulated = Encapsulated::from_bytes(&bytes).map_err(|_| DecryptError::InvalidHeader)?;
        let private = self.private().ok_or(DecryptError::KeyDecryptionFailed)?;
        let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            INFO,
            &stanza.body,
            &[],
        );
        // Which of many recipients a stanza is for cannot be seen: not ours is no error.
        let Ok(opened) = opened.map(Zeroizing::new) else { return Ok(None) };
        FileKey::try_init_with_mut(|key| {
            (opened.len() == key.len()).then(|| key.copy_from_slice(&opened)).ok_or(DecryptError::InvalidHeader)
        })
        .map(Some)
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag == TAG { self.unwrap(stanza).transpose() } else { None }
    }
}

/// Randomness that was drawn before, so that the kernel's refusal is an error and not a panic inside a library.
struct Drawn {
    /// The bytes.
    bytes: Zeroizing<[u8; RANDOMNESS]>,
    /// How many of them were handed out.
    used: usize,
    /// More was asked for than there is: what was made with it must not be used.
    exhausted: bool,
}

impl Drawn {
    /// Draws from the kernel.
    ///
    /// # Errors
    /// When it gives nothing.
    fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; RANDOMNESS]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self { bytes, used: 0, exhausted: false })
    }

    /// The next bytes, as an array.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let Ok(()) = self.try_fill_bytes(&mut taken);
        taken
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, wanted: &mut [u8]) -> Result<(), Infallible> {
        let end = self.used.saturating_add(wanted.len());
        match self.bytes.get(self.used..end) {
            Some(bytes) => wanted.copy_from_slice(bytes),
            None => self.exhausted = true,
        }
        self.used = end;
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
