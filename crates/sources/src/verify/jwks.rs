//! A JSON Web Key Set (RFC 7517): the public keys of an issuer, those that are being exchanged included.

use base64::Engine;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use super::mac::BASE64_URL;

/// Keys of one set that are looked at.
const KEYS_MAX: usize = 64;

/// The public keys that sign tokens.
#[derive(Debug, Clone)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    public: Public,
}

#[derive(Debug, Clone)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys of other kinds or for other uses are passed over; a set of none is refused in words.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let set: Set =
            serde_json::from_str(text).map_err(|error| format!("is no JSON Web Key Set: {error}"))?;
        let keys: Vec<Key> = set.keys.into_iter().filter_map(key).take(KEYS_MAX).collect();
        if keys.is_empty() {
            return Err(
                "has no key that can be used: RS256 (2048 bits and more), ES256 and EdDSA (Ed25519) can"
                    .to_owned(),
            );
        }
        Ok(Self(keys))
    }

    /// The keys that may have signed a token: those of its algorithm, and of its name if it has one. A token never
    /// chooses how a key is used.
    pub(super) fn of<'a>(
        &'a self,
        algorithm: &'a str,
        id: Option<&'a str>,
    ) -> impl Iterator<Item = impl Fn(&[u8], &[u8]) -> bool> {
        let named = move |key: &&Key| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        let fitting = move |key: &&Key| key.public.algorithm() == algorithm;
        self.0
            .iter()
            .filter(fitting)
            .filter(named)
            .map(|key| |message: &[u8], signature: &[u8]| key.public.signed(message, signature))
    }
}

impl Public {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
        }
        .is_ok()
    }
}

fn key(jwk: Jwk) -> Option<Key> {
    let bytes = |text: &Option<String>| BASE64_URL.decode(text.as_ref()?).ok();
    let public = match (jwk.kty.as_deref()?, jwk.crv.as_deref()) {
        ("RSA", _) => {
            let bare =
                |number: Vec<u8>| number.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            let n = bare(bytes(&jwk.n)?);
            // Shorter ones prove nothing any more, and longer ones are refused when they are used.
            (n.len() >= 256).then_some(Public::Rsa { n, e: bare(bytes(&jwk.e)?) })?
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
            // The point, uncompressed.
            (x.len() == 32 && y.len() == 32)
                .then(|| Public::P256([&[4], x.as_slice(), y.as_slice()].concat()))?
        }
        ("OKP", Some("Ed25519")) => Public::Ed25519(bytes(&jwk.x).filter(|x| x.len() == 32)?),
        _ => return None,
    };
    let signs = jwk.usage.is_none_or(|usage| usage == "sig");
    let fits = jwk.alg.is_none_or(|alg| alg == public.algorithm());
    (signs && fits).then_some(Key { id: jwk.kid, public })
}
