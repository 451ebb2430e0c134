//! The keyed hashes and how a signature is written.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

/// Padding may be left out when reading and is written.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// Base64 as most tools write it.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
/// Base64 as tokens write it.
pub(super) const BASE64_URL: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, LENIENT.with_encode_padding(false));

/// The longest tag, SHA-512's.
const TAG_BYTES_MAX: usize = 64;

/// Which hash the tool uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// How the tool writes the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Hex,
    Base64,
    Base64Url,
}

/// A keyed hash, its key already mixed in; cloned per request.
#[derive(Clone)]
pub(crate) enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mac(…)")
    }
}

impl Mac {
    /// `None` only if the hash refuses the key, which HMAC never does.
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::Sha1 => Self::Sha1(Hmac::new_from_slice(key).ok()?),
            Algorithm::Sha256 => Self::Sha256(Hmac::new_from_slice(key).ok()?),
            Algorithm::Sha512 => Self::Sha512(Hmac::new_from_slice(key).ok()?),
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(mac) => mac.update(bytes),
            Self::Sha256(mac) => mac.update(bytes),
            Self::Sha512(mac) => mac.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Tag {
        match self {
            Self::Sha1(mac) => Tag::of(&mac.finalize().into_bytes()),
            Self::Sha256(mac) => Tag::of(&mac.finalize().into_bytes()),
            Self::Sha512(mac) => Tag::of(&mac.finalize().into_bytes()),
        }
    }
}

/// A signature in bytes: ours, or what a request claims.
pub(super) struct Tag {
    bytes: [u8; TAG_BYTES_MAX],
    len: usize,
}

impl Tag {
    fn of(digest: &[u8]) -> Self {
        let mut bytes = [0; TAG_BYTES_MAX];
        let len = digest.len().min(TAG_BYTES_MAX);
        bytes[..len].copy_from_slice(&digest[..len]);
        Self { bytes, len }
    }

    /// Reads a claim; `None` is no signature in this encoding.
    pub(super) fn read(text: &str, encoding: Encoding) -> Option<Self> {
        // Room for what a decoder estimates beyond the longest tag.
        let mut bytes = [0; TAG_BYTES_MAX + 3];
        let len = match encoding {
            Encoding::Hex => {
                let len = text.len() / 2;
                hex::decode_to_slice(text, bytes.get_mut(..len)?).ok()?;
                len
            }
            Encoding::Base64 => BASE64.decode_slice(text, &mut bytes).ok()?,
            Encoding::Base64Url => BASE64_URL.decode_slice(text, &mut bytes).ok()?,
        };
        (len <= TAG_BYTES_MAX).then(|| Self::of(&bytes[..len]))
    }

    pub(super) fn write(&self, encoding: Encoding) -> String {
        let bytes = &self.bytes[..self.len];
        match encoding {
            Encoding::Hex => hex::encode(bytes),
            Encoding::Base64 => BASE64.encode(bytes),
            Encoding::Base64Url => BASE64_URL.encode(bytes),
        }
    }

    /// Constant time for tags of the same length; the length of a tag is no secret.
    pub(super) fn same(&self, other: &Self) -> Choice {
        self.bytes[..self.len].ct_eq(&other.bytes[..other.len])
    }
}

/// Whether any claim fits any tag; looks at all pairs, always.
pub(super) fn any(tags: impl Iterator<Item = Tag>, claims: &[Tag]) -> bool {
    let mut fits = Choice::from(0);
    for tag in tags {
        for claim in claims {
            fits |= tag.same(claim);
        }
    }
    fits.into()
}
