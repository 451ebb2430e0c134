//! Sealing: what is kept in the store is read by nobody who has only the store.
//!
//! ChaCha20-Poly1305 with a key that HKDF-SHA256 derives from the operator's text. The source's name is sealed along, so
//! that a secret moved to another source does not open. What is kept: a byte for the form, eight bytes that name the key,
//! twelve drawn bytes, then the sealed text with its tag.

use std::fmt;

use boot::Secret;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{self, HKDF_SHA256},
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::Sealed;

/// A key that people make up is guessed: what `openssl rand -base64 32` prints has 44 characters.
const CHARS_MIN: usize = 32;
const FORM: u8 = 1;
const NAME_BYTES: usize = 8;
const HEAD_BYTES: usize = 1 + NAME_BYTES + NONCE_LEN;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Whoever has the store could try all of them.
    #[error(
        "has {0} characters, which can be guessed; it takes at least {CHARS_MIN}, such as `openssl rand -base64 32` prints"
    )]
    Short(usize),
    /// There is none.
    #[error("is missing")]
    Missing,
    /// The library or the machine's randomness failed.
    #[error("cannot be used: the machine gives no random bytes, or the cipher failed")]
    Broken,
}

/// The keys: the first one seals, all of them open.
#[derive(Clone)]
pub struct Seal {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    name: [u8; NAME_BYTES],
    cipher: LessSafeKey,
    ids: hmac::Key,
}

/// A secret that was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The secret.
    pub secret: Secret,
    /// Whether the first key sealed it; else it should be sealed anew, before that other key goes.
    pub is_current: bool,
}

impl Seal {
    /// `keys` are texts of high entropy, the current one first.
    ///
    /// # Errors
    /// A key is missing or too short. No message carries a key.
    pub fn new(keys: &[Secret]) -> Result<Self, SealError> {
        if keys.is_empty() {
            return Err(SealError::Missing);
        }
        let keys = keys.iter().map(Key::derive).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Seals a secret for a source.
    ///
    /// # Errors
    /// The machine gives no random bytes.
    pub fn seal(&self, source: &str, secret: &Secret) -> Result<Sealed, SealError> {
        let key = self.keys.first().ok_or(SealError::Missing)?;
        let mut drawn = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut drawn).map_err(|_| SealError::Broken)?;
        let mut text = secret.expose().as_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key(drawn);
        key.cipher
            .seal_in_place_append_tag(nonce, Aad::from(with(source)), &mut text)
            .map_err(|_| SealError::Broken)?;
        let bytes = [&[FORM], &key.name[..], &drawn[..], &text[..]].concat();
        Ok(Sealed { id: key.id(source, secret), bytes })
    }

    /// Opens what was sealed for this source; none when no key fits, or a byte was changed.
    #[must_use]
    pub fn open(&self, source: &str, sealed: &Sealed) -> Option<Opened> {
        let head = sealed.bytes.get(..HEAD_BYTES)?;
        let (form, name, drawn) = (head[0], &head[1..=NAME_BYTES], &head[1 + NAME_BYTES..]);
        let nth = self.keys.iter().position(|key| form == FORM && key.name == *name)?;
        let nonce = Nonce::try_assume_unique_for_key(drawn).ok()?;
        let mut text = sealed.bytes[HEAD_BYTES..].to_vec();
        let opened = self.keys[nth].cipher.open_in_place(nonce, Aad::from(with(source)), &mut text).ok()?;
        let secret = Secret::new(String::from_utf8(opened.to_vec()).ok()?);
        Some(Opened { secret, is_current: nth == 0 })
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({} keys)", self.keys.len())
    }
}

impl Key {
    fn derive(text: &Secret) -> Result<Self, SealError> {
        let chars = text.expose().trim().chars().count();
        if chars < CHARS_MIN {
            return Err(SealError::Short(chars));
        }
        let salt = hkdf::Salt::new(HKDF_SHA256, b"okr-router store seal");
        let drawn = salt.extract(text.expose().trim().as_bytes());
        let cipher = drawn.expand(&[b"cipher"], &CHACHA20_POLY1305).map_err(|_| SealError::Broken)?;
        let ids = drawn.expand(&[b"ids"], hmac::HMAC_SHA256).map_err(|_| SealError::Broken)?;
        let mut name = [0; NAME_BYTES];
        let named = drawn.expand(&[b"name"], Bytes(NAME_BYTES)).map_err(|_| SealError::Broken)?;
        named.fill(&mut name).map_err(|_| SealError::Broken)?;
        Ok(Self { name, cipher: LessSafeKey::new(UnboundKey::from(cipher)), ids: hmac::Key::from(ids) })
    }

    /// Sixteen bytes that tell this secret from others, and nothing to whoever has not the key.
    fn id(&self, source: &str, secret: &Secret) -> String {
        let mut text = with(source);
        text.push(0);
        text.extend_from_slice(secret.expose().as_bytes());
        let tag = hmac::sign(&self.ids, &text);
        tag.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What is sealed along.
fn with(source: &str) -> Vec<u8> {
    [b"okr-router learned secret of ", source.as_bytes()].concat()
}

/// How many bytes are to be derived.
struct Bytes(usize);

impl hkdf::KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests;
